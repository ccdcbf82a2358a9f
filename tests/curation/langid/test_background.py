from __future__ import annotations

import pytest

from curation.errors import ConfigError
from curation.langid import background


@pytest.mark.slow
def test_django_speaks_many_languages() -> None:
    texts, codes = background.django_messages()
    assert len(texts) == len(codes) > 50_000
    assert len(set(codes)) > 80
    assert {"deu_Latn", "khm_Khmr", "srp_Cyrl", "srp_Latn", "cmn_Hant"} <= set(codes)


def test_without_django_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise ConfigError("no package django")

    monkeypatch.setattr(background, "list_files", missing)
    with pytest.raises(ConfigError, match=r"ml-embed-curation\[demo\]"):
        background.django_messages()

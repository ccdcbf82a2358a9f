from __future__ import annotations

from pathlib import Path

import pytest

from curation.code import code_digest, versions


def test_a_users_own_language_files_make_another_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code_digest.cache_clear()
    try:
        shipped = code_digest()
        digests = [shipped]
        for name, bound in (("one", 3), ("one", 4), ("two", 4)):
            file = tmp_path / name / "languages" / "deu_Latn.yml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"version: 1\nfilters: {{all: {{min_chars: {bound}}}}}\n")
            monkeypatch.setenv("CURATION_LANGUAGES", str(tmp_path / name))
            code_digest.cache_clear()
            digests.append(code_digest())
        assert len(set(digests[:3])) == 3
        # The same files elsewhere are the same.
        assert digests[3] == digests[2]
        monkeypatch.delenv("CURATION_LANGUAGES")
        code_digest.cache_clear()
        assert code_digest() == shipped
    finally:
        code_digest.cache_clear()


def test_versions_name_what_the_bytes_depend_on() -> None:
    assert {"python", "ml-embed-curation", "pyarrow"} <= set(versions())

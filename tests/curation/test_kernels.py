"""The environment decides which kernels are used."""

from __future__ import annotations

import pytest

from curation.errors import ConfigError
from curation.kernels import compiled_or_none

VARIABLE = "CURATION_TOY_KERNELS"


@pytest.mark.parametrize(
    ("wanted", "there", "found"),
    [
        (None, "compiled", "compiled"),
        (None, None, None),
        ("auto", "compiled", "compiled"),
        ("numba", "compiled", "compiled"),
        ("numpy", "compiled", None),
        ("numpy", None, None),
    ],
)
def test_kernels(monkeypatch: pytest.MonkeyPatch, wanted: str | None, there: str | None, found: str | None) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if wanted is not None:
        monkeypatch.setenv(VARIABLE, wanted)
    assert compiled_or_none(VARIABLE, "numpy", lambda: there) == found


@pytest.mark.parametrize(("wanted", "said"), [("numba", "numba cannot be used"), ("cuda", "no kernels called 'cuda'")])
def test_kernels_that_there_are_not(monkeypatch: pytest.MonkeyPatch, wanted: str, said: str) -> None:
    monkeypatch.setenv(VARIABLE, wanted)
    with pytest.raises(ConfigError, match=said) as caught:
        compiled_or_none(VARIABLE, "numpy", lambda: None)
    assert VARIABLE in str(caught.value)

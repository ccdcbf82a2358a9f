from __future__ import annotations

from typing import Any

import pytest

from curation.errors import ConfigError
from curation.export.options import ML_EMBED_ROWS, Options


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"splits": ("dev",)}, "no split 'dev'"),
        ({"max_rows": 0}, "max_rows is 0"),
        ({"max_rows": ML_EMBED_ROWS + 1}, "sample"),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Options(**values)

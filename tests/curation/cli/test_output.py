from __future__ import annotations

import pytest

from curation.cli.output import columns, plain


def test_columns_line_up() -> None:
    text = columns(("stage", "rows"), [("read", 12_345), ("mine", 7)])
    assert text == "stage    rows\nread   12,345\nmine        7"
    assert columns(("a", "b"), []) == "a  b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\nb", "a\\u000ab"), ("\u202eevil", "\\u202eevil"), ("\x1b[31m", "\\u001b[31m"), ("शब्द", "शब्द")],
)
def test_what_steers_a_terminal_is_shown(text: str, expected: str) -> None:
    assert plain(text) == expected

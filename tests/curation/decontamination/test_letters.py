from __future__ import annotations

import pyarrow as pa
import pytest

from curation.decontamination.letters import letters
from curation.ngrams import codepoints


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("Yes.", 3),
        ("Thank you!", 8),
        ("- = - \u200b\u00ad", 0),
        ("12:30", 4),
        ("naïve", 5),
        ("हिन्दी", 6),
        ("ที่นี่", 6),
        ("谢谢你", 9),
        ("東京タワー", 11),
        ("ありがとう", 10),
        ("감사합니다", 10),
        ("ሰላም", 6),
        ("Да", 2),
        ("مرحبا", 5),
        ("שלום", 4),
    ],
)
def test_a_sign_counts_what_it_says(text: str, expected: int) -> None:
    assert letters(codepoints(pa.array([text, "x", text], pa.large_string()))).tolist() == [expected, 1, expected]

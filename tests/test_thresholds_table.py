"""The table of the shipped thresholds says what the language files say."""

from __future__ import annotations

from pathlib import Path

import pytest

from curation.langid.calibrate import BUCKETS
from curation.langid.model import EMBEDDED
from curation.langid.thresholds import NEVER
from language_configs import languages, resolve

TABLE = Path(__file__).parents[1] / "docs" / "thresholds.md"
ROWS = [line.strip("| ").split(" | ") for line in TABLE.read_text(encoding="utf-8").splitlines() if line[:1] == "|"][2:]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_row_is_what_the_language_file_says(row: list[str]) -> None:
    known = resolve(row[0]).identification[EMBEDDED]
    assert known.calibration is not None
    assert f"{known.calibration.lines:,}" == row[2]
    for start, cell in zip(BUCKETS, row[3:8], strict=True):
        score = known.min_score[max(least for least in known.min_score if least <= start)]
        assert cell == ("never" if score >= NEVER else f"{score:.4f}")


def test_every_calibrated_language_is_there() -> None:
    calibrated = {
        language.base
        for language in languages().values()
        if EMBEDDED in language.identification and language.identification[EMBEDDED].calibration
    }
    assert calibrated == {row[0] for row in ROWS}
    assert len(calibrated) > 100

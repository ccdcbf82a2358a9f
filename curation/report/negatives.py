"""Hard negatives beside the positive that they are not."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from curation.release import Release
from curation.report.dropped import SAMPLE_CHARS
from curation.report.scan import rows_by_id, smallest_ids
from curation.report.visible import clip

LANGUAGES = 12
RECORDS = 2

_NEGATIVE = "negative_"
_IS_NEGATIVE = re.compile(rf"{_NEGATIVE}\d+").fullmatch


def negative_samples(release: Release, released: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return two training records of each of the twelve largest languages with their negatives.

    Args:
        release: the release.
        released: rows of each language.

    Returns:
        The records, largest language first, those with the smallest ids of each; none where a release has no negatives.
    """
    largest = sorted(released, key=lambda code: (-released[code], code))[:LANGUAGES]
    rows = [(code, row) for code in largest for row in _rows(release, code)]
    return [sample for code, row in rows if (sample := _sample(code, row))["negatives"]]


def _rows(release: Release, language: str) -> list[dict[str, Any]]:
    ids = smallest_ids(release, language, RECORDS, split="train")
    return rows_by_id(release, language, ids, split="train")


def _sample(language: str, row: Mapping[str, Any]) -> dict[str, Any]:
    names = sorted(filter(_IS_NEGATIVE, row), key=lambda name: int(name[len(_NEGATIVE) :]))
    texts = [clip(row[name], SAMPLE_CHARS) for name in names]
    return {
        "language": language,
        "id": row["id"],
        "source": row.get("source"),
        "anchor": clip(row["anchor"], SAMPLE_CHARS),
        "positive": clip(row["positive"], SAMPLE_CHARS),
        "positive_score": _score(row.get("positive_score")),
        "negatives": [
            {"text": text, "score": score}
            for text, score in zip(texts, _scores(row.get("negative_scores"), len(texts)), strict=True)
        ],
    }


def _scores(scores: Sequence[float | None] | None, count: int) -> list[float | None]:
    """Return one score for each text: padded negatives can have none."""
    known = [_score(score) for score in scores or []][:count]
    return known + [None] * (count - len(known))


def _score(score: float | None) -> float | None:
    return round(score, 4) if score is not None and math.isfinite(score) else None

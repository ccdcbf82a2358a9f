"""Training pairs that the model finds least plausible, for people to look at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.gate.signal.alignment import PairFit
from curation.gate.signal.trial import TrainingRows
from curation.release import Release
from curation.training.pairs import Int64s

# Of each language with so many compared pairs, so many are listed, and of all languages together no more than so many.
MIN_PAIRS = 50
EACH = 20
MAX_SUSPECTS = 2_400
# A verdict is read by people and programs: long texts are cut.
_MAX_CHARS = 300


def find_suspects(release: Release, rows: TrainingRows, fit: PairFit) -> list[dict[str, Any]]:
    """Return the pairs with the lowest margins of each language, the least plausible first.

    The margin is the similarity of the anchor with its positive less that with the best other positive of a sample of
    its language and source; below zero the other one fits better, and its record is named.
    """
    chosen = least_plausible(fit, rows.languages)
    texts = _texts(release, rows.ids[fit.rows[chosen]])
    return [_suspect(rows, fit, index, texts) for index in chosen]


def least_plausible(fit: PairFit, languages: Any) -> Int64s:
    """Return the places in `fit` of the pairs with the lowest margins: languages by code, lowest margin first.

    Where all languages together have too many, each gives fewer.
    """
    mine = languages[fit.rows].astype(str)
    codes, counts = np.unique(mine, return_counts=True)
    large = codes[counts >= MIN_PAIRS]
    each = min(EACH, MAX_SUSPECTS // max(1, len(large)))
    parts = [np.flatnonzero((mine == code) & np.isfinite(fit.margins)) for code in large]
    lowest = [part[np.argsort(fit.margins[part], kind="stable")[:each]] for part in parts]
    return np.concatenate([np.zeros(0, np.int64), *lowest]).astype(np.int64)


def _texts(release: Release, ids: Any) -> dict[str, tuple[str, str]]:
    columns = ["id", "anchor", "positive"]
    wanted = pa.array(ids.tolist(), pa.string())
    found: dict[str, tuple[str, str]] = {}
    for code in release.languages:
        if release.shards("full", split="train", language=code):
            table = release.read("full", split="train", language=code, columns=columns)
            kept = table.filter(pc.is_in(table["id"], wanted))
            found |= {row["id"]: (row["anchor"][:_MAX_CHARS], row["positive"][:_MAX_CHARS]) for row in kept.to_pylist()}
    return found


def _suspect(rows: TrainingRows, fit: PairFit, index: int, texts: dict[str, tuple[str, str]]) -> dict[str, Any]:
    row, other, margin = fit.rows[index], fit.others[index], float(fit.margins[index])
    anchor, positive = texts[rows.ids[row]]
    return {
        "language": str(rows.languages[row]),
        "source": str(rows.sources[row]),
        "id": str(rows.ids[row]),
        "anchor": anchor,
        "positive": positive,
        "margin": margin,
        "better": str(rows.ids[other]) if margin < 0 else None,
    }

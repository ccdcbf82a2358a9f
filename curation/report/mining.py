"""What the report says about mining: rules, shortages, hubs, languages of negatives, and what the teacher knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.release import Release
from curation.report.scan import batches_of

RECALLS = (1, 10)
MOST_PASSAGES = 1 << 22
"""Passages that are counted at most; beyond, a fair sample of them, whose size is in the report."""
HUBS = 10
_BINS = 12
_HALF_ID = 16

_COLUMNS = (
    "source",
    "query_language",
    "positive_language",
    "split",
    "positive_rank",
    "negative_ids",
    "negative_origins",
    "negative_languages",
    "mined",
    "possible_ids",
    "candidates",
    "shortage",
    "self_match",
    "teacher",
    "teacher_recall",
)

Keys = npt.NDArray[np.uint64]


def mining_numbers(release: Release) -> dict[str, Any] | None:
    """Return what mining did in a release, as JSON values; None if nothing was mined.

    - `rules`: candidates by what became of them, of all records and by source
    - `shortages`: records by source that had too few negatives, by what was done about it
    - `origins`: negatives by where they come from
    - `possible`: candidates that may be positives themselves, and the records that have any
    - `self_matches`: records whose query is a passage of the pool
    - `hubs`: how often passages are hard negatives: greatest and mean, the skewness of the counts (Radovanović et al.
      2010), the share of the most used hundredth, counts by doubling bins, and the ids of the most used
    - `languages`: negatives by the language of the query and their own
    - `teachers`: for each language of positives, what the teacher knows: ranks of the positives of held-out pairs, of
      those that were released: what `max_positive_rank` dropped stands in the ledger

    Raises:
        ReleaseError: if a shard cannot be read.
    """
    counts = _Counts()
    for split in release.splits:
        for _, batch in batches_of(release, split, _COLUMNS):
            if "candidates" in batch.column_names:
                _count(counts, split, batch)
    return counts.to_json() if counts.rules else None


@dataclass(slots=True)
class _Uses:
    """How often each passage is used; above `MOST_PASSAGES` those of a share of all keys, drawn by their low bits."""

    keys: Keys = field(default_factory=lambda: np.empty(0, dtype=np.uint64))
    counts: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    mask: int = 0

    def add(self, keys: Keys) -> None:
        keys = keys[(keys & np.uint64(self.mask)) == 0]
        distinct, places = np.unique(np.concatenate([self.keys, keys]), return_inverse=True)
        weights = np.concatenate([self.counts, np.ones(len(keys), dtype=np.int64)])
        self.keys, self.counts = distinct, np.bincount(places, weights, minlength=len(distinct)).astype(np.int64)
        while len(self.keys) > MOST_PASSAGES:
            self.mask = 2 * self.mask + 1
            kept = (self.keys & np.uint64(self.mask)) == 0
            self.keys, self.counts = self.keys[kept], self.counts[kept]

    def to_json(self) -> dict[str, Any]:
        if not len(self.counts):
            return {}
        ordered, deviations = np.sort(self.counts)[::-1], self.counts - self.counts.mean()
        spread = float(np.sqrt(np.mean(deviations**2)))
        skewness = float(np.mean(deviations**3)) / spread**3 if spread else 0.0
        hundredth = ordered[: max(1, len(ordered) // 100)]
        bins = np.bincount(np.minimum(np.log2(ordered).astype(np.int64), _BINS - 1), minlength=_BINS)
        most = np.lexsort((self.keys, -self.counts))[:HUBS]
        return {
            "passages": len(self.counts),
            "sampled": round(1 / (self.mask + 1), 6),
            "greatest": int(ordered[0]),
            "mean": round(float(self.counts.mean()), 4),
            "skewness": round(skewness, 4),
            "top_hundredth": round(float(hundredth.sum() / ordered.sum()), 6),
            "bins": [{"from": 2**place, "passages": int(count)} for place, count in enumerate(bins) if count],
            "most_used": [{"id": f"{self.keys[at]:016x}", "uses": int(self.counts[at])} for at in most],
        }


@dataclass(slots=True)
class _Teacher:
    """What a teacher knows of one language."""

    names: Counter[str] = field(default_factory=Counter)
    recalls: Counter[float] = field(default_factory=Counter)
    pairs: int = 0
    found: Counter[int] = field(default_factory=Counter)
    reciprocals: float = 0.0

    def _sampled(self) -> float | None:
        """Return the recall of the teacher on pairs drawn before any rule, by rows where sources differ."""
        rows = sum(self.recalls.values())
        return round(sum(recall * count for recall, count in self.recalls.items()) / rows, 4) if rows else None

    def to_json(self, language: str) -> dict[str, Any]:
        shares = {f"recall_{k}": round(self.found[k] / self.pairs, 4) if self.pairs else None for k in RECALLS}
        return {
            "language": language,
            "teachers": dict(sorted(self.names.items())),
            "sampled_recall": self._sampled(),
            "held_out": self.pairs,
            **shares,
            "mrr": round(self.reciprocals / self.pairs, 4) if self.pairs else None,
        }


@dataclass(slots=True)
class _Counts:
    rules: Counter[tuple[str, str]] = field(default_factory=Counter)
    shortages: Counter[tuple[str, str]] = field(default_factory=Counter)
    origins: Counter[str] = field(default_factory=Counter)
    languages: Counter[tuple[str, str]] = field(default_factory=Counter)
    teachers: dict[str, _Teacher] = field(default_factory=dict)
    uses: _Uses = field(default_factory=_Uses)
    records: int = 0
    possible: int = 0
    with_possible: int = 0
    self_matches: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "records": self.records,
            "rules": _nested(self.rules, "source"),
            "shortages": _nested(self.shortages, "source"),
            "origins": dict(sorted(self.origins.items())),
            "possible": {"candidates": self.possible, "records": self.with_possible},
            "self_matches": self.self_matches,
            "hubs": self.uses.to_json(),
            "languages": [
                {"query": query, "negative": negative, "negatives": count}
                for (query, negative), count in sorted(self.languages.items(), key=lambda item: (-item[1], item[0]))
            ],
            "teachers": [self.teachers[language].to_json(language) for language in sorted(self.teachers)],
        }


def _nested(counts: Mapping[tuple[str, str], int], name: str) -> list[dict[str, Any]]:
    by_first: dict[str, dict[str, int]] = {}
    for (first, second), count in sorted(counts.items()):
        if count:
            by_first.setdefault(first, {})[second] = count
    return [{name: first, "counts": found} for first, found in by_first.items()]


def _count(counts: _Counts, split: str, batch: pa.Table) -> None:
    counts.records += batch.num_rows
    verdicts = batch["candidates"].combine_chunks()
    for field_, values in zip(verdicts.type, verdicts.flatten(), strict=True):
        for source, total in _sums(batch["source"], values):
            counts.rules[source, field_.name] += total
    for source, shortage, rows in _pairs(batch["source"], batch["shortage"]):
        counts.shortages[source, shortage or "enough"] += rows
    lengths = pc.list_value_length(batch["possible_ids"])
    counts.possible += pc.sum(lengths).as_py() or 0
    counts.with_possible += pc.sum(pc.greater(lengths, 0)).as_py() or 0
    counts.self_matches += pc.sum(batch["self_match"]).as_py() or 0
    _count_negatives(counts, batch)
    _count_teachers(counts, split, batch)


def _count_negatives(counts: _Counts, batch: pa.Table) -> None:
    origins = pc.list_flatten(batch["negative_origins"])
    for item in pc.value_counts(origins).to_pylist():
        counts.origins[item["values"]] += item["counts"]
    is_mined = pc.is_in(origins, pa.array(["lexical", "dense", "both"]))
    counts.uses.add(_half_ids(pc.list_flatten(batch["negative_ids"]).filter(is_mined)))
    queries = batch["query_language"].take(pc.list_parent_indices(batch["negative_languages"]))
    for query, negative, total in _pairs(queries, pc.list_flatten(batch["negative_languages"])):
        if negative:
            counts.languages[query, negative] += total


def _half_ids(ids: pa.ChunkedArray) -> Keys:
    """Return the first half of each id, which is 32 hexadecimal digits, as a number, shape (n,)."""
    halves = pc.utf8_slice_codeunits(ids, 0, _HALF_ID).cast(pa.binary(_HALF_ID)).combine_chunks()
    if not len(halves):
        return np.empty(0, dtype=np.uint64)
    digits = np.frombuffer(halves.buffers()[1], dtype=np.uint8)[halves.offset * _HALF_ID :][: len(halves) * _HALF_ID]
    values = np.where(digits >= ord("a"), digits - (ord("a") - 10), digits - ord("0")).astype(np.uint64)
    shifts = np.arange(4 * (_HALF_ID - 1), -1, -4, dtype=np.uint64)
    return np.asarray((values.reshape(-1, _HALF_ID) << shifts).sum(axis=1, dtype=np.uint64))


def _count_teachers(counts: _Counts, split: str, batch: pa.Table) -> None:
    names = ["positive_language", "teacher", "teacher_recall"]
    for row in batch.select(names).group_by(names, use_threads=False).aggregate([([], "count_all")]).to_pylist():
        teacher = counts.teachers.setdefault(row["positive_language"], _Teacher())
        teacher.names[row["teacher"]] += row["count_all"]
        if row["teacher_recall"] is not None:
            teacher.recalls[row["teacher_recall"]] += row["count_all"]
    if split == "train":
        return
    ranked = batch.select(["positive_language", "positive_rank"]).filter(pc.is_valid(batch["positive_rank"]))
    for language, rank, rows in _pairs(ranked["positive_language"], ranked["positive_rank"]):
        teacher = counts.teachers[language]
        teacher.pairs += rows
        teacher.reciprocals += rows / rank
        teacher.found.update({k: rows for k in RECALLS if rank <= k})


def _sums(keys: pa.ChunkedArray, values: pa.Array) -> Sequence[tuple[str, int]]:
    table = pa.table({"key": keys, "value": values}).group_by("key", use_threads=False).aggregate([("value", "sum")])
    return list(zip(table["key"].to_pylist(), table["value_sum"].to_pylist(), strict=True))


def _pairs(left: pa.ChunkedArray, right: pa.ChunkedArray) -> Sequence[tuple[Any, Any, int]]:
    table = pa.table({"left": left, "right": right})
    counted = table.group_by(["left", "right"], use_threads=False).aggregate([([], "count_all")])
    return list(zip(*(counted[name].to_pylist() for name in ("left", "right", "count_all")), strict=True))

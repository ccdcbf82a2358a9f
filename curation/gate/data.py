"""Checks that look at the data alone: they see at once what no training run shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.config.gate import Gate
from curation.dedup.kernels import jaccard
from curation.gate.labels import label_noise
from curation.gate.verdict import Check, compare, skipped
from curation.hashing import hash64
from curation.records import LABELLED
from curation.release import Release, layout
from curation.release.verify import verify_release
from curation.text import fold

# A negative that shares so much of its 5-grams with the positive is taken for a right answer.
FALSE_NEGATIVE_JACCARD = 0.7
# Of each language, so many rows are compared with their negatives.
_SAMPLE_ROWS = 2_000
_HELD_OUT = ("validation", "test")

Hashes = npt.NDArray[np.uint64]


def data_checks(release: Release, options: Gate) -> Iterator[tuple[str, Callable[[], list[Check]]]]:
    """Yield the name of each check with the function that makes it."""
    yield "data.integrity", lambda: [check_integrity(release)]
    yield "data.schema", lambda: [check_schema(release)]
    yield "data.views", lambda: [check_views(release)]
    yield "data.texts", lambda: check_texts(release, options)
    yield "data.leaks", lambda: check_leaks(release, options)
    yield "data.labels", lambda: check_labels(release, options)
    yield "data.quarantine", lambda: [check_quarantine(release, options)]
    yield "data.licences", lambda: [check_licences(release)]


def check_integrity(release: Release) -> Check:
    """Every file is there with the digest of the manifest, and no other."""
    findings = [finding for finding in verify_release(release.path)[1] if finding.path != layout.VERDICT]
    detail = "; ".join(f"{finding.path}: {finding.problem}" for finding in findings[:5])
    return compare("data.integrity", "data", "files not as in the manifest", len(findings), "==", 0, detail=detail)


def check_schema(release: Release) -> Check:
    """Every training file holds anchor, positive, negative_1..n as strings that cannot be null, and nothing else.

    The files with provenance begin with the same columns.
    """
    data, full = _schemas(release, "data"), _schemas(release, "full")
    expected = layout.data_schema(max(0, min((len(schema) for schema in data.values()), default=2) - 2))
    wrong = [path for path, schema in data.items() if not schema.equals(expected)]
    wrong += [path for path, schema in full.items() if list(schema)[: len(expected)] != list(expected)]
    return compare("data.schema", "data", "shards of another schema", len(wrong), "==", 0, detail="; ".join(wrong[:5]))


def _schemas(release: Release, view: layout.View) -> dict[str, pa.Schema]:
    paths = [shard.path for split in release.splits for shard in release.shards(view, split=split)]
    return {path: pq.read_schema(release.path / path) for path in paths}


def check_views(release: Release) -> Check:
    """Both views hold the same rows in the same order: people train on one, the gate's model on the other."""
    wrong = [
        f"{split} of {language}"
        for language in release.languages
        for split in release.splits
        if not _same_views(release, split, language)
    ]
    metric = "splits of a language whose two views differ"
    return compare("data.views", "data", metric, len(wrong), "==", 0, detail="; ".join(wrong[:5]))


def _same_views(release: Release, split: str, language: str) -> bool:
    data = release.read("data", split=split, language=language)
    full = release.read("full", split=split, language=language, columns=data.column_names)
    return data.column_names == full.column_names and all(data[name].equals(full[name]) for name in data.column_names)


def check_texts(release: Release, options: Gate) -> list[Check]:
    """No empty text, no pair twice, no positive that is the anchor, no negative that is a right answer."""
    sums = {"empty": 0, "repeated": 0, "copied": 0, "contradicted": 0, "compared": 0, "false_negatives": 0}
    for language in release.languages:
        for split in release.splits:
            table = release.read("data", split=split, language=language).drop_columns(["language"])
            for name, number in _count_faults(table, _count_copies(release, split, language)).items():
                sums[name] += number
    none = [
        ("data.empty_texts", "texts that are empty", sums["empty"]),
        ("data.repeated_pairs", "pairs that stand twice in a language, but for copies", sums["repeated"]),
        ("data.copied_anchors", "positives that are their anchor", sums["copied"]),
        ("data.negatives_are_right", "negatives that are their anchor or positive", sums["contradicted"]),
    ]
    checks = [compare(name, "data", metric, number, "==", 0) for name, metric, number in none]
    if not sums["compared"]:
        return [*checks, skipped("data.false_negatives", "data", "the release has no negatives")]
    share, bound = sums["false_negatives"] / sums["compared"], options.max_false_negative_share
    metric = f"share of negatives with 5-gram Jaccard above {FALSE_NEGATIVE_JACCARD} to the positive"
    return [*checks, compare("data.false_negatives", "data", metric, share, "<=", bound)]


def _count_copies(release: Release, split: str, language: str) -> int:
    """Return how many rows are said to be there once more because the quota asks for it."""
    files = [release.path / shard.path for shard in release.shards("full", split=split, language=language)]
    copies = [pq.read_table(file, columns=["copy"])["copy"] for file in files if "copy" in pq.read_schema(file).names]
    return sum(pc.sum(pc.greater(column, 0)).as_py() or 0 for column in copies)


def _count_faults(table: pa.Table, copies: int) -> dict[str, int]:
    texts = {name: fold(table[name].combine_chunks()) for name in table.column_names}
    negatives = [name for name in texts if name.startswith("negative_")]
    anchor, positive = texts["anchor"], texts["positive"]
    pairs = pc.binary_join_element_wise(anchor, positive, "\x1f")
    sample = slice(0, _SAMPLE_ROWS)
    near = [_similar(positive[sample], texts[name][sample]) for name in negatives]
    wrong = [_equal(texts[name], other) for name in negatives for other in (anchor, positive)]
    return {
        "empty": sum(pc.sum(pc.equal(text, "")).as_py() or 0 for text in texts.values()),
        # Fewer than said are as wrong as more: then something calls itself a copy and is none.
        "repeated": abs(table.num_rows - copies - pc.count_distinct(pairs).as_py()),
        "copied": _equal(anchor, positive),
        "contradicted": sum(wrong),
        "compared": len(negatives) * min(table.num_rows, _SAMPLE_ROWS),
        "false_negatives": sum(near),
    }


def _equal(left: pa.Array, right: pa.Array) -> int:
    return pc.sum(pc.equal(left, right)).as_py() or 0


def _similar(positives: pa.Array, negatives: pa.Array) -> int:
    count = len(positives)
    rows = np.arange(count, dtype=np.int64)
    similarity = jaccard([pa.concat_arrays([positives, negatives])], rows, rows + count)
    return int((similarity > FALSE_NEGATIVE_JACCARD).sum())


def check_leaks(release: Release, options: Gate) -> list[Check]:
    """Held-out texts do not stand in the training data, after folding; positives that are classes may."""
    splits = [split for split in _HELD_OUT if split in release.splits]
    if not splits or "train" not in release.splits:
        return [skipped("data.leaks", "data", "nothing is held out")]
    known = {side: _hashes(release, "train", side) for side in ("anchor", "positive")}
    return [
        compare(
            f"data.leaks.{split}.{side}",
            "data",
            f"share of {split} {side}s that stand in train",
            _share_in(_hashes(release, split, side), hashes),
            "<=",
            options.max_leak_share,
        )
        for split in splits
        for side, hashes in known.items()
    ]


def _hashes(release: Release, split: str, side: str) -> Hashes:
    """Return a hash of each text; of positives together with the language, for words are shared between those."""
    if side == "anchor":
        return hash64(fold(release.read("data", split=split, columns=[side])[side].combine_chunks()).to_pylist())
    table = release.read("full", split=split, columns=[side, "language", "task"])
    table = table.filter(pc.invert(pc.is_in(table["task"], pa.array(LABELLED))))
    texts = fold(table[side].combine_chunks()).to_pylist()
    return hash64(f"{code} {text}" for code, text in zip(table["language"].to_pylist(), texts, strict=True))


def _share_in(hashes: Hashes, known: Hashes) -> float:
    return float(np.isin(hashes, known).mean()) if len(hashes) else 0.0


def check_labels(release: Release, options: Gate) -> list[Check]:
    """In no language do many texts speak for another label."""
    table = release.read("data", split="train", columns=["positive", "language"])
    shares = label_noise(table["positive"].combine_chunks(), table["language"].to_pylist())
    if len(shares) < 2:
        return [skipped("data.labels", "data", "fewer than two languages have enough text to be told apart")]
    return _worst_first(shares, options.max_label_noise)


def _worst_first(shares: Mapping[str, tuple[float, int]], bound: float) -> list[Check]:
    """Return a check for each language that fails, and one for the worst of the others."""
    order = sorted(shares, key=lambda code: (-shares[code][0], code))
    failing = [code for code in order if shares[code][0] > bound]
    return [
        compare(
            "data.labels",
            "data",
            "share of texts that speak for another label",
            shares[code][0],
            "<=",
            bound,
            language=code,
            detail=f"{shares[code][1]:,} texts judged",
        )
        for code in (failing or order[:1])
    ]


def check_quarantine(release: Release, options: Gate) -> Check:
    """Few rows were put in quarantine."""
    totals = release.stats["totals"]
    share = totals["quarantined"] / max(totals["read"], 1)
    return compare("data.quarantine", "data", "share of rows in quarantine", share, "<=", options.max_quarantine_share)


def check_licences(release: Release) -> Check:
    """Every source has a licence."""
    without = [name for name, source in release.manifest["sources"].items() if not source.get("licence")]
    return compare(
        "data.licences", "data", "sources without a licence", len(without), "==", 0, detail=", ".join(without)
    )

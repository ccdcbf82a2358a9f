"""How large a share of the training pairs is misaligned?

The positive of a misaligned pair belongs to another pair, so its similarity follows the null: that of the anchor with
the other positives of its language and source. The place of a pair's own positive among those is then uniform, while
that of a right pair is near the top. The share of misaligned pairs is the weight of the uniform part of the mixture,
and the far tail, where hardly any right pair falls, gives it (Storey 2002, "A direct approach to false discovery
rates", with a place among others in the role of the p-value):

    share = pairs whose place is beyond `TAIL` / pairs expected there if all were misaligned

A place is free of scale: how long the model was trained and how sharp its similarities are moves the share little.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from curation.config.gate import Gate
from curation.gate.baseline import Before, figure
from curation.gate.shares import at_least
from curation.gate.verdict import Check, compare, skipped
from curation.training import TrainedModel
from curation.training.evaluation import pair_similarities
from curation.training.pairs import Int64s, TrainingPairs
from curation.training.reproducible import reproducible

# Beyond this share of the others a pair counts. After 600 steps on Django's catalogues 3 % of misaligned pairs raise
# the share by 15 standard errors at 0.5 and by 10 at 0.75, judged by a model that was trained on them.
TAIL = 0.5
# A place among fewer others is too coarse to fall into the tail with the right probability.
MIN_OTHERS = 7
# Fewer pairs of a language or source have too wide an interval.
MIN_PAIRS = 100
# Below this the absolute share says more of the model than of the pairs: a clean release of 1,200 pairs reads 31 %.
MIN_ABSOLUTE_PAIRS = 2_000

# Pairs are compared within blocks of at most so many, and of each source, language and fold so many are compared.
_BLOCK = 128
_SCORED_EACH = 256
_ENCODE_TEXTS = 4_096

Float32s = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PairFit:
    """How well n training pairs fit together, beside the other positives of their language and source.

    Attributes:
        rows: int64 (n,), rows of the training pairs.
        places: float64 (n,), share of the others that are at least as similar to the anchor as its own positive.
        chances: float64 (n,), probability of a place beyond `TAIL` if the pair is misaligned.
        margins: float64 (n,), similarity with the own positive less that with the best other.
        others: int64 (n,), row of the best other.
    """

    rows: Int64s
    places: Floats
    chances: Floats
    margins: Floats
    others: Int64s


@dataclass(frozen=True, slots=True)
class Share:
    """An estimated share of misaligned pairs.

    Attributes:
        share: of the pairs, at most 1.
        low: lower end of the interval, at two standard errors.
        error: standard error.
        pairs: number of pairs.
    """

    share: float
    low: float
    error: float
    pairs: int


def fit_of_pairs(model: TrainedModel, pairs: TrainingPairs, rows: Int64s, strata: Int64s) -> PairFit:
    """Compare each training pair of a sample with the others of its stratum.

    Args:
        model: judges; it should not have been trained on these pairs.
        pairs: all n training pairs.
        rows: int64 (m,), the pairs that may be compared, in an order that says nothing.
        strata: int64 (n,), the stratum (source and language) of each pair.
    """
    blocks = list(_blocks(rows, strata[rows]))
    encoded = _encoded(model, pairs, blocks)
    return joined([_fit_of_block(pairs, block, *vectors) for block, vectors in zip(blocks, encoded, strict=True)])


def joined(fits: Sequence[PairFit]) -> PairFit:
    """Return the pairs of all fits."""
    none, empty = np.zeros(0), np.zeros(0, np.int64)
    columns = [(fit.rows, fit.places, fit.chances, fit.margins, fit.others) for fit in fits]
    return PairFit(*map(np.concatenate, zip((empty, none, none, none, empty), *columns, strict=True)))


def places(similarities: Float32s, same: npt.NDArray[np.bool_]) -> tuple[Floats, Int64s]:
    """Return the place of each pair's own positive among the others, and how many others there are.

    Args:
        similarities: float32 (n, n), anchors by positives, the diagonal being the pairs.
        same: bool (n, n), what is no other: the pair itself, and pairs that share a text or group with it.

    Returns:
        float64 (n,), share of the others that are not below the own one, so that ties and what is no number speak
        against a pair; 1 without others. And int64 (n,), the number of others.
    """
    own = similarities.diagonal()[:, None]
    count = (~same).sum(axis=1)
    above = (~(similarities < own) & ~same).sum(axis=1)
    return np.where(count > 0, above / np.maximum(count, 1), 1.0), count.astype(np.int64)


def tail_chance(others: Int64s) -> Floats:
    """Return the probability that a uniform place among m others, one of 0/m .. m/m, is beyond `TAIL`."""
    chance: Floats = (others - np.floor(TAIL * others)) / (others + 1)
    return chance


def misaligned_share(fit: PairFit, chosen: npt.NDArray[np.bool_] | None = None) -> Share:
    """Estimate the share of misaligned pairs among the chosen ones (bool (n,)), or among all."""
    chosen = np.ones(len(fit.rows), bool) if chosen is None else chosen
    pairs = int(chosen.sum())
    if not pairs:
        return Share(math.nan, math.nan, math.nan, 0)
    beyond, chance = int((fit.places[chosen] > TAIL).sum()), float(fit.chances[chosen].mean())
    # One more on each side: no pair in the tail is no proof that none can be (Agresti and Coull 1998, for the error).
    rate = (beyond + 1) / (pairs + 2)
    error = math.sqrt(rate * (1 - rate) / pairs) / chance
    return Share(min(1.0, beyond / pairs / chance), min(1.0, at_least(beyond, pairs) / chance), error, pairs)


def shares_by(fit: PairFit, names: npt.NDArray[np.object_]) -> dict[str, Share]:
    """Return the share of each language or source that has at least `MIN_PAIRS` compared pairs.

    Args:
        fit: of n pairs.
        names: (all rows,) language or source of each training row.
    """
    mine = names[fit.rows].astype(str)
    return {
        str(name): misaligned_share(fit, mine == name)
        for name, count in zip(*np.unique(mine, return_counts=True), strict=True)
        if count >= MIN_PAIRS
    }


def alignment_figures(fit: PairFit, languages: npt.NDArray[np.object_], sources: npt.NDArray[np.object_]) -> Any:
    """Return the shares as JSON values: what this release's checks rest on and a later release compares with."""
    return {
        "pairs": len(fit.rows),
        "share": _number(misaligned_share(fit).share),
        "languages": {name: _entry(share) for name, share in shares_by(fit, languages).items()},
        "sources": {name: _entry(share) for name, share in shares_by(fit, sources).items()},
    }


def alignment_checks(figures: Mapping[str, Any], options: Gate, before: Before | None) -> list[Check]:
    """Check the shares of misaligned pairs: of all, of each source, of each language, and against the baseline.

    Args:
        figures: as of `alignment_figures`.
        options: thresholds.
        before: the baseline.
    """
    if figures["pairs"] < MIN_PAIRS:
        why = f"fewer than {MIN_PAIRS} pairs can be compared with others of their language and source"
        return [skipped("signal.alignment", "signal", why)]
    absolute = [_pooled(figures, options), *_worst_sources(figures, options)]
    if figures["pairs"] < MIN_ABSOLUTE_PAIRS:
        why = f"a model that learns from so few pairs ({figures['pairs']:,} compared) does not know a wrong one"
        absolute = [skipped("signal.alignment", "signal", why)]
    checks = [*absolute, *_worst_languages(figures, options)]
    return checks + ([] if before is None else _rises(figures, options, before))


def _pooled(figures: Mapping[str, Any], options: Gate) -> Check:
    return compare(
        "signal.alignment",
        "signal",
        "estimated share of training pairs whose positive belongs to another pair",
        figures["share"],
        "<=",
        options.max_misaligned_share,
        detail=f"{figures['pairs']:,} pairs compared",
    )


def _worst_sources(figures: Mapping[str, Any], options: Gate) -> Iterator[Check]:
    bound, metric = options.max_misaligned_share, "estimated share of misaligned pairs of a source, lower end"
    if len(figures["sources"]) < 2:
        return
    for name, entry in _worst_first(figures["sources"], bound):
        detail = f"source {name}: {entry['share']:.1%} of {entry['pairs']:,} pairs"
        # A check is known by its id and language, so a source's name is part of the id.
        yield compare(f"signal.alignment.source.{name}", "signal", metric, entry["low"], "<=", bound, detail=detail)


def _worst_languages(figures: Mapping[str, Any], options: Gate) -> Iterator[Check]:
    bound, metric = options.max_language_misaligned_share, "estimated share of misaligned pairs, lower end"
    for name, entry in _worst_first(figures["languages"], bound):
        detail = f"{entry['share']:.1%} of {entry['pairs']:,} pairs"
        yield compare(
            "signal.alignment.language", "signal", metric, entry["low"], "<=", bound, language=name, detail=detail
        )


def _worst_first(entries: Mapping[str, Any], bound: float) -> list[tuple[str, Any]]:
    """Return every entry that fails, and the worst one if none does."""
    order = sorted(entries.items(), key=lambda item: (-item[1]["low"], item[0]))
    return [item for item in order if item[1]["low"] > bound] or order[:1]


def _rises(figures: Mapping[str, Any], options: Gate, before: Before) -> list[Check]:
    name, metric = "signal.alignment.rise", "rise of the share of misaligned pairs against the baseline"
    earlier = figure(before.metrics, "alignment", "share")
    if before.why or earlier is None:
        why = before.why or "the baseline's verdict has no share of misaligned pairs"
        return [skipped(name, "signal", why)]
    rise, bound = figures["share"] - earlier, options.max_misaligned_rise
    pooled = compare(name, "signal", metric, rise, "<=", bound)
    return [pooled, *_language_rises(figures, options, before)]


def _language_rises(figures: Mapping[str, Any], options: Gate, before: Before) -> Iterator[Check]:
    rises = {}
    for code, entry in figures["languages"].items():
        known = [figure(before.metrics, "alignment", "languages", code, name) for name in ("share", "error")]
        if (share := known[0]) is not None and (error := known[1]) is not None:
            rises[code] = (entry["share"] - share) - options.max_misaligned_z * math.hypot(error, entry["error"])
    bound, order = options.max_misaligned_language_rise, sorted(rises, key=lambda code: (-rises[code], code))
    metric = "rise of the share of misaligned pairs against the baseline, lower end"
    for code in [code for code in order if rises[code] > bound] or order[:1]:
        yield compare("signal.alignment.language_rise", "signal", metric, rises[code], "<=", bound, language=code)


def _entry(share: Share) -> dict[str, float | int | None]:
    return {"share": share.share, "low": share.low, "error": share.error, "pairs": share.pairs}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _blocks(rows: Int64s, strata: Int64s) -> Iterator[Int64s]:
    """Yield the rows of each block: the first of a stratum, dealt out to blocks of even size."""
    order = np.argsort(strata, kind="stable")
    begins = np.flatnonzero(np.diff(strata[order], prepend=-1))
    for begin, end in zip(begins, np.append(begins[1:], len(rows)), strict=True):
        sample = rows[order[begin : min(end, begin + _SCORED_EACH)]]
        if len(sample) > MIN_OTHERS:
            yield from np.array_split(sample, math.ceil(len(sample) / _BLOCK))


def _encoded(model: TrainedModel, pairs: TrainingPairs, blocks: list[Int64s]) -> Iterator[tuple[Float32s, Float32s]]:
    """Yield the vectors of each block's anchors and positives, encoding many blocks at a time."""
    waiting: list[Int64s] = []
    for block in blocks:
        waiting.append(block)
        if sum(map(len, waiting)) * 2 >= _ENCODE_TEXTS:
            yield from _encode(model, pairs, waiting)
            waiting = []
    if waiting:
        yield from _encode(model, pairs, waiting)


def _encode(model: TrainedModel, pairs: TrainingPairs, blocks: list[Int64s]) -> Iterator[tuple[Float32s, Float32s]]:
    sides = [numbers for block in blocks for numbers in (pairs.anchors[block], pairs.positives[block])]
    tokens, lengths = pairs.texts.take(np.concatenate(sides)).tensors()
    with reproducible(), torch.no_grad():
        exits = model.encoder(tokens, lengths, rank=model.ranks[-1], exits=len(model.depths))
    parts = np.split(np.asarray(exits[-1].numpy()), np.cumsum([len(side) for side in sides])[:-1])
    yield from zip(parts[::2], parts[1::2], strict=True)


def _fit_of_block(pairs: TrainingPairs, block: Int64s, anchors: Float32s, positives: Float32s) -> PairFit:
    """Return the fit of the pairs of a block that have enough others."""
    similarities = pair_similarities((anchors, positives))
    columns = (pairs.anchors[block], pairs.positives[block], pairs.groups[block])
    same = np.logical_or.reduce([np.equal(column[:, None], column[None, :]) for column in columns])
    place, count = places(similarities, same)
    others = np.where(same, -np.inf, similarities)
    best = others.argmax(axis=1)
    margins = similarities.diagonal().astype(np.float64) - others.max(axis=1)
    kept = count >= MIN_OTHERS
    return PairFit(block[kept], place[kept], tail_chance(count)[kept], margins[kept], block[best][kept])

"""Does the release teach what it says? Retrieval among held-out pairs, beside what nothing would have taught.

Chance is the wrong floor: a model before its first step finds 4 to 30 % of the held-out positives by the subwords that
both sides share. Floors are therefore the same model untrained, the same model trained on shuffled positives, and
TF-IDF. All are compared pair by pair, so that easy and hard pairs cancel out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from curation.config.gate import Gate
from curation.gate.baseline import Before, figure
from curation.gate.signal.mechanism import TOO_FEW
from curation.gate.signal.trial import Trial, hits, macro_accuracy
from curation.gate.verdict import Check, compare, skipped
from curation.mining.lexical.features import Vectoriser, count_features
from curation.text import as_arrow
from curation.training.evaluation import PairSet
from curation.training.evaluation.bootstrap import interval

Float32s = npt.NDArray[np.float32]
Hits = Mapping[str, Float32s]

# A relative drop of one language is judged from so many held-out pairs; below, chance makes such drops.
MIN_PAIRS_OF_DROP = 100
# Standard deviation of one language's accuracy between seeds, and the number of pairs that it was measured with.
_SEED_SD, _SEED_PAIRS = 0.019, 150

_RESAMPLES = 1_000
# Share of resampled gains that may lie below the lower end.
_TAIL = 0.005


def held_out_figures(trial: Trial) -> dict[str, float]:
    """Return the macro accuracy of the model and of each floor, none without held-out pairs."""
    if not trial.pairs:
        return {}
    floors = {"shuffled": trial.shuffled, "untrained": trial.untrained, "lexical": lexical_hits(trial.pairs)}
    return {"accuracy": macro_accuracy(trial.hits)} | {name: macro_accuracy(floor) for name, floor in floors.items()}


def held_out_checks(
    trial: Trial, figures: Mapping[str, float], languages: Mapping[str, Any], options: Gate, before: Before | None
) -> list[Check]:
    """Compare held-out retrieval with its floors and with the baseline.

    Args:
        trial: the trained models.
        figures: as of `held_out_figures`.
        languages: as of `language_figures`.
        options: thresholds.
        before: the baseline.
    """
    if not figures:
        return [skipped("signal.held_out", "signal", TOO_FEW)]
    checks = [*_gains(trial, figures, options), *_untaught(languages, options)]
    if before is None:
        return checks
    return [*checks, *_changes(figures, options, before), *_drops(languages, options, before)]


def lexical_hits(sets: Sequence[PairSet]) -> dict[str, Float32s]:
    """Return how right each pair's retrieval by TF-IDF of character n-grams is, as of `trial.hits_of`."""
    return {pairs.language: _lexical(pairs) for pairs in sets}


def language_figures(trial: Trial, sets: Sequence[PairSet]) -> dict[str, Any]:
    """Return the figures of each language as JSON values: accuracy with its interval, floor and number of pairs."""
    return {pairs.language: _language_figures(trial, pairs) for pairs in sets}


def _language_figures(trial: Trial, pairs: PairSet) -> dict[str, float]:
    code = pairs.language
    accuracy = interval({code: trial.hits[code].astype(np.float64)}, seed=trial.model.seed)
    return {
        "accuracy": float(trial.hits[code].mean()),
        "low": accuracy.low,
        "high": accuracy.high,
        "untrained": float(trial.untrained[code].mean()),
        "gain": _z(trial.hits[code] - trial.untrained[code]),
        "pairs": len(pairs.ids),
    }


def gain_low(model: Hits, floor: Hits, *, seed: int) -> float:
    """Return the lower end of the gain in macro accuracy, by a paired bootstrap over each language's pairs.

    Args:
        model: for each language float32 (n,), as of `trial.hits_of`.
        floor: likewise, of the same pairs.
        seed: of the resamples.

    Returns:
        The 0.5th percentile of 1,000 resampled gains (Efron and Tibshirani 1993, chapter 13).
    """
    random = np.random.default_rng((seed, 0x626F6F74))
    total = np.zeros(_RESAMPLES)
    for code in sorted(model):
        gains = model[code].astype(np.float64) - floor[code]
        counts = random.multinomial(len(gains), np.full(len(gains), 1 / len(gains)), size=_RESAMPLES)
        total += counts @ gains / len(gains)
    return float(np.quantile(total / len(model), _TAIL))


def _gains(trial: Trial, figures: Mapping[str, float], options: Gate) -> Iterator[Check]:
    metric, seed = "held-out accuracy@1, mean over languages, less that of ", trial.model.seed
    yield compare(
        "signal.gain_over_shuffled",
        "signal",
        metric + "a model trained on shuffled positives, lower end",
        gain_low(trial.hits, trial.shuffled, seed=seed),
        ">=",
        options.min_gain_over_shuffled,
        detail=_difference(figures, "shuffled"),
    )
    yield compare(
        "signal.gain_over_untrained",
        "signal",
        metric + "the untrained model, lower end",
        gain_low(trial.hits, trial.untrained, seed=seed),
        ">",
        0,
        detail=_difference(figures, "untrained"),
    )
    yield compare(
        "signal.gain_over_lexical",
        "signal",
        metric + "TF-IDF",
        figures["accuracy"] - figures["lexical"],
        ">",
        0,
        severity="warn",
        detail=_difference(figures, "lexical"),
    )


def _difference(figures: Mapping[str, float], floor: str) -> str:
    return f"{figures['accuracy']:.1%} against {figures[floor]:.1%}"


def _untaught(languages: Mapping[str, Any], options: Gate) -> Iterator[Check]:
    """A language that training makes clearly worse than it was before the first step is taught the wrong thing."""
    bound, metric = -options.max_language_loss_z, "gain over the untrained model, in standard errors"
    order = sorted(languages, key=lambda code: (languages[code]["gain"], code))
    for code in [code for code in order if languages[code]["gain"] < bound] or order[:1]:
        entry = languages[code]
        detail = f"{entry['accuracy']:.1%} against {entry['untrained']:.1%}, {entry['pairs']:,} pairs"
        yield compare(
            "signal.language_gain", "signal", metric, entry["gain"], ">=", bound, language=code, detail=detail
        )


def _changes(figures: Mapping[str, float], options: Gate, before: Before) -> list[Check]:
    earlier = figure(before.metrics, "held_out", "accuracy")
    if before.why or earlier is None:
        why = before.why or "the baseline has no verdict with a held-out score"
        return [skipped("signal.baseline", "signal", why)]
    change, bound = figures["accuracy"] - earlier, options.max_score_change
    metric, detail = "change of held-out accuracy@1 against the baseline", f"{earlier:.1%} before"
    alarm = "; an unexplained gain is a contamination alarm: look for held-out texts in train" if change > bound else ""
    return [
        compare("signal.baseline_loss", "signal", metric, change, ">=", -bound, detail=detail),
        compare(
            "signal.baseline_gain",
            "signal",
            metric,
            change,
            "<=",
            bound,
            severity="warn",
            detail=detail + alarm,
        ),
    ]


def _drops(languages: Mapping[str, Any], options: Gate, before: Before) -> Iterator[Check]:
    """A language must not fall far below what the baseline taught of it."""
    if before.why:
        return
    scores: dict[str, tuple[float, str]] = {}
    for code, entry in languages.items():
        earlier = figure(before.metrics, "languages", code, "accuracy")
        if earlier is None or (pairs := figure(before.metrics, "languages", code, "pairs")) is None or pairs < 1:
            continue
        z = change_z(entry["accuracy"], earlier, pairs=min(entry["pairs"], int(pairs)))
        detail = f"{earlier:.1%} -> {entry['accuracy']:.1%}, {entry['pairs']:,} pairs"
        scores[code] = (z, detail)
        relative = (earlier - entry["accuracy"]) / earlier if earlier > 0 else 0.0
        if min(entry["pairs"], pairs) >= MIN_PAIRS_OF_DROP and relative > options.max_language_drop:
            metric, bound = "relative drop of held-out accuracy@1 against the baseline", options.max_language_drop
            yield compare("signal.language_drop", "signal", metric, relative, "<=", bound, language=code, detail=detail)
    bound, metric = (
        -options.max_language_z,
        "change of held-out accuracy@1 against the baseline, in standard deviations",
    )
    order = sorted(scores, key=lambda code: (scores[code][0], code))
    for code in [code for code in order if scores[code][0] < bound] or order[:1]:
        z, detail = scores[code]
        yield compare("signal.language_change", "signal", metric, z, ">=", bound, language=code, detail=detail)


def change_z(now: float, earlier: float, *, pairs: int) -> float:
    """Return the change of one language's accuracy in standard deviations of such a change in sound releases.

    Both figures spread between seeds and with the resampled training pairs; the spread falls with the square root of
    the number of held-out pairs, and is that of one seed: those of several are less, which errs to the safe side.
    """
    spread = _SEED_SD * math.sqrt(2 * max(1.0, _SEED_PAIRS / pairs))
    return (now - earlier) / spread


def _z(gains: Float32s) -> float:
    """Return the mean of paired gains in standard errors; no gain at all is zero."""
    # One pair more that lost half an answer: a spread of zero is a small sample's, not the truth.
    error = math.sqrt((float(np.var(gains)) * len(gains) + 0.25) / len(gains)) / math.sqrt(len(gains))
    return float(gains.mean()) / error


def _lexical(pairs: PairSet) -> Float32s:
    counts = count_features(as_arrow([*pairs.anchors, *pairs.positives]))
    vectors = Vectoriser.fit(counts).transform(counts)
    size = len(pairs.anchors)
    return hits((vectors[:size] @ vectors[size:].T).toarray().astype(np.float32), pairs.right)

"""Calibration: from lines whose language is known to the weights and thresholds of the table of languages.

Weights are fitted so that all languages count alike. Thresholds hold in a mixture that is flatter than the web and
steeper than that: a language counts as its share in the model's training to the power 0.3, which is how releases are
balanced by default. In a mixture of equals no label of a large language could be believed, for the many small ones
that look like it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.hashing import priority
from curation.langid.decide import identify_prepared
from curation.langid.evidence import blocks, look
from curation.langid.model import Model
from curation.langid.prepare import prepare
from curation.langid.scope import scope_of
from curation.langid.scripts import letter_counts
from curation.langid.thresholds import NEVER
from language_configs import UnknownLanguageError, resolve

FORMULA = "prior correction by class-balanced maximum likelihood; least score of the wanted precision by length"

# Exponent of a language's share in the mixture that thresholds hold in, and what one that the model does not know
# counts there beside the median of those that it does.
TEMPERATURE, STRANGER_WEIGHT = 0.3, 0.3
# Lengths, in letters, from which thresholds are fitted of their own.
BUCKETS = (0, 11, 21, 41, 81)
# Fewer lines than this of a language say nothing about a length: the next longer one's threshold is taken, or the
# next shorter one's.
MIN_LINES = 30
# How strongly a weight is held at 1: as much as this many standard normal observations of its logarithm.
STRENGTH = 0.03
# Wrong lines that are counted beside those seen, for not to have seen an error is no proof that there is none. Chosen
# so that the precision wanted on one half of Tatoeba is the precision found on the other.
UNSEEN_ERRORS = 0.25
# Less than this is noise of the model, and a probability of zero would rule a language out.
_LEAST_PROBABILITY = 1e-7

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Lines whose language is known.

    Attributes:
        texts: as `prepare` returns them, shape (n,).
        bases: language of each (ISO 639-3), shape (n,).
        letters: letters of each, shape (n,).
    """

    texts: pa.Array
    bases: npt.NDArray[np.str_]
    letters: Indices

    @classmethod
    def of(cls, texts: pa.Array, bases: Sequence[str]) -> tuple[Lines, Indices]:
        """Return those texts that have letters, for in others there is nothing to identify, and which they are."""
        prepared = prepare(texts)
        letters = letter_counts(prepared).total()
        kept = np.flatnonzero(letters)
        return cls(prepared.take(pa.array(kept)), np.array(bases, dtype=str)[kept], letters[kept]), kept

    def take(self, rows: Indices | Bools) -> Lines:
        """Return some of the lines."""
        rows = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        return Lines(self.texts.take(pa.array(rows)), self.bases[rows], self.letters[rows])


def base_of(code: str) -> str:
    """Return the ISO 639-3 code of the language that a code means; the code as it is, if it is in no table."""
    try:
        return resolve(code).base
    except UnknownLanguageError:
        return code


def held_out(texts: Sequence[str]) -> Bools:
    """Return which lines are not fitted on but measured on: half of them, by the hash of the text; shape (n,)."""
    upper: Bools = priority(texts, "calibration", 0) >= np.uint64(1 << 63)
    return upper


def fit_log_weights(lines: Lines, model: Model, *, only: str | None = None) -> Floats:
    """Fit the logarithms of a model's weights, shape (m,), by class-balanced maximum likelihood.

    With p the model's probabilities and w the weights, p w / sum(p w) is to be as likely as it can on the lines, each
    language's lines together counting 1, with the penalty `STRENGTH` / 2 times the sum of log(w) squared. Labels
    that no line is in keep their weight.

    Args:
        lines: the lines; those in languages that the model does not know are ignored.
        model: the model, with the weights to begin from.
        only: the language (ISO 639-3) whose weight alone is to be fitted; all by default.
    """
    from scipy.optimize import minimize

    truth = _labels(lines, model)
    lines, truth = lines.take(truth >= 0), truth[truth >= 0]
    logs = np.log(np.maximum(_script_probabilities(lines, model), _LEAST_PROBABILITY))
    present = np.bincount(truth, minlength=len(model.labels)) > 0
    free = present if only is None else present & np.array([_is(meaning, only) for meaning in model.meanings])
    balance = 1.0 / np.bincount(truth, minlength=len(model.labels))[truth]
    start = np.log(model.weights.astype(np.float64))

    def loss(chosen: Floats) -> tuple[float, Floats]:
        weights = start.copy()
        weights[free] = chosen
        likelihood, gradient = _likelihood(logs, truth, balance, weights)
        penalty = STRENGTH / 2 * float((chosen**2).sum())
        return penalty - likelihood, STRENGTH * chosen - gradient[free]

    fitted = start.copy()
    fitted[free] = minimize(loss, np.where(free, start, 0)[free], jac=True, method="L-BFGS-B").x
    return fitted


def _likelihood(
    logs: npt.NDArray[np.float32], truth: Indices, balance: Floats, weights: Floats
) -> tuple[float, Floats]:
    """Return the balanced log-likelihood of the lines and its gradient in `weights`, block by block."""
    total, gradient = 0.0, np.zeros_like(weights)
    for rows in blocks(len(truth)):
        scores = logs[rows] + weights
        scores -= scores.max(axis=1, keepdims=True)
        odds = np.exp(scores)
        sums = odds.sum(axis=1)
        own = np.arange(len(sums)), truth[rows]
        total += float((balance[rows] * (scores[own] - np.log(sums))).sum())
        gradient -= ((balance[rows] / sums)[:, None] * odds).sum(axis=0)
        np.add.at(gradient, truth[rows], balance[rows])
    return total, gradient


def _script_probabilities(lines: Lines, model: Model) -> npt.NDArray[np.float32]:
    """Return the model's probabilities of the labels that fit each line's script, shape (n, m)."""
    scope = scope_of(model)
    parts = []
    for rows in blocks(len(lines.texts)):
        beliefs = look(lines.texts[rows], model)
        parts.append(model.probabilities(lines.texts[rows].to_pylist()) * beliefs.fitting(scope))
    return np.concatenate([np.zeros((0, len(model.labels)), np.float32), *parts])


def _labels(lines: Lines, model: Model) -> Indices:
    """Return the label that means each line's language, -1 where the model has none."""
    label_of = {item.base: label for label, meaning in enumerate(model.meanings) for item in meaning}
    return np.array([label_of.get(base, -1) for base in lines.bases], dtype=np.int64)


def _is(meaning: Sequence[object], base: str) -> bool:
    return any(getattr(item, "base", "") == base for item in meaning)


def reweighted(model: Model, log_weights: Floats) -> Model:
    """Return the model with other weights."""
    return replace(model, weights=np.exp(log_weights).astype(np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a model answers on lines.

    Attributes:
        lines: the lines.
        bases: the language (ISO 639-3) that each is taken for, shape (n,).
        scores: the probability of that, shape (n,).
        shares: what the language that each line is in counts in the mixture, shape (n,).
    """

    lines: Lines
    bases: npt.NDArray[np.str_]
    scores: npt.NDArray[np.float32]
    shares: Floats

    def weights(self, bucket: Bools) -> Floats:
        """Return what each line of a length counts, shape (n,); a language of few such lines counts less."""
        names, numbers = np.unique(self.lines.bases, return_inverse=True)
        sizes = np.bincount(numbers, weights=bucket, minlength=len(names))
        return np.where(bucket, self.shares / np.maximum(sizes, MIN_LINES)[numbers], 0.0)


def answer(lines: Lines, model: Model) -> Answers:
    """Identify the lines, with any language as a candidate."""
    codes, scores = identify_prepared(lines.texts, scope_of(model))
    # A weight undoes the share that the language had in the training.
    shares = np.append((np.median(model.weights) / model.weights) ** TEMPERATURE, STRANGER_WEIGHT)
    bases = np.array([code.partition("_")[0] for code in codes], dtype=str)
    return Answers(lines, bases, scores, shares[_labels(lines, model)])


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold for one length.

    Attributes:
        start: the least number of letters from which it holds.
        score: the least score; `NEVER` where no score has the wanted precision.
        lines: lines of the language of that length that it was fitted on.
        precision: of the texts with the label and at least that score, the share that is in the language.
        coverage: the share of the language's lines that is given the label with at least that score.
    """

    start: int
    score: float
    lines: int
    precision: float
    coverage: float


def fit_thresholds(answers: Answers, base: str, *, precision: float) -> list[Threshold]:
    """Fit a language's thresholds by length: the least scores at which its label has the wanted precision.

    A longer text never needs a higher score than a shorter one. Lengths with fewer than `MIN_LINES` lines of the
    language take the threshold of the next longer one that has them, or else of the next shorter one.
    """
    found: dict[int, float] = {}
    for start, bucket in _buckets(answers.lines):
        if (bucket & (answers.lines.bases == base)).sum() >= MIN_LINES:
            found[start] = _least_score(answers, bucket, base, precision)
    if not found:
        return []
    steps = {start: _taken(found, start) for start in BUCKETS}
    thresholds, least = [], 0.0
    for start, bucket in reversed(list(_buckets(answers.lines))):
        least = max(least, steps[start])
        measured = precision_and_coverage(answers, bucket, base, least)
        lines = int((bucket & (answers.lines.bases == base)).sum())
        thresholds.append(Threshold(start, least, lines, *measured))
    return thresholds[::-1]


def _buckets(lines: Lines) -> list[tuple[int, Bools]]:
    ends = [*BUCKETS[1:], np.inf]
    return [(start, (lines.letters >= start) & (lines.letters < end)) for start, end in zip(BUCKETS, ends, strict=True)]


def _taken(found: Mapping[int, float], start: int) -> float:
    longer = [found[other] for other in BUCKETS if other >= start and other in found]
    return longer[0] if longer else found[max(found)]


def curve(answers: Answers, bucket: Bools, base: str) -> tuple[Floats, Floats, Floats]:
    """Return the scores that a label had in lines of one length, falling, with precision and coverage at each."""
    labelled = np.flatnonzero(bucket & (answers.bases == base))
    labelled = labelled[np.argsort(-answers.scores[labelled], kind="stable")]
    weights = answers.weights(bucket)
    mine = answers.lines.bases == base
    right = np.cumsum(weights[labelled] * mine[labelled])
    wrong = np.cumsum(weights[labelled] * ~mine[labelled])
    whole = float(weights[mine].sum())
    scores = answers.scores[labelled].astype(np.float64)
    # Lines with one score stand or fall together.
    last = np.append(scores[1:] != scores[:-1], True) if len(scores) else np.zeros(0, np.bool_)
    coverages = np.minimum(right / max(whole, 1e-12), 1)
    return scores[last], (right / np.maximum(right + wrong, 1e-12))[last], coverages[last]


def _least_score(answers: Answers, bucket: Bools, base: str, precision: float) -> float:
    scores, precisions, coverages = curve(answers, bucket, base)
    unseen = UNSEEN_ERRORS / max(int((bucket & (answers.lines.bases == base)).sum()), MIN_LINES)
    right = np.maximum(coverages, _LEAST_PROBABILITY)
    enough = np.flatnonzero(right / (right / np.maximum(precisions, _LEAST_PROBABILITY) + unseen) >= precision)
    if not len(enough):
        return NEVER
    # Rounded up, so that the file says in four digits what holds.
    return min(float(np.ceil(scores[enough[-1]] * 1e4 - 1e-6) / 1e4), NEVER)


def precision_and_coverage(answers: Answers, bucket: Bools, base: str, score: float) -> tuple[float, float]:
    """Return precision and coverage of a language's label at a threshold; a precision of 1 where nothing reaches it."""
    scores, precisions, coverages = curve(answers, bucket, base)
    reach = np.flatnonzero(scores >= np.float32(score)) if score < NEVER else np.zeros(0, np.int64)
    return (float(precisions[reach[-1]]), float(coverages[reach[-1]])) if len(reach) else (1.0, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """What trusted lines say about one language and a model.

    Attributes:
        log_weight: natural logarithm of the weight of the language's label.
        thresholds: the thresholds, fitted on one half of the lines.
        measured: the same, with precision and coverage on the other half.
        curves: by the least letters of each length, scores with precision and coverage there, on the other half.
        confused: languages that are taken for it most often, with how many of their lines are, on the other half.
        doubted: held-out trusted lines that would not be believed to be in the language.
    """

    log_weight: float
    thresholds: list[Threshold]
    measured: list[Threshold]
    curves: dict[int, list[tuple[float, float, float]]]
    confused: list[tuple[str, int]]
    doubted: list[str]


def calibrate(trusted: Lines, others: Lines, model: Model, *, precision: float) -> Calibration:
    """Calibrate a model for the language of trusted lines.

    Args:
        trusted: lines in the language, at least one.
        others: lines in other languages, which can be taken for it.
        model: a model that has a label for the language.
        precision: the wanted precision.
    """
    base = str(trusted.bases[0])
    lines = Lines(
        pa.concat_arrays([trusted.texts, others.texts]),
        np.concatenate([trusted.bases, others.bases]),
        np.concatenate([trusted.letters, others.letters]),
    )
    out = held_out(lines.texts.to_pylist())
    weights = fit_log_weights(lines.take(~out), model, only=base)
    weighted = reweighted(model, weights)
    fitted, rest = (answer(lines.take(rows), weighted) for rows in (~out, out))
    thresholds = fit_thresholds(fitted, base, precision=precision)
    mine, label = rest.lines.bases == base, rest.bases == base
    least = np.full(len(mine), np.inf)
    measured, curves = [], {}
    for (start, bucket), threshold in zip(_buckets(rest.lines), thresholds, strict=False):
        least[bucket] = threshold.score if threshold.score < NEVER else np.inf
        found = precision_and_coverage(rest, bucket, base, threshold.score)
        measured.append(replace(threshold, lines=int((bucket & mine).sum()), precision=found[0], coverage=found[1]))
        curves[start] = _points(*curve(rest, bucket, base))
    names, counts = np.unique(rest.lines.bases[label & ~mine], return_counts=True)
    confused = sorted(zip(names.tolist(), counts.tolist(), strict=True), key=lambda item: (-item[1], item[0]))
    doubted = rest.lines.texts.filter(pa.array(mine & ~(label & (rest.scores >= least)))).to_pylist()
    label_of = _labels(trusted.take(np.array([0])), model)[0]
    return Calibration(float(weights[label_of]), thresholds, measured, curves, confused, doubted)


def _points(scores: Floats, precisions: Floats, coverages: Floats) -> list[tuple[float, float, float]]:
    """Return the points of a curve at which a tenth more of the lines is covered, and the last."""
    tenths = np.unique(np.searchsorted(coverages, np.arange(1, 11) / 10).clip(0, max(len(scores) - 1, 0)))
    return [(float(scores[i]), float(precisions[i]), float(coverages[i])) for i in tenths] if len(scores) else []


def steps(thresholds: Sequence[Threshold]) -> dict[int, float]:
    """Return the least scores by length as a language file has them: without those that repeat the one before."""
    kept: dict[int, float] = {}
    for each in thresholds:
        if not kept or each.score != list(kept.values())[-1]:
            kept[each.start] = each.score
    return kept

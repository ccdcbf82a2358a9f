"""Do the texts speak for the labels that they carry, in all languages together, in each, and in each source of each?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from curation.config.gate import Gate
from curation.gate.data.bayes import Bools, Margins, label_margins
from curation.gate.data.corpus import Corpus, Numbers, Rows
from curation.gate.shares import at_least
from curation.gate.verdict import Check, compare, skipped

# A text's features must be likelier under another label by this factor's logarithm, on average over its features.
MIN_MARGIN = 1.0
# Fewer texts than this do not describe a language.
MIN_TEXTS = 50

_METRIC = "share of texts that speak for another label"
_IDS = ("data.labels.pooled", "data.labels", "data.labels.source", "data.labels.alike")


@dataclass(frozen=True, slots=True)
class _Spoken:
    """The distinct texts of both sides by language and source, m of them, and what they say of their labels."""

    languages: Numbers
    sources: Numbers
    margins: Margins


def check_labels(corpus: Corpus, options: Gate) -> list[Check]:
    """Few texts speak for another label than their own, and no two labels are of one language."""
    spoken = _spoken(corpus) if corpus.train is not None else None
    shares = {} if spoken is None else dict(_shares(corpus, spoken, MIN_MARGIN))
    if spoken is None or len(shares) < 2:
        why = "fewer than two languages have enough text to be told apart"
        return [skipped(name, "data", why) for name in _IDS]
    alike = dict(_shares(corpus, spoken, 0.0))
    metric = "share of texts that are likelier under another label"
    return [
        _pooled(spoken, options),
        *_worst_first("data.labels", _METRIC, shares, options.max_label_noise),
        _check_sources(corpus, spoken, options),
        *_worst_first("data.labels.alike", metric, alike, options.max_alike_share),
    ]


def _spoken(corpus: Corpus) -> _Spoken:
    rows = corpus.train
    assert rows is not None
    texts, languages, sources = _distinct(corpus, rows)
    units, places = np.unique(texts.astype(np.int64) * len(corpus.names) + languages, return_inverse=True)
    labels = np.asarray(corpus.names, dtype=object).astype(str)[units % len(corpus.names)]
    margins = label_margins(corpus.features[units // len(corpus.names)], labels)
    return _Spoken(languages, sources, Margins(margins.values[places], margins.judged[places]))


def _distinct(corpus: Corpus, rows: Rows) -> tuple[Numbers, Numbers, Numbers]:
    """Return the distinct (text, language, source) of both sides; a label's class is in no language."""
    is_text = ~corpus.is_labelled(rows)
    columns = [
        np.column_stack([texts, languages, rows.facts["source"]])[is_text if side else slice(None)]
        for side, (texts, _, languages) in enumerate(rows.sides)
    ]
    found = np.unique(np.concatenate(columns), axis=0)
    return found[:, 0], found[:, 1], found[:, 2]


def _shares(corpus: Corpus, spoken: _Spoken, least: float) -> Iterator[tuple[str, tuple[float, int]]]:
    """Yield for each language the share of texts with a margin above `least`, and how many could be judged."""
    for language, here in corpus.groups(spoken.languages):
        share = _share(spoken.margins, _within(here, len(spoken.languages)), least)
        if share is not None:
            yield language, share


def _within(places: np.ndarray[tuple[int], np.dtype[np.int64]], size: int) -> Bools:
    mask = np.zeros(size, dtype=bool)
    mask[places] = True
    return mask


def _share(margins: Margins, mask: Bools, least: float) -> tuple[float, int] | None:
    """Return the share and the number judged; None for fewer than `MIN_TEXTS`.

    The share is the lower end of its confidence interval, so that a small language does not fail by chance.
    """
    judged = margins.judged & mask
    count = int(judged.sum())
    if count < MIN_TEXTS:
        return None
    return at_least(int((margins.values[judged] > least).sum()), count), count


def _pooled(spoken: _Spoken, options: Gate) -> Check:
    judged = spoken.margins.judged
    share = float((spoken.margins.values[judged] > MIN_MARGIN).mean())
    detail = f"{int(judged.sum()):,} texts judged"
    bound = options.max_pooled_label_noise
    return compare("data.labels.pooled", "data", f"{_METRIC}, all languages", share, "<=", bound, detail=detail)


def _check_sources(corpus: Corpus, spoken: _Spoken, options: Gate) -> Check:
    """Return the check of the worst source of a language that has several."""
    name, worst = "data.labels.source", (-1.0, "", "", 0)
    for language, here in corpus.groups(spoken.languages):
        parts = list(corpus.groups(spoken.sources[here]))
        for source, places in parts if len(parts) > 1 else []:
            share = _share(spoken.margins, _within(here[places], len(spoken.languages)), MIN_MARGIN)
            if share is not None:
                worst = max(worst, (share[0], language, source, share[1]))
    if worst[0] < 0:
        return skipped(name, "data", "no language has two sources with enough text")
    detail = f"{worst[2]}: {worst[3]:,} texts judged"
    bound = options.max_label_noise
    return compare(name, "data", _METRIC, worst[0], "<=", bound, language=worst[1], detail=detail)


def _worst_first(name: str, metric: str, shares: Mapping[str, tuple[float, int]], bound: float) -> list[Check]:
    """Return a check for each language that fails, and one for the worst of the others."""
    order = sorted(shares, key=lambda code: (-shares[code][0], code))
    failing = [code for code in order if shares[code][0] > bound]
    return [
        compare(
            name,
            "data",
            metric,
            shares[code][0],
            "<=",
            bound,
            language=code,
            detail=f"{shares[code][1]:,} texts judged",
        )
        for code in (failing or order[:1])
    ]

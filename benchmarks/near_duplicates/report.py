"""What the benchmark prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from statistics import median

import numpy as np
import pyarrow.compute as pc

from near_duplicates.contenders import CONTENDERS, THRESHOLD
from near_duplicates.corpus import OTHERS, SCRIPTS, Corpus, script_of
from near_duplicates.runs import Job, Measured
from near_duplicates.scores import Scores
from near_duplicates.truth import Truth

# How many times as fast the first shall be as the second.
GOALS: Mapping[tuple[str, str], float] = {
    ("ours", "datasketch-xxh32"): 50,
    ("ours", "datasketch-sha1"): 100,
    ("ours", "rensa-dedup"): 12,
    ("ours", "datatrove-char"): 100,
    ("ours", "datatrove-words"): 250,
    ("ours-numpy", "datasketch-xxh32"): 5,
    ("ours-2-cores", "ours"): 1.8,
}
# A million documents on one core.
MILLION, MILLION_SECONDS, MILLION_MEGABYTES, GROWTH = 1_000_000, 8.0, 1_500.0, 1.15


def print_corpus(corpus: Corpus, truth: Truth) -> None:
    """Print what the corpus is made of."""
    lengths = pc.utf8_length(corpus.texts).to_numpy()
    print(
        f"{len(lengths):,} documents, {corpus.megabytes:.2f} MB, {len(set(corpus.languages))} languages; characters: "
        f"median {np.median(lengths):.0f}, mean {lengths.mean():.0f}, longest {lengths.max():,}"
    )
    similar = truth.similarity >= THRESHOLD
    planted = np.isin(truth.left, np.flatnonzero(corpus.original >= 0)) | (corpus.original[truth.right] >= 0)
    print(
        f"{(corpus.original >= 0).sum():,} planted copies; {similar.sum():,} pairs at or above {THRESHOLD} "
        f"({_number(planted[similar].mean())} with a planted copy), {len(similar):,} at or above 0.7"
    )
    counts = Counter(map(script_of, corpus.languages))
    print("documents: " + ", ".join(f"{script} {counts[script]:,}" for script in (*SCRIPTS, OTHERS)))


def print_speed(runs: Mapping[str, Sequence[Measured]], corpus: Corpus) -> None:
    """Print the time and memory of each contender."""
    rows = []
    for name, series in runs.items():
        seconds, busy, peak, base = (_median(series, field) for field in ("seconds", "busy", "peak", "base"))
        rates = [f"{len(corpus.texts) / seconds:,.0f}", f"{corpus.megabytes / seconds:.2f}"]
        cells = [f"{seconds:.3f}", f"{busy:.3f}", *rates, f"{peak:,.0f}", f"{base:,.0f}"]
        rows.append([name, *cells, CONTENDERS[name].about])
    _print_table(["speed", "s", "CPU s", "docs/s", "MB/s", "peak MB", "base MB", "what it is"], rows)


def print_quality(scores: Mapping[str, Scores]) -> None:
    """Print recall and precision of each contender."""
    rows = []
    for name, s in scores.items():
        shares = [s.recall, s.recall_in_band, s.documents, *(s.links or (None, None)), *s.marked]
        rows.append([name, *map(_number, shares)])
    heading = ["R", "R .80-.85", "Rdoc", "P .8", "P .7", "Pdoc .8", "Pdoc .7"]
    _print_table(["quality", *heading], rows)
    print("R: pairs found, P: of the links, Rdoc and Pdoc: of the documents marked as repeating an earlier one")
    rows = [
        [name, *(_number(s.recall_by_script[script][1]) for script in (*SCRIPTS, OTHERS))] for name, s in scores.items()
    ]
    pairs = next(iter(scores.values())).recall_by_script
    _print_table(["recall by language", *(f"{script} ({pairs[script][0]})" for script in (*SCRIPTS, OTHERS))], rows)


def print_ratios(runs: Mapping[str, Sequence[Measured]]) -> None:
    """Print how many times as fast ours is as each peer, and the goals."""
    rows = []
    pairs = [("ours", name) for name in runs if not name.startswith("ours")]
    for fast, slow in (*pairs, *(goal for goal in GOALS if goal not in pairs)):
        if fast in runs and slow in runs:
            ratio, busy = (_median(runs[slow], field) / _median(runs[fast], field) for field in ("seconds", "busy"))
            rounds = [there.seconds / here.seconds for here, there in zip(runs[fast], runs[slow], strict=True)]
            cells = [f"{ratio:.1f}", f"{min(rounds):.1f}-{max(rounds):.1f}", f"{busy:.1f}"]
            rows.append([f"{fast} : {slow}", *cells, *_verdict(ratio, least=GOALS.get((fast, slow)))])
    _print_table(["times as fast", "medians", "rounds", "CPU s", "goal", ""], rows)


def print_growth(runs: Mapping[Job, Sequence[Measured]], recalls: Mapping[Job, tuple[int, float]]) -> None:
    """Print how time and memory of ours grow with the number of documents, and what is asked of them.

    Args:
        runs: the runs of each contender at each size, all sizes of every contender; the smallest size is the base.
        recalls: of each, how many planted pairs were looked at and which share was found.
    """
    rows = []
    for (name, size), series in runs.items():
        pairs, recall = recalls[name, size]
        seconds = [_median(series, "seconds"), _fastest(series), _median(series, "busy")]
        figures = (partial(_median, field="seconds"), _fastest, partial(_median, field="busy"))
        growth = [_growth(runs, name, size, figure) for figure in figures]
        cells = [f"{size:,}", *(f"{s:.3f}" for s in seconds), *(f"{g:.2f}" for g in growth)]
        rows.append([name, *cells, f"{_median(series, 'peak'):,.0f}", f"{recall:.4f} of {pairs:,}"])
    heading = [
        "documents",
        "s",
        "fastest",
        "CPU s",
        "s/doc : base",
        "fastest",
        "CPU s",
        "peak MB",
        "planted pairs found",
    ]
    _print_table(["growth", *heading], rows)
    _print_table(["goals of growth", "is", "goal", ""], list(_growth_goals(runs)))


def _growth_goals(runs: Mapping[Job, Sequence[Measured]]) -> Iterator[Sequence[str]]:
    largest = max(size for _, size in runs)
    growth = _growth(runs, "ours", largest, partial(_median, field="seconds"))
    yield f"{largest:,} documents, s/doc : base", f"{growth:.2f}", *_verdict(growth, most=GROWTH)
    if ("ours-2-cores", largest) in runs:
        one, two = (_median(runs[name, largest], "seconds") for name in ("ours", "ours-2-cores"))
        verdict = _verdict(one / two, least=GOALS["ours-2-cores", "ours"])
        yield f"{largest:,} documents, ours-2-cores : ours", f"{one / two:.2f}", *verdict
    if ("ours", MILLION) in runs:
        for what, field, most in (("s", "seconds", MILLION_SECONDS), ("peak MB", "peak", MILLION_MEGABYTES)):
            value = _median(runs["ours", MILLION], field)
            yield f"{MILLION:,} documents, {what}", f"{value:,.2f}", *_verdict(value, most=most)


def _growth(
    runs: Mapping[Job, Sequence[Measured]], name: str, size: int, figure: Callable[[Sequence[Measured]], float]
) -> float:
    """Return the time of a document at one size in units of that at the smallest size."""
    base = min(size for _, size in runs)
    return figure(runs[name, size]) / size / (figure(runs[name, base]) / base)


def _median(series: Sequence[Measured], field: str) -> float:
    return median(getattr(run, field) for run in series)


def _fastest(series: Sequence[Measured]) -> float:
    return min(run.seconds for run in series)


def _verdict(value: float, *, least: float | None = None, most: float | None = None) -> tuple[str, str]:
    """Return a goal, and whether it is met; nothing if there is none."""
    if least is not None:
        return f">= {least:g}", "met" if value >= least else "missed"
    if most is not None:
        return f"<= {most:,g}", "met" if value <= most else "missed"
    return "", ""


def _number(share: float | None) -> str:
    return "-" if share is None else f"{share:.4f}"


def _print_table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, the first column and words to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(heading, *rows, strict=True)]
    print()
    for row in (heading, *rows):
        cells = [
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())

"""What the benchmark prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np
import pyarrow.compute as pc

from near_duplicates.contenders import CONTENDERS, THRESHOLD
from near_duplicates.corpus import OTHERS, SCRIPTS, Corpus, script_of
from near_duplicates.runs import Measured
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
        seconds = median(run.seconds for run in series)
        rates = [f"{len(corpus.texts) / seconds:,.0f}", f"{corpus.megabytes / seconds:.2f}"]
        memory = [f"{median(getattr(run, field) for run in series):,.0f}" for field in ("peak", "base")]
        rows.append([name, f"{seconds:.3f}", *rates, *memory, CONTENDERS[name].about])
    _print_table(["speed", "s", "docs/s", "MB/s", "peak MB", "base MB", "what it is"], rows)


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
            ratio = median(run.seconds for run in runs[slow]) / median(run.seconds for run in runs[fast])
            rounds = [there.seconds / here.seconds for here, there in zip(runs[fast], runs[slow], strict=True)]
            spread = f"{min(rounds):.1f}-{max(rounds):.1f}"
            rows.append([f"{fast} : {slow}", f"{ratio:.1f}", spread, *_verdict(ratio, GOALS.get((fast, slow)))])
    _print_table(["times as fast", "medians", "rounds", "goal", ""], rows)


def print_growth(
    runs: Mapping[tuple[str, int], Sequence[Measured]], recalls: Mapping[tuple[str, int], tuple[int, float]]
) -> None:
    """Print how time and memory of ours grow with the number of documents; the first size is the base."""
    base = min(size for _, size in runs)
    rows = []
    for (name, size), series in runs.items():
        seconds, peak = (median(getattr(run, field) for run in series) for field in ("seconds", "peak"))
        growth = seconds / size / (median(run.seconds for run in runs[name, base]) / base)
        single = median(run.seconds for run in runs["ours", size]) / seconds
        pairs, recall = recalls[name, size]
        rows.append(
            [
                name,
                f"{size:,}",
                f"{seconds:.3f}",
                f"{growth:.2f}",
                f"{peak:,.0f}",
                f"{single:.2f}",
                f"{recall:.4f} of {pairs:,}",
            ]
        )
    heading = ["growth", "documents", "s", "s/doc : base", "peak MB", "ours 1 core : this", "recall of planted pairs"]
    _print_table(heading, rows)
    print(
        f"goals: s/doc : base at most {GROWTH}; {MILLION:,} documents on one core in at most {MILLION_SECONDS} s and "
        f"{MILLION_MEGABYTES:,.0f} MB; two cores {GOALS['ours-2-cores', 'ours']} times as fast as one"
    )


def _verdict(ratio: float, goal: float | None) -> tuple[str, str]:
    return ("", "") if goal is None else (f">= {goal:g}", "met" if ratio >= goal else "missed")


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

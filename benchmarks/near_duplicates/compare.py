"""The whole comparison: make the corpus, run everyone in turn, score, report."""

from __future__ import annotations

import hashlib
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from near_duplicates import report
from near_duplicates.contenders import OURS, Found
from near_duplicates.corpus import Corpus, build_corpus, read_corpus
from near_duplicates.runs import Measured, NotRunError, measure
from near_duplicates.scores import planted_recall, score
from near_duplicates.truth import Truth, check_by_brute_force, similar_pairs

GROWING = ("ours", "ours-2-cores")

Job: TypeAlias = tuple[str, int]  # contender, documents


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where corpora are made and kept.

    Attributes:
        data: folder of Parquet files.
        cache: folder for corpora, truths and results.
        documents: documents of the first corpus.
    """

    data: Path
    cache: Path
    documents: int

    def corpus(self, count: int) -> Path:
        """Return the path of the corpus of `count` documents, made if it is not there."""
        path = self.cache / f"corpus-{self._digest()}-{self.documents}-{count}.arrow"
        if not path.exists():
            _say(f"making a corpus of {count:,} documents")
            unfinished = path.with_suffix(".unfinished")
            build_corpus(self.data, unfinished, base=self.documents, count=count)
            unfinished.rename(path)
        return path

    def truth(self, corpus: Corpus) -> Truth:
        """Return all similar pairs of the first corpus, found and checked if they are not there."""
        path = self.cache / f"truth-{self._digest()}-{self.documents}.npz"
        if not path.exists():
            _say("finding all similar pairs")
            texts = corpus.texts.to_pylist()
            truth = similar_pairs(texts)
            check_by_brute_force(texts, truth)
            np.savez(path, left=truth.left, right=truth.right, similarity=truth.similarity)
        return Truth(**np.load(path))

    def _digest(self) -> str:
        """Return a name for the data and the code that makes corpora from it."""
        here = Path(__file__).parent
        parts = [(here / name).read_bytes() for name in ("corpus.py", "edits.py", "truth.py")]
        files = sorted(self.data.rglob("*.parquet"))
        parts += [f"{path.relative_to(self.data)} {path.stat().st_size}".encode() for path in files]
        return hashlib.sha256(b"\n".join(parts)).hexdigest()[:12]


def compare(workshop: Workshop, peers: Sequence[str], rounds: int) -> None:
    """Run ours and peers on the first corpus and print everything."""
    path = workshop.corpus(workshop.documents)
    corpus = read_corpus(path)
    truth = workshop.truth(corpus)
    report.print_corpus(corpus, truth)
    measured, found = _run([(name, workshop.documents) for name in (*OURS, *peers)], workshop, rounds)
    runs = {name: series for (name, _), series in measured.items()}
    report.print_speed(runs, corpus)
    report.print_ratios(runs)
    report.print_quality({name: score(result, corpus, truth) for (name, _), result in found.items()})


def grow(workshop: Workshop, sizes: Sequence[int], rounds: int) -> None:
    """Run ours on larger and larger corpora and print how its time and memory grow."""
    measured, found = _run(
        [(name, size) for size in (workshop.documents, *sizes) for name in GROWING], workshop, rounds
    )
    recalls = {}
    for (name, size), result in found.items():
        recalls[name, size] = planted_recall(result.labels, read_corpus(workshop.corpus(size)))
    report.print_growth(measured, recalls)


def _run(jobs: Sequence[Job], workshop: Workshop, rounds: int) -> tuple[dict[Job, list[Measured]], dict[Job, Found]]:
    """Run all jobs in turn, `rounds` times; those that fail are named and left out.

    Raises:
        NotRunError: if it is `ours` that fails.
    """
    measured: dict[Job, list[Measured]] = defaultdict(list)
    found: dict[Job, Found] = {}
    failed = set()
    for number in range(rounds):
        for name, size in (job for job in jobs if job not in failed):
            result = workshop.cache / "result.npz"
            try:
                run = measure(name, workshop.corpus(size), result if number == 0 else None)
            except NotRunError as reason:
                if name == "ours":
                    raise
                failed.add((name, size))
                print(f"{name} not run: {reason}")
                continue
            _say(f"round {number + 1} of {rounds}, {size:,} documents, {name}: {run.seconds:.3f} s")
            measured[name, size].append(run)
            if number == 0:
                found[name, size] = _load(result)
    return {job: series for job, series in measured.items() if job not in failed}, found


def _load(path: Path) -> Found:
    with np.load(path) as arrays:
        links = arrays.get("links")
        return Found(arrays.get("labels"), arrays.get("flags"), None if links is None else lambda: links)


def _say(progress: str) -> None:
    print(progress, file=sys.stderr)

"""The whole comparison: make the corpus, run everyone in turn, score, report."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from near_duplicates import report
from near_duplicates.contenders import OURS, Found
from near_duplicates.corpus import Corpus, build_corpus, parquet_files, read_corpus
from near_duplicates.runs import Job, Measured, NotRunError, measure
from near_duplicates.scores import planted_recall, score
from near_duplicates.truth import Truth, check_by_brute_force, similar_pairs

GROWING = ("ours", "ours-2-cores")


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where corpora are made and kept.

    Attributes:
        data: folders of Parquet files.
        cache: folder for corpora and truths.
        documents: documents of the first corpus.
    """

    data: Sequence[Path]
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
            unfinished = path.with_suffix(".unfinished.npz")
            np.savez(unfinished, left=truth.left, right=truth.right, similarity=truth.similarity)
            unfinished.rename(path)
        return Truth(**np.load(path))

    def _digest(self) -> str:
        """Return a name for the data and the code that makes corpora from it."""
        here = Path(__file__).parent
        parts = [(here / name).read_bytes() for name in ("corpus.py", "edits.py", "truth.py")]
        parts += [f"{path.name} {path.stat().st_size}".encode() for path in parquet_files(self.data)]
        return hashlib.sha256(b"\n".join(parts)).hexdigest()[:12]


def compare(workshop: Workshop, peers: Sequence[str], rounds: int) -> None:
    """Run ours and peers on the first corpus and print everything."""
    path = workshop.corpus(workshop.documents)
    corpus = read_corpus(path)
    truth = workshop.truth(corpus)
    report.print_corpus(corpus, truth)
    measured, found = _run_in_turn([(name, workshop.documents) for name in (*OURS, *peers)], workshop, rounds)
    runs = {name: series for (name, _), series in measured.items()}
    report.print_speed(runs, corpus)
    report.print_ratios(runs)
    report.print_quality({name: score(result, corpus, truth) for (name, _), result in found.items()})


def grow(workshop: Workshop, sizes: Sequence[int], rounds: int) -> None:
    """Run ours on larger and larger corpora and print how its time and memory grow."""
    # The base runs before every size: all growth is relative to it, and so short a run is easily disturbed.
    jobs = [(name, count) for size in sizes for count in (workshop.documents, size) for name in GROWING]
    measured, found = _run_in_turn(jobs, workshop, rounds)
    recalls = {
        (name, size): planted_recall(result.labels, read_corpus(workshop.corpus(size)))
        for (name, size), result in found.items()
    }
    report.print_growth(measured, recalls)


def _run_in_turn(
    jobs: Sequence[Job], workshop: Workshop, rounds: int
) -> tuple[dict[Job, list[Measured]], dict[Job, Found]]:
    """Run all jobs in turn, `rounds` times; those that fail are named and left out.

    Raises:
        NotRunError: if it is `ours` that fails.
    """
    measured: dict[Job, list[Measured]] = defaultdict(list)
    found: dict[Job, Found] = {}
    failed = set()
    for number, job in [(number, job) for number in range(rounds) for job in jobs]:
        name, size = job
        if job in failed:
            continue
        try:
            run, result = _run_once(name, workshop.corpus(size), scored=number == 0)
        except NotRunError as reason:
            if name == "ours":
                raise
            print(f"{name} not run: {reason}")
            failed.add(job)
            continue
        _say(f"round {number + 1} of {rounds}, {size:,} documents, {name}: {run.seconds:.3f} s")
        measured[job].append(run)
        found |= {job: result} if result else {}
    ran = [job for job in jobs if job not in failed]
    return {job: measured[job] for job in ran}, {job: found[job] for job in ran}


def _run_once(name: str, corpus: Path, *, scored: bool) -> tuple[Measured, Found | None]:
    """Run one contender once, and read what it found if that is asked for."""
    if not scored:
        return measure(name, corpus), None
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.npz"
        return measure(name, corpus, result), _load(result)


def _load(path: Path) -> Found:
    with np.load(path) as arrays:
        links = arrays.get("links")
        return Found(arrays.get("labels"), arrays.get("flags"), None if links is None else lambda: links)


def _say(progress: str) -> None:
    print(progress, file=sys.stderr)

"""From texts and vectors to negatives as a user wants them, beside sentence-transformers' miner."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from curation.mining.pairs import mine_pairs
from curation.mining.rules import Rules
from curation.mining.search.engines import trial
from curation.mining.search.kernels import warm_up
from hard_negatives.figures import Figure, Options
from hard_negatives.memory import forget_peak, resident
from hard_negatives.vectors import clustered

# The recipe of F2LLM in the words of sentence-transformers, and in ours.
_THEIRS = {"range_min": 5, "range_max": 100, "max_score": 0.8, "relative_margin": 0.05, "num_negatives": 24}
_OURS = Rules(24, 100, 0, 0.8, 0.95, skip_survivors=5)
_CHARACTERS = 250


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison.

    Attributes:
        corpus: passages, positives among them.
        queries: queries, each with one positive.
        dimensions: of their vectors.
        form: what sentence-transformers is asked for.
        times: the goals of its time over ours, by contender.
        memory: the goal of its memory over ours.
    """

    corpus: int
    queries: int
    dimensions: int
    form: str
    times: Mapping[str, float]
    memory: float


CASES = {
    "end-to-end": Case(50_000, 30_000, 256, "n-tuple", {"torch": 3.0, "faiss": 2.2}, 10.0),
    "selection": Case(20_000, 20_000, 64, "triplet", {"faiss": 6.0}, 15.0),
}
_SMALL = {"end-to-end": (5_000, 3_000), "selection": (2_000, 2_000)}


def end_to_end(name: str) -> Callable[[Options], list[Figure]]:
    """Return what measures a case: time and peak memory of each contender, in a process of its own each time."""

    def measure(options: Options) -> list[Figure]:
        case = CASES[name]
        corpus, queries = _SMALL[name] if options.small else (case.corpus, case.queries)
        contenders = [*case.times, "ours, ids", "ours, texts"]
        sizes = f"N={corpus:,} Q={queries:,} d={case.dimensions}, {case.form}"
        results: dict[str, list[dict[str, float]]] = {contender: [] for contender in contenders}
        for _ in range(options.rounds):
            for contender in contenders:
                asked = [contender, case.form, str(corpus), str(queries), str(case.dimensions)]
                results[contender].append(_run(asked))
        return _figures(name, case, results, sizes)

    return measure


def _run(asked: Sequence[str]) -> dict[str, float]:
    command = [sys.executable, sys.argv[0], "--measure-miner", *asked]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{asked[0]} failed: {done.stderr.strip().splitlines()[-1:]}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def _figures(name: str, case: Case, results: Mapping[str, Sequence[Mapping[str, float]]], sizes: str) -> list[Figure]:
    seconds = {who: median(result["seconds"] for result in runs) for who, runs in results.items()}
    peaks = {who: median(result["peak"] for result in runs) for who, runs in results.items()}
    rows = {who: {result["rows"] for result in runs} for who, runs in results.items()}
    if len(set().union(*rows.values())) != 1:
        sys.exit(f"{name}: they did not find the same number of rows: {rows}")
    figures = []
    for who, goal in case.times.items():
        for ours in ("ours, ids", "ours, texts"):
            what = f"{name}, sentence-transformers ({who}) : {ours}"
            note = f"{sizes}; {seconds[who]:.1f} s : {seconds[ours]:.1f} s"
            figures.append(Figure(f"{what}, time", seconds[who] / seconds[ours], "x", least=goal, note=note))
            note = f"{peaks[who]:.0f} MB : {peaks[ours]:.0f} MB above the base"
            figures.append(Figure(f"{what}, memory", peaks[who] / peaks[ours], "x", least=case.memory, note=note))
    return figures


def measure_miner(contender: str, form: str, corpus: int, queries: int, dimensions: int) -> None:
    """Run one contender in this process; print seconds of processor time and megabytes above the base as JSON."""
    passages, vectors = _texts("passage", corpus), clustered(corpus, dimensions, 2)
    anchors, asked = _texts("query", queries), _near(vectors[:queries], 0.35)
    run = _ours(contender, form) if contender.startswith("ours") else _theirs(contender, form)
    run(anchors[:64], passages[:256], asked[:64], vectors[:256])
    forget_peak()
    base, begin = resident("VmRSS"), time.process_time()
    rows = run(anchors, passages, asked, vectors)
    print(json.dumps({"seconds": time.process_time() - begin, "peak": resident("VmHWM") - base, "rows": rows}))


Vectors = npt.NDArray[np.float32]
Miner = Callable[[list[str], list[str], Vectors, Vectors], int]


def _texts(kind: str, count: int) -> list[str]:
    return [f"{kind} {number} ".ljust(_CHARACTERS, "x") for number in range(count)]


def _near(vectors: Vectors, noise: float) -> Vectors:
    """Return queries near to their positives, which are the first passages."""
    draw = np.random.default_rng(7).standard_normal(vectors.shape).astype(np.float32)
    moved = vectors + noise / np.sqrt(vectors.shape[1]) * draw * 2
    near: Vectors = (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)
    return near


class _Known:
    """A model whose vectors are known: by what asks for them, never by the text."""

    def __init__(self, queries: Vectors, passages: Vectors) -> None:
        self._vectors = {"query": queries, "passage": passages}

    def embed(self, texts: Sequence[str], role: str) -> Vectors:
        # Theirs are picked from a matrix by the number in each text: ours are copied as well.
        return self._vectors[role].copy()


def _ours(contender: str, form: str) -> Miner:
    warm_up()
    trial()

    def run(anchors: list[str], passages: list[str], asked: Vectors, vectors: Vectors) -> int:
        mined = mine_pairs(
            anchors,
            passages[: len(anchors)],
            passages[len(anchors) :],
            teacher=_Known(asked, vectors),  # type: ignore[arg-type]
            rules=_OURS,
        )
        with tempfile.TemporaryDirectory() as folder:
            if contender == "ours, ids":
                pq.write_table(mined.table(), Path(folder) / "pairs.parquet", compression="zstd")
                return (
                    int((mined.mined.rows[:, -1] >= 0).sum())
                    if form == "n-tuple"
                    else int((mined.mined.rows >= 0).sum())
                )
            batches = mined.n_tuple_batches(4096) if form == "n-tuple" else mined.triplet_batches(1024)
            return _write(batches, Path(folder) / "texts.parquet")

    return run


def _write(batches: Iterator[pa.Table], file: Path) -> int:
    """Write texts as they are made; return the rows."""
    rows, first = 0, next(batches)
    with pq.ParquetWriter(file, first.schema, compression="zstd") as writer:
        for batch in itertools.chain([first], batches):
            writer.write_table(batch)
            rows += batch.num_rows
    return rows


def _theirs(contender: str, form: str) -> Miner:
    import torch
    from datasets import Dataset
    from sentence_transformers.util import cos_sim, mine_hard_negatives, pairwise_cos_sim

    torch.set_num_threads(1)
    if contender == "faiss":
        import faiss

        faiss.omp_set_num_threads(1)

    class Stub:
        device = torch.device("cpu")

        def __init__(self, asked: Vectors, vectors: Vectors) -> None:
            self.asked, self.vectors = asked, vectors

        def encode_query(self, *_: Any, **__: Any) -> Vectors:
            return self.asked

        def encode_document(self, corpus: list[str], **_: Any) -> Vectors:
            # It puts the corpus before the positives; both are numbered in their text.
            order = [int(text.split(" ", 2)[1]) for text in corpus]
            return self.vectors[order]

        def get_embedding_dimension(self) -> int:
            return int(self.vectors.shape[1])

        similarity = staticmethod(cos_sim)
        similarity_pairwise = staticmethod(pairwise_cos_sim)

    def run(anchors: list[str], passages: list[str], asked: Vectors, vectors: Vectors) -> int:
        dataset = Dataset.from_dict({"anchor": anchors, "positive": passages[: len(anchors)]})
        mined = mine_hard_negatives(
            dataset,
            Stub(asked, vectors),
            corpus=passages,
            output_format=form,
            output_scores=form == "n-tuple",
            use_faiss=contender == "faiss",
            verbose=False,
            **_THEIRS,
        )
        return len(mined)

    return run

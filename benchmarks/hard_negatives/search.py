"""Exact search: beside faiss, and its memory."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from curation.mining.ragged import Exclusions, Ragged
from curation.mining.search.candidates import Candidates
from curation.mining.search.engines import trial
from curation.mining.search.exact import nearest, pair_scores
from curation.mining.search.kernels import warm_up
from hard_negatives.figures import Figure, Options, in_turn
from hard_negatives.memory import forget_peak, resident
from hard_negatives.vectors import GeneratedCorpus, clustered

TOP = 100
# Of the time of faiss.
GOALS = {"float32": 1.05, "bfloat16": 0.5, "int8": 0.4}
MEMORY_GOAL = 1_000.0
_TILE = (1024, 4096)


def exact(options: Options) -> list[Figure]:
    """Exact top 100, each engine beside faiss IndexFlatIP, one thread; recall is that of faiss's neighbours."""
    count, queries, dimensions = (20_000, 1_000, 128) if options.small else (100_000, 5_000, 512)
    left, right = clustered(queries, dimensions, 1), clustered(count, dimensions, 2)
    speeds = trial()
    slow = {name for name in GOALS if speeds.get(name, np.inf) > speeds["float32"]}
    engines = [name for name in GOALS if options.every_engine or name not in slow]
    found: dict[str, Candidates] = {}
    theirs: list[npt.NDArray[np.int64]] = []

    def ours(engine: str) -> Callable[[], None]:
        def run() -> None:
            found[engine] = nearest(left, right, TOP, nothing_excluded(queries), engine=engine)

        return run

    contenders: dict[str, Callable[[], object]] = {"faiss": lambda: theirs.append(_faiss(left, right))}
    contenders |= {engine: ours(engine) for engine in engines}
    contenders["bare product"] = lambda: _bare_product(left, right)
    warm_up()
    seconds = in_turn(contenders, options.rounds)
    sizes = f"N={count:,} Q={queries:,} d={dimensions} k={TOP}"
    figures = []
    for engine, goal in GOALS.items():
        if engine not in engines:
            how = speeds.get(engine, np.inf) / speeds["float32"]
            note = f"not run: a tile takes {how:.1f} x that of float32 on this CPU (--every-engine runs it)"
            figures.append(Figure(f"exact, {engine} : faiss", None, "x time", most=goal, note=note))
            continue
        note = f"{sizes}, {seconds[engine]:.2f} s : {seconds['faiss']:.2f} s"
        figures.append(
            Figure(f"exact, {engine} : faiss", seconds[engine] / seconds["faiss"], "x time", goal, note=note)
        )
        recall = _recall(left, right, found[engine], theirs[0])
        figures.append(Figure(f"exact, {engine}, recall", recall, "", least=1.0, note=_agreement(found, engine)))
    share = seconds["bare product"] / seconds["faiss"]
    note = "numpy's float32 matrix product of the same tiles and nothing else: the floor of float32"
    return [*figures, Figure("exact, bare product : faiss", share, "x time", note=note)]


def memory(options: Options) -> list[Figure]:
    """Peak memory above the base, one block of 1,024 queries; the corpus is made when it is read, in a new process."""
    rows, dimensions = (200_000, 256) if options.small else (10_000_000, 1024)
    command = [sys.executable, sys.argv[0], "--measure-memory", str(rows), str(dimensions)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    what = f"memory, N={rows:,} d={dimensions}, 8-bit codes"
    if done.returncode:
        return [Figure(what, None, "MB", MEMORY_GOAL, note=(done.stderr.strip().splitlines() or ["failed"])[-1])]
    result = json.loads(done.stdout)
    note = f"above a base of {result['base']:.0f} MB; {result['seconds']:.0f} s of processor time"
    return [Figure(what, result["peak"] - result["base"], "MB", MEMORY_GOAL, note=note)]


def measure_memory(rows: int, dimensions: int) -> None:
    """Search in this process, and print megabytes and seconds as JSON."""
    corpus = GeneratedCorpus.of(rows, dimensions)
    queries = corpus.take(np.arange(0, rows, max(1, rows // 1024))[:1024])
    warm_up()
    trial()
    forget_peak()
    base, begin = resident("VmRSS"), time.process_time()
    found = nearest(queries, corpus, TOP, nothing_excluded(len(queries)))
    seconds, peak = time.process_time() - begin, resident("VmHWM")
    if not (found.rows[:, 0] == np.arange(0, rows, max(1, rows // 1024))[:1024]).all():
        sys.exit("a query that is a passage did not find itself")
    print(json.dumps({"base": base, "peak": peak, "seconds": seconds}))


def nothing_excluded(count: int) -> Exclusions:
    """Return exclusions of `count` queries that exclude nothing."""
    none = np.empty(0, dtype=np.int64)
    return Exclusions.from_rows(Ragged.from_pairs(none, none, count))


def _faiss(queries: npt.NDArray[np.float32], passages: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(passages.shape[1])
    index.add(passages)
    rows: npt.NDArray[np.int64] = index.search(queries, TOP)[1]
    return rows


def _bare_product(queries: npt.NDArray[np.float32], passages: npt.NDArray[np.float32]) -> None:
    room = np.empty(_TILE[0] * _TILE[1], dtype=np.float32)
    for start in range(0, len(passages), _TILE[1]):
        right = passages[start : start + _TILE[1]]
        for begin in range(0, len(queries), _TILE[0]):
            left = queries[begin : begin + _TILE[0]]
            np.matmul(left, right.T, out=room[: len(left) * len(right)].reshape(len(left), len(right)))


def _recall(
    queries: npt.NDArray[np.float32],
    passages: npt.NDArray[np.float32],
    ours: Candidates,
    theirs: npt.NDArray[np.int64],
) -> float:
    """Return the share of their neighbours that ours has, or that score no higher than ours's last."""
    missing = np.array([~np.isin(one, other) for one, other in zip(theirs, ours.rows, strict=True)])
    owners, places = np.nonzero(missing)
    better = pair_scores(queries, passages, owners, theirs[owners, places]) > ours.scores[owners, -1]
    return 1.0 - float(better.sum()) / theirs.size


def _agreement(found: dict[str, Candidates], engine: str) -> str:
    first = found["float32"]
    same = (first.rows == found[engine].rows).all() and (first.scores == found[engine].scores).all()
    return "of faiss's; " + ("bit for bit that of float32" if same else "NOT what float32 finds")

"""What is compared: this project, and peers in the way their own documentation says to use them.

`prepare` imports what a contender needs, which is not timed, and returns the function that is: from the path of a
corpus to what was found. Unless `about` says otherwise, all compare character 5-grams of NFKC and lower case, and
peers have sketches of 128 values in 16 bands of 8 rows. Peers get the list of `str` that they ask for; their n-grams
are lists, because they take repeated ones faster than Python makes sets.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np

from near_duplicates.corpus import read_texts
from near_duplicates.truth import NGRAM, fold

THRESHOLD = 0.8
SKETCH, BANDS, ROWS = 128, 16, 8
SEED = 42


@dataclass(frozen=True, slots=True)
class Found:
    """What a contender found among n documents: labels, or flags alone.

    Attributes:
        labels: int64 (n,), the cluster of each document.
        flags: bool (n,), the documents that repeat an earlier one, of tools that say no more.
        links: returns the pairs that are reported, int64 (m, 2); called after the clock has stopped.
    """

    labels: np.ndarray | None = None
    flags: np.ndarray | None = None
    links: Callable[[], np.ndarray] | None = None


Run: TypeAlias = Callable[[Path], Found]


@dataclass(frozen=True, slots=True)
class Contender:
    """A contender, and what to say about it."""

    prepare: Callable[[], Run]
    about: str


def _folded(path: Path) -> list[str]:
    return [fold(text) for text in read_texts(path).to_pylist()]


def _grams(folded: str) -> list[str]:
    return [folded[i : i + NGRAM] for i in range(max(len(folded) - NGRAM + 1, 1))]


def _components(count: int, pairs: np.ndarray) -> np.ndarray:
    """Return the connected component of each of `count` documents."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(pairs), dtype=bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def _pairs(pairs: Iterable[tuple[int, int]]) -> np.ndarray:
    return np.array(list(pairs), dtype=np.int64).reshape(-1, 2)


def ours(*, threads: int | None = None) -> Run:
    """This project; its links are those through which documents are in their clusters."""
    from curation.dedup import find_near_duplicates, near_duplicate_clusters

    options = {} if threads is None else {"threads": threads}

    def run(path: Path) -> Found:
        texts = read_texts(path)
        labels = find_near_duplicates(texts, threshold=THRESHOLD, **options)

        def links() -> np.ndarray:
            via = near_duplicate_clusters(texts, threshold=THRESHOLD).via
            linked = np.flatnonzero(via != np.arange(len(via)))
            return np.column_stack([via[linked], linked])

        return Found(labels, links=links)

    return run


def datasketch(*, hash_name: str) -> Run:
    """The library's `MinHash.generator` and `MinHashLSH`."""
    import xxhash
    from datasketch import MinHash, MinHashLSH
    from datasketch.hashfunc import sha1_hash32

    hash_function = {"xxh32": xxhash.xxh32_intdigest, "sha1": sha1_hash32}[hash_name]

    def run(path: Path) -> Found:
        folded = _folded(path)
        tokens = ([gram.encode() for gram in _grams(text)] for text in folded)
        index = MinHashLSH(num_perm=SKETCH, params=(BANDS, ROWS))
        pairs = []
        for i, sketch in enumerate(MinHash.generator(tokens, num_perm=SKETCH, hashfunc=hash_function)):
            pairs += [(j, i) for j in index.query(sketch)]
            index.insert(i, sketch)
        links = _pairs(pairs)
        return Found(_components(len(folded), links), links=lambda: links)

    return run


def rensa_lsh() -> Run:
    """Rensa's sketches and index."""
    from rensa import RMinHash, RMinHashLSH

    def run(path: Path) -> Found:
        folded = _folded(path)
        sketches = RMinHash.from_token_sets((_grams(text) for text in folded), SKETCH, SEED)
        index = RMinHashLSH(THRESHOLD, SKETCH, BANDS)
        index.insert_many(sketches)
        links = _pairs((j, i) for i, found in enumerate(index.query_all(sketches)) for j in found if j < i)
        return Found(_components(len(folded), links), links=lambda: links)

    return run


def rensa_deduplicator() -> Run:
    """Rensa's deduplicator, which checks the sketches and gives flags only."""
    from rensa import RMinHashDeduplicator

    def run(path: Path) -> Found:
        index = RMinHashDeduplicator(THRESHOLD, SKETCH, True, BANDS, SEED)
        added = index.add_pairs((str(i), _grams(text)) for i, text in enumerate(_folded(path)))
        return Found(flags=~np.array(added, dtype=bool))

    return run


def datatrove(*, characters: bool) -> Run:
    """The four stages; documents are read from the corpus as a stream, signatures and pairs go through files."""
    from datatrove.data import Document
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.utils.word_tokenizers import WordTokenizer
    from loguru import logger

    logger.disable("datatrove")

    class Characters(WordTokenizer):
        def word_tokenize(self, text: str) -> list[str]:
            return list(text)

        def sent_tokenize(self, text: str) -> list[str]:
            return [text]

        def span_tokenize(self, text: str) -> list[tuple[int, int]]:
            return [(0, len(text))]

    def run(path: Path) -> Found:
        texts = read_texts(path)

        def read(*_: object) -> Iterator[Document]:
            return (Document(text=text.as_py(), id=str(i)) for i, text in enumerate(texts))

        with tempfile.TemporaryDirectory() as folder:
            at = {name: f"{folder}/{name}" for name in ("signatures", "pairs", "clusters")}
            config = MinhashConfig()
            language = Characters() if characters else "eng"
            stages = [
                [read, MinhashDedupSignature(at["signatures"], config=config, language=language)],
                [MinhashDedupBuckets(at["signatures"], at["pairs"], config=config)],
                [MinhashDedupCluster(at["pairs"], at["clusters"], config=config, save_cluster_id=True)],
                [read, MinhashDedupFilter(at["clusters"])],
            ]
            for number, stage in enumerate(stages):
                tasks = config.num_buckets if number == 1 else 1
                LocalPipelineExecutor(stage, tasks=tasks, workers=1, logging_dir=f"{folder}/logs/{number}").run()
            labels = np.arange(len(texts), dtype=np.int64)
            for document, cluster in _numbers(Path(at["clusters"]), "*.clusters", 2):
                labels[document] = len(texts) + cluster
            links = _numbers(Path(at["pairs"]), "*.dups", 4)[:, [1, 3]]
        return Found(labels, links=lambda: np.unique(np.sort(links, axis=1), axis=0))

    return run


def _numbers(folder: Path, pattern: str, width: int) -> np.ndarray:
    """Read files of 32-bit numbers into an int64 array of `width` columns."""
    data = b"".join(path.read_bytes() for path in sorted(folder.glob(pattern)))
    return np.frombuffer(data, dtype="<u4").reshape(-1, width).astype(np.int64)


def text_dedup() -> Run:
    """The script of the 0.4 package, in one process; its time includes saving the result."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import datasets
    from text_dedup import minhash
    from text_dedup.utils import IOArgs, MetaArgs, MinHashArgs

    datasets.disable_progress_bars()

    def run(path: Path) -> Found:
        with tempfile.TemporaryDirectory() as folder:
            source = IOArgs(
                path="arrow",
                data_files=str(path),
                split="train",
                output=f"{folder}/out",
                cache_dir=folder,
                num_proc=None,
            )
            options = MinHashArgs(num_perm=SKETCH, b=BANDS, r=ROWS, threshold=THRESHOLD, hash_func="xxh3")
            minhash.main.callback(io_args=source, meta_args=MetaArgs(column="text"), minhash_args=options)
        return Found(np.array([minhash.uf.find(i) for i in range(len(read_texts(path)))], dtype=np.int64))

    return run


OURS: Mapping[str, Contender] = {
    "ours": Contender(ours, "this project"),
    "ours-2-cores": Contender(partial(ours, threads=2), "this project, threads=2"),
    "ours-numpy": Contender(ours, "this project without compiled code"),
}
PEERS: Mapping[str, Contender] = {
    "datasketch-xxh32": Contender(partial(datasketch, hash_name="xxh32"), "datasketch, its fastest path on a CPU"),
    "datasketch-sha1": Contender(partial(datasketch, hash_name="sha1"), "datasketch, its default hash"),
    "rensa-dedup": Contender(rensa_deduplicator, "rensa RMinHashDeduplicator: checks sketches, flags only"),
    "rensa-lsh": Contender(rensa_lsh, "rensa RMinHash and RMinHashLSH"),
    "datatrove-char": Contender(
        partial(datatrove, characters=True), "datatrove, 14 bands of 8, 5-grams of characters, its own folding"
    ),
    "datatrove-words": Contender(
        partial(datatrove, characters=False), "datatrove, 14 bands of 8, 5-grams of spaCy's English words: the default"
    ),
    "text-dedup": Contender(text_dedup, "text-dedup 0.4, 5-grams of words split at \\W, no folding but case"),
}
CONTENDERS: Mapping[str, Contender] = {**OURS, **PEERS}

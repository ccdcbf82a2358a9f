"""The lexical teacher beside BM25 over words: how often the right paragraph comes first, and how long it takes.

    pip install -r benchmarks/requirements.txt
    python benchmarks/lexical.py --paragraphs DOCS.parquet [--queries 2000] [--passages 50000] [--runs 3]

DOCS has the columns `language` and `text`, a paragraph a row. A query is the first sentence of a paragraph, and what
it must find is the rest of that paragraph, without the sentence, among all such rests of its language. All contenders
search the same pool; words are those of bm25s with its defaults (no stop words). Times are those of the processor,
all threads together: medians of runs that the contenders do in turn.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import bm25s
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import regex

from curation.hashing import hash64
from curation.mining.lexical.bm25 import bm25_nearest
from curation.mining.lexical.features import Vectoriser, count_features
from curation.mining.lexical.kernels import warm_up
from curation.mining.lexical.search import lexical_nearest
from curation.mining.ragged import Exclusions, Ragged

Search = Callable[[list[str], list[str], int], np.ndarray]

SENTENCE_END = regex.compile(r"(?<=[.!?])\s+(?=\p{Lu})|(?<=[。！？])\s*(?=\S)")
LEAST_SENTENCE = 20
LEAST_REST = 40


def nothing_excluded(count: int) -> Exclusions:
    """Return exclusions that exclude nothing for any of `count` queries."""
    return Exclusions.from_rows(Ragged(np.empty(0, np.int64), np.zeros(count + 1, np.int64)))


def by_cosine(passages: list[str], queries: list[str], k: int) -> np.ndarray:
    """Search by the cosine of TF-IDF vectors, as the lexical teacher does."""
    counts = count_features(pa.array(passages))
    vectoriser = Vectoriser.fit(counts)
    vectors = vectoriser.transform(count_features(pa.array(queries)))
    return lexical_nearest(vectors, vectoriser.transform(counts), k, nothing_excluded(len(queries))).rows


def by_bm25(passages: list[str], queries: list[str], k: int) -> np.ndarray:
    """Search by BM25 over the features of the lexical teacher."""
    counts = [count_features(pa.array(texts)) for texts in (queries, passages)]
    return bm25_nearest(*counts, k, nothing_excluded(len(queries))).rows


def by_words(passages: list[str], queries: list[str], k: int) -> np.ndarray:
    """Search by BM25 over words, with bm25s."""
    index = bm25s.BM25()
    index.index(bm25s.tokenize(passages, stopwords=None, show_progress=False), show_progress=False)
    tokens = bm25s.tokenize(queries, stopwords=None, show_progress=False)
    return index.retrieve(tokens, k=k, show_progress=False, n_threads=0).documents


CONTENDERS: dict[str, Search] = {"words, BM25": by_words, "n-grams, cosine": by_cosine, "n-grams, BM25": by_bm25}


def halves(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return first sentences and what follows them; of paragraphs with equal rests, the first."""
    pairs: dict[str, str] = {}
    for text in texts:
        end = SENTENCE_END.search(text, LEAST_SENTENCE)
        if end and len(text) - end.end() >= LEAST_REST:
            pairs.setdefault(text[end.end() :], text[: end.start()])
    return list(pairs.values()), list(pairs)


def accuracy(texts: Sequence[str], count: int) -> None:
    """Print how often each contender finds the rest of a paragraph first, and among the first five."""
    sentences, rests = halves(texts)
    asked = np.sort(np.argsort(hash64(sentences), kind="stable")[:count])
    print(f"{len(rests):>9,}{len(asked):>9,}", end="")
    for search in CONTENDERS.values():
        hits = search(rests, [sentences[place] for place in asked], 5) == asked[:, None]
        print(f"{hits[:, 0].mean():>12.3f}{hits.any(axis=1).mean():>8.3f}", end="", flush=True)
    print()


def seconds(work: Callable[[], object]) -> float:
    """Return the processor time of a call."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def speed(texts: list[str], queries: dict[str, list[str]], k: int, runs: int) -> None:
    """Print how long an index and each kind of query takes, for each contender."""
    rounds: dict[str, list[list[float]]] = {name: [] for name in CONTENDERS}
    for _ in range(runs):
        for name, search in CONTENDERS.items():
            index = seconds(lambda search=search: search(texts, [texts[0]], k))
            whole = [
                seconds(lambda search=search, asked=asked: search(texts, asked, k)) - index
                for asked in queries.values()
            ]
            per_query = [1e3 * took / len(asked) for took, asked in zip(whole, queries.values(), strict=True)]
            rounds[name].append([index, *per_query])
    print(f"{'':<20}{'index, s':>12}" + "".join(f"{'ms a ' + kind:>18}" for kind in queries))
    for name, figures in rounds.items():
        middle = [median(column) for column in zip(*figures, strict=True)]
        print(f"{name:<20}{middle[0]:>12.2f}" + "".join(f"{value:>18.3f}" for value in middle[1:]))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paragraphs", type=Path, required=True)
    parser.add_argument("--queries", type=int, default=2000, help="queries a language")
    parser.add_argument("--passages", type=int, default=50_000, help="passages of the timed pool")
    parser.add_argument("--runs", type=int, default=3, help="times that all are timed in turn")
    given = parser.parse_args()
    table = pq.read_table(given.paragraphs, columns=["language", "text"])
    languages = [entry["values"] for entry in table["language"].value_counts().to_pylist()]
    texts = {
        language: table.filter(pc.equal(table["language"], language))["text"].unique().drop_null().to_pylist()
        for language in languages
    }
    warm_up()
    print(f"{'':<9}{'passages':>9}{'queries':>9}" + "".join(f"{name:>20}" for name in CONTENDERS))
    print(f"{'':<27}" + f"{'@1':>12}{'@5':>8}" * len(CONTENDERS))
    for language, paragraphs in texts.items():
        print(f"{language:<9}", end="")
        accuracy(paragraphs, given.queries)
    largest = max(texts, key=lambda language: len(texts[language]))
    pool = texts[largest][: given.passages]
    sentences = halves(pool)[0][:: max(1, len(halves(pool)[0]) // given.queries)]
    print(f"\n{len(pool):,} paragraphs ({largest}), the 100 best of each query")
    speed(pool, {"sentence": sentences, "paragraph": pool[:: max(1, len(pool) // given.queries)]}, 100, given.runs)


if __name__ == "__main__":
    main()

"""Near duplicates: this project against datasketch, on real text with planted copies.

    python benchmarks/dedup.py --data FOLDER [--documents 25000 100000]

FOLDER holds Parquet files with the columns `language` and `text`. A document is one to four consecutive rows of one
language; a tenth of the documents are edited copies of others. Both sides use character 5-grams of NFKC and lower
case, on one core; times are medians of three runs. Recall is the share of the planted pairs with a Jaccard similarity
of at least 0.8 that end together; precision is the share of all links reported that are at least 0.8. Similarities
are computed from plain sets of strings.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
from datasketch import MinHash, MinHashLSH

from curation.dedup import find_near_duplicates, near_duplicate_clusters
from curation.text import fold

THRESHOLD = 0.8
RUNS = 3

T = TypeVar("T")
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents, the language of each, and the planted (original, copy) pairs."""

    texts: list[str]
    languages: list[str]
    planted: list[Pair]


def documents(folder: Path, count: int, generator: np.random.Generator) -> Iterator[tuple[str, str]]:
    """Yield (language, text) of runs of rows drawn from all files."""
    tables = [pq.read_table(path, columns=["language", "text"]) for path in sorted(folder.rglob("*.parquet"))]
    rows = pa.concat_tables([table.cast(tables[0].schema) for table in tables])
    languages, texts = (rows.column(name).to_pylist() for name in ("language", "text"))
    for start in np.sort(generator.choice(len(texts), count, replace=False)).tolist():
        end = start + int(generator.integers(1, 5))
        run = zip(languages[start:end], texts[start:end], strict=True)
        yield languages[start], " ".join(text for language, text in run if language == languages[start])


def edited(text: str, generator: np.random.Generator) -> str:
    """Replace, insert or drop up to one character in twenty, or one."""
    chars = list(text)
    for _ in range(1 + int(generator.integers(0, len(text) // 20 + 1))):
        place = int(generator.integers(len(chars)))
        chars[place] = ("", chars[place] * 2, text[int(generator.integers(len(text)))])[int(generator.integers(3))]
    return "".join(chars)


def make_corpus(folder: Path, count: int) -> Corpus:
    """Draw originals, plant edited copies of some, shuffle."""
    generator = np.random.default_rng(0)
    copies = count // 10
    drawn = [(language, text) for language, text in documents(folder, count - copies, generator) if text]
    sources = generator.choice(len(drawn), copies, replace=False).tolist()
    drawn += [(drawn[i][0], edited(drawn[i][1], generator)) for i in sources]
    order = generator.permutation(len(drawn))
    place = np.argsort(order)
    planted = [(int(place[i]), int(place[len(drawn) - copies + k])) for k, i in enumerate(sources)]
    return Corpus([drawn[i][1] for i in order], [drawn[i][0] for i in order], planted)


def shingles(folded: str) -> set[str]:
    """Return the character 5-grams."""
    return {folded[i : i + 5] for i in range(max(len(folded) - 4, 1))}


def similarity(folded: list[str], pair: Pair) -> float:
    """Return the Jaccard similarity from plain sets."""
    left, right = (shingles(folded[i]) for i in pair)
    return len(left & right) / len(left | right)


def run_ours(texts: list[str]) -> np.ndarray:
    """Return the kept member of each text's cluster."""
    return find_near_duplicates(pa.array(texts), threshold=THRESHOLD)


def run_datasketch(texts: list[str]) -> list[Pair]:
    """Return the pairs that share a bucket: the library's fastest hash, 16 bands of 8 rows, shared permutations."""
    index = MinHashLSH(num_perm=128, params=(16, 8))
    grams = ([gram.encode() for gram in shingles(text)] for text in fold(pa.array(texts)).to_pylist())
    pairs = []
    for i, sketch in enumerate(MinHash.generator(grams, num_perm=128, hashfunc=xxhash.xxh32_intdigest)):
        pairs += [(j, i) for j in index.query(sketch)]
        index.insert(i, sketch)
    return pairs


def timed(run: Callable[[list[str]], T], texts: list[str]) -> tuple[float, T]:
    """Return the median of the seconds of some runs, and the result."""
    seconds = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        result = run(texts)
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds), result


def recall_by_language(
    corpus: Corpus, folded: list[str], together: Callable[[int, int], bool]
) -> dict[str, list[bool]]:
    """Return for each language which of the true planted pairs were found."""
    found: dict[str, list[bool]] = defaultdict(list)
    for pair in corpus.planted:
        if similarity(folded, pair) >= THRESHOLD:
            found[corpus.languages[pair[0]]].append(together(*pair))
    return found


def precision(folded: list[str], links: list[Pair]) -> float:
    """Return the share of the links that are at or above the threshold."""
    return float(np.mean([similarity(folded, link) >= THRESHOLD for link in links]))


def report(name: str, seconds: float, corpus: Corpus, found: dict[str, list[bool]], exactness: float) -> None:
    """Print one line, and the languages in which something was missed."""
    hits = [hit for hits in found.values() for hit in hits]
    rate = len(corpus.texts) / seconds
    print(f"{name:<12}{seconds:>9.2f} s{rate:>10,.0f} docs/s")
    print(f"{'':<12}recall {np.mean(hits):.4f} of {len(hits):,} pairs, precision {exactness:.4f}")
    missed = [
        f"{language} {np.mean(hits):.3f} of {len(hits)}" for language, hits in sorted(found.items()) if not all(hits)
    ]
    print(f"{'':<12}recall below 1 in {len(missed)} of {len(found)} languages: {', '.join(missed)}")


def compare(corpus: Corpus) -> None:
    """Run both sides on one corpus."""
    folded = fold(pa.array(corpus.texts)).to_pylist()
    print(f"\n{len(corpus.texts):,} documents, mean {np.mean([len(text) for text in corpus.texts]):.0f} characters")
    ours, kept = timed(run_ours, corpus.texts)
    clusters = near_duplicate_clusters(corpus.texts, threshold=THRESHOLD)
    links = [(i, int(via)) for i, via in enumerate(clusters.via) if via != i]
    found = recall_by_language(corpus, folded, lambda i, j: bool(kept[i] == kept[j]))
    report("ours", ours, corpus, found, precision(folded, links))
    theirs, pairs = timed(run_datasketch, corpus.texts)
    known = set(pairs)
    found = recall_by_language(corpus, folded, lambda i, j: (min(i, j), max(i, j)) in known)
    report("datasketch", theirs, corpus, found, precision(folded, pairs))
    print(f"ours is {theirs / ours:.1f} times as fast")


def main() -> None:
    """Read the command line and compare at each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of Parquet files")
    parser.add_argument("--documents", type=int, nargs="+", default=[25_000], help="sizes of the corpora")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for count in options.documents:
        compare(make_corpus(options.data, count))


if __name__ == "__main__":
    main()

"""Decontamination on real text: false alarms and planted contamination by length, and speed.

    python benchmarks/decontaminate.py --pairs PAIRS.parquet --paragraphs DOCS.parquet --verses VERSES.parquet

PAIRS has the columns `english` and `text` (sentences and their translations in many languages), DOCS the column
`english` (paragraphs), VERSES the column `text`. A tenth of the English sentences, drawn by hash, and their
translations are the evaluation; the other pairs are the training data, so that none of it is contaminated. All
numbers but the speed are for every rule with no least length, by the letters of the evaluation text.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curation.config.model import Decontaminate
from curation.decontamination.index import Index, build_index
from curation.decontamination.match import Rule, find_matches
from curation.decontamination.sets import TEXTS_SCHEMA
from curation.decontamination.texts import distinct_texts
from curation.dedup.columns import folded
from curation.hashing import hash64

EDGES = (0, 10, 15, 20, 30, 40, 60, 100)
LENIENT = Decontaminate(near_min_letters=1, containment_min_letters=1)
BATCH = 16_384


def index_of(texts: Sequence[str], options: Decontaminate) -> Index:
    """Return the index of evaluation texts of one task."""
    count = len(texts)
    columns: dict[str, object] = {name: ["x"] * count for name in TEXTS_SCHEMA.names}
    columns |= {"row": list(range(count)), "text": list(texts)}
    return build_index(distinct_texts(pa.table(columns, schema=TEXTS_SCHEMA)), options)


def hits(index: Index, train: Sequence[str], rule: Rule) -> np.ndarray:
    """Return which evaluation texts a rule finds in the training texts."""
    found = np.zeros(len(index.texts), dtype=bool)
    column = folded(list(train))
    for begin in range(0, len(column), BATCH):
        matches = find_matches(column[begin : begin + BATCH], index, LENIENT, exact_min_letters=1)
        found[matches.text[matches.rule == rule]] = True
    return found


def detected(index: Index, texts: Sequence[str], make: Callable[[str], str]) -> np.ndarray:
    """Return which evaluation texts are found in what `make` makes of them, by the near or the containment rule."""
    found = np.zeros(len(index.texts), dtype=bool)
    column = folded([make(text) for text in texts])
    for begin in range(0, len(column), BATCH):
        matches = find_matches(column[begin : begin + BATCH], index, LENIENT, exact_min_letters=None)
        own = matches.text == matches.row + begin
        found[matches.text[own]] = True
    return found


def show(name: str, found: np.ndarray, index: Index) -> None:
    """Print the share of the texts of each length."""
    bucket = np.digitize(index.letters, EDGES) - 1
    shares = np.bincount(bucket[found], minlength=len(EDGES)) / np.bincount(bucket, minlength=len(EDGES))
    print(f"{name:<34}" + "".join(f"{share:>9.2%}" for share in shares))


def joined(texts: Sequence[str], size: int) -> list[str]:
    """Join paragraphs into texts of at least `size` characters."""
    result, current = [], ""
    for text in texts:
        current += text + " "
        if len(current) >= size:
            result.append(current)
            current = ""
    return result


def slips(text: str, step: int, generator: np.random.Generator) -> str:
    """Leave out, or replace by another of the text, every `step`-th character."""
    characters = list(text)
    for at in range(step // 2, len(text), step):
        characters[at] = "" if generator.random() < 0.5 else text[generator.integers(len(text))]
    return "".join(characters)


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("pairs", "paragraphs", "verses"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    given = parser.parse_args()
    english, other = (pq.read_table(given.pairs)[name].to_pylist() for name in ("english", "text"))
    held_out = hash64(english) % np.uint64(10) == 0
    evaluation = [text for column in (english, other) for text, out in zip(column, held_out, strict=True) if out]
    train = [text for column in (english, other) for text, out in zip(column, held_out, strict=True) if not out]
    paragraphs = list(dict.fromkeys(filter(None, pq.read_table(given.paragraphs)["english"].to_pylist())))
    verses = [text for text in pq.read_table(given.verses)["text"].to_pylist() if text]

    index = index_of(evaluation, LENIENT)
    counts = np.bincount(np.digitize(index.letters, EDGES) - 1, minlength=len(EDGES))
    print(f"{'letters from':<34}" + "".join(f"{edge:>9}" for edge in EDGES))
    print(f"{'evaluation texts':<34}" + "".join(f"{count:>9,}" for count in counts))
    for rule in Rule:
        show(f"by chance, {rule.name.lower()}", hits(index, train, rule), index)
    for size in (1_000, 20_000):
        show(f"by chance, contained in {size:,}", hits(index, joined(paragraphs, size), Rule.CONTAINED), index)

    generator = np.random.default_rng(7)
    texts = [evaluation[at] for at in index.texts.first]
    frames = [text for text in paragraphs if 80 < len(text) < 300]

    def framed(text: str) -> str:
        before, after = generator.integers(len(frames), size=2)
        return f"{frames[before]} {text} {frames[after]}"

    changes: dict[str, Callable[[str], str]] = {
        "planted with other punctuation": lambda text: text.rstrip(".!?。") + " !",
        "planted inside other text": framed,
        "planted, a slip in 30 characters": lambda text: slips(text, 30, generator),
        "planted inside, a slip in 30": lambda text: framed(slips(text, 30, generator)),
        "planted, the last 15 % cut off": lambda text: text[: int(len(text) * 0.85)],
    }
    for name, make in changes.items():
        show(name, detected(index, texts, make), index)

    options = Decontaminate()
    texts = (evaluation + verses[:: max(len(verses) // 84_000, 1)])[:100_000]
    begin = time.perf_counter()
    index = index_of(texts, options)
    print(f"\nindex of {len(index.texts):,} texts, {len(index.passages.codes):,} characters: ", end="")
    print(f"{time.perf_counter() - begin:.1f} s, {len(index.postings.passages):,} postings")
    rows = [text for pair in zip(english, other, strict=True) for text in pair]
    begin = time.perf_counter()
    column = folded(rows)
    for at in range(0, len(column), BATCH):
        find_matches(column[at : at + BATCH], index, options, exact_min_letters=15)
    took = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(english):,} pairs against it: {took:.2f} s, {len(english) / took:,.0f} a second; peak {peak:,.0f} MiB")


if __name__ == "__main__":
    main()

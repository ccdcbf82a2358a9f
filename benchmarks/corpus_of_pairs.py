"""Pairs to run a whole pipeline on, made of a folder of real text: the same bytes for the same folder and rows.

The folder holds `tatoeba/pairs.parquet` and `python-docs/paragraphs.parquet` (columns `language`, `text`, `english`)
and `bible/verses.parquet` (`language`, `verse`, `text`), whose verses become pairs with the Swahili one of their name.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

CONFIG = "config.yml"
_PIVOT = "swh"
_FILES = 4
_ROW_GROUP = 16_384
# Of a spaced text the words are shuffled, of any other pieces of this many characters.
_PIECE = 3


@dataclass(frozen=True, slots=True)
class Corpus:
    """One source of pairs, as it is written.

    Attributes:
        name: of the source.
        licence: of the source.
        query_language: language of all of its queries.
        files: how many files it is written as.
    """

    name: str
    licence: str
    query_language: str
    files: int


CORPORA = (
    Corpus("tatoeba", "CC-BY-2.0", "eng_Latn", 1),
    Corpus("python-docs", "PSF-2.0", "eng_Latn", 1),
    Corpus("bible", "CC0-1.0", "swh_Latn", _FILES),
)


def write_corpus(data: Path, folder: Path, rows: int | None = None) -> int:
    """Write sources of pairs and the config of a run over them; return the number of pairs.

    Args:
        data: folder of real text.
        folder: where the files go.
        rows: pairs wanted; every pair once if None. Fewer are spread evenly over the files. More are the same pairs
            again with the words of their sentences shuffled, so that they are no duplicates, while equal sentences
            stay equal.
    """
    pairs = {corpus: read_pairs(data, corpus) for corpus in CORPORA}
    total = sum(table.num_rows for table in pairs.values())
    wanted = total if rows is None else rows
    folder.mkdir(parents=True, exist_ok=True)
    left, all_left = wanted, total
    for corpus, table in pairs.items():
        share = round(left * table.num_rows / all_left)
        left, all_left = left - share, all_left - table.num_rows
        _write(corpus, table, folder, share)
    (folder / CONFIG).write_text(_config(), encoding="utf-8")
    return wanted


def read_pairs(data: Path, corpus: Corpus) -> pa.Table:
    """Return all pairs of a source, columns `language` (ISO 639-3, of `text`), `query` and `text`."""
    if corpus.name != "bible":
        name = {"tatoeba": "pairs", "python-docs": "paragraphs"}[corpus.name]
        table = pq.read_table(data / corpus.name / f"{name}.parquet", columns=["language", "english", "text"])
        return table.rename_columns(["language", "query", "text"])
    verses = pq.read_table(data / "bible" / "verses.parquet", columns=["language", "verse", "text"])
    pivot = verses.filter(pc.equal(verses["language"], _PIVOT))
    # Of a verse that is there twice the last one counts.
    known = dict(zip(pivot["verse"].to_pylist(), pivot["text"].to_pylist(), strict=True))
    others = verses.filter(pc.not_equal(verses["language"], _PIVOT))
    queries = pa.array([known.get(verse) for verse in others["verse"].to_pylist()], pa.string())
    table = pa.table({"language": others["language"], "query": queries, "text": others["text"]})
    return table.filter(pc.is_valid(table["query"]))


def _write(corpus: Corpus, table: pa.Table, folder: Path, rows: int) -> None:
    bounds = [number * rows // corpus.files for number in range(corpus.files + 1)]
    for number, (begin, end) in enumerate(itertools.pairwise(bounds)):
        with pq.ParquetWriter(folder / f"{corpus.name}-{number}.parquet", table.schema) as writer:
            for first in range(begin, end, _ROW_GROUP):
                for part in _rows(table, first, min(first + _ROW_GROUP, end), rows):
                    writer.write_table(part)


def _rows(table: pa.Table, begin: int, end: int, rows: int) -> Iterator[pa.Table]:
    """Yield rows `begin` to `end` of `rows` made of a table: evenly spread, or all of it again and again."""
    count = table.num_rows
    if rows <= count:
        yield table.take(pa.array([row * count // rows for row in range(begin, end)], pa.int64()))
        return
    for copy in range(begin // count, (end - 1) // count + 1):
        first, last = max(begin, copy * count), min(end, (copy + 1) * count)
        part = table.slice(first - copy * count, last - first)
        yield _shuffled(part, copy) if copy else part


def _shuffled(table: pa.Table, copy: int) -> pa.Table:
    columns = {"language": table["language"]}
    for name in ("query", "text"):
        columns[name] = pa.array([shuffle_words(text, copy) for text in table[name].to_pylist()], pa.string())
    return pa.table(columns, schema=table.schema)


def shuffle_words(text: str, copy: int) -> str:
    """Return the words of a text in an order that depends on the text and on which copy of it this is."""
    words, space = text.split(), " "
    if len(words) < max(2, len(text) / 20):
        words, space = [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)], ""
    seed = hashlib.blake2b(f"{copy} {text}".encode(), digest_size=8).digest()
    random.Random(seed).shuffle(words)
    return space.join(words)


def _config() -> str:
    """Return the config of a run without teacher and gate."""
    sources = "\n".join(
        f"""  - name: {corpus.name}
    format: parquet
    path: {corpus.name}-*.parquet
    licence: {corpus.licence}
    task: bitext
    query_language: {corpus.query_language}
    positive_language: {{column: language}}
    columns: {{query: query, positive: text}}"""
        for corpus in CORPORA
    )
    return f"name: pairs\nsources:\n{sources}\ngate: {{enabled: false}}\nmining: {{enabled: false}}\n"

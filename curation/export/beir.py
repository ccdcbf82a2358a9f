"""The view for BEIR and what reads its layout: a retrieval task a language, from the held-out splits."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from curation.export.names import counted
from curation.export.pieces import read_pieces
from curation.export.plan import Dataset, Plan
from curation.export.sinks import Write, check_file, open_sink
from curation.export.target import Written
from curation.export.texts import column, passage_ids, query_ids
from curation.files import write_text

CORPUS = "corpus.jsonl"
QUERIES = "queries.jsonl"

_CORPUS_SCHEMA = pa.schema([("_id", pa.string()), ("title", pa.string()), ("text", pa.string())])
_QUERY_SCHEMA = pa.schema([("_id", pa.string()), ("text", pa.string())])
_HEADER = "query-id\tcorpus-id\tscore"


def write(plan: Plan, folder: Path) -> Written:
    """Write {language}/corpus.jsonl, queries.jsonl and qrels/{split}.tsv for each language with held-out rows.

    The corpus is every passage, positive or negative, of all splits. A text stands in it once: the digests of the
    texts of one language are held in memory, at some 100 bytes a distinct text.
    """
    files: dict[str, int | None] = {}
    rows: Counter[Dataset] = Counter()
    languages = list(dict.fromkeys(dataset.language for dataset in plan.exported))
    for language in languages:
        files |= _write_language(plan, folder / language, language, rows)
    others = {dataset.language for dataset in plan.datasets} - set(languages)
    left_out = counted(len(others), "language")
    warning = f"{left_out} without held-out rows, and so without a folder: {', '.join(sorted(others))}"
    return Written(files, dict(rows), (warning,) if others else ())


class _Texts:
    """A file in which every text stands once."""

    def __init__(self, sink: Write, schema: pa.Schema) -> None:
        self._sink, self._schema = sink, schema
        self._seen: set[bytes] = set()

    @property
    def count(self) -> int:
        return len(self._seen)

    def add(self, ids: pa.Array, texts: pa.Array) -> None:
        """Write those of n texts that have not been written yet."""
        digests = [bytes.fromhex(each[1:]) for each in ids.to_pylist()]
        fresh = [self._is_new(digest) for digest in digests]
        columns = {"_id": ids, "title": pa.repeat(pa.scalar(""), len(ids)), "text": texts}
        table = pa.table([columns[name] for name in self._schema.names], schema=self._schema)
        self._sink(table.filter(pa.array(fresh, pa.bool_())))

    def _is_new(self, digest: bytes) -> bool:
        before = len(self._seen)
        self._seen.add(digest)
        return len(self._seen) > before


def _write_language(plan: Plan, folder: Path, language: str, rows: Counter[Dataset]) -> dict[str, int | None]:
    qrels: dict[str, dict[tuple[str, str], None]] = {}
    names = ["positive", *(f"negative_{number}" for number in range(1, plan.num_negatives + 1))]
    with contextlib.ExitStack() as stack:
        corpus = _Texts(stack.enter_context(open_sink(folder / CORPUS, _CORPUS_SCHEMA)), _CORPUS_SCHEMA)
        queries = _Texts(stack.enter_context(open_sink(folder / QUERIES, _QUERY_SCHEMA)), _QUERY_SCHEMA)
        for dataset, piece in _first_copies(plan, language, ["anchor", *names]):
            _add_passages(corpus, piece, names)
            if dataset.split in plan.splits:
                rows[dataset] += piece.num_rows
                judged = _add_queries(queries, piece)
                qrels.setdefault(dataset.split, {}).update(dict.fromkeys(judged))
    check_file(folder / CORPUS, _CORPUS_SCHEMA, corpus.count)
    check_file(folder / QUERIES, _QUERY_SCHEMA, queries.count)
    for split, pairs in qrels.items():
        lines = (f"{query}\t{passage}\t1" for query, passage in pairs)
        write_text(folder / "qrels" / f"{split}.tsv", "\n".join([_HEADER, *lines]) + "\n")
    files: dict[str, int | None] = {f"{language}/{CORPUS}": corpus.count, f"{language}/{QUERIES}": queries.count}
    return files | {f"{language}/qrels/{split}.tsv": len(pairs) for split, pairs in qrels.items()}


def _first_copies(plan: Plan, language: str, columns: Sequence[str]) -> Iterator[tuple[Dataset, pa.Table]]:
    for split in [split for found, split in plan.parts if found == language]:
        for dataset, piece in read_pieces(plan, language, split, [*columns, "copy"]):
            repeated = "copy" in piece.column_names
            yield dataset, piece.filter(pc.equal(piece["copy"], 0)) if repeated else piece


def _add_passages(corpus: _Texts, piece: pa.Table, names: Sequence[str]) -> None:
    for name in names:
        texts = column(piece, name)
        corpus.add(passage_ids(texts), texts)


def _add_queries(queries: _Texts, piece: pa.Table) -> Iterator[tuple[str, str]]:
    texts, passages = column(piece, "anchor"), column(piece, "positive")
    ids = query_ids(texts)
    queries.add(ids, texts)
    return zip(ids.to_pylist(), passage_ids(passages).to_pylist(), strict=True)

"""Records of a release, made from real text as a run would make them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.hashing import priority
from curation.quota.selection import RANK
from curation.records import RAW_SCHEMA, make_records

# Of each source's part of a language, this share of rows is what a later version appends.
LATER = 0.05
# Column of the records that says whether a row is one of those; no release is written with it.
IS_LATER = "is_later"

_SCRIPTS = {"jpn": "Jpan"}


def read_corpus(folder: Path, negatives: int, languages: int | None, cache: Path) -> pa.Table:
    """Return the records of all sources, in the order of their ids, which is what the sink is given.

    Args:
        folder: holds `tatoeba/pairs.parquet`, `bible/verses.parquet` and `python-docs/paragraphs.parquet`.
        negatives: negatives of each record: positives of its language, drawn by hash among what is not `IS_LATER`.
        languages: so many of the languages with the most text are kept; all if None.
        cache: folder that keeps the records.
    """
    file = cache / f"records-{negatives}-{languages}.arrow"
    if not file.exists():
        records = pa.concat_tables([_tatoeba(folder), _bible(folder), _python_docs(folder)])
        records = _largest(records, languages)
        records = _as_mined(_as_scored(_deduplicated(records)), negatives)
        with pa.OSFile(str(file), "wb") as stream, pa.ipc.new_file(stream, records.schema) as writer:
            writer.write_table(records)
    with pa.OSFile(str(file)) as stream:
        return pa.ipc.open_file(stream).read_all()


def text_bytes(records: pa.Table) -> int:
    """Return the bytes of text in queries, positives and negatives."""
    texts = [records["query"], records["positive"], *(chunk.flatten() for chunk in records["negatives"].chunks)]
    return sum(pc.sum(pc.binary_length(text).cast(pa.int64())).as_py() or 0 for text in texts)


def _tatoeba(folder: Path) -> pa.Table:
    rows = pq.read_table(folder / "tatoeba" / "pairs.parquet")
    return _records("tatoeba", "bitext", rows["language"], rows["english"], rows["text"], "pairs.tsv")


def _bible(folder: Path) -> pa.Table:
    """Pair each verse with the one that follows it in its translation."""
    rows = pq.read_table(folder / "bible" / "verses.parquet")
    here, there = rows.slice(0, rows.num_rows - 1), rows.slice(1)
    together = pc.equal(here["translation"], there["translation"]).combine_chunks()
    here, there = here.filter(together), there.filter(together)
    files = pc.binary_join_element_wise(here["translation"], "tsv", ".")
    return _records("bible", "retrieval", here["language"], here["text"], there["text"], files)


def _python_docs(folder: Path) -> pa.Table:
    rows = pq.read_table(folder / "python-docs" / "paragraphs.parquet")
    files = pc.binary_join_element_wise(rows["language"], rows["document"], "/")
    return _records("python-docs", "bitext", rows["language"], rows["english"], rows["text"], files)


def _records(
    source: str,
    task: str,
    languages: pa.ChunkedArray,
    queries: pa.ChunkedArray,
    positives: pa.ChunkedArray,
    files: pa.ChunkedArray | str,
) -> pa.Table:
    count = len(queries)
    codes = pa.array([f"{code}_{_SCRIPTS.get(code, 'Latn')}" for code in languages.to_pylist()])
    english = pa.repeat(pa.scalar("eng_Latn"), count)
    names = pa.repeat(pa.scalar(files), count) if isinstance(files, str) else files
    raw = pa.table(
        {
            "query": queries,
            "positive": positives,
            "negatives": pa.array([[]] * count, pa.list_(pa.string())),
            "query_language": english if task == "bitext" else codes,
            "positive_language": codes,
            "label": pa.repeat(pa.scalar(""), count),
            "document": pa.repeat(pa.scalar(""), count),
            "file": names,
            "row": np.arange(count) - _starts(names),
        },
        schema=RAW_SCHEMA,
    ).filter(pc.and_(pc.greater(pc.binary_length(queries), 0), pc.greater(pc.binary_length(positives), 0)))
    # A record batch at a time, as a run does it.
    made = (make_records(b, source=source, licence="CC-BY-4.0", task=task, pivot="eng_Latn") for b in raw.to_batches())
    return pa.concat_tables(made)


def _starts(files: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return for each row the place of the first row of its file; files come one after the other."""
    codes = pa.chunked_array([files] if isinstance(files, pa.Array) else files.chunks).combine_chunks()
    numbers = codes.dictionary_encode().indices.to_numpy()
    first = np.flatnonzero(np.diff(numbers, prepend=-1))
    return np.repeat(first, np.diff([*first, len(numbers)]))


def _largest(records: pa.Table, languages: int | None) -> pa.Table:
    if languages is None:
        return records
    sizes = records.select(["language"]).append_column("bytes", pc.binary_length(records["positive"]))
    sums = sizes.group_by("language").aggregate([("bytes", "sum")]).sort_by([("bytes_sum", "descending")])
    return records.filter(pc.is_in(records["language"], sums["language"].slice(0, languages).combine_chunks()))


def _deduplicated(records: pa.Table) -> pa.Table:
    ordered = records.sort_by("id").combine_chunks()
    ids = ordered["id"].combine_chunks()
    return ordered.filter(pa.concat_arrays([pa.array([True]), pc.not_equal(ids[1:], ids[:-1])]))


def _as_scored(records: pa.Table) -> pa.Table:
    """Add what the stages identify, score, split and balance add; confidences are drawn by hash."""
    for side in ("query", "positive"):
        drawn = priority(records["id"].to_pylist(), side, 0).astype(np.float64) / 2**64
        records = records.append_column(f"{side}_lid_score", pa.array((1 - drawn**4).astype(np.float32)))
    records = records.append_column("filter_scores", _scores(records))
    records = records.append_column("split", pa.repeat(pa.scalar("train"), records.num_rows))
    later = np.zeros(records.num_rows, dtype=bool)
    for rows in _by_part(records):
        later[rows[len(rows) - round(len(rows) * LATER) :]] = True
    return records.append_column(IS_LATER, pa.array(later))


def _scores(records: pa.Table) -> pa.StructArray:
    """Return scores of the kind that filters give: a few of each side and one of the pair."""
    chars = {side: pc.utf8_length(records[side]).combine_chunks().cast(pa.float32()) for side in ("query", "positive")}
    sides = {}
    for side, count in chars.items():
        parts = {"chars": count, "bytes_per_char": pc.divide(pc.binary_length(records[side]).combine_chunks(), count)}
        for name, pattern in (("spaces", " "), ("commas", ","), ("vowels", "e")):
            parts[name] = pc.divide(pc.count_substring(records[side], pattern).combine_chunks(), count)
        arrays = [array.cast(pa.float32()) for array in parts.values()]
        sides[side] = pa.StructArray.from_arrays(arrays, names=list(parts))
    ratio = pc.divide(chars["positive"], chars["query"])
    sides["pair"] = pa.StructArray.from_arrays([ratio], names=["length_ratio"])
    return pa.StructArray.from_arrays(list(sides.values()), names=list(sides))


def _by_part(records: pa.Table) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the rows of each source's part of a language, in the order in which they were read."""
    keys = [(name, "ascending") for name in ("source", "language", "file", "row")]
    order = pc.sort_indices(records.select([name for name, _ in keys]), keys).to_numpy()
    names = pc.binary_join_element_wise(records["source"], records["language"], "\n").combine_chunks()
    numbers = names.dictionary_encode().indices.to_numpy()[order]
    yield from np.split(order, np.flatnonzero(np.diff(numbers)) + 1)


def _as_mined(records: pa.Table, negatives: int) -> pa.Table:
    """Give each record negatives of its language, with ids and scores, as lists of large strings."""
    chosen = np.empty((records.num_rows, negatives), dtype=np.int64)
    languages = records["language"].combine_chunks().dictionary_encode().indices.to_numpy()
    later = records[IS_LATER].to_numpy()
    scores = np.empty((records.num_rows, negatives), dtype=np.float32)
    ids = records["id"].to_pylist()
    drawn = np.stack([priority(ids, f"negative {k}", 0) for k in range(negatives)], axis=1)
    for language in np.unique(languages):
        rows = np.flatnonzero(languages == language)
        pool = rows[~later[rows]]
        chosen[rows] = pool[(drawn[rows] % np.uint64(len(pool))).astype(np.int64)]
    scores[:] = (drawn >> np.uint64(40)).astype(np.float32) / 2**24
    offsets = pa.array(np.arange(0, chosen.size + 1, negatives, dtype=np.int32))
    positives = records["positive"].combine_chunks().cast(pa.large_string())
    lists = pa.ListArray.from_arrays(offsets, positives.take(pa.array(chosen.ravel())))
    records = records.set_column(records.schema.get_field_index("negatives"), "negatives", lists)
    named = {
        "negative_ids": records["id"].combine_chunks().take(pa.array(chosen.ravel())),
        "negative_scores": pa.array(-np.sort(-scores, axis=1).ravel()),
    }
    for name, values in named.items():
        records = records.append_column(name, pa.ListArray.from_arrays(offsets, values))
    return records.append_column("teacher", pa.repeat(pa.scalar("lexical"), records.num_rows))


def with_ranks(records: pa.Table) -> pa.Table:
    """Return the records of a version with the rank that each has in its language's quota, and without `IS_LATER`."""
    drawn = priority(records["id"].to_pylist(), "balance", 0)
    languages = records["language"].combine_chunks().dictionary_encode().indices.to_numpy()
    order = np.lexsort((drawn, languages))
    ranks = np.empty(len(order), dtype=np.int64)
    ordered = languages[order]
    ranks[order] = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    return records.drop_columns([IS_LATER]).append_column(RANK, pa.array(ranks))

"""Components of real records by each kind of key, what the splits become, and what the stage costs.

    python -m benchmarks.splits DATA            # DATA holds tatoeba/, bible/ and python-docs/
    python -m benchmarks.splits --records DIR   # records/ of a finished stage in a work folder, for example near_dedup
    python -m benchmarks.splits --stars 10000000

Each world is measured in a process of its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.config.model import Dedup, Split
from curation.grouping import linking, merge_sizes
from curation.hashing import hash64
from curation.records import RAW_SCHEMA, make_records
from curation.split import assign_splits, describe_components
from pipelines.graph import Group, NearDedup
from pipelines.stages import LinkStage
from pipelines.tasks import link_round, start_links

PARTITIONS = 4
DEDUP = Dedup()


def to_records(
    source: str, queries: pa.Array, positives: pa.Array, languages: pa.Array, documents: pa.Array
) -> pa.Table:
    """Return translations as records, as if all were from English."""
    count = len(queries)
    empty = pa.repeat(pa.scalar(""), count)
    columns = {
        "query": queries,
        "positive": positives,
        "negatives": pa.array([[]] * count, pa.list_(pa.string())),
        "query_language": pa.repeat(pa.scalar("eng_Latn"), count),
        "positive_language": languages,
        "label": empty,
        "document": documents,
        "file": empty,
        "row": pa.array(range(count), pa.int64()),
    }
    raw = pa.table({name: columns[name] for name in RAW_SCHEMA.names}, schema=RAW_SCHEMA)
    records = make_records(raw, source=source, licence="CC0-1.0", task="bitext", pivot="eng_Latn")
    first = np.unique(records["id"].to_numpy(), return_index=True)[1]
    records = records.take(pa.array(first))
    return records.filter(pc.and_(pc.not_equal(records["query"], ""), pc.not_equal(records["positive"], "")))


def sentences(data: Path) -> pa.Table:
    """Return Tatoeba's pairs."""
    table = pq.read_table(data / "tatoeba" / "pairs.parquet").combine_chunks()
    nothing = pa.repeat(pa.scalar(""), table.num_rows)
    return to_records("tatoeba", *(_one(table, name) for name in ("english", "text", "language")), nothing)


def paragraphs(data: Path, *, documents: bool) -> pa.Table:
    """Return the translated paragraphs of Python's documentation."""
    table = pq.read_table(data / "python-docs" / "paragraphs.parquet").combine_chunks()
    names = _one(table, "document") if documents else pa.repeat(pa.scalar(""), table.num_rows)
    return to_records("docs", *(_one(table, name) for name in ("english", "text", "language")), names)


def verses(data: Path, *, documents: bool) -> pa.Table:
    """Return the verses of all translations with the Swahili one; a chapter is a document."""
    table = pq.read_table(data / "bible" / "verses.parquet").combine_chunks()
    swahili = table.filter(pc.equal(table["language"], "swh"))
    places = pc.index_in(table["verse"], swahili["verse"].combine_chunks())
    kept = pc.and_(pc.is_valid(places), pc.not_equal(table["language"], "swh"))
    table, places = table.filter(kept), places.filter(kept)
    chapters = pc.replace_substring_regex(_one(table, "verse"), r"\.\d+$", "")
    names = chapters if documents else pa.repeat(pa.scalar(""), table.num_rows)
    queries = _one(swahili, "text").take(places.combine_chunks())
    return to_records("bible", queries, _one(table, "text"), _one(table, "language"), names)


def _one(table: pa.Table, name: str) -> pa.Array:
    column = table[name]
    return (column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column).cast(pa.string())


def run(stage: LinkStage, records: pa.Table) -> tuple[pa.Table, float]:
    """Run a link stage over partitions in this process; return what goes on, and the seconds."""
    began = time.perf_counter()
    parts = [
        records.take(pa.array(range(home, records.num_rows, PARTITIONS), pa.int64())) for home in range(PARTITIONS)
    ]
    sent = _gathered([list(start_links(stage, part, home, PARTITIONS)) for home, part in enumerate(parts)])
    for number in range(len(stage.rounds(0, PARTITIONS))):
        done = [list(link_round(stage, number, sent[h], parts[h], h, PARTITIONS)) for h in range(PARTITIONS)]
        sent = _gathered(done)
    found = [
        stage.finish(parts[home], pa.concat_tables(sent[home]).combine_chunks(), None) for home in range(PARTITIONS)
    ]
    return pa.concat_tables([outcome.records for outcome in found]), time.perf_counter() - began


def _gathered(pieces: list[list[tuple[int, pa.Table]]]) -> list[list[pa.Table]]:
    sent: list[list[pa.Table]] = [[] for _ in range(PARTITIONS)]
    for found in pieces:
        for partition, rows in found:
            sent[partition].append(rows)
    return sent


def show(name: str, records: pa.Table) -> None:
    """Print the figures of one world."""
    options = Split()
    print(f"{name}: {records.num_rows:,} records")
    for threshold, what in ((None, "equal texts"), (DEDUP.threshold, "and near duplicates")):
        stage = Group(threshold)
        run(stage, records.slice(0, 100))
        grouped, seconds = run(stage, records)
        sizes = merge_sizes([stage.tally(grouped)])
        said = describe_components(sizes, options)
        split = assign_splits(grouped, options, sizes, seed=0)
        print(f"  {what}: {seconds:.2f} s; {said}")
        print("    largest", sizes.sort_by([("size", "descending")]).slice(0, 5).to_pylist())
        _show_shares(split)
    near = NearDedup(DEDUP, dict.fromkeys(pc.unique(records["source"]).to_pylist(), 50))
    run(near, records.slice(0, 100))
    print(f"  near_dedup by pair takes {run(near, records)[1]:.2f} s")
    print(f"  peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")


def _show_shares(split: pa.Table) -> None:
    test = pc.equal(split["split"], "test").cast(pa.int64())
    counted = pa.table({"language": split["language"], "test": test, "rows": pa.repeat(1, split.num_rows)})
    table = counted.group_by("language").aggregate([("test", "sum"), ("rows", "sum")])
    shares = np.sort((table["test_sum"].to_numpy() / table["rows_sum"].to_numpy())[table["rows_sum"].to_numpy() >= 200])
    quantiles = np.quantile(shares, [0, 0.1, 0.5, 0.9, 1]).round(3).tolist() if len(shares) else []
    whole = pc.sum(test).as_py() / split.num_rows
    print(f"    test {whole:.4f}; of {len(shares)} languages with 200 records, least to greatest: {quantiles}")


def stars(count: int) -> None:
    """Print what `decide` takes for so many connected nodes at random."""
    rng = np.random.default_rng(0)
    names = hash64(map(str, range(count)))
    ends = rng.integers(0, count, size=(2, count))
    # A node is named by the least one of its forest, which has a row of its own.
    least = np.minimum(names[ends[0]], names[ends[1]])
    one = np.ones(2 * count, dtype=np.uint32)
    nodes = np.concatenate([least, np.maximum(names[ends[0]], names[ends[1]])])
    columns = {"to": one - 1, "name": np.tile(least, 2), "node": nodes, "home": one - 1, "size": one}
    rows = pa.table(columns, schema=linking.NODES)
    del names, ends, least, one, nodes, columns
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    linking.decide(rows, pa.table({}))
    taken = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / rows.num_rows
    own = rows.nbytes / rows.num_rows
    print(f"{rows.num_rows:,} rows: {time.perf_counter() - began:.1f} s, {taken:.0f} bytes each beyond {own:.0f}")


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--records", type=Path)
    parser.add_argument("--stars", type=int)
    arguments = parser.parse_args()
    if arguments.stars:
        stars(arguments.stars)
    for name, world in worlds(arguments.data, arguments.records).items():
        process = multiprocessing.get_context("fork").Process(target=lambda n=name, w=world: show(n, w()))
        process.start()
        process.join()


def worlds(data: Path | None, folder: Path | None) -> dict[str, Callable[[], pa.Table]]:
    """Return what to measure by name."""
    found: dict[str, Callable[[], pa.Table]] = {}
    if folder is not None:
        parts = [pa.ipc.open_file(path).read_all() for path in sorted(folder.iterdir())]
        found[folder.parent.name] = lambda: pa.concat_tables(parts).combine_chunks()
    if data is not None:
        found["sentences"] = lambda: sentences(data)
        found["paragraphs"] = lambda: paragraphs(data, documents=False)
        found["paragraphs with documents"] = lambda: paragraphs(data, documents=True)
        found["both"] = lambda: pa.concat_tables([sentences(data), paragraphs(data, documents=False)])
        found["verses"] = lambda: verses(data, documents=False)
        found["verses with chapters"] = lambda: verses(data, documents=True)
    return found


if __name__ == "__main__":
    main()

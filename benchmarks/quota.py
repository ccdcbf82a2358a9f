"""Quotas: how long 2,000 languages x 200 sources take, how exact they are, and what growth changes.

    python benchmarks/quota.py --data FOLDER [--runs 3]

FOLDER has tatoeba/pairs.parquet with the columns `language`, `text` and `english`. Growth is measured on its records:
ids are hashes of the texts, quotas and selection are those of a run. The peer is what a notebook does instead: a random
sample of each language, drawn again for every version (numpy's generator, one seed).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curation.config.balance import Balance
from curation.hashing import content_id
from curation.quota import allocate
from curation.quota.cells import CELLS_SCHEMA
from curation.quota.counts import count_rows, plan_quota
from curation.quota.plan import plan
from curation.quota.selection import lots, rank_lots, select_rows

LANGUAGES, SOURCES = 2_000, 200
SHARE = 0.3


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    _allocation(arguments.runs)
    _unimax()
    _growth(pq.read_table(arguments.data / "tatoeba" / "pairs.parquet"))


def _allocation(runs: int) -> None:
    rows = np.random.default_rng(1).integers(1, 10**6, LANGUAGES * SOURCES)
    cells = pa.table(
        [
            pa.array(np.repeat([f"l{n:04}_Latn" for n in range(LANGUAGES)], SOURCES)),
            pa.array(np.tile(["retrieval", "bitext"], LANGUAGES * SOURCES // 2)),
            pa.array(np.tile([f"s{n:03}" for n in range(SOURCES)], LANGUAGES)),
            pa.array(rows),
            pa.array(rows),
        ],
        schema=CELLS_SCHEMA,
    )
    print(f"{LANGUAGES:,} languages x {SOURCES} sources: seconds of processor time, median of {runs}")
    for name, options in (
        ("temperature 0.3", Balance(budget=10**9)),
        ("all bounds", Balance(budget=10**9, floor=1000, cap=10**7, max_source_share=SHARE)),
        ("unimax, 4 epochs", Balance(budget=10**9, method="unimax", max_epochs=4, max_source_share=SHARE)),
    ):
        spent = []
        for _ in range(runs):
            started = time.process_time()
            found = plan(cells, options)
            spent.append(time.process_time() - started)
        exact = int(found["given"].to_numpy().sum()) == 10**9
        print(f"  {name:<18} {median(spent):6.2f} s   sum exact: {exact}   goal 1 s: {_verdict(median(spent) <= 1.0)}")


def _unimax() -> None:
    """Compare with the paper's Algorithm 1 in real numbers, on sizes like those of mC4 (four orders of magnitude)."""
    available = {f"l{n:03}": int(10 ** (3 + 5 * n / 281)) for n in range(282)}
    furthest = Fraction(0)
    for epochs in (1, 4):
        budget = sum(available.values()) // 3
        given = allocate(available, budget, method="unimax", max_epochs=epochs)
        left = Fraction(budget)
        for place, language in enumerate(sorted(available, key=available.__getitem__)):
            share = min(Fraction(epochs * available[language]), left / (len(available) - place))
            left -= share
            furthest = max(furthest, abs(share - given[language]))
    print(f"UniMax, 282 languages: at most {float(furthest):.3f} rows from Algorithm 1: {_verdict(furthest < 1)}")


def _growth(pairs: pa.Table) -> None:
    options = Balance(budget=40_000, temperature=0.3)
    rows = pairs.num_rows
    parts = np.random.default_rng(7).permutation(rows)
    held_back = np.zeros(rows, dtype=bool)
    held_back[parts[: rows // 21]] = True
    first, grown = _records(pairs.filter(pa.array(~held_back))), _records(pairs)
    rare = set(pairs["language"].value_counts().field("values").to_pylist()[:1])
    without = _records(pairs.filter(pa.array([code not in rare for code in pairs["language"].to_pylist()])))
    print(f"Growth: budget {options.budget:,} of {rows:,} pairs in {len(set(pairs['language'].to_pylist()))} languages")
    for name, select in (("hash priority", _ours), ("drawn again", _drawn)):
        before, after = select(first, options), select(grown, options)
        changed = len(set(after) - set(before)) / len(after)
        print(
            f"  5 % more records, {name:<14} {changed:6.1%} of the release is new   "
            f"goal 6 %: {_verdict(changed <= 0.06)}"
        )
    for name, select in (("hash priority", _ours), ("drawn again", _drawn)):
        before, after = select(without, options), select(grown, options)
        moved = sum(after[each] not in rare for each in set(after) - set(before))
        print(f"  one language more, {name:<13} {moved:,} rows of other languages that were not there before")


def _records(pairs: pa.Table) -> pa.Table:
    texts = zip(*(pairs[name].to_pylist() for name in ("language", "text", "english")), strict=True)
    ids = pa.array([content_id(*each) for each in texts])
    table = (
        pa.table({"id": ids, "language": pairs["language"]})
        .group_by("id", use_threads=False)
        .aggregate([("language", "first")])
    )
    count = table.num_rows
    constants = {"task": "bitext", "source": "tatoeba", "split": "train", "file": "f", "query": "", "positive": ""}
    columns = {name: pa.repeat(pa.scalar(value), count) for name, value in constants.items()}
    languages = table["language_first"]
    columns |= {"language": languages, "positive_language": languages, "row": pa.array(np.arange(count))}
    return pa.table({"id": table["id"], **columns})


def _ours(records: pa.Table, options: Balance) -> Mapping[str, str]:
    ranked = rank_lots(lots(records, seed=0))
    kept = select_rows(records, ranked, plan_quota(count_rows(records), options)).records
    return dict(zip(kept["id"].to_pylist(), kept["language"].to_pylist(), strict=True))


def _drawn(records: pa.Table, options: Balance) -> Mapping[str, str]:
    quota = plan_quota(count_rows(records), options)
    given = dict(zip(quota["language"].to_pylist(), quota["given"].to_pylist(), strict=True))
    languages, ids = np.array(records["language"].to_pylist()), np.array(records["id"].to_pylist())
    random = np.random.default_rng(0)
    kept: dict[str, str] = {}
    for language, count in given.items():
        kept |= dict.fromkeys(random.choice(ids[languages == language], count, replace=False).tolist(), language)
    return kept


def _verdict(reached: object) -> str:
    return "reached" if reached else "missed"


if __name__ == "__main__":
    main()

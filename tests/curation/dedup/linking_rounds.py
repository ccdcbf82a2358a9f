"""The rounds of near deduplication, done in this process over any number of partitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import pyarrow as pa

from curation.config.model import Dedup
from curation.dedup import linking
from curation.dedup.stage import apply_verdicts
from curation.outcome import Outcome

_GIVEN = {
    "meet": ("home",),
    "describe": ("options", "home", "partitions"),
    "pair_up": ("options",),
    "show": ("options", "home", "trust"),
    "verify": ("options", "home", "trust"),
    "decide": ("options", "partitions"),
}


def drop_near_duplicates(records: pa.Table, options: Dedup, *, trust: Mapping[str, int], cut: int = 1) -> Outcome:
    parts = [records.take(pa.array(range(home, records.num_rows, cut), pa.int64())) for home in range(cut)]
    outcomes = link(parts, options, trust)
    kept = pa.concat_tables([outcome.records for outcome in outcomes])
    order = [("id", "ascending"), ("file", "ascending"), ("row", "ascending")]
    return Outcome(kept.sort_by(order), pa.concat_tables([outcome.ledger for outcome in outcomes]).sort_by("id"))


def link(parts: Sequence[pa.Table], options: Dedup, trust: Mapping[str, int]) -> list[Outcome]:
    count = len(parts)
    sent = [linking.band_rows(part, options, home=home, partitions=count) for home, part in enumerate(parts)]
    for name in ("meet", "describe", "pair_up", "show", "verify", "decide"):
        sent = [_work(name, _for(sent, home), parts[home], options, trust, home, count) for home in range(count)]
    return [apply_verdicts(part, _for(sent, home), options) for home, part in enumerate(parts)]


def _for(sent: Sequence[pa.Table], home: int) -> pa.Table:
    rows = pa.concat_tables(sent)
    return rows.filter(pa.array(rows.column("to").to_numpy() == home)).combine_chunks()


def _work(
    name: str, rows: pa.Table, records: pa.Table, options: Dedup, trust: Mapping[str, int], home: int, count: int
) -> pa.Table:
    given = {"options": options, "home": home, "partitions": count, "trust": trust}
    return partial(getattr(linking, name), **{key: given[key] for key in _GIVEN[name]})(rows, records)

"""The rounds of both kinds of deduplication, done in this process over any number of partitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import pyarrow as pa
from keyed_rounds import in_turns, joined, judge_together

from curation.config.model import Dedup
from curation.dedup import linking, verdicts
from curation.dedup.exact import exact_rows, judge_exact, merge_exact
from curation.dedup.stage import apply_verdicts
from curation.outcome import Outcome

_ROUNDS = (
    (linking.meet, ("home",)),
    (linking.describe, ("options", "home", "partitions")),
    (linking.pair_up, ("options",)),
    (linking.show, ("options", "home")),
    (verdicts.verify, ("options", "home")),
    (verdicts.join, ("home",)),
    (verdicts.rank, ("options", "partitions", "trust")),
    (verdicts.choose, ("options", "partitions")),
)


_DIGEST = ("key", "digest")


def drop_exact_duplicates(records: pa.Table, options: Dedup, *, trust: Mapping[str, int], cut: int = 1) -> Outcome:
    parts = in_turns(records, cut)
    judged = judge_together(parts, partial(exact_rows, options=options, trust=trust), judge_exact)
    return joined([merge_exact(part, found, options) for part, found in zip(parts, judged, strict=True)])


def drop_near_duplicates(records: pa.Table, options: Dedup, *, trust: Mapping[str, int], cut: int = 1) -> Outcome:
    return joined(link(in_turns(records, cut), options, trust))


def exact_digests(records: pa.Table, options: Dedup, trust: Mapping[str, int]) -> list[str]:
    rows = exact_rows(records, options, trust=trust)
    return [f"{key:016x}{digest:016x}" for key, digest in zip(*(rows[n].to_pylist() for n in _DIGEST), strict=True)]


def link(parts: Sequence[pa.Table], options: Dedup, trust: Mapping[str, int]) -> list[Outcome]:
    count = len(parts)
    sent = [linking.band_rows(part, options, home=home, partitions=count) for home, part in enumerate(parts)]
    for work, names in _ROUNDS:
        given = {"options": options, "partitions": count, "trust": trust}
        sent = [
            work(_for(sent, home), parts[home], **{name: (given | {"home": home})[name] for name in names})
            for home in range(count)
        ]
    return [apply_verdicts(part, _for(sent, home), options) for home, part in enumerate(parts)]


def _for(sent: Sequence[pa.Table], home: int) -> pa.Table:
    rows = pa.concat_tables(sent)
    return rows.filter(pa.array(rows.column("to").to_numpy() == home)).combine_chunks()

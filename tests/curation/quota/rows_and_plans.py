"""Records and plans for the tests of quotas."""

from __future__ import annotations

from functools import partial

import pyarrow as pa
from keyed_rounds import in_turns, joined, judge_together

from curation.hashing import content_id
from curation.quota.plan import PLAN_SCHEMA
from curation.quota.selection import lots, preselect_rows, rank_lots, select_rows
from curation.records import RECORD_SCHEMA

SCHEMA = RECORD_SCHEMA.append(pa.field("split", pa.string(), nullable=False))


def records(rows):
    """Build records from (id, language, split[, source])."""
    kinds = {"string": "", "int64": 0}
    blank = {field.name: kinds.get(str(field.type), []) for field in SCHEMA}
    blank |= {"query": "q", "positive": "p", "task": "bitext", "source": "s"}
    names = ("id", "language", "split", "source")
    return pa.Table.from_pylist([blank | dict(zip(names, row, strict=False)) for row in rows], schema=SCHEMA)


def many(count, language="swh_Latn", split="train", start=0, source="s"):
    return [(content_id(language, split, source, str(n)), language, split, source) for n in range(start, start + count)]


def quota(**given):
    """Build a plan from languages, or languages and sources joined by `__`, with what each is given of 1,000 rows."""
    rows = []
    for name, count in given.items():
        language, _, source = name.partition("__")
        row = {"language": language, "task": "bitext", "source": source or "s", "asked": count, "available": 1000}
        rows.append(row | {"given": count, "repeated": 0, "short": 0, "limit": ""})
    return pa.Table.from_pylist(rows, schema=PLAN_SCHEMA)


def ranked(table, seed):
    """Rank the records of one partition."""
    return judge_together([table], partial(lots, seed=seed), rank_lots)[0]


def select(table, plan, *, seed):
    """Fill a quota from one partition."""
    return select_rows(table, ranked(table, seed), plan)


def select_from(table, plan, *, seed, cut):
    """Fill a quota from so many partitions; the outcome is in order of id."""
    parts = in_turns(table, cut)
    ranks = judge_together(parts, partial(lots, seed=seed), rank_lots)
    return joined([select_rows(part, mine, plan) for part, mine in zip(parts, ranks, strict=True)])


def preselect(table, plan, *, reserve, seed):
    """Choose from one partition what is mined."""
    return preselect_rows(table, ranked(table, seed), plan, reserve=reserve)

"""Records and plans for the tests of quotas."""

from __future__ import annotations

import pyarrow as pa

from curation.hashing import content_id
from curation.quota.plan import PLAN_SCHEMA
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

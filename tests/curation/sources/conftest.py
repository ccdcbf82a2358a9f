"""What the tests of all formats share: real sentences, and one way to read a source whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from pydantic import TypeAdapter

from curation.config.model import Source
from curation.records import RAW_SCHEMA
from curation.sources import Rejected, list_files, read_file

PAIRS = [
    ("Where is the library?", "Wo ist die Bibliothek?"),
    ("The sea is calm today.", "Сегодня море спокойно."),
    ("I drink water every morning.", "Πίνω νερό κάθε πρωί."),
    ("This book is very old.", "هذا الكتاب قديم جدًا."),
    ("He does not eat meat.", "הוא לא אוכל בשר."),
    ("My house is near the river.", "मेरा घर नदी के पास है।"),
    ("She sings a song.", "সে একটি গান গায়।"),
    ("We speak Tamil at home.", "நாங்கள் வீட்டில் தமிழ் பேசுகிறோம்."),
    ("The train is late.", "รถไฟมาสาย"),
    ("Thank you for your help.", "Շնորհակալություն օգնության համար։"),
    ("Good morning, teacher.", "დილა მშვიდობისა, მასწავლებელო."),
    ("It will rain tomorrow.", "明日は雨が降るでしょう。"),
    ("I am learning Korean.", "저는 한국어를 배우고 있습니다."),
    ("The mountain is high.", "这座山很高。"),
    ("He came from Addis Ababa.", "ከአዲስ አበባ መጣ።"),
    ("The cat is sleeping.", "ඇය නිදාගෙන සිටී, පූසා ද නිදයි."),
    ("Say “yes”, or\tsay \\n nothing", "Dites « oui »,\u2028ou ne dites rien : %(name)s {0}"),
    ('A quote: "stop", she said', "Ein Zitat: „halt“, sagte sie \U0001f6d1"),
]


class Whole(NamedTuple):
    """All that a source yields."""

    rows: list[dict[str, Any]]
    rejected: list[Rejected]

    def pairs(self) -> list[tuple[str, str]]:
        return [(row["query"], row["positive"]) for row in self.rows]

    def reasons(self) -> list[tuple[int, str]]:
        return [(reject.row, reject.reason) for reject in self.rejected]


@pytest.fixture(scope="session")
def pairs() -> list[tuple[str, str]]:
    return PAIRS


@pytest.fixture(scope="session")
def declare() -> Callable[..., Any]:
    """Return a source of a format, with the fields that no test is about filled in."""
    adapter: TypeAdapter[Any] = TypeAdapter(Source)

    def build(form: str, path: object, **fields: object) -> Any:
        common = {"name": "tested", "licence": "CC0-1.0", "task": "bitext", "format": form, "path": path}
        return adapter.validate_python(common | fields)

    return build


@pytest.fixture(scope="session")
def read_whole() -> Callable[..., Whole]:
    """Read all files of a source; checks the schema of every batch."""

    def read(source: Any, base: Path = Path("/"), batch_rows: int = 1000) -> Whole:
        whole = Whole([], [])
        for file in list_files(source, base):
            for batch in read_file(source, file, batch_rows=batch_rows):
                assert batch.rows.schema.equals(RAW_SCHEMA)
                batch.rows.validate(full=True)
                assert batch.rows.num_rows + len(batch.rejected) > 0
                whole.rows.extend(batch.rows.to_pylist())
                whole.rejected.extend(batch.rejected)
        return whole

    return read


@pytest.fixture(scope="session")
def damaged_strings() -> pa.Array:
    """Four strings as a file may hold them, of which the second is not UTF-8."""
    offsets = pa.array([0, 2, 4, 6, 8], pa.int32()).buffers()[1]
    return pa.Array.from_buffers(pa.string(), 4, [None, offsets, pa.py_buffer(b"ok\xff\xfeokok")])

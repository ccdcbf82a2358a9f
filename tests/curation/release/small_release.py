"""Releases of a few rows, written file by file, for tests of those who read releases."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curation.files import sha256_file
from curation.hashing import content_id
from curation.ledger import LEDGER_SCHEMA
from curation.release import Release, layout, open_release
from curation.release.reader import ReleaseFile
from curation.release.shards import schema_digest

TEXTS = {
    "deu_Latn": "Das Wetter ist heute schön.",
    "rus_Cyrl": "Сегодня хорошая погода.",
    "ell_Grek": "Ο καιρός είναι καλός σήμερα.",
    "arb_Arab": "الطقس جميل اليوم.",
    "heb_Hebr": "מזג האוויר יפה היום.",
    "hin_Deva": "आज मौसम अच्छा है।",
    "tha_Thai": "วันนี้อากาศดี",
    "jpn_Jpan": "今日は天気がいいです。",
    "kor_Hang": "오늘은 날씨가 좋아요.",
    "kat_Geor": "დღეს კარგი ამინდია.",
    "amh_Ethi": "ዛሬ አየሩ ጥሩ ነው።",
}
FULL = pa.schema(
    [
        pa.field("anchor", pa.string(), nullable=False),
        pa.field("positive", pa.string(), nullable=False),
        pa.field("negative_1", pa.string(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("licence", pa.string(), nullable=False),
        pa.field("score", pa.float32()),
        pa.field("origins", pa.list_(pa.string())),
        pa.field("candidates", pa.struct([pa.field("taken", pa.int32()), pa.field("share", pa.float64())])),
    ]
)


def row(number: int, language: str = "deu_Latn", **given: Any) -> dict[str, Any]:
    """Return a row of the `full` view, with its language and split."""
    values: dict[str, Any] = {"language": language, "split": "train", "id": content_id(str(number)), "source": "news"}
    values |= {"anchor": f"weather {number}", "positive": f"{TEXTS[language]} {number}", "negative_1": TEXTS[language]}
    values |= {"licence": "CC0-1.0", "score": 0.5, "origins": ["dense"], "candidates": {"taken": 3, "share": 0.25}}
    return values | given


def write_release(
    folder: Path,
    rows: Sequence[Mapping[str, Any]],
    *,
    schema: pa.Schema = FULL,
    rows_per_shard: int = 3,
    others: Mapping[str, str] | None = None,
    **manifest: Any,
) -> Release:
    """Write a release.

    Args:
        folder: where it goes.
        rows: its rows in order, as `row` makes them.
        schema: schema of the `full` view.
        rows_per_shard: rows of a file.
        others: texts of other files.
        manifest: keys of the manifest that are not as usual.
    """
    cells: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for each in rows:
        cells.setdefault((each["language"], each["split"]), []).append(each)
    files = []
    for (language, split), members in sorted(cells.items()):
        count = -(-len(members) // rows_per_shard)
        for index in range(count):
            path = layout.shard_path("full", language, split, index, count)
            some = members[index * rows_per_shard : (index + 1) * rows_per_shard]
            table = pa.Table.from_pylist([{name: each.get(name) for name in schema.names} for each in some], schema)
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, file)
            digest = schema_digest(pq.read_schema(file))
            files.append(ReleaseFile(path, file.stat().st_size, sha256_file(file), len(some), digest))
    for path, text in ({"stats.json": '{"funnel": []}'} | dict(others or {})).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
        files.append(ReleaseFile(path, (folder / path).stat().st_size, sha256_file(folder / path)))
    usual = {
        "schema": "curation-manifest/1",
        "name": "weather",
        "version": "1.2.3",
        "config": {"name": "weather", "seed": 0},
        "code": "0",
        "versions": {},
        "sources": {name: {"inputs": []} for name in sorted({each["source"] for each in rows})},
        "files": [asdict(file) for file in files],
    }
    (folder / layout.MANIFEST).write_text(json.dumps(usual | manifest), encoding="utf-8")
    return open_release(folder)


def write_ledger(folder: Path, rows: Mapping[str, Sequence[tuple[str, str]]]) -> Path:
    """Write a ledger: for each stage ids and reasons."""
    folder.mkdir(parents=True, exist_ok=True)
    for stage, members in rows.items():
        values = [
            dict.fromkeys(LEDGER_SCHEMA.names, "")
            | {"id": identity, "stage": stage, "reason": reason, "decision": "dropped", "row": 0}
            | {"score": None, "threshold": None}
            for identity, reason in members
        ]
        pq.write_table(pa.Table.from_pylist(values, LEDGER_SCHEMA), folder / f"{stage}.parquet")
    return folder

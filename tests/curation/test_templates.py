"""The configs that people begin with are valid, and make a release of files as they describe them."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import django
import polib
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from toys import Silent

from curation.config import parse_config
from curation.release import open_release
from curation.templates import KINDS, template
from pipelines.run import RunOptions, run


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_valid_and_commented(kind: str) -> None:
    text = template(kind)
    assert parse_config(text).sources
    assert len(re.findall("#", text)) > 8
    assert max(map(len, text.splitlines())) <= 120


def test_a_stated_teacher_is_valid_where_its_comment_is_taken_away() -> None:
    text = template("retrieval").replace("#   teacher:", "  teacher:").replace("COMMIT", "0" * 40)
    commented = next(line for line in text.splitlines() if line.startswith("  teacher:"))
    text = text.replace(commented + "\n", "").replace("mining:\n", f"mining:\n{commented}\n")
    assert parse_config(text).mining.teacher


def messages(locale: str) -> Iterator[tuple[str, str]]:
    for path in sorted(Path(django.__file__).parent.glob(f"contrib/a*/locale/{locale}/LC_MESSAGES/django.po")):
        for entry in polib.pofile(str(path)).translated_entries():
            if entry.msgstr and "%" not in entry.msgid:
                yield " ".join(entry.msgid.split()), " ".join(entry.msgstr.split())


def write_bitext(folder: Path) -> None:
    pairs = list(messages("sw"))
    (folder / "subtitles.en").write_text("".join(f"{left}\n" for left, _ in pairs), encoding="utf-8")
    (folder / "subtitles.sw").write_text("".join(f"{right}\n" for _, right in pairs), encoding="utf-8")
    rows = [
        (code, *pair) for code, locale in (("hin", "hi"), ("ell", "el"), ("tha", "th")) for pair in messages(locale)
    ]
    names = ("language", "english", "text")
    pq.write_table(
        pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))), folder / "sentences-1.parquet"
    )


def write_lines(file: Path, rows: list[dict[str, str]]) -> None:
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def write_retrieval(folder: Path) -> None:
    rows = [
        {"title": short, "text": f"{text} {other}", "language": code, "url": f"https://example.org/{code}/{number}"}
        for code, locale in (("deu", "de"), ("rus", "ru"), ("kor", "ko"))
        for number, ((_, short), (_, text), (_, other)) in enumerate(
            zip(messages(locale), list(messages(locale))[1:], list(messages(locale))[2:], strict=False)
        )
    ]
    write_lines(folder / "articles-1.jsonl", rows)
    # The template asks for compressed files.
    (folder / "articles-1.jsonl.gz").write_bytes(gzip.compress((folder / "articles-1.jsonl").read_bytes()))


def write_negatives(folder: Path) -> None:
    pairs = list(messages("de"))
    rows = [
        {"question": left, "answer": f"It says: {left.upper()} ({number})"} for number, (left, _) in enumerate(pairs)
    ]
    write_lines(folder / "pairs.jsonl", rows)


WRITERS = {"bitext": write_bitext, "retrieval": write_retrieval, "negatives": write_negatives}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_release_is_made_with_it(kind: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    WRITERS[kind](tmp_path / "data")
    config = parse_config(template(kind), overrides=("alarms.on_alarm=warn", "balance.budget=null"))
    run(config, tmp_path, tmp_path / "run", RunOptions(), Silent())
    release = open_release(tmp_path / "run" / "release")
    rows = release.read("data", split="train")
    assert rows.num_rows > 50
    assert "negative_1" in rows.column_names

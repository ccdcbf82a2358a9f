"""Small releases with whatever texts a test wants."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from small_release import TEXTS
from whole_release import write_whole

from curation.files import sha256_file
from curation.release import open_release

Row = dict[str, Any]
MakeRelease = Callable[..., Path]

SOURCES = {
    "faq.v1": ("retrieval", "Find the answer to this question."),
    "topics": ("classification", "Name the topic."),
    "groups": ("clustering", ""),
    "talks": ("bitext", "Find the translation."),
}


def row(source: str, language: str, number: int, split: str = "train", **values: Any) -> Row:
    """Return a record: two rows in a row share a query, and every fifth negative is another row's positive."""
    text = TEXTS.get(language, "The weather is fine.")
    return {
        "id": f"{source}-{language}-{split}-{number}",
        "query": f"{text} {split} {number // 2}?",
        "positive": f"{text} {split} {number}",
        "negatives": [f"{text} {split} {number + 1} {k if k % 5 else ''}".strip() for k in range(7)],
        "language": language,
        "source": source,
        "task": SOURCES.get(source, ("retrieval", ""))[0],
        "licence": "CC0-1.0",
        "split": split,
        "file": f"{source}.tsv",
        "row": number,
        "positive_score": 0.75,
        "negative_scores": [0.5 - k / 16 for k in range(7)],
        "copy": 0,
    } | values


def rows_of_every_kind() -> list[Row]:
    """Return rows of four sources in eleven languages; of one source a row stands twice, of one scores are missing."""
    rows = [
        row(source, language, number, split)
        for source in SOURCES
        for language in TEXTS
        for split, count in (("train", 5), ("test", 3))
        for number in range(count)
    ]
    rows.append(row("talks", "deu_Latn", 0, copy=1))
    rows.append(row("talks", "tha_Thai", 9, negative_scores=[None] + [0.1] * 6))
    return rows


@pytest.fixture(scope="session")
def make_release(tmp_path_factory: pytest.TempPathFactory) -> MakeRelease:
    """Return a function that writes a release with given rows, without what no export reads."""

    def make(rows: Sequence[Row], *, negatives: int = 7, sources: dict[str, Any] | None = None) -> Path:
        folder = tmp_path_factory.mktemp("release") / "release"
        types = {"negatives": pa.list_(pa.string()), "negative_scores": pa.list_(pa.float32())}
        types |= {"positive_score": pa.float32(), "copies": pa.int32(), "row": pa.int64()}
        rows = [{"file": "toy.tsv", "row": number, "copy": 0} | each for number, each in enumerate(rows)]
        times = Counter((each["id"], each["language"], each["split"]) for each in rows)
        once = [
            {name: value for name, value in each.items() if name != "copy"}
            | {"copies": times[each["id"], each["language"], each["split"]]}
            for each in rows
            if not each["copy"]
        ]
        schema = pa.schema([(name, types.get(name, pa.string())) for name in once[0]])
        table = pa.Table.from_pylist(once, schema=schema)
        files = write_whole(table, folder, negatives=negatives)
        declared = {name: {"task": task, "instruction": words} for name, (task, words) in SOURCES.items()}
        write_manifest(folder, files.to_pylist(), sources or declared)
        return folder

    return make


def write_manifest(folder: Path, files: list[dict[str, Any]], sources: dict[str, Any]) -> None:
    manifest = {"name": "toy", "version": "1.0.0", "seed": 5, "config": {}, "sources": sources, "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


@pytest.fixture(scope="session")
def reseal() -> Callable[[Path], None]:
    """Return a function that gives a release the manifest of the files that it now holds."""

    def write(folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        for entry in manifest["files"]:
            entry["sha256"] = sha256_file(folder / entry["path"])
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")

    return write


@pytest.fixture(scope="session")
def mixed(make_release: MakeRelease) -> Path:
    """Return a release of four task types in eleven languages; nobody may change it."""
    return make_release(rows_of_every_kind())


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    """Return a tokenizer of transformers that knows the digits and splits at white space."""
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = ["[UNK]", "[PAD]", "[EOS]", *map(str, range(10))]
    tokens = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokens.pre_tokenizer = Whitespace()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokens, unk_token="[UNK]", pad_token="[PAD]", eos_token="[EOS]", sep_token="[EOS]"
    )


@pytest.fixture(scope="session")
def hostile() -> list[Row]:
    """Return rows whose texts try to break out of a file: quotes, escapes, line separators, markup, two megabytes."""
    texts = [
        'say "hi", \\"',
        "tab\tbell\x07 nul\x00 escape\x1b",
        "line\nbreak\r\nand\u2028and\u2029and\x85",
        '{"query": "x"}',
        "</script><b>&amp;",
        "مرحبا\u202egnp.exe",
        "e\u0301 \U0001f468\u200d\U0001f469 \ufeff \uffff",
        "- yaml: !!python/object",
        "null",
        "2024-05-17",
        "x" * 2_000_000,
    ]
    return [
        row("talks", "deu_Latn", n, query=text, positive=f"{text} 1", negatives=[f"{text} {k}" for k in range(2, 9)])
        for n, text in enumerate(texts)
    ]


def expected_rows(release: Path, split: str = "train") -> dict[str, list[Row]]:
    """Return the rows of each dataset of a release by its name in an export, in order, read without the exporter."""
    found: dict[str, list[Row]] = {}
    opened = open_release(release)
    for each in opened.read("full", split=split).to_pylist():
        found.setdefault(f"{each['source'].replace('.', '_')}_{each['language']}", []).append(each)
    return found


@pytest.fixture(scope="session")
def expected() -> Callable[..., dict[str, list[Row]]]:
    """Return `expected_rows`."""
    return expected_rows

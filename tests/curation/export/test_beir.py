"""BEIR's own loader reads its view."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.errors import ConfigError
from curation.export import Options, export_release

loader = pytest.importorskip("beir.datasets.data_loader", reason="see tests/readers.txt")

LANGUAGES = ("tha_Thai", "deu_Latn")


def load(folder: Path, split: str = "test") -> tuple[dict[str, Any], dict[str, str], dict[str, dict[str, int]]]:
    return loader.GenericDataLoader(str(folder)).load(split=split)


def test_every_judgement_is_a_row_and_every_row_is_judged(
    mixed: Path, tmp_path: Path, expected: Callable[..., Any]
) -> None:
    export = export_release(mixed, "beir", tmp_path / "out", Options(languages=LANGUAGES))
    assert {each["split"] for each in export.value["datasets"]} == {"test"}
    for language in LANGUAGES:
        corpus, queries, qrels = load(tmp_path / "out" / language)
        judged = {(queries[q], corpus[p]["text"]) for q, found in qrels.items() for p in found}
        held_out, train = (
            [row for name, rows in expected(mixed, split).items() if name.endswith(language) for row in rows]
            for split in ("test", "train")
        )
        assert judged == {(row["anchor"], row["positive"]) for row in held_out}
        assert set(queries.values()) == {row["anchor"] for row in held_out}
        names = ["positive", *(f"negative_{number}" for number in range(1, 8))]
        texts = [each["text"] for each in corpus.values()]
        assert set(texts) == {row[name] for row in held_out + train for name in names}
        assert len(set(texts)) == len(texts)
        # Rows 0 and 1 share a query, so it has two right answers; all four sources of the toy ask the same.
        assert sorted(map(len, qrels.values())) == [1, 2]
        assert not set(queries) & set(corpus)


def test_a_split_that_is_asked_for_is_exported(mixed: Path, tmp_path: Path, expected: Callable[..., Any]) -> None:
    export = export_release(mixed, "beir", tmp_path / "out", Options(splits=("train",), languages=("deu_Latn",)))
    _, queries, _ = load(tmp_path / "out" / "deu_Latn", "train")
    assert set(queries.values()) == {row["anchor"] for row in expected(mixed)["talks_deu_Latn"]}
    # The second copy of a row is no second judgement.
    rows = {each["name"]: each["rows"] for each in export.value["datasets"]}
    assert rows["talks_deu_Latn"] == 5


def test_a_release_without_held_out_rows_is_refused(
    make_release: Callable[..., Path], hostile: list[Any], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="no rows in the split validation or test") as error:
        export_release(make_release(hostile), "beir", tmp_path / "out")
    assert "split: {test: 0.05}" in str(error.value)


def test_languages_without_held_out_rows_are_named(
    make_release: Callable[..., Path], hostile: list[Any], tmp_path: Path
) -> None:
    other = [each | {"language": "hin_Deva", "split": "test"} for each in hostile[:2]]
    export = export_release(make_release([*hostile, *other]), "beir", tmp_path / "out")
    assert export.value["warnings"] == ["1 language without held-out rows, and so without a folder: deu_Latn"]


def test_hostile_texts_come_back(make_release: Callable[..., Path], hostile: list[Any], tmp_path: Path) -> None:
    release = make_release([each | {"split": "validation"} for each in hostile])
    export_release(release, "beir", tmp_path / "out")
    corpus, queries, qrels = load(tmp_path / "out" / "deu_Latn", "validation")
    judged = {queries[q]: corpus[p]["text"] for q, found in qrels.items() for p in found}
    assert judged == {each["query"]: each["positive"] for each in hostile}
    assert {each["text"] for each in corpus.values()} == {t for r in hostile for t in (r["positive"], *r["negatives"])}


@given(texts=st.lists(st.text(min_size=1), min_size=10, max_size=20))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_comes_back(texts: list[str], make_release: Callable[..., Path], tmp_path_factory: Any) -> None:
    rows = [
        {"id": str(n), "query": q, "positive": p, "negatives": [q], "language": "deu_Latn", "source": "s"}
        | {"task": "retrieval", "split": "test"}
        for n, (q, p) in enumerate(zip(texts, reversed(texts), strict=True))
    ]
    rows.append(rows[0] | {"id": "x", "query": "plain", "positive": "plain"})
    release, out = make_release(rows, negatives=1), tmp_path_factory.mktemp("beir") / "out"
    export_release(release, "beir", out)
    corpus, queries, qrels = load(out / "deu_Latn")
    judged = {(queries[q], corpus[p]["text"]) for q, found in qrels.items() for p in found}
    assert judged == {(row["query"], row["positive"]) for row in rows}

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tiny_models import SENTENCES, build_cross_encoder, build_static

from curation import notes
from curation.config.mining import CrossEncoder, Mining, TeacherModel
from curation.mining.encoder import Encoder, second_opinion, teacher_options
from curation.mining.pool import build_pool
from curation.mining.spaces import DenseSpace, LexicalSpace
from curation.mining.teachers.cross_encoder import CrossEncoderOptions, load_cross_encoder
from curation.mining.teachers.load import load_teacher

TEXTS, QUERIES = pa.array(SENTENCES), pa.array([text[::-1] for text in SENTENCES[:4]])


@pytest.fixture(scope="module")
def static(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(build_static(tmp_path_factory.mktemp("teacher") / "static", seed=3))


def test_words_need_no_model() -> None:
    assert isinstance(Encoder(TeacherModel()).build("lexical", TEXTS, QUERIES), LexicalSpace)


@pytest.mark.parametrize("store", ["float32", "bfloat16", "int8"])
def test_vectors_are_the_teachers_to_the_precision_of_the_store(static: str, store: str, tmp_path: Path) -> None:
    options = TeacherModel(model=static, store=store)  # type: ignore[arg-type]
    teacher = load_teacher(teacher_options(options))
    expected = np.concatenate([teacher.embed(SENTENCES, "passage"), teacher.embed(QUERIES.to_pylist(), "query")])
    for folder in (None, tmp_path):
        space = Encoder(options, folder).build(static, TEXTS, QUERIES)
        assert isinstance(space, DenseSpace)
        found = np.concatenate([space.entries.read(0, len(TEXTS)), space.queries.read(0, len(QUERIES))])
        np.testing.assert_allclose(found, expected, atol={"float32": 0.0, "bfloat16": 4e-3, "int8": 5e-3}[store])
        assert space.teacher.startswith("static@")


def test_a_folder_keeps_vectors_for_the_next_run(static: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = TeacherModel(model=static)
    Encoder(options, tmp_path).build(static, TEXTS, QUERIES)
    kept = sorted(path for path in (tmp_path / "embeddings").rglob("*") if path.is_file())
    teacher = load_teacher(teacher_options(options))
    monkeypatch.setattr(type(teacher), "embed", lambda *_: pytest.fail("embedded again"))
    Encoder(options, tmp_path).build(static, TEXTS.slice(2), QUERIES.slice(1))
    assert sorted(path for path in (tmp_path / "embeddings").rglob("*") if path.is_file()) == kept


def test_embedding_tells_how_far_it_is(static: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "LEAST_SECONDS", 0.0)
    heard: list[str] = []
    with notes.listening(heard.append):
        Encoder(TeacherModel(model=static)).build(static, TEXTS, QUERIES)
    assert any(note.startswith(f"embedding: {len(TEXTS)} of {len(TEXTS)} texts") for note in heard)


def test_the_contents_of_a_space_are_its_texts_in_order(static: str, tmp_path: Path) -> None:
    encoder = Encoder(TeacherModel(model=static), tmp_path)

    def contents(texts: pa.Array, queries: pa.Array) -> str:
        space = encoder.build(static, texts, queries)
        assert isinstance(space, DenseSpace)
        return space.searcher.contents

    first = contents(TEXTS, QUERIES)
    assert first == contents(TEXTS, QUERIES)
    others = [
        (TEXTS.slice(1), QUERIES),
        (TEXTS, QUERIES.slice(1)),
        (TEXTS.take(pa.array([1, 0, *range(2, 13)])), QUERIES),
    ]
    assert len({first, *(contents(*other) for other in others)}) == 4


def records(count: int) -> pa.Table:
    rows: list[dict[str, Any]] = [
        {"id": f"{n:032x}", "query": text[:9], "positive": text, "negatives": [], "group": str(n)}
        | {"positive_language": "und", "task": "retrieval", "label": "", "source": "s"}
        for n, text in enumerate(SENTENCES[:count])
    ]
    lists = pa.array([[] for _ in rows], pa.list_(pa.string()))
    return pa.Table.from_pylist(rows).set_column(3, "negatives", lists)


def test_the_second_opinion_compares_with_the_records_own_positive(tmp_path: Path) -> None:
    folder = str(build_cross_encoder(tmp_path / "reader", seed=5))
    table = records(8)
    options = Mining(cross_encoder=CrossEncoder(model=folder, max_positive_ratio=0.97))
    opinion = second_opinion(options, table, build_pool(table, 3))
    assert opinion is not None
    owners, entries = np.repeat(np.arange(8), 7), np.array([e for n in range(8) for e in range(8) if e != n])
    scorer, queries = load_cross_encoder(CrossEncoderOptions(spec=folder)), table["query"].to_pylist()
    own = scorer.scores([(queries[n], SENTENCES[n]) for n in range(8)])
    others = scorer.scores([(queries[n], SENTENCES[e]) for n, e in zip(owners, entries, strict=True)])
    expected = ~(others < np.float32(0.97) * own[owners])
    assert opinion(owners, entries).tolist() == expected.tolist()
    assert 0 < expected.sum() < len(expected)


def test_nothing_is_asked_where_nothing_reads() -> None:
    assert second_opinion(Mining(), records(2), build_pool(records(2), 3)) is None

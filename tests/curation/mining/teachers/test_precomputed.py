from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import SENTENCES

from curation.errors import ConfigError, CurationError
from curation.mining.keys import text_keys
from curation.mining.teachers import precomputed
from curation.mining.teachers.load import load_teacher
from curation.mining.teachers.options import TeacherOptions
from curation.mining.teachers.precomputed import PrecomputedTeacher

TEXTS = [f"{sentence} {number}" for number in range(9) for sentence in SENTENCES]
VECTORS = np.random.default_rng(0).standard_normal((len(TEXTS), 6)).astype(np.float32)
UNIT = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)


def lists(vectors: np.ndarray, kind: pa.DataType) -> pa.Array:
    flat = pa.array(vectors.ravel().astype(kind.value_type.to_pandas_dtype()), kind.value_type)
    if pa.types.is_fixed_size_list(kind):
        return pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    offsets = np.arange(len(vectors) + 1) * vectors.shape[1]
    if pa.types.is_large_list(kind):
        return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), flat)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat)


def write(path: Path, texts: list[str] = TEXTS, vectors: np.ndarray = VECTORS, **columns: object) -> Path:
    kind = columns.pop("kind", pa.list_(pa.float32()))
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({"text": pa.array(texts, pa.string()), "embedding": lists(vectors, kind), **columns})
    pq.write_table(table, path, row_group_size=20)
    return path


def load(path: Path | str, **options: object) -> PrecomputedTeacher:
    return PrecomputedTeacher(TeacherOptions(f"vectors:{path}", **options))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> PrecomputedTeacher:
    folder = tmp_path_factory.mktemp("vectors")
    write(folder / "a" / "1.parquet", TEXTS[:50], VECTORS[:50])
    write(folder / "b" / "2.parquet", TEXTS[50:], VECTORS[50:])
    return load(folder)


@given(rows=st.lists(st.integers(0, len(TEXTS) - 1), max_size=40))
def test_texts_get_their_vectors_in_any_order(rows: list[int], teacher: PrecomputedTeacher) -> None:
    found = teacher.embed([TEXTS[row] for row in rows], "query")
    assert found.shape == (len(rows), 6)
    np.testing.assert_allclose(found, UNIT[rows], atol=1e-6)


KINDS = [
    *(pa.list_(width) for width in (pa.float16(), pa.float32(), pa.float64())),
    pa.large_list(pa.float32()),
    pa.list_(pa.float16(), 6),
    pa.list_(pa.float32(), 6),
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_kind_of_list_is_read(kind: pa.DataType, tmp_path: Path) -> None:
    teacher = load(write(tmp_path / "v.parquet", kind=kind))
    np.testing.assert_allclose(teacher.embed(TEXTS, "query"), UNIT, atol=2e-3)


def test_texts_may_be_given_by_their_hashes(tmp_path: Path) -> None:
    hashes = [hashlib.blake2b(text.encode(), digest_size=16).hexdigest() for text in TEXTS]
    table = pa.table({"text_hash": hashes, "embedding": VECTORS.tolist()})
    pq.write_table(table, tmp_path / "v.parquet")
    np.testing.assert_allclose(load(tmp_path / "v.parquet").embed(TEXTS, "passage"), UNIT, atol=1e-6)


def test_roles_have_vectors_of_their_own(tmp_path: Path) -> None:
    roles = ["query"] * len(TEXTS) + ["passage"] * len(TEXTS)
    teacher = load(write(tmp_path / "v.parquet", TEXTS * 2, np.concatenate([VECTORS, -VECTORS]), role=roles))
    np.testing.assert_allclose(teacher.embed(TEXTS, "query"), UNIT, atol=1e-6)
    np.testing.assert_allclose(teacher.embed(TEXTS, "passage"), -UNIT, atol=1e-6)
    assert teacher.identity("query") != teacher.identity("passage")


def test_without_roles_both_share(teacher: PrecomputedTeacher) -> None:
    assert teacher.identity("query") == teacher.identity("passage")


def test_the_same_text_twice_may_differ_by_rounding(tmp_path: Path) -> None:
    vectors = np.concatenate([VECTORS, VECTORS * 3 + 1e-5])
    teacher = load(write(tmp_path / "v.parquet", TEXTS * 2, vectors))
    np.testing.assert_allclose(teacher.embed(TEXTS, "query"), UNIT, atol=1e-6)


def test_the_identity_is_the_content(tmp_path: Path, teacher: PrecomputedTeacher) -> None:
    write(tmp_path / "x.parquet", TEXTS[50:], VECTORS[50:])
    write(tmp_path / "y.parquet", TEXTS[:50], VECTORS[:50])
    moved = load(f"{tmp_path}/*.parquet")
    assert (moved.identity("query"), moved.name) == (teacher.identity("query"), teacher.name)
    write(tmp_path / "y.parquet", TEXTS[:50], -VECTORS[:50])
    assert load(tmp_path).identity("query") != teacher.identity("query")


def test_truncated_vectors_are_made_unit_vectors_again(tmp_path: Path) -> None:
    teacher = load(write(tmp_path / "v.parquet"), truncate_dim=2)
    assert teacher.dimensions == 2
    expected = VECTORS[:, :2] / np.linalg.norm(VECTORS[:, :2], axis=1, keepdims=True)
    np.testing.assert_allclose(teacher.embed(TEXTS, "query"), expected, atol=1e-6)


def test_files_are_read_once_from_front_to_back_in_the_order_asked_for(
    teacher: PrecomputedTeacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []
    batches = precomputed._Files.batches

    def spy(self: precomputed._Files, group: int, columns: list[str]) -> object:
        opened.append(group)
        return batches(self, group, columns)

    monkeypatch.setattr(precomputed._Files, "batches", spy)
    shuffled = [TEXTS[row] for row in np.random.default_rng(1).permutation(len(TEXTS))]
    order = teacher.order(text_keys(shuffled), "query").tolist()
    for start in range(0, len(order), 7):
        teacher.embed([shuffled[row] for row in order[start : start + 7]], "query")
    groups = teacher._files.groups
    assert opened == list(range(len(groups)))


def nothing(path: Path) -> None:
    path.mkdir()


def no_text(path: Path) -> None:
    pq.write_table(pa.table({"id": ["a"], "embedding": [[1.0]]}), path)


def no_embedding(path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"], "vector": [[1.0]]}), path)


def integers(path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"], "embedding": [[1, 2]]}), path)


def numbered(path: Path) -> None:
    pq.write_table(pa.table({"text": [7], "embedding": [[1.0]]}), path)


def empty(path: Path) -> None:
    write(path, [], np.empty((0, 6), np.float32))


def not_parquet(path: Path) -> None:
    path.write_bytes(b"PAR1 but not really")


def cut(path: Path) -> None:
    write(path)
    path.write_bytes(path.read_bytes()[:-9])


def one_shorter(path: Path) -> None:
    rows = VECTORS.tolist()
    rows[30] = rows[30][:5]
    pq.write_table(pa.table({"text": TEXTS, "embedding": rows}), path)


def one_null(path: Path) -> None:
    pq.write_table(pa.table({"text": TEXTS, "embedding": [*VECTORS[:30].tolist(), None, *VECTORS[31:].tolist()]}), path)


def first_null(path: Path) -> None:
    pq.write_table(pa.table({"text": TEXTS[:2], "embedding": [None, [1.0]]}), path)


def with_value(value: float) -> Callable[[Path], None]:
    def build(path: Path) -> None:
        vectors = VECTORS.copy()
        vectors[30, :] = value
        write(path, TEXTS, vectors, kind=pa.list_(pa.float16()))

    return build


def nameless(path: Path) -> None:
    write(path, [*TEXTS[:30], None, *TEXTS[31:]])  # type: ignore[list-item]


def contradiction(path: Path) -> None:
    write(path, [*TEXTS[:30], TEXTS[3], *TEXTS[31:]])


def wrong_role(path: Path) -> None:
    write(path, role=["query"] * 30 + ["document"] + ["query"] * (len(TEXTS) - 31))


def no_role(path: Path) -> None:
    write(path, role=["query"] * 30 + [None] + ["query"] * (len(TEXTS) - 31))


def bad_hash(path: Path) -> None:
    hashes = ["0" * 32] * 30 + ["0x12"]
    pq.write_table(pa.table({"text_hash": hashes, "embedding": [[1.0, 2.0]] * 31}), path)


ROW = r"bad\.parquet, row 30"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (nothing, r"no vectors[\s\S]*bad\.parquet"),
        (no_text, r"whose they are[\s\S]*bad\.parquet[\s\S]*id, embedding"),
        (no_embedding, r"`embedding`[\s\S]*bad\.parquet[\s\S]*text, vector"),
        (integers, r"`embedding`[\s\S]*list<.*int64>[\s\S]*float16"),
        (numbered, r"`text` must be text[\s\S]*int64"),
        (empty, r"no rows[\s\S]*bad\.parquet"),
        (not_parquet, r"cannot be read[\s\S]*bad\.parquet"),
        (cut, r"cannot be read[\s\S]*bad\.parquet"),
        (one_shorter, rf"{ROW}[\s\S]*5 dimensions, the first vector has 6"),
        (one_null, rf"{ROW}[\s\S]*null"),
        (first_null, r"row 0[\s\S]*null"),
        (with_value(np.nan), rf"no direction[\s\S]*{ROW}"),
        (with_value(np.inf), rf"no direction[\s\S]*{ROW}"),
        (with_value(0.0), rf"no direction[\s\S]*{ROW}"),
        (nameless, rf"no text[\s\S]*{ROW}"),
        (contradiction, rf"two different vectors[\s\S]*{ROW}[\s\S]*row 3 "),
        (wrong_role, rf"role[\s\S]*{ROW}[\s\S]*'document'"),
        (no_role, rf"role[\s\S]*{ROW}[\s\S]*None"),
        (bad_hash, rf"32 hexadecimal digits[\s\S]*{ROW}[\s\S]*'0x12'"),
    ],
)
def test_a_file_that_is_not_sound_is_named_with_its_row(
    build: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    build(tmp_path / "bad.parquet")
    with pytest.raises(CurationError, match=message):
        load(tmp_path / "bad.parquet")


def test_a_text_without_a_vector_is_shown(teacher: PrecomputedTeacher) -> None:
    with pytest.raises(CurationError, match=r"1 of 2 passage texts[\s\S]*'ਕਿਸ਼ਤੀਆਂ'[\s\S]*normalisation"):
        teacher.embed([TEXTS[0], "ਕਿਸ਼ਤੀਆਂ"], "passage")


@pytest.mark.parametrize("options", [{"query_prompt": ""}, {"max_tokens": 9}, {"dtype": "bfloat16"}])
def test_options_of_models_are_refused(options: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"{next(iter(options))} has no effect"):
        load(write(tmp_path / "v.parquet"), **options)


def test_too_many_dimensions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"truncate_dim[\s\S]*6 dimensions"):
        load(write(tmp_path / "v.parquet"), truncate_dim=7)


@pytest.mark.parametrize("path", ["", "nowhere/*.parquet", "nowhere"])
def test_no_file_is_a_config_error(path: str) -> None:
    with pytest.raises(ConfigError, match=r"no vectors[\s\S]*vectors:FILE"):
        load_teacher(TeacherOptions(f"vectors:{path}"))

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from toy_teachers import HashTeacher, vector_of

from curation.mining.embeddings.apart import Embedder, gather_vectors
from curation.mining.embeddings.encoding import StoredDtype
from curation.mining.embeddings.store import EmbeddingStore, MemoryStore
from curation.mining.keys import key_array, text_keys
from curation.mining.teachers import known
from curation.mining.teachers.base import Identity, Role
from curation.mining.teachers.options import TeacherOptions

WORDS = ("дом", "家", "घर", "منزل", "בית", "บ้าน", "σπίτι", "տուն", "სახლი", "casa", "ቤት", "집", "\ufffd")
OPTIONS = TeacherOptions("model")
DTYPES: tuple[StoredDtype, ...] = ("float32", "bfloat16", "int8")


class TwoRoles(HashTeacher):
    """A teacher that embeds queries in another way."""

    def identity(self, role: Role) -> Identity:
        return {"role": role}

    def embed(self, texts: list[str], role: Role) -> np.ndarray:  # type: ignore[override]
        return super().embed([text + "?" * (role == "query") for text in texts], role)


def asked(masks: list[int]) -> pa.Table:
    texts = pa.array(WORDS[: len(masks)], pa.string())
    return pa.table({"key": key_array(text_keys(texts)), "text": texts, "roles": pa.array(masks, pa.uint8())})


def sent(table: pa.Table) -> pa.Table:
    """Return a table as it is after it has travelled."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return pa.ipc.open_stream(sink.getvalue()).read_all()


def never(count: int) -> None:
    pytest.fail(f"{count} texts had no vector")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", [HashTeacher, TwoRoles])
def test_vectors_arrive_as_a_store_would_give_them(kind: type[HashTeacher], dtype: StoredDtype) -> None:
    masks = [1, 2, 3] * 4 + [3]
    embedded = Embedder(kind(), None, dtype).embed(asked(masks))
    whole = embedded.vectors
    given = gather_vectors([sent(whole.slice(0, 4)), sent(whole.slice(4))], OPTIONS, dtype, never)
    assert given is not None
    assert given.teacher.name == "hash@1"
    for role, bit in (("passage", 1), ("query", 2)):
        texts = [text for text, mask in zip(WORDS, masks, strict=True) if mask & bit]
        found = given.store.embed(given.teacher, texts, role, dtype=dtype)  # type: ignore[arg-type]
        expected = MemoryStore().embed(kind(), texts, role, dtype=dtype)  # type: ignore[arg-type]
        np.testing.assert_array_equal(found.read(0, len(texts)), expected.read(0, len(texts)))
        assert found.valid.tolist() == expected.valid.tolist() == [text != "\ufffd" for text in texts]


def test_roles_that_are_one_are_embedded_once() -> None:
    one, two = HashTeacher(), TwoRoles()
    assert Embedder(one, None, "float32").embed(asked([3, 3, 1])).made == len(one.asked) == 3
    found = Embedder(two, None, "float32").embed(asked([3, 3, 1]))
    assert found.made == len(two.asked) == 5
    assert found.vectors["roles"].to_pylist() == [1, 1, 1, 2, 2]
    assert found.vectors["row"].to_pylist() == [0, 1, 2, 0, 1]


def test_what_a_store_holds_is_not_made_again(tmp_path: Path) -> None:
    teacher, store = HashTeacher(), EmbeddingStore(tmp_path)
    store.embed(teacher, WORDS[:5], "passage", dtype="int8")
    embedded = Embedder(teacher, store, "int8").embed(asked([1] * 8))
    assert embedded.made == 3
    assert sorted(teacher.asked) == sorted(WORDS[:8])
    again = Embedder(teacher, EmbeddingStore(tmp_path), "int8").embed(asked([1] * 8))
    assert again.made == 0
    assert again.vectors.sort_by("row").equals(embedded.vectors.sort_by("row"))


def test_an_empty_table_says_whose_vectors_they_are() -> None:
    nothing = Embedder(HashTeacher(dimensions=5), None, "bfloat16").embed(asked([])).vectors
    given = gather_vectors([sent(nothing)], OPTIONS, "bfloat16", never)
    assert given is not None
    assert given.teacher.dimensions == 5
    assert gather_vectors([], OPTIONS, "bfloat16", never) is None


def test_a_text_without_a_vector_is_asked_for_late_and_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "load_teacher", lambda _: HashTeacher())
    missed: list[int] = []
    vectors = Embedder(HashTeacher(), None, "float32").embed(asked([1, 1])).vectors
    given = gather_vectors([vectors], OPTIONS, "float32", missed.append)
    assert given is not None
    found = given.store.embed(given.teacher, WORDS[:4], "passage")
    np.testing.assert_array_equal(found.read(0, 4), [vector_of(text) for text in WORDS[:4]])
    assert missed == [2]

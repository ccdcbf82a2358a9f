from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_models import SENTENCES, build_static, build_transformer
from toy_teachers import HashTeacher, vector_of

from curation.errors import CurationError
from curation.mining.embeddings import disk
from curation.mining.embeddings.disk import DamagedBlockWarning
from curation.mining.embeddings.encoding import StoredDtype
from curation.mining.embeddings.fill import Progress
from curation.mining.embeddings.shelf import Stored, StoredInt8
from curation.mining.embeddings.store import EmbeddingStore, MemoryStore, Store
from curation.mining.teachers.base import Role
from curation.mining.teachers.options import TeacherOptions
from curation.mining.teachers.sentence_transformer import SentenceTransformerTeacher

TEXTS = [f"{sentence} {number}" for number in range(4) for sentence in SENTENCES]
BLOCK = 8
WITHOUT_VECTOR = "gone \ufffd"
ERRORS: dict[StoredDtype, float] = {"float32": 0.0, "bfloat16": 1 / 256, "int8": 1 / 127}


def expected(texts: list[str]) -> np.ndarray:
    return np.nan_to_num(np.array([vector_of(text) for text in texts]).reshape(-1, 8))


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def embed_quietly(store: Store, teacher: HashTeacher, texts: list[str] = TEXTS, **options: Any) -> Stored:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return store.embed(teacher, texts, "passage", **options)


@pytest.fixture(params=["disk", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return (
        EmbeddingStore(tmp_path / "store", block_rows=BLOCK) if request.param == "disk" else MemoryStore(block_rows=8)
    )


some_texts = st.lists(st.sampled_from([*TEXTS[:20], "", WITHOUT_VECTOR]), max_size=30)


@pytest.mark.parametrize("dtype", ERRORS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=some_texts, second=some_texts)
def test_texts_get_their_vectors_in_any_order_and_number(
    first: list[str], second: list[str], dtype: StoredDtype, store: Store
) -> None:
    for texts in (first, second):
        found = store.embed(HashTeacher(), texts, "query", dtype=dtype)
        assert found.shape == (len(texts), 8)
        assert found.valid.tolist() == [text != WITHOUT_VECTOR for text in texts]
        np.testing.assert_allclose(found.read(0, len(texts)), expected(texts), atol=ERRORS[dtype], rtol=0)
        rows = np.arange(len(texts))[::-1].repeat(2)
        np.testing.assert_array_equal(found.take(rows), found.read(0, len(texts))[rows])
        np.testing.assert_array_equal(found.read(3, 7), found.read(0, len(texts))[3:7])


def test_each_text_is_embedded_once(store: Store) -> None:
    teacher = HashTeacher()
    embed_quietly(store, teacher, [*TEXTS, *TEXTS[::-1]])
    assert sorted(teacher.asked) == sorted(TEXTS)
    assert max(map(len, teacher.calls)) == BLOCK


def test_an_appended_corpus_embeds_new_rows_alone(store: Store) -> None:
    embed_quietly(store, HashTeacher(), TEXTS[:30])
    teacher = HashTeacher()
    found = embed_quietly(store, teacher, TEXTS)
    assert teacher.asked == TEXTS[30:]
    np.testing.assert_array_equal(found.read(0, len(TEXTS)), expected(TEXTS))


def test_a_store_is_found_again(tmp_path: Path) -> None:
    embed_quietly(EmbeddingStore(tmp_path / "store", block_rows=BLOCK), HashTeacher())
    before = files(tmp_path)
    teacher = HashTeacher()
    found = embed_quietly(EmbeddingStore(tmp_path / "store"), teacher, TEXTS[::-1])
    assert not teacher.calls
    assert files(tmp_path) == before
    np.testing.assert_array_equal(found.read(0, len(TEXTS)), expected(TEXTS[::-1]))


@pytest.mark.parametrize(
    ("teacher", "dtype", "shared"),
    [
        (HashTeacher("1"), "float32", True),
        (HashTeacher("2"), "float32", False),
        (HashTeacher("1", 5), "float32", False),
        (HashTeacher("1"), "bfloat16", False),
        (HashTeacher("1"), "int8", False),
    ],
)
def test_what_makes_other_vectors_shares_nothing(
    teacher: HashTeacher, dtype: StoredDtype, shared: bool, store: Store
) -> None:
    embed_quietly(store, HashTeacher())
    teacher.calls.clear()
    embed_quietly(store, teacher, dtype=dtype)
    assert (not teacher.calls) == shared


def test_another_normaliser_embeds_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    embed_quietly(store, HashTeacher())
    monkeypatch.setattr("curation.mining.embeddings.fill.NORMALISER_VERSION", 2)
    teacher = HashTeacher()
    embed_quietly(store, teacher)
    assert teacher.asked == TEXTS


def test_a_vector_that_is_none_is_kept_as_such(store: Store) -> None:
    texts = ["a", WITHOUT_VECTOR, "b", WITHOUT_VECTOR]
    embed_quietly(store, HashTeacher(), texts)
    teacher = HashTeacher()
    found = embed_quietly(store, teacher, texts)
    assert not teacher.calls
    assert found.valid.tolist() == [True, False, True, False]
    assert not found.read(1, 2).any()


@pytest.mark.parametrize("texts", [pa.array(TEXTS), pa.chunked_array([TEXTS[:9], TEXTS[9:]]), tuple(TEXTS)], ids=type)
def test_texts_come_in_every_form(texts: Any, store: Store) -> None:
    found = store.embed(HashTeacher(), texts, "passage")
    np.testing.assert_array_equal(found.read(0, len(TEXTS)), expected(TEXTS))


def test_no_texts_are_a_corpus_of_none(store: Store) -> None:
    found = store.embed(HashTeacher(), [], "query", dtype="int8")
    assert (found.shape, found.read(0, 0).shape, found.valid.shape) == ((0, 8), (0, 8), (0,))
    assert isinstance(found, StoredInt8)
    assert list(found.codes(0, 0)) == []


def test_progress_counts_rows(store: Store) -> None:
    embed_quietly(store, HashTeacher(), TEXTS[:10])
    told: list[Progress] = []
    embed_quietly(store, HashTeacher(), [*TEXTS[:30], *TEXTS[:5]], progress=told.append)
    assert [(one.done, one.total) for one in told] == [(10, 30), (18, 30), (26, 30), (30, 30)]
    assert told[0].rows_per_second == 0.0
    assert all(one.rows_per_second > 0 for one in told[1:])


def test_codes_are_pieces_of_one_scale(store: Store) -> None:
    texts = [TEXTS[number] for number in np.random.default_rng(0).permutation(len(TEXTS))]
    embed_quietly(store, HashTeacher(), TEXTS, dtype="int8")
    found = embed_quietly(store, HashTeacher(), texts, dtype="int8")
    assert isinstance(found, StoredInt8)
    for start, stop in ((0, len(texts)), (5, 17), (9, 9)):
        pieces = list(found.codes(start, stop))
        assert [first for first, _, _ in pieces] == np.cumsum([start, *(len(codes) for _, codes, _ in pieces)])[
            :-1
        ].tolist()
        assert all(codes.dtype == np.int8 for _, codes, _ in pieces)
        decoded = [codes.astype(np.float32) * np.float32(scale) for _, codes, scale in pieces]
        np.testing.assert_array_equal(np.concatenate([np.empty((0, 8)), *decoded]), found.read(start, stop))


def test_codes_in_the_order_of_embedding_are_mapped_and_not_copied(tmp_path: Path) -> None:
    found = embed_quietly(EmbeddingStore(tmp_path, block_rows=100), HashTeacher(), TEXTS, dtype="int8")
    assert isinstance(found, StoredInt8)
    ((first, codes, _),) = found.codes(0, len(TEXTS))
    assert first == 0
    assert not codes.flags.owndata
    assert not codes.flags.writeable


@pytest.mark.parametrize("rows", [[-1], [0, 2]])
def test_rows_out_of_range_are_refused(rows: list[int], store: Store) -> None:
    with pytest.raises(IndexError, match="a corpus of 2"):
        store.embed(HashTeacher(), ["a", "b"], "query").take(np.array(rows))


def test_a_null_is_refused(store: Store) -> None:
    with pytest.raises(CurationError, match="row 1"):
        store.embed(HashTeacher(), pa.array(["a", None]), "query")


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.ones((2, 8), np.float32), r"length 2\.828"),
        (np.full((2, 7), np.nan, np.float32), r"shape \(2, 7\)"),
        (np.full((2, 8), np.nan), "float64"),
        (np.array([[np.inf, *[0.0] * 7], [1.0, *[0.0] * 7]], np.float32), "length inf"),
    ],
)
def test_a_teacher_that_breaks_its_promise_is_found_out(vectors: np.ndarray, message: str, store: Store) -> None:
    class Liar(HashTeacher):
        def embed(self, texts: Any, role: Role) -> Any:
            return vectors

    with pytest.raises(CurationError, match=rf"hash@1[\s\S]*{message}"):
        store.embed(Liar(), ["a", "b"], "query")


def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path) -> None:
    embed_quietly(EmbeddingStore(tmp_path / "whole", block_rows=BLOCK), HashTeacher())
    with pytest.raises(KeyboardInterrupt):
        embed_quietly(EmbeddingStore(tmp_path / "parts", block_rows=BLOCK), HashTeacher(stop_after=3))
    teacher = HashTeacher()
    embed_quietly(EmbeddingStore(tmp_path / "parts", block_rows=BLOCK), teacher)
    assert teacher.asked == TEXTS[3 * BLOCK :]
    assert files(tmp_path / "parts") == files(tmp_path / "whole")


WORKER = """
import sys, time
from pathlib import Path
from toy_teachers import HashTeacher
from curation.mining.embeddings.store import EmbeddingStore

class Slow(HashTeacher):
    def embed(self, texts, role):
        time.sleep(float(sys.argv[2]))
        return super().embed(texts, role)

store = EmbeddingStore(Path(sys.argv[1]), block_rows=16)
found = store.embed(Slow(), [f"text {number}" for number in range(320)], "passage", dtype="int8")
print(found.read(0, 320).tobytes().hex()[:64])
"""


def start_worker(folder: Path, seconds: float) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(Path(disk.__file__).parents[3]), str(Path(__file__).parents[1] / "teachers")])
    command = [sys.executable, "-W", "error", "-c", WORKER, str(folder), str(seconds)]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, text=True, stdout=subprocess.PIPE)


def test_a_killed_process_leaves_whole_blocks_and_the_next_one_the_same_bytes(tmp_path: Path) -> None:
    process = start_worker(tmp_path / "killed", 0.05)
    while len(list((tmp_path / "killed").glob("*/[0-9]*.json"))) < 3:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    blocks = len(list((tmp_path / "killed").glob("*/[0-9]*.json")))
    assert 3 <= blocks < 20
    texts = [f"text {number}" for number in range(320)]
    teacher = HashTeacher()
    resumed = embed_quietly(EmbeddingStore(tmp_path / "killed", block_rows=16), teacher, texts, dtype="int8")
    assert teacher.asked == texts[16 * blocks :]
    whole = embed_quietly(EmbeddingStore(tmp_path / "whole", block_rows=16), HashTeacher(), texts, dtype="int8")
    np.testing.assert_array_equal(resumed.read(0, 320), whole.read(0, 320))
    for name, data in files(tmp_path / "whole").items():
        assert (tmp_path / "killed" / name).read_bytes() == data


def test_processes_that_embed_the_same_at_once_do_no_harm(tmp_path: Path) -> None:
    workers = [start_worker(tmp_path / "store", 0.01) for _ in range(2)]
    outputs = {worker.communicate()[0] for worker in workers}
    assert [worker.returncode for worker in workers] == [0, 0]
    assert len(outputs) == 1
    teacher = HashTeacher()
    texts = [f"text {number}" for number in range(320)]
    found = embed_quietly(EmbeddingStore(tmp_path / "store"), teacher, texts, dtype="int8")
    assert not teacher.calls
    np.testing.assert_allclose(found.read(0, 320), expected(texts), atol=1 / 127)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def blank(path: Path) -> None:
    path.write_bytes(b"")


def other_scale(path: Path) -> None:
    marker = json.loads(path.read_bytes())
    path.write_text(json.dumps(marker | {"scale": 2.0}), encoding="utf-8")


def unknown_field(path: Path) -> None:
    marker = json.loads(path.read_bytes())
    path.write_text(json.dumps(marker | {"more": 1}), encoding="utf-8")


DAMAGES: list[tuple[str, Callable[[Path], None]]] = [
    *((".vectors", damage) for damage in (cut, lengthen, flip, blank, Path.unlink)),
    *((".keys", damage) for damage in (cut, flip, blank, Path.unlink)),
    *((".json", damage) for damage in (cut, blank, other_scale, unknown_field)),
]


@pytest.mark.parametrize(("suffix", "damage"), DAMAGES)
def test_a_damaged_block_is_embedded_again_with_a_warning(
    suffix: str, damage: Callable[[Path], None], tmp_path: Path
) -> None:
    embed_quietly(EmbeddingStore(tmp_path, block_rows=BLOCK), HashTeacher())
    (path,) = tmp_path.glob(f"*/000002-*{suffix}")
    damage(path)
    teacher, store = HashTeacher(), EmbeddingStore(tmp_path, block_rows=BLOCK)
    with pytest.warns(DamagedBlockWarning, match=r"damaged[\s\S]*000002-"):
        found = store.embed(teacher, TEXTS, "passage")
    assert teacher.asked == TEXTS[BLOCK : 2 * BLOCK]
    np.testing.assert_array_equal(found.read(0, len(TEXTS)), expected(TEXTS))
    again = HashTeacher()
    embed_quietly(EmbeddingStore(tmp_path), again)
    assert not again.calls


@pytest.mark.parametrize("damage", [cut, blank, Path.unlink])
def test_a_block_that_is_damaged_while_it_is_in_use_is_named(damage: Callable[[Path], None], tmp_path: Path) -> None:
    found = embed_quietly(EmbeddingStore(tmp_path), HashTeacher())
    (path,) = tmp_path.glob("*/*.vectors")
    damage(path)
    with pytest.raises(CurationError, match=r"cannot be read[\s\S]*000001-.*\.vectors[\s\S]*run again"):
        found.take(np.array([3]))


def test_a_block_without_its_marker_does_not_exist(tmp_path: Path) -> None:
    embed_quietly(EmbeddingStore(tmp_path, block_rows=BLOCK), HashTeacher())
    before = files(tmp_path)
    (path,) = tmp_path.glob("*/000007-*.json")
    path.unlink()
    teacher = HashTeacher()
    embed_quietly(EmbeddingStore(tmp_path, block_rows=BLOCK), teacher)
    assert teacher.asked == TEXTS[6 * BLOCK :]
    assert files(tmp_path) == before


def test_a_store_that_was_deleted_meanwhile_is_made_again(tmp_path: Path) -> None:
    store = EmbeddingStore(tmp_path / "store")
    held = embed_quietly(store, HashTeacher())
    shutil.rmtree(tmp_path / "store")
    with pytest.raises(CurationError, match=r"cannot be read[\s\S]*\.vectors[\s\S]*deleted"):
        held.read(0, 1)
    teacher = HashTeacher()
    embed_quietly(store, teacher)
    assert teacher.asked == TEXTS
    np.testing.assert_array_equal(held.read(0, len(TEXTS)), expected(TEXTS))


def test_of_two_vectors_for_a_text_the_first_block_counts(tmp_path: Path) -> None:
    for name in ("one", "two"):
        embed_quietly(EmbeddingStore(tmp_path / name, block_rows=BLOCK), HashTeacher(), TEXTS)
    (shelf,) = (tmp_path / "one").glob("*")
    (other,) = (tmp_path / "two").glob("*")
    shutil.rmtree(other)
    embed_quietly(EmbeddingStore(tmp_path / "two", block_rows=5), HashTeacher(), TEXTS[::-1])
    shutil.copytree(other, shelf, dirs_exist_ok=True)
    teacher = HashTeacher()
    found = embed_quietly(EmbeddingStore(tmp_path / "one"), teacher)
    assert not teacher.calls
    np.testing.assert_array_equal(found.read(0, len(TEXTS)), expected(TEXTS))


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, r"cannot be written[\s\S]*No space left[\s\S]*int8"),
        (errno.EROFS, r"cannot be written[\s\S]*Read-only[\s\S]*another folder"),
        (errno.EACCES, r"cannot be written[\s\S]*denied[\s\S]*may write to"),
        (errno.EIO, r"cannot be written[\s\S]*finished blocks are kept"),
    ],
)
def test_a_disk_that_fails_is_explained_and_what_is_done_is_kept(
    number: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, calls = disk._write_array, iter(range(100))

    def fail(path: Path, array: np.ndarray) -> None:
        if next(calls) == 5:
            raise OSError(number, os.strerror(number), str(path))
        write(path, array)

    monkeypatch.setattr(disk, "_write_array", fail)
    with pytest.raises(CurationError, match=message):
        embed_quietly(EmbeddingStore(tmp_path, block_rows=BLOCK), HashTeacher())
    monkeypatch.undo()
    teacher = HashTeacher()
    embed_quietly(EmbeddingStore(tmp_path, block_rows=BLOCK), teacher)
    assert teacher.asked == TEXTS[2 * BLOCK :]


def test_a_file_in_the_place_of_the_store_is_explained(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("not a folder", encoding="utf-8")
    with pytest.raises(CurationError, match=r"embedding store cannot be[\s\S]*store"):
        embed_quietly(EmbeddingStore(tmp_path / "store"), HashTeacher())


def test_sizes_say_what_is_there(tmp_path: Path) -> None:
    store = EmbeddingStore(tmp_path / "store", block_rows=BLOCK)
    assert store.sizes() == []
    embed_quietly(store, HashTeacher(), TEXTS[:20])
    embed_quietly(store, HashTeacher("2", 64), TEXTS, dtype="bfloat16")
    large, small = store.sizes()
    assert (large.rows, small.rows) == (len(TEXTS), 20)
    assert (large.description["called"], small.description["called"]) == ("hash@2", "hash@1")
    assert (large.description["dtype"], large.description["teacher"]) == ("bfloat16", {"version": "2"})
    assert large.bytes == sum(map(len, files(large.folder).values()))
    assert large.bytes > len(TEXTS) * (64 * 2 + 16)
    (small.folder / "teacher.json").write_text("{", encoding="utf-8")
    assert store.sizes()[1] == replace(small, description={}, bytes=small.bytes + 1 - len(files_of_description(small)))


def files_of_description(size: disk.ShelfSize) -> bytes:
    return (json.dumps(size.description, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def test_fine_tunes_of_one_base_model_share_nothing(tmp_path: Path) -> None:
    tunes = [
        build_static(tmp_path / f"tune{seed}", seed=seed, base_model="Qwen/Qwen3-Embedding-0.6B") for seed in (1, 2)
    ]
    store = EmbeddingStore(tmp_path / "store")
    teachers = [SentenceTransformerTeacher(TeacherOptions(str(tune))) for tune in tunes]
    for teacher in teachers:
        found = store.embed(teacher, SENTENCES, "passage")
        np.testing.assert_array_equal(found.read(0, len(SENTENCES)), teacher.embed(SENTENCES, "passage"))
    assert len(store.sizes()) == 2


def test_every_use_of_a_model_has_a_shelf_of_its_own(tmp_path: Path) -> None:
    options = TeacherOptions(str(build_transformer(tmp_path / "bert", seed=1)))
    uses = [
        options,
        replace(options, query_prompt="query: "),
        replace(options, max_tokens=9),
        replace(options, truncate_dim=5),
        replace(options, dtype="bfloat16"),
    ]
    store = EmbeddingStore(tmp_path / "store")
    for count, use in enumerate(uses, 1):
        teacher = SentenceTransformerTeacher(use)
        found = store.embed(teacher, SENTENCES, "query")
        np.testing.assert_array_equal(found.read(0, len(SENTENCES)), teacher.embed(SENTENCES, "query"))
        assert len(store.sizes()) == count
    store.embed(SentenceTransformerTeacher(replace(options, batch_size=2)), SENTENCES, "passage")
    assert len(store.sizes()) == len(uses)


def test_a_pass_through_a_corpus_does_not_fill_the_memory(tmp_path: Path) -> None:
    psutil = pytest.importorskip("psutil")
    texts = [f"text {number}" for number in range(4096)]
    rows = np.random.default_rng(0).standard_normal((512, 2048)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)

    class Same(HashTeacher):
        def embed(self, texts: Any, role: Role) -> Any:
            return rows[: len(texts)]

    EmbeddingStore(tmp_path, block_rows=512).embed(Same("1", 2048), texts, "passage")
    process = psutil.Process()
    before, files_open = process.memory_info().rss, process.num_fds()
    found = EmbeddingStore(tmp_path).embed(Same("1", 2048), texts, "passage")
    for start in range(0, 4096, 512):
        np.testing.assert_array_equal(found.read(start, start + 512), rows)
    # The corpus takes 32 MiB, in 8 files.
    assert process.num_fds() <= files_open
    assert process.memory_info().rss - before < 24 << 20


def test_a_real_model_that_was_stopped_ends_in_the_same_bytes(tmp_path: Path) -> None:
    options = TeacherOptions(str(build_transformer(tmp_path / "bert", seed=1)), batch_size=3)

    class Stopping(SentenceTransformerTeacher):
        calls = 0

        def embed(self, texts: Any, role: Role) -> Any:
            self.calls += 1
            if self.calls == 4:
                raise KeyboardInterrupt
            return super().embed(texts, role)

    with pytest.raises(KeyboardInterrupt):
        EmbeddingStore(tmp_path / "parts", block_rows=BLOCK).embed(Stopping(options), TEXTS, "passage", dtype="int8")
    for name in ("parts", "whole"):
        store = EmbeddingStore(tmp_path / name, block_rows=BLOCK)
        store.embed(SentenceTransformerTeacher(options), pa.array(TEXTS), "passage", dtype="int8")
    assert files(tmp_path / "parts") == files(tmp_path / "whole")

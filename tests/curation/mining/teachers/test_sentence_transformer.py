from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tiny_models import DIMENSIONS, POSITIONS, SENTENCES, build_static, build_transformer

from curation.config.mining import Mining
from curation.errors import ConfigError, CurationError
from curation.mining import mine_hard_negatives
from curation.mining.search.candidates import Vectors
from curation.mining.stage import mine_records
from curation.mining.teachers.base import Role, has_direction
from curation.mining.teachers.load import load_teacher
from curation.mining.teachers.model_files import find_model
from curation.mining.teachers.options import TeacherOptions
from curation.mining.teachers.sentence_transformer import SentenceTransformerTeacher
from curation.records import RECORD_SCHEMA


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_static(tmp_path_factory.mktemp("teacher") / "tiny", seed=1)


@pytest.fixture(scope="module")
def teacher(model: Path) -> SentenceTransformerTeacher:
    return SentenceTransformerTeacher(TeacherOptions(str(model)))


@pytest.fixture(scope="module")
def transformer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_transformer(tmp_path_factory.mktemp("teacher") / "bert", seed=1)


def embed(folder: Path, role: Role = "query", **options: object) -> Vectors:
    return SentenceTransformerTeacher(TeacherOptions(str(folder), **options)).embed(SENTENCES, role)  # type: ignore[arg-type]


def test_vectors_are_unit_float32_and_of_the_role(teacher: SentenceTransformerTeacher) -> None:
    queries, passages = teacher.embed(SENTENCES, "query"), teacher.embed(SENTENCES, "passage")
    for vectors in (queries, passages):
        assert vectors.shape == (len(SENTENCES), DIMENSIONS)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    # The model's own prompts stand before the texts, so that the roles differ, but not by much.
    assert (queries != passages).any(axis=1).all()
    assert ((queries * passages).sum(axis=1) > 0.5).all()


@pytest.mark.parametrize(("role", "prompt"), [("query", "query: "), ("passage", "passage: ")])
def test_the_prompt_is_the_models_own_for_the_role(
    role: Role, prompt: str, teacher: SentenceTransformerTeacher, model: Path
) -> None:
    from sentence_transformers import SentenceTransformer

    prompted = [prompt + text for text in SENTENCES]
    expected = SentenceTransformer(str(model), device="cpu").encode(prompted, prompt="", normalize_embeddings=True)
    np.testing.assert_allclose(teacher.embed(SENTENCES, role), expected, atol=1e-6)


def test_an_embedding_does_not_depend_on_the_texts_around_it(teacher: SentenceTransformerTeacher) -> None:
    together = teacher.embed([*SENTENCES] * 11, "passage")
    for number in (0, 12, 13, 142):
        np.testing.assert_array_equal(teacher.embed([SENTENCES[number % 13]], "passage")[0], together[number])


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_a_text_without_a_direction_is_a_row_of_nan_and_spares_the_others(
    value: float, model: Path, tmp_path: Path
) -> None:
    from safetensors.numpy import load_file, save_file

    folder = shutil.copytree(model, tmp_path / "damaged")
    (weights,) = folder.rglob("*.safetensors")
    ((name, table),) = load_file(weights).items()
    spoiled = json.loads((weights.parent / "tokenizer.json").read_bytes())["model"]["vocab"]["船"]
    table[spoiled] = value
    save_file({name: table}, weights)
    teacher = SentenceTransformerTeacher(TeacherOptions(str(folder), passage_prompt=""))
    vectors = teacher.embed(["boats", "船", "ครับ"], "passage")
    assert has_direction(vectors).tolist() == [True, False, True]
    assert np.isnan(vectors[1]).all()


def test_the_identity_is_the_content_and_not_the_place(
    teacher: SentenceTransformerTeacher, model: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(model, tmp_path / "renamed")
    (folder / "README.md").write_text("Another card.", encoding="utf-8")
    (folder / ".cache").write_text("x", encoding="utf-8")
    copy = SentenceTransformerTeacher(TeacherOptions(str(folder)))
    other = SentenceTransformerTeacher(TeacherOptions(str(build_static(tmp_path / "other", seed=2))))
    assert copy.identity("query") == teacher.identity("query")
    assert other.identity("query") != teacher.identity("query")
    assert [one.name.partition("@")[0] for one in (teacher, copy, other)] == ["tiny", "renamed", "other"]
    assert json.loads(json.dumps(teacher.identity("query"))) == teacher.identity("query")


@pytest.mark.parametrize(
    "change",
    [
        {"query_prompt": "Instruct: find the passage\nQuery:"},
        {"query_prompt": ""},
        {"query_prompt_name": "document"},
        {"truncate_dim": 7},
        {"max_tokens": 9},
        {"dtype": "bfloat16"},
    ],
)
def test_whatever_changes_vectors_changes_the_identity(change: dict[str, Any], model: Path, transformer: Path) -> None:
    folder = transformer if "max_tokens" in change else model
    plain, changed = (SentenceTransformerTeacher(TeacherOptions(str(folder), **one)) for one in ({}, change))
    assert plain.identity("query") != changed.identity("query")
    before, after = (one.embed(SENTENCES, "query") for one in (plain, changed))
    assert before.shape != after.shape or (before != after).any()
    assert after.shape == (len(SENTENCES), changed.dimensions)
    np.testing.assert_allclose(np.linalg.norm(after, axis=1), 1.0, atol=1e-5)


def test_whatever_changes_speed_alone_does_not(model: Path) -> None:
    options = TeacherOptions(str(model))
    fast = replace(options, batch_size=3, device="cpu", pickled_weights=True)
    assert SentenceTransformerTeacher(fast).identity("query") == SentenceTransformerTeacher(options).identity("query")


def test_roles_share_an_identity_where_their_prompts_are_equal(model: Path) -> None:
    teacher = SentenceTransformerTeacher(TeacherOptions(str(model), passage_prompt_name="query"))
    assert teacher.identity("query") == teacher.identity("passage")
    np.testing.assert_array_equal(teacher.embed(SENTENCES, "query"), teacher.embed(SENTENCES, "passage"))


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [
        ({"query": "q: ", "passage": "p: "}, {"query": "q: ", "passage": "p: "}),
        ({"query": "q: ", "corpus": "c: "}, {"query": "q: ", "passage": "c: "}),
        ({"document": "d: ", "passage": "p: "}, {"query": "", "passage": "d: "}),
        ({}, {"query": "", "passage": ""}),
    ],
)
def test_the_models_own_prompts_are_found(prompts: dict[str, str], expected: dict[Role, str], tmp_path: Path) -> None:
    folder = build_static(tmp_path / "prompted", seed=1, prompts=prompts)
    teacher = SentenceTransformerTeacher(TeacherOptions(str(folder)))
    assert {role: teacher.identity(role)["prompt"] for role in expected} == expected


def test_truncated_vectors_are_the_first_dimensions_at_unit_length(transformer: Path) -> None:
    # The model's own last step makes unit vectors before they are cut.
    whole, cut = embed(transformer), embed(transformer, truncate_dim=5)
    np.testing.assert_allclose(cut, whole[:, :5] / np.linalg.norm(whole[:, :5], axis=1, keepdims=True), atol=1e-6)


def test_long_texts_are_cut(transformer: Path) -> None:
    teacher = SentenceTransformerTeacher(TeacherOptions(str(transformer), max_tokens=6))
    long, short = teacher.embed(["船夫又数了一遍船。", "船夫又数了一"], "passage")
    np.testing.assert_allclose(long, short, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"truncate_dim": 17}, r"truncate_dim 17[\s\S]*16 dimensions[\s\S]*at most 16"),
        ({"max_tokens": POSITIONS + 1}, r"max_tokens 41[\s\S]*40 positions"),
        ({"passage_prompt_name": "s2p"}, r"passage_prompt_name 's2p'[\s\S]*`query`"),
    ],
)
def test_what_a_model_does_not_have_is_refused(change: dict[str, Any], message: str, transformer: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        SentenceTransformerTeacher(TeacherOptions(str(transformer), **change))


def test_a_model_that_cuts_nothing_cannot_be_told_to(model: Path) -> None:
    with pytest.raises(ConfigError, match=r"max_tokens 9[\s\S]*does not cut"):
        SentenceTransformerTeacher(TeacherOptions(str(model), max_tokens=9))


def test_a_failing_model_says_what_to_do(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **options: object) -> None:
        raise RuntimeError("out of memory")

    teacher = SentenceTransformerTeacher(TeacherOptions(str(model)))
    monkeypatch.setattr(teacher._model, "encode_query", fail)
    with pytest.raises(CurationError, match=r"13 query texts[\s\S]*out of memory[\s\S]*batch_size below 64"):
        teacher.embed(SENTENCES, "query")


def test_no_texts_have_no_vectors(teacher: SentenceTransformerTeacher) -> None:
    assert teacher.embed([], "query").shape == (0, DIMENSIONS)


def test_a_teacher_is_loaded_once(model: Path) -> None:
    options = TeacherOptions(str(model))
    assert load_teacher(options) is load_teacher(replace(options))
    assert load_teacher(options) is not load_teacher(replace(options, truncate_dim=3))


@pytest.mark.parametrize("kind", ["os.system", "modeling_mine.Encoder", "torch.nn.Identity"])
def test_a_folder_never_runs_code_of_its_own(kind: str, model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(model, tmp_path / "own")
    (folder / "modeling_mine.py").write_text("raise SystemExit('ran')", encoding="utf-8")
    modules = json.loads((folder / "modules.json").read_bytes())
    (folder / "modules.json").write_text(json.dumps([modules[0] | {"type": kind}]), encoding="utf-8")
    with pytest.raises(CurationError, match=rf"code of its own[\s\S]*modules\.json[\s\S]*{kind}"):
        SentenceTransformerTeacher(TeacherOptions(str(folder)))


def test_pickled_weights_must_be_allowed(model: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    folder = shutil.copytree(model, tmp_path / "pickled")
    (weights,) = folder.rglob("*.safetensors")
    torch.save(load_file(weights), weights.with_name("pytorch_model.bin"))
    weights.unlink()
    with pytest.raises(CurationError, match=r"pickled[\s\S]*pytorch_model\.bin[\s\S]*pickled_weights: true"):
        SentenceTransformerTeacher(TeacherOptions(str(folder)))
    np.testing.assert_array_equal(embed(folder, pickled_weights=True), embed(model))


def test_a_pinned_model_is_asked_for_at_its_revision_and_runs_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    import sentence_transformers

    asked: list[tuple[object, ...]] = []

    class Model:
        def __init__(self, name: str, **options: object) -> None:
            weights = options["model_kwargs"]["use_safetensors"]  # type: ignore[index]
            asked.append((name, options["revision"], options["trust_remote_code"], weights))
            raise OSError("no network")

    monkeypatch.setattr(sentence_transformers, "SentenceTransformer", Model)
    revision = "836121a0533e5664b21c7aacc5d22951f2b8b25b"
    with pytest.raises(CurationError, match="no network"):
        SentenceTransformerTeacher(TeacherOptions(f"sentence-transformers/LaBSE@{revision}"))
    assert asked == [("sentence-transformers/LaBSE", revision, False, True)]


def test_a_pinned_model_is_known_by_its_revision() -> None:
    spec = "intfloat/multilingual-e5-small@fd1525a9fd15316a2d503bf26ab031a61d056e98"
    files = find_model(spec, "mining.teacher.model", pickled_weights=False)
    name, revision = spec.split("@")
    assert (files.place, files.revision, files.name) == (name, revision, spec)
    assert files.identity == {"name": name, "revision": revision}


@pytest.mark.parametrize(
    "spec",
    [
        "sentence-transformers/LaBSE",
        "sentence-transformers/LaBSE@main",
        "sentence-transformers/LaBSE@v1.0",
        "sentence-transformers/LaBSE@836121a",
        "sentence-transformers/LaBSE@" + "G" * 40,
        "LaBSE@" + "a" * 40,
        "bm25",
        "",
    ],
)
def test_a_model_that_is_not_pinned_is_refused_with_a_hint(spec: str) -> None:
    with pytest.raises(ConfigError, match=r"ORG/MODEL@REVISION[\s\S]*next: .*commit") as caught:
        load_teacher(TeacherOptions(spec))
    assert repr(spec) in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"models/gone[\s\S]*mining\.teacher[\s\S]*nor a folder"):
        SentenceTransformerTeacher(TeacherOptions(str(tmp_path / "models" / "gone")))


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights")
    with pytest.raises(ConfigError, match=r"model\.bin"):
        SentenceTransformerTeacher(TeacherOptions(str(tmp_path / "model.bin")))


def emptied(folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def without_weights(folder: Path) -> None:
    for path in folder.rglob("*.safetensors"):
        path.unlink()


def with_broken_json(folder: Path) -> None:
    (folder / "modules.json").write_text("{", encoding="utf-8")


@pytest.mark.parametrize("damage", [emptied, without_weights, with_broken_json])
def test_a_folder_that_holds_no_model_is_refused(damage: Callable[[Path], None], model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(model, tmp_path / "damaged")
    damage(folder)
    with pytest.raises(CurationError, match=r"damaged[\s\S]*cannot be loaded[\s\S]*(mining\.teacher|modules\.json)"):
        SentenceTransformerTeacher(TeacherOptions(str(folder)))


def records(texts: list[str]) -> pa.Table:
    """Return questions in English about texts, a group each."""
    rows = [
        dict.fromkeys(RECORD_SCHEMA.names, "x")
        | {"id": f"{number:032x}", "query": f"which {text[::-1]}?", "positive": text, "negatives": [], "row": number}
        | {"query_language": "eng_Latn", "positive_language": "deu_Latn", "task": "retrieval", "group": str(number)}
        for number, text in enumerate(texts)
    ]
    return pa.Table.from_pylist(rows, RECORD_SCHEMA).append_column("split", pa.repeat(pa.scalar("train"), len(rows)))


TEXTS = [f"{a} {b} {number}" for number, (a, b) in enumerate((a, b) for a in SENTENCES for b in SENTENCES[:3])]
RULES = {"num_negatives": 4, "top_k": 30, "skip_rank": 2, "max_score": 0.97, "max_positive_ratio": 1.5}


@pytest.mark.parametrize("anchor", ["auto", "query", "positive"])
def test_mining_end_to_end_is_exact_search_and_the_rules(anchor: str, model: Path) -> None:
    options = Mining(teacher=str(model), anchor=anchor, **RULES)  # type: ignore[arg-type]
    table = records(TEXTS)
    found = mine_records(table, options, seed=0).records.to_pylist()
    teacher = load_teacher(TeacherOptions(str(model)))
    passages = teacher.embed(TEXTS, "passage")
    anchors = passages if anchor == "positive" else teacher.embed(table["query"].to_pylist(), "query")
    rows, scores = mine_hard_negatives(anchors, passages, range(len(TEXTS)), **RULES)  # type: ignore[arg-type]
    assert [row["id"] for row in found] == table["id"].to_pylist()
    assert (rows >= 0).mean() > 0.9
    for row, wanted, values in zip(found, rows, scores, strict=True):
        count = int((wanted >= 0).sum())
        assert row["mined"] == count
        assert row["negatives"][:count] == [TEXTS[number] for number in wanted[:count]]
        assert row["negative_ids"][:count] == [f"{number:032x}" for number in wanted[:count]]
        assert row["negative_scores"][:count] == values[:count].tolist()
    own = [1.0] * len(TEXTS) if anchor == "positive" else (anchors * passages).sum(axis=1)
    np.testing.assert_allclose([row["positive_score"] for row in found], own, atol=1e-5)


def test_mining_end_to_end_does_not_depend_on_the_order_of_rows(model: Path) -> None:
    options = Mining(teacher=str(model), num_negatives=5)
    table = records(TEXTS)
    outcome = mine_records(table, options, seed=3)
    shuffled = table.take(pa.array(np.random.default_rng(0).permutation(len(TEXTS))))
    again = mine_records(shuffled, options, seed=3)
    assert again.records.equals(outcome.records)
    assert outcome.records.num_rows == len(TEXTS)


def test_a_config_with_an_unknown_teacher_fails_before_anything_is_mined() -> None:
    with pytest.raises(ConfigError, match="intfloat/multilingual-e5-small"):
        mine_records(records(TEXTS), Mining(teacher="intfloat/multilingual-e5-small"), seed=0)

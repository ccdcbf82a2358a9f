from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from curation.config.mining import Mining
from curation.errors import ConfigError, CurationError
from curation.mining import mine_hard_negatives
from curation.mining.stage import mine_records
from curation.mining.teachers.sentence_transformer import Role, SentenceTransformerTeacher, load_teacher
from curation.records import RECORD_SCHEMA

SENTENCES = (
    "The harbour master counted the boats again.",
    "नाविक ने नावें फिर से गिनीं।",
    "மாலுமி படகுகளை எண்ணினார்.",
    "คนขับเรือนับเรืออีกครั้ง",
    "လှေသမားက လှေတွေကို ရေတွက်တယ်။",
    "船夫又数了一遍船。",
    "船頭はもう一度船を数えた。",
    "뱃사공은 배를 다시 세었다.",
    "عدّ البحّار القوارب مرة أخرى.",
    "המלח ספר שוב את הסירות.",
    "መርከበኛው ጀልባዎቹን እንደገና ቆጠረ።",
    "მეზღვაურმა ნავები ხელახლა დათვალა.",
    "Лоцман снова пересчитал лодки.",
)
DIMENSIONS = 24


def build(folder: Path, seed: int) -> Path:
    """Save a model with random weights, whose tokens are characters: the mean of their vectors is the embedding."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import StaticEmbedding
    from tokenizers import Regex, Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Split

    characters = sorted(set("".join(SENTENCES) + "abcdefghijklmnopqrstuvwxyz:? 0123456789"))
    vocabulary = {"[UNK]": 0} | {character: number for number, character in enumerate(characters, 1)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Split(Regex("."), "isolated")
    weights = np.random.default_rng(seed).standard_normal((len(vocabulary), DIMENSIONS)).astype(np.float32)
    prompts = {"query": "query: ", "document": "passage: "}
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, weights)], prompts=prompts, device="cpu").save(str(folder))
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("teacher") / "tiny", seed=1)


@pytest.fixture(scope="module")
def teacher(model: Path) -> SentenceTransformerTeacher:
    return SentenceTransformerTeacher(str(model))


def test_vectors_are_unit_float32_and_of_the_role(teacher: SentenceTransformerTeacher) -> None:
    queries, passages = teacher.embed(SENTENCES, "query"), teacher.embed(SENTENCES, "passage")
    for vectors in (queries, passages):
        assert vectors.shape == (len(SENTENCES), DIMENSIONS)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    # The model's own prompts stand before the texts, so that the roles differ, but not by much.
    assert (queries != passages).any(axis=1).all()
    assert ((queries * passages).sum(axis=1) > 0.7).all()


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


def test_a_text_without_a_direction_is_refused_by_row(model: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = shutil.copytree(model, tmp_path / "zero")
    (weights,) = folder.rglob("*.safetensors")
    save_file({name: np.zeros_like(values) for name, values in load_file(weights).items()}, weights)
    with pytest.raises(CurationError, match=r"passage[\s\S]*row 0 \(and 1 more\)"):
        SentenceTransformerTeacher(str(folder)).embed(["boats", "船"], "passage")


def test_the_identity_names_the_content_and_not_the_place(
    teacher: SentenceTransformerTeacher, model: Path, tmp_path: Path
) -> None:
    copy = SentenceTransformerTeacher(str(shutil.copytree(model, tmp_path / "tiny")))
    other = SentenceTransformerTeacher(str(build(tmp_path / "other" / "tiny", seed=2)))
    assert copy.identity == teacher.identity
    assert other.identity != teacher.identity
    assert {teacher.identity.partition("@")[0], other.identity.partition("@")[0]} == {"tiny"}


def test_a_teacher_is_loaded_once(model: Path) -> None:
    assert load_teacher(str(model)) is load_teacher(str(model))


def test_a_pinned_model_is_asked_for_at_its_revision_and_runs_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    import sentence_transformers

    asked: list[tuple[object, ...]] = []

    class Model:
        def __init__(self, name: str, **options: object) -> None:
            asked.append((name, options["revision"], options["trust_remote_code"]))

        def eval(self) -> Model:
            return self

    monkeypatch.setattr(sentence_transformers, "SentenceTransformer", Model)
    revision = "836121a0533e5664b21c7aacc5d22951f2b8b25b"
    teacher = SentenceTransformerTeacher(f"sentence-transformers/LaBSE@{revision}")
    assert asked == [("sentence-transformers/LaBSE", revision, False)]
    assert teacher.identity == f"sentence-transformers/LaBSE@{revision}"


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
        load_teacher(spec)
    assert repr(spec) in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"models/gone[\s\S]*mining\.teacher[\s\S]*nor a folder"):
        SentenceTransformerTeacher(str(tmp_path / "models" / "gone"))


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights")
    with pytest.raises(ConfigError, match=r"model\.bin"):
        SentenceTransformerTeacher(str(tmp_path / "model.bin"))


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
    with pytest.raises(CurationError, match=r"damaged[\s\S]*cannot be loaded[\s\S]*mining\.teacher"):
        SentenceTransformerTeacher(str(folder))


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
    teacher = load_teacher(str(model))
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

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from curation.mining.neighbours import anchored_on_positive, find_neighbours

from curation.config.mining import Mining
from curation.errors import ConfigError
from curation.mining.pool import build_pool
from curation.mining.search.exact import pair_scores
from curation.mining.teachers.options import TeacherOptions
from curation.mining.teachers.sentence_transformer import SentenceTransformerTeacher

TEXTS = ["das Boot liegt im Hafen", "das Boot fährt ab", "der Hafen schläft", "Brot und Käse", "Käse und Wein"]


def records(*, task: str = "retrieval", query_language: str = "deu_Latn", queries: list[str] | None = None) -> pa.Table:
    count = len(TEXTS)
    return pa.table(
        {
            "id": [f"r{index}" for index in range(count)],
            "query": queries or [f"{text} jetzt" for text in TEXTS],
            "positive": TEXTS,
            "negatives": pa.array([[]] * count, pa.list_(pa.string())),
            "query_language": [query_language] * count,
            "positive_language": ["deu_Latn"] * count,
            "task": [task] * count,
            "group": [f"g{index}" for index in range(count)],
            "file": ["pairs.tsv"] * count,
            "row": list(range(count)),
        }
    )


@pytest.mark.parametrize(
    ("task", "query_language", "teacher", "anchor", "expected"),
    [
        ("bitext", "eng_Latn", "lexical", "auto", True),
        ("bitext", "deu_Latn", "lexical", "auto", True),
        ("retrieval", "deu_Latn", "lexical", "auto", False),
        ("retrieval", "eng_Latn", "lexical", "auto", True),
        ("code", "python_Zzzz", "lexical", "auto", True),
        ("retrieval", "deu_Latn", "lexical", "positive", True),
        ("bitext", "deu_Latn", "lexical", "query", False),
        ("bitext", "eng_Latn", "a/folder", "auto", False),
        ("bitext", "eng_Latn", "a/folder", "query", False),
        ("bitext", "eng_Latn", "a/folder", "positive", True),
    ],
)
def test_the_anchor(task: str, query_language: str, teacher: str, anchor: str, expected: bool) -> None:
    table = records(task=task, query_language=query_language)
    anchored = anchored_on_positive(table, Mining(teacher=teacher, anchor=anchor))  # type: ignore[arg-type]
    assert anchored.tolist() == [expected] * len(TEXTS)


def test_a_lexical_teacher_refuses_to_compare_languages_and_says_where() -> None:
    with pytest.raises(ConfigError, match="lexical") as caught:
        anchored_on_positive(records(query_language="jpn_Jpan"), Mining(anchor="query"))
    assert caught.value.where == "pairs.tsv:0"
    assert "jpn_Jpan" in caught.value.why
    assert "mining.anchor" in caught.value.hint


@pytest.mark.parametrize("anchor", ["query", "positive"])
def test_lexical_neighbours_are_without_the_own_positive(anchor: str) -> None:
    table = records()
    pool, everyone = build_pool(table, 3), np.arange(len(TEXTS))
    found = find_neighbours(table, pool, everyone, Mining(anchor=anchor))  # type: ignore[arg-type]
    assert found.candidates.rows[:, 0].tolist() == [1, 0, 0, 4, 3]
    assert (found.candidates.rows != everyone[:, None]).all()
    assert (found.positive_scores == 1.0).all() == (anchor == "positive")
    assert (found.positive_scores > 0.5).all()


def test_only_the_records_that_want_some_are_searched_for() -> None:
    table = records()
    pool = build_pool(table, 3)
    everyone = find_neighbours(table, pool, np.arange(5), Mining())
    some = find_neighbours(table, pool, np.array([1, 4]), Mining())
    np.testing.assert_array_equal(some.candidates.rows, everyone.candidates.rows[[1, 4]])
    np.testing.assert_array_equal(some.candidates.scores, everyone.candidates.scores[[1, 4]])
    np.testing.assert_array_equal(some.positive_scores, everyone.positive_scores)


def save_teacher(folder: Path) -> str:
    st = pytest.importorskip("sentence_transformers")
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = sorted({word for text in TEXTS for word in text.split()})
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(["[UNK]", *words])}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    weights = np.eye(len(words) + 1, dtype=np.float32)
    module = StaticEmbedding(tokenizer, embedding_weights=weights)
    st.SentenceTransformer(modules=[module], device="cpu").save(str(folder))
    return str(folder)


@pytest.mark.parametrize("anchor", ["auto", "positive"])
def test_neighbours_by_a_model(tmp_path: Path, anchor: str) -> None:
    table = records(task="bitext", query_language="eng_Latn", queries=TEXTS[1:] + TEXTS[:1])
    pool, folder = build_pool(table, 3), save_teacher(tmp_path / "teacher")
    found = find_neighbours(table, pool, np.arange(5), Mining(teacher=folder, anchor=anchor))  # type: ignore[arg-type]
    vectors = SentenceTransformerTeacher(TeacherOptions(folder)).embed(TEXTS, "passage")
    anchors = np.arange(5) if anchor == "positive" else np.roll(np.arange(5), -1)
    for record, own in enumerate(anchors):
        kept = [row for row in range(5) if row != record and TEXTS[row] != table["query"][record].as_py()]
        scores = pair_scores(vectors, vectors, np.full(len(kept), own), np.array(kept))
        best = [kept[index] for index in np.lexsort((kept, -scores))]
        assert [row for row in found.candidates.rows[record] if row >= 0] == best
    expected = np.ones(5) if anchor == "positive" else pair_scores(vectors, vectors, anchors, np.arange(5))
    np.testing.assert_allclose(found.positive_scores, expected)

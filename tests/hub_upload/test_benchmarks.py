"""The real mteb, offline, on tasks that are made up here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from curation.errors import ConfigError, CurationError
from curation.hashing import hash64
from hub_upload import benchmarks
from hub_upload.benchmarks import MtebEncoder, evaluate_mteb, evaluate_on

mteb = pytest.importorskip("mteb", reason="pip install 'ml-embed-curation[eval]'")

PAIRS = {
    "tha-Thai": [("ห้องสมุดปิดแล้ว", "ห้องสมุดปิดแล้วครับ", 5.0), ("รถไฟมาแล้ว", "วันนี้ฝนตก", 0.0), ("ฉันหิวข้าว", "ฉันหิวข้าวมาก", 4.0)],
    "heb-Hebr": [
        ("הספרייה סגורה", "הספרייה סגורה היום", 5.0),
        ("הרכבת הגיעה", "גשם יורד", 0.0),
        ("אני רעב", "אני רעב מאוד", 4.0),
    ],
}


class Letters:
    """Counts of hashed pairs of letters; lower ranks see the first letters only."""

    depths, dims, ranks = (0, 1), (4, 64), (2, 8)

    def exits(self, texts: Sequence[str], *, rank: int) -> np.ndarray:
        found = np.zeros((2, len(texts), 64), np.float32)
        for row, text in enumerate(texts):
            places = hash64([text[at : at + 2] for at in range(len(text))]) % 64
            np.add.at(found[0, row], places[:rank].astype(np.int64), 1.0)
            np.add.at(found[1, row], places[: 8 * rank].astype(np.int64), 1.0)
        return found


def metadata(**values: Any) -> Any:
    from mteb.abstasks.task_metadata import TaskMetadata

    given = {"description": "Made up.", "eval_splits": ["test"]}
    given |= {"dataset": {"path": "nobody/nothing", "revision": "0" * 40}}
    return TaskMetadata.model_validate(given | values)


def sts() -> Any:
    from datasets import Dataset, DatasetDict
    from mteb.abstasks import AbsTaskSTS

    class OurSTS(AbsTaskSTS):
        metadata = globals()["metadata"](
            name="OurSTS", type="STS", main_score="cosine_spearman", eval_langs={code: [code] for code in PAIRS}
        )
        min_score, max_score = 0, 5

        def load_data(self, num_proc: int | None = None, **_: Any) -> None:
            columns = ("sentence1", "sentence2", "score")
            self.dataset = {
                code: DatasetDict(test=Dataset.from_list([dict(zip(columns, row, strict=True)) for row in rows]))
                for code, rows in PAIRS.items()
            }
            self.data_loaded = True

    return OurSTS()


def retrieval() -> Any:
    from datasets import Dataset
    from mteb.abstasks import AbsTaskRetrieval

    class OurRetrieval(AbsTaskRetrieval):
        metadata = globals()["metadata"](
            name="OurRetrieval", type="Retrieval", main_score="ndcg_at_10", eval_langs=["kat-Geor"]
        )

        def load_data(self, num_proc: int | None = None, **_: Any) -> None:
            queries = [{"id": "q1", "text": "ბიბლიოთეკა იხურება"}, {"id": "q2", "text": "მატარებელი მოდის"}]
            corpus = [
                {"id": "d1", "text": "ბიბლიოთეკა იხურება რვაზე", "title": ""},
                {"id": "d2", "text": "მატარებელი მოდის რვაზე", "title": ""},
                {"id": "d3", "text": "დღეს წვიმს", "title": ""},
            ]
            part = {"queries": Dataset.from_list(queries), "corpus": Dataset.from_list(corpus), "top_ranked": None}
            self.dataset = {"default": {"test": part | {"relevant_docs": {"q1": {"d1": 1}, "q2": {"d2": 1}}}}}
            self.data_loaded = True

    return OurRetrieval()


def test_a_task_with_subsets_gives_a_row_for_each() -> None:
    rows = evaluate_on(MtebEncoder(Letters()), [sts()])
    assert [(row.task, row.type, row.split, row.subset, row.languages, row.measure) for row in rows] == [
        ("OurSTS", "STS", "test", code, (code,), "cosine_spearman") for code in ("heb-Hebr", "tha-Thai")
    ]
    for row in rows:
        assert row.score is not None
        assert row.score >= 0.5
        assert row.revision == "0" * 40


def test_retrieval() -> None:
    (row,) = evaluate_on(MtebEncoder(Letters()), [retrieval()])
    assert (row.task, row.measure, row.score) == ("OurRetrieval", "ndcg_at_10", 1.0)


def test_tasks_are_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(benchmarks, "find_tasks", lambda names, languages: asked.append((names, languages)) or [sts()])
    rows = evaluate_mteb(Letters(), ["OurSTS"], ["tha"], depth=0, dim=4, rank=2)
    assert asked == [(["OurSTS"], ["tha"])]
    assert rows != evaluate_mteb(Letters(), ["OurSTS"], ["tha"])


@pytest.mark.parametrize("name", ["NoSuchTask", "../../etc/passwd", ""])
def test_a_task_that_mteb_does_not_know(name: str) -> None:
    with pytest.raises(ConfigError):
        evaluate_mteb(Letters(), [name])


def test_vectors_are_those_of_the_cell() -> None:
    texts = ["今日は雨です", "오늘은 비가 온다", ""]
    vectors = MtebEncoder(Letters(), depth=0, dim=4, rank=2).encode([{"text": texts[:2]}, {"text": texts[2:]}])
    exits = Letters().exits(texts, rank=2)[0, :, :4]
    lengths = np.linalg.norm(exits, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors, exits / np.maximum(lengths, 1e-9), atol=1e-6)


@pytest.mark.parametrize("cell", [{"depth": 2}, {"dim": 5}, {"rank": 3}])
def test_a_cell_that_the_model_does_not_have(cell: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="The model has no"):
        MtebEncoder(Letters(), **cell)


def test_a_task_that_breaks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    task = sts()
    monkeypatch.setattr(type(task), "load_data", lambda *_, **__: (_ for _ in ()).throw(OSError("no route")))
    with pytest.raises(CurationError, match="OurSTS cannot be run") as caught:
        evaluate_on(MtebEncoder(Letters()), [task])
    assert "no route" in str(caught.value.why)


def test_it_is_what_mteb_calls_an_encoder() -> None:
    from mteb.models.models_protocols import EncoderProtocol

    assert isinstance(MtebEncoder(Letters()), EncoderProtocol)

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from toy_teachers import HashTeacher, vector_of

from curation.errors import CurationError
from curation.mining.pairs import MinedPairs, mine_pairs
from curation.mining.rules import INFINITY, Rules

OPEN = Rules(2, 10, 0, INFINITY, INFINITY)
ANCHORS = ["где лодка", "where is the boat", "नाव कहाँ है", "where is the boat", "船はどこ"]
POSITIVES = ["в гавани", "in the harbour", "बंदरगाह में", "by the pier", "港に"]
CORPUS = ["เรืออยู่ในท่าเรือ", "القارب في الميناء", "in the harbour", "where is the boat"]


def mined(rules: Rules = OPEN) -> MinedPairs:
    return mine_pairs(ANCHORS, POSITIVES, CORPUS, teacher=HashTeacher(), rules=rules)


def test_every_text_is_there_once() -> None:
    found = mined()
    assert found.anchors.to_pylist() == list(dict.fromkeys(ANCHORS))
    assert found.passages.to_pylist() == list(dict.fromkeys([*POSITIVES, *CORPUS]))
    assert sorted(zip(*(column.tolist() for column in found.pairs.T), strict=True)) == [
        (0, 0),
        (1, 1),
        (1, 3),
        (2, 2),
        (3, 4),
    ]


def test_negatives_are_the_nearest_that_are_neither_positives_nor_the_anchor_itself() -> None:
    found = mined()
    texts = found.passages.to_pylist()
    for row in found.table().to_pylist():
        anchor = found.anchors[row["anchor"]].as_py()
        barred = {anchor} | {p for a, p in zip(ANCHORS, POSITIVES, strict=True) if a == anchor}
        scores = {text: float(vector_of(anchor) @ vector_of(text)) for text in texts if text not in barred}
        expected = sorted(scores, key=lambda text: -scores[text])[:2]
        assert [texts[number] for number in row["negatives"]] == expected
        assert row["negative_scores"] == pytest.approx([scores[text] for text in expected], abs=1e-6)
        assert row["negative_ranks"] == [1, 2]
        assert row["positive_score"] == pytest.approx(
            float(vector_of(anchor) @ vector_of(texts[row["positive"]])), abs=1e-6
        )


def test_texts_are_rendered_from_the_numbers() -> None:
    found = mined()
    rows = found.n_tuples().to_pylist()
    assert [name for name in rows[0] if name != "scores"] == ["anchor", "positive", "negative_1", "negative_2"]
    for row, numbers in zip(rows, found.table().to_pylist(), strict=True):
        assert row["positive"] == found.passages[numbers["positive"]].as_py()
        assert [row["negative_1"], row["negative_2"]] == [found.passages[n].as_py() for n in numbers["negatives"]]
        assert row["scores"] == pytest.approx([numbers["positive_score"], *numbers["negative_scores"]])


def test_what_has_too_few_negatives_stays_in_the_table() -> None:
    found = mined(Rules(7, 10, 0, INFINITY, INFINITY))
    lengths = [len(row["negatives"]) for row in found.table().to_pylist()]
    assert (len(lengths), set(lengths)) == (5, {7, 5})
    assert found.n_tuples().num_rows == lengths.count(7)


def test_files_hold_all_of_it(tmp_path: Path) -> None:
    found = mined()
    found.write(tmp_path)
    assert pq.read_table(tmp_path / "pairs.parquet").equals(found.table())
    assert pq.read_table(tmp_path / "passages.parquet")["text"].to_pylist() == found.passages.to_pylist()


@pytest.mark.parametrize(
    ("anchors", "positives"),
    [(["a"], []), ([], []), (["a", "b"], ["c"])],
    ids=["no positive", "nothing", "one missing"],
)
def test_pairs_must_be_pairs(anchors: list[str], positives: list[str]) -> None:
    with pytest.raises(CurationError, match="one positive"):
        mine_pairs(anchors, positives, teacher=HashTeacher(), rules=OPEN)


def test_a_text_without_a_vector_is_refused() -> None:
    with pytest.raises(CurationError, match="embeddings of passages"):
        mine_pairs(["a"], ["b\ufffd"], teacher=HashTeacher(), rules=OPEN)


def test_arrow_strings_of_either_kind() -> None:
    one = mine_pairs(pa.array(ANCHORS), pa.array(POSITIVES, pa.large_string()), teacher=HashTeacher(), rules=OPEN)
    other = mine_pairs(ANCHORS, pa.chunked_array([POSITIVES[:2], POSITIVES[2:]]), teacher=HashTeacher(), rules=OPEN)
    np.testing.assert_array_equal(one.mined.rows, other.mined.rows)


@pytest.mark.parametrize("pairs", [1, 2, 100])
def test_batches_are_the_same_rows(pairs: int) -> None:
    found = mined()
    assert pa.concat_tables(found.n_tuple_batches(pairs)).equals(found.n_tuples())
    triplets = pa.concat_tables(found.triplet_batches(pairs)).to_pylist()
    tuples = found.n_tuples().to_pylist()
    expected = [(row["anchor"], row["positive"], row[name]) for row in tuples for name in ("negative_1", "negative_2")]
    assert [tuple(row.values()) for row in triplets] == expected

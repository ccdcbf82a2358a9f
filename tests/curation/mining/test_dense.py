from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from curation.errors import ConfigError, CurationError
from curation.mining import mine_hard_negatives
from curation.mining.dense import unit_vectors, weakest_positive
from curation.mining.ragged import Ragged
from curation.mining.search.candidates import Vectors


def unit(vectors: npt.NDArray[np.floating]) -> Vectors:
    result: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return result


def at_cosines(*cosines: float) -> Vectors:
    """Return passages with these cosines to the query (1, 0)."""
    return np.array([[c, np.sqrt(1 - c * c)] for c in cosines], dtype=np.float32)


QUERY = np.array([[1.0, 0.0]], dtype=np.float32)
OPEN = {"top_k": 100, "skip_rank": 0, "max_score": 2.0, "max_positive_ratio": np.inf}


def by_the_contract(
    queries: Vectors,
    passages: Vectors,
    positives: list[list[int]],
    n: int,
    top_k: int,
    skip: int,
    most: float,
    ratio: float,
) -> tuple[list[list[int]], list[list[float]]]:
    """Spell the contract out, one query and one candidate at a time."""
    exact = (queries.astype(np.float64)[:, None, :] * passages.astype(np.float64)[None]).sum(axis=2).astype(np.float32)
    rows, scores = [], []
    for cosines, own in zip(exact, positives, strict=True):
        ranking = sorted((row for row in range(len(passages)) if row not in own), key=lambda row: (-cosines[row], row))
        weakest = min(cosines[row] for row in own)
        bound = np.float32(ratio) * weakest if weakest >= 0 else np.float32(2 - ratio) * weakest
        good = [row for row in ranking[skip:top_k] if cosines[row] < np.float32(most) and cosines[row] < bound][:n]
        rows.append(good + [-1] * (n - len(good)))
        scores.append([float(cosines[row]) for row in good] + [-np.inf] * (n - len(good)))
    return rows, scores


@pytest.mark.parametrize("seed", range(200))
def test_equals_the_contract_spelt_out(seed: int) -> None:
    random = np.random.default_rng(seed)
    count, pool, dimensions = random.integers([0, 1, 2], [12, 60, 20])
    queries, passages = (unit(random.standard_normal((n, dimensions))) for n in (count, pool))
    positives = [random.integers(0, pool, random.integers(1, 4)).tolist() for _ in range(count)]
    n, top_k, skip = (int(value) for value in random.integers([1, 1, 0], [9, 40, 8]))
    most, ratio = random.uniform(-0.2, 1.1), random.uniform(0.5, 1.5)
    rows, scores = mine_hard_negatives(
        queries, passages, positives,
        num_negatives=n, top_k=top_k, skip_rank=skip, max_score=most, max_positive_ratio=ratio,
    )  # fmt: skip
    expected = by_the_contract(queries, passages, positives, n, top_k, skip, most, ratio)
    assert (rows.tolist(), scores.tolist()) == expected
    assert rows.shape == scores.shape == (count, n)
    assert (rows.dtype, scores.dtype) == (np.int64, np.float32)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [1, 2, 3, 4]),
        ({"skip_rank": 2}, [3, 4, 5, -1]),
        ({"top_k": 2}, [1, 2, -1, -1]),
        ({"skip_rank": 1, "top_k": 3}, [2, 3, -1, -1]),
        ({"max_score": 0.65}, [3, 4, 5, -1]),
        ({"max_positive_ratio": 0.95}, [2, 3, 4, 5]),
        ({"max_positive_ratio": 0.95, "skip_rank": 1}, [2, 3, 4, 5]),
        ({"max_score": -1.0}, [-1, -1, -1, -1]),
    ],
)
def test_each_rule(changes: dict[str, float], expected: list[int]) -> None:
    passages = at_cosines(0.9, 0.88, 0.7, 0.6, 0.5, 0.4)
    rows, scores = mine_hard_negatives(QUERY, passages, [0], num_negatives=4, **(OPEN | changes))  # type: ignore[arg-type]
    assert rows.tolist() == [expected]
    assert np.isneginf(scores[rows == -1]).all()
    np.testing.assert_allclose(scores[rows >= 0], passages[rows[rows >= 0], 0], rtol=1e-6)


def test_ranks_are_counted_without_the_positives() -> None:
    """The ranks that retrieval gave are skipped, not those that the other rules left."""
    passages = at_cosines(0.99, 0.98, 0.97, 0.79, 0.78, 0.5, 0.4)
    options = OPEN | {"max_score": 0.8, "skip_rank": 1, "top_k": 3}
    rows, _ = mine_hard_negatives(QUERY, passages, [[0, 1]], num_negatives=3, **options)  # type: ignore[arg-type]
    assert rows.tolist() == [[3, 4, -1]]


def test_the_weakest_positive_decides() -> None:
    passages = at_cosines(0.9, 0.85, 0.55, 0.54, 0.5)
    options = OPEN | {"max_positive_ratio": 0.95}
    strong, _ = mine_hard_negatives(QUERY, passages, [[0]], num_negatives=2, **options)  # type: ignore[arg-type]
    both, _ = mine_hard_negatives(QUERY, passages, [[0, 2]], num_negatives=2, **options)  # type: ignore[arg-type]
    assert strong.tolist() == [[1, 2]]
    assert both.tolist() == [[4, -1]]


def test_a_negative_score_of_the_positive_does_not_turn_the_rule_round() -> None:
    passages = at_cosines(-0.5, -0.49, -0.51, -0.53, -0.6)
    rows, _ = mine_hard_negatives(QUERY, passages, [0], num_negatives=3, **(OPEN | {"max_positive_ratio": 0.95}))  # type: ignore[arg-type]
    assert rows.tolist() == [[3, 4, -1]]


def test_the_defaults_are_the_published_recipe() -> None:
    passages = at_cosines(*np.linspace(0.999, -0.5, 200))
    rows, scores = mine_hard_negatives(QUERY, passages, [0])
    below = [row for row in range(6, 101) if passages[row, 0] < 0.8]
    assert rows.shape == (1, 24)
    assert rows[0].tolist() == below[:24]
    assert scores.max() < 0.8


@pytest.mark.parametrize(
    "positives",
    [
        np.array([1, 0]),
        np.array([[1], [0]], dtype=np.uint8),
        [1, 0],
        [[1], [0]],
        [[1, 1], [0]],
        [np.array([1]), np.array([0], dtype=np.int32)],
    ],
)
def test_positives_in_any_shape(positives: object) -> None:
    passages = np.eye(3, dtype=np.float32)
    rows, _ = mine_hard_negatives(passages[:2], passages, positives, num_negatives=2, **OPEN)  # type: ignore[arg-type]
    assert rows.tolist() == [[0, 2], [1, 2]]


@pytest.mark.parametrize("positives", [[], np.empty(0, dtype=np.int64), np.empty((0, 2), dtype=np.int64)])
def test_no_queries(positives: object) -> None:
    rows, scores = mine_hard_negatives(np.empty((0, 3)), np.eye(3), positives, num_negatives=5)  # type: ignore[arg-type]
    assert rows.shape == scores.shape == (0, 5)
    assert (rows.dtype, scores.dtype) == (np.int64, np.float32)


def test_one_passage_which_is_the_positive() -> None:
    rows, scores = mine_hard_negatives(QUERY, QUERY, [0], num_negatives=2)
    assert rows.tolist() == [[-1, -1]]
    assert np.isneginf(scores).all()


def test_vectors_that_are_all_equal_give_nothing_or_the_first_rows() -> None:
    passages = np.tile(QUERY, (9, 1))
    assert (mine_hard_negatives(QUERY, passages, [4])[0] == -1).all()
    rows, _ = mine_hard_negatives(QUERY, passages, [1], num_negatives=3, **OPEN)  # type: ignore[arg-type]
    assert rows.tolist() == [[0, 2, 3]]


def test_a_copy_of_the_positive_is_no_negative() -> None:
    passages = np.concatenate([at_cosines(0.6), at_cosines(0.6), at_cosines(0.5)])
    rows, _ = mine_hard_negatives(QUERY, passages, [0], num_negatives=2, top_k=10, skip_rank=0)
    assert rows.tolist() == [[2, -1]]


def test_a_hub_query_does_not_change_what_others_get() -> None:
    random = np.random.default_rng(0)
    queries, passages = unit(random.standard_normal((20, 8))), unit(random.standard_normal((300, 8)))
    lists: list[list[int]] = [[row] for row in range(20)]
    alone, _ = mine_hard_negatives(queries, passages, lists)
    lists[7] = list(range(290))
    rows, _ = mine_hard_negatives(queries, passages, lists)
    np.testing.assert_array_equal(np.delete(rows, 7, axis=0), np.delete(alone, 7, axis=0))
    assert set(rows[7].tolist()) <= {-1, *range(290, 300)}


@pytest.mark.parametrize(
    ("value", "why"),
    [(np.nan, "NaN or infinity"), (np.inf, "NaN or infinity"), (0.0, "its length is 0"), (3.0, "its length is 3")],
)
@pytest.mark.parametrize("side", ["queries", "passages"])
def test_vectors_that_are_not_of_unit_length_are_refused_by_row(side: str, value: float, why: str) -> None:
    good, bad = np.eye(4), np.eye(4)
    bad[2, 2] = bad[3, 3] = value
    arguments = {"queries": good, "passages": good} | {side: bad}
    with pytest.raises(CurationError) as caught:
        mine_hard_negatives(arguments["queries"], arguments["passages"], range(4))
    assert f"{side}, row 2 (and 1 more)" in str(caught.value)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("queries", "passages", "positives", "message"),
    [
        (np.eye(2, 3), np.eye(4), [0, 1], "different dimensions"),
        (np.ones(3), np.eye(3), [0], r"queries must be a matrix of shape \(n, d\)"),
        (np.eye(3), np.ones((1, 1, 1)), [0, 1, 2], "passages must be a matrix"),
        (np.eye(2), np.eye(2), [0], "2 queries, 1 positives"),
        (np.eye(2), np.eye(2), [0, 2], r"positives, row 1\n.*there are 2 passages"),
        (np.eye(2), np.eye(2), [0, -1], "positives, row 1"),
        (np.eye(2), np.eye(2), [[0], []], r"has no positive\n.*positives, row 1"),
        (np.eye(2), np.empty((0, 2)), [0, 0], "there are 0 passages"),
        (np.eye(2), np.eye(2), [0.0, 1.0], "positives must be row numbers"),
        (np.eye(2), np.eye(2), [True, False], "positives must be row numbers"),
    ],
)
def test_input_that_cannot_be_is_refused(
    queries: npt.NDArray[np.float64], passages: npt.NDArray[np.float64], positives: object, message: str
) -> None:
    with pytest.raises(CurationError, match=message):
        mine_hard_negatives(queries, passages, positives)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["num_negatives", "top_k"])
def test_rules_that_cannot_be_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        mine_hard_negatives(QUERY, QUERY, [0], **{name: 0})  # type: ignore[arg-type]


def test_vectors_of_other_types_and_layouts() -> None:
    vectors = unit_vectors(np.asfortranarray(np.eye(3, dtype=np.float16)), "queries")
    assert (vectors.dtype, vectors.flags.c_contiguous) == (np.float32, True)
    assert unit_vectors([[0.6, 0.8]], "queries").tolist() == [[np.float32(0.6), np.float32(0.8)]]


def test_weakest_positive_of_each_query() -> None:
    passages = at_cosines(0.9, 0.3, -0.2)
    positives = Ragged.from_pairs(np.array([0, 0, 1]), np.array([0, 2, 1]), 2)
    assert weakest_positive(np.tile(QUERY, (2, 1)), passages, positives).tolist() == [np.float32(-0.2), np.float32(0.3)]

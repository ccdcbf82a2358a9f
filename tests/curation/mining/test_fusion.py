from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.mining.fusion import merge
from curation.mining.origins import Origin
from curation.mining.search.candidates import Candidates

NONE, LEXICAL, DENSE, BOTH = 0, Origin.LEXICAL, Origin.DENSE, Origin.BOTH


def lists(*rows: list[int], width: int | None = None) -> Candidates:
    width = max(map(len, rows), default=0) if width is None else width
    padded = np.array([[*row, *[-1] * (width - len(row))] for row in rows], dtype=np.int64).reshape(len(rows), width)
    return Candidates(padded, np.where(padded >= 0, 0.5, -np.inf).astype(np.float32))


def by_the_formula(dense: list[int], lexical: list[int]) -> list[int]:
    def worth(row: int) -> Fraction:
        return sum((Fraction(1, 61 + ranks.index(row)) for ranks in (dense, lexical) if row in ranks), Fraction(0))

    return sorted({*dense, *lexical}, key=lambda row: (-worth(row), row))


@pytest.mark.parametrize(
    ("dense", "lexical", "rows", "origins"),
    [
        ([], [], [], []),
        ([7], [], [7], [DENSE]),
        ([], [7], [7], [LEXICAL]),
        ([7], [7], [7], [BOTH]),
        ([9], [7], [7, 9], [LEXICAL, DENSE]),
        ([5, 3, 1], [2, 3, 4], [3, 2, 5, 1, 4], [BOTH, LEXICAL, DENSE, DENSE, LEXICAL]),
        ([1, 2], [2, 1], [1, 2], [BOTH, BOTH]),
        ([4, 0], [0], [0, 4], [BOTH, DENSE]),
    ],
)
def test_small_lists(dense: list[int], lexical: list[int], rows: list[int], origins: list[Origin]) -> None:
    union = merge(lists(dense), lists(lexical))
    assert union.rows.tolist() == [rows]
    assert union.origins.tolist() == [origins]


def test_ranks_in_each_list_and_padding() -> None:
    union = merge(lists([5, 3], [8], [], width=4), lists([3], [9], [], width=2))
    assert union.rows.tolist() == [[3, 5], [8, 9], [-1, -1]]
    assert union.dense_ranks.tolist() == [[1, 0], [0, -1], [-1, -1]]
    assert union.lexical_ranks.tolist() == [[0, -1], [-1, 0], [-1, -1]]
    assert union.origins.tolist() == [[BOTH, DENSE], [DENSE, LEXICAL], [NONE, NONE]]


RANKED = st.lists(st.integers(0, 30), max_size=12, unique=True)


@given(st.lists(st.tuples(RANKED, RANKED), max_size=5))
def test_any_lists(pairs: list[tuple[list[int], list[int]]]) -> None:
    union = merge(lists(*(dense for dense, _ in pairs)), lists(*(lexical for _, lexical in pairs)))
    for query, (dense, lexical) in enumerate(pairs):
        expected = by_the_formula(dense, lexical)
        size = len(expected)
        assert union.rows[query].tolist() == expected + [-1] * (union.rows.shape[1] - size)
        for ranks, row_of in ((union.dense_ranks, dense), (union.lexical_ranks, lexical)):
            assert ranks[query, :size].tolist() == [row_of.index(row) if row in row_of else -1 for row in expected]
            assert (ranks[query, size:] == -1).all()
        codes = [2 * (row in dense) + (row in lexical) for row in expected]
        assert union.origins[query].tolist() == codes + [0] * (union.rows.shape[1] - size)


def test_no_queries() -> None:
    assert merge(lists(), lists()).rows.shape == (0, 0)


def test_other_queries_are_refused() -> None:
    with pytest.raises(ValueError, match="2 queries have dense candidates, but 1 lexical"):
        merge(lists([1], [2]), lists([1]))

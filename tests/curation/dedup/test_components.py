from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curation.dedup.components import join


@given(st.integers(1, 30), st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40), st.integers(0, 40))
def test_components_are_those_of_the_links_in_any_portions(size: int, links: list[tuple[int, int]], cut: int) -> None:
    links = [(i % size, j % size) for i, j in links]
    expected = list(range(size))
    for i, j in links:
        old, new = max(expected[i], expected[j]), min(expected[i], expected[j])
        expected = [new if label == old else label for label in expected]
    labels = np.arange(size)
    for part in (links[:cut], links[cut:]):
        left, right = (np.array([link[end] for link in part], dtype=np.int64) for end in range(2))
        labels = join(labels, left, right)
    assert labels.tolist() == expected

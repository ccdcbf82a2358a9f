"""Connected components: what hangs together through links."""

from __future__ import annotations

import numpy as np

from curation.ngrams import Int64s


def join(labels: Int64s, left: Int64s, right: Int64s) -> Int64s:
    """Merge the components of linked items.

    Args:
        labels: int64 (n,), the smallest item of each item's component.
        left: int64 (m,), one item of each link.
        right: int64 (m,), the other.

    Returns:
        int64 (n,), the smallest item of each item's component after all links.
    """
    if not len(left):
        return labels
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    joined, ends = np.unique(np.concatenate([labels[left], labels[right]]), return_inverse=True)
    size = len(joined)
    graph = coo_array((np.ones(len(left), dtype=bool), (ends[: len(left)], ends[len(left) :])), shape=(size, size))
    _, component = connected_components(graph, directed=False)
    _, first = np.unique(component, return_index=True)
    renamed = np.arange(len(labels))
    renamed[joined] = joined[first[component]]
    merged: Int64s = renamed[labels]
    return merged

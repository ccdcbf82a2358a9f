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

    count = len(labels)
    # Places of 32 bits where they suffice: they are what the search for components would make of them.
    kind = np.int32 if max(count, len(left)) < 2**31 else np.int64
    ends = labels[left].astype(kind), labels[right].astype(kind)
    graph = coo_array((np.ones(len(left), dtype=bool), ends), shape=(count, count))
    components, component = connected_components(graph, directed=False)
    first = np.empty(components, dtype=np.int64)
    # The last writer wins: the smallest item.
    first[component[::-1]] = np.arange(count)[::-1]
    merged: Int64s = first[component[labels]]
    return merged

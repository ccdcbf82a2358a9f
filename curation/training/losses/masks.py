"""Which candidates of a batch are negatives of which query."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]


def forbidden(anchors: Int64s, positives: Int64s, groups: Int64s, negatives: Int64s) -> npt.NDArray[np.bool_]:
    """Return which columns of the softmax are no negatives of which row.

    Args:
        anchors: (b,) number of each anchor's text; equal numbers are equal texts, in all four arguments.
        positives: (b,) likewise of the positives.
        groups: (b,) number of each pair's group.
        negatives: (b, k) likewise of the mined negatives.

    Returns:
        bool (b, b + b k). A positive is no negative for a pair with the same anchor, positive or group, nor for one
        whose anchor it repeats; a mined negative (column b + i k + j) for one that
        has that text as anchor or as right answer.
    """
    same = _equal(anchors, anchors) | _equal(positives, positives) | _equal(groups, groups)
    mined = negatives.ravel()
    right = (same.astype(np.float32) @ _equal(positives, mined).astype(np.float32)) > 0
    columns = np.concatenate([same | _equal(anchors, positives), right | _equal(anchors, mined)], axis=1)
    np.fill_diagonal(columns, False)
    return columns


def _equal(left: Int64s, right: Int64s) -> npt.NDArray[np.bool_]:
    return np.equal(left[:, None], right[None, :])

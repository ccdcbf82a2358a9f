from __future__ import annotations

import numpy as np

from curation.dedup.bands import SKETCH_SIZE
from curation.dedup.sketches import FACTORS, Sketches


def test_factors_are_permutations_of_32_bits() -> None:
    assert len(set(FACTORS.tolist())) == SKETCH_SIZE
    assert (FACTORS % 2 == 1).all()
    # The same constants for ever: indices on disk were made with them.
    assert FACTORS[:3].tolist() == [885181229, 1694925799, 167303375]


def test_blank_sketches_have_room() -> None:
    sketches = Sketches.blank(3, 16)
    assert sketches.values.shape == (3, SKETCH_SIZE)
    assert sketches.keys.shape == (16, 3)
    assert sketches.fingerprints.tolist() == [0, 0, 0]
    assert len(sketches) == 3
    assert sketches.values.dtype == np.uint8

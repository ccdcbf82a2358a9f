"""Which texts mining will ask its teacher for: told of some records alone, before those that belong together meet."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.config.mining import Mining
from curation.mining.anchors import anchored_on_positive
from curation.mining.competence import may_be_asked
from curation.mining.keys import KEY_BYTES, Keys, key_array, text_keys
from curation.mining.pool import column
from curation.mining.pools import pools_of
from curation.mining.teachers.base import ROLE_BITS
from curation.quota.selection import is_preselected

WANTED_SCHEMA = pa.schema(
    [
        pa.field("key", pa.binary(KEY_BYTES), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("roles", pa.uint8(), nullable=False),
    ]
)


def wanted_texts(records: pa.Table, options: Mining, *, seed: int, pools: pa.Table | None) -> pa.Table:
    """Return every text of some records that `curation.mining.stage.mine_records` may embed, each once.

    There may be a few more: of positives that are equal after folding, one is embedded, and it takes all records to
    know which.

    Args:
        records: rows as `mine_records` gets them: some of those that it gets together, in any order.
        options: the config's `mining` section, with a teacher that embeds.
        seed: what `mine_records` draws with.
        pools: how pools are divided.

    Returns:
        A table of `WANTED_SCHEMA`, sorted by key.
    """
    passages = is_preselected(records)
    sides = anchored_on_positive(records, options, options.teacher.model)
    queries = passages & ~np.logical_and.reduce(sides)
    if options.fallback is not None:
        tried = may_be_asked(records, seed, within=pools_of(records, pools, options))
        passages, queries = passages | tried[0], queries | tried[1]
    texts = [column(records, "positive").filter(pa.array(passages)), column(records, "query").filter(pa.array(queries))]
    bits = np.array([ROLE_BITS["passage"], ROLE_BITS["query"]], dtype=np.uint8)
    roles = np.repeat(bits, [len(part) for part in texts])
    joined = pa.concat_arrays([part.cast(pa.string()) for part in texts])
    keys = text_keys(joined)
    first, roles, _ = merge_masks(keys, np.zeros(len(keys), dtype=np.uint32), roles)
    return pa.table([key_array(keys[first]), joined.take(pa.array(first)), pa.array(roles)], schema=WANTED_SCHEMA)


def merge_masks(
    keys: Keys, homes: npt.NDArray[np.uint32], masks: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8], npt.NDArray[np.uint32]]:
    """Join the wishes of one home for one text.

    Args:
        keys: of the texts, shape (n,).
        homes: who wants each, shape (n,).
        masks: in which roles, as bits, shape (n,).

    Returns:
        Of each different pair of key and home, in order of these: its first row, int64, all its roles, and its home.
    """
    if not len(keys):
        return np.empty(0, dtype=np.int64), masks, homes
    _, codes = np.unique(keys, return_inverse=True)
    order = np.lexsort((homes, codes))
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1) | (np.diff(homes[order].astype(np.int64), prepend=-1)))
    return order[starts], np.bitwise_or.reduceat(masks[order], starts), homes[order][starts]

"""Texts that partitions want embedded, each once in the whole run, and vectors on their way back to these.

Texts meet by their keys: of those with one key the first is embedded, for every partition that wants it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.mining.keys import keys_of
from curation.mining.wanted import merge_masks
from pipelines.routing import Routed, cut
from pipelines.stages import EmbeddingStage

# Of vectors that go to one partition at a time.
TABLE_BYTES = 4 << 20
# A wish is a number: the partition, and below it two bits for the roles.
_ROLE_BITS, _ROLES = 2, 3


def texts_part(
    stage: EmbeddingStage, pieces: Iterable[Routed], side: pa.Table | None, rank: int, world: int
) -> Iterator[Routed]:
    """Yield the texts that the pieces of partition `rank` want, each table with the partition where its texts meet.

    Args:
        stage: what wants them.
        pieces: tables of records, each with the partition that it goes to.
        side: the stage's side table.
        rank: the partition.
        world: number of partitions.
    """
    tables = [_addressed(stage.texts(piece, side), home) for home, piece in pieces]
    texts = pa.concat_tables(tables).combine_chunks()
    heads = keys_of(texts["key"]).view("<u8")[::2]
    return cut(texts, None, (heads % np.uint64(world)).astype(np.int64), world, always=rank)


def _addressed(texts: pa.Table, home: int) -> pa.Table:
    return texts.append_column("home", pa.array(np.full(texts.num_rows, home, dtype=np.uint32)))


def passes(tables: Sequence[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Yield the different texts of one meeting place, the longest first, in tables of at most `rows` rows.

    What goes through a model together is padded to the longest; and if memory is too small, it shows at once.

    Args:
        tables: of `texts_part`, in any order.
        rows: texts that go through the model at a time.

    Yields:
        At least one table, if only an empty one, with the columns `key`, `text`, `roles` (all that any partition wants)
        and `wishes` (what each of them wants).
    """
    texts = distinct_texts(pa.concat_tables(tables).combine_chunks())
    lengths, keys = pc.utf8_length(texts["text"]).to_numpy(), np.arange(texts.num_rows)
    ordered = texts.take(pa.array(np.lexsort((keys, -lengths))))
    for start in range(0, max(ordered.num_rows, 1), rows):
        yield ordered.slice(start, rows)


def distinct_texts(texts: pa.Table) -> pa.Table:
    """Return each different text once, in order of key, with the roles and the partitions that it is wanted in."""
    keys, homes = keys_of(texts["key"]), texts["home"].to_numpy()
    first, masks, theirs = merge_masks(keys, homes, texts["roles"].to_numpy())
    wishes = theirs << np.uint32(_ROLE_BITS) | masks
    found = keys[first]
    starts = np.flatnonzero(np.append(True, found[1:] != found[:-1])) if len(found) else np.empty(0, dtype=np.int64)
    offsets = np.append(starts, len(found)).astype(np.int32)
    roles = np.bitwise_or.reduceat(masks, starts) if len(starts) else masks
    once = texts.select(["key", "text"]).take(pa.array(first[starts]))
    once = once.append_column("roles", pa.array(roles, pa.uint8()))
    return once.append_column("wishes", pa.ListArray.from_arrays(pa.array(offsets), pa.array(wishes, pa.uint32())))


def address(texts: pa.Table, vectors: pa.Table) -> pa.Table:
    """Return vectors once for each partition that wants them, which the column `home` names.

    Args:
        texts: a table of `passes`.
        vectors: of these texts, with the columns `row` and `roles` and any others.
    """
    wishes = texts["wishes"].combine_chunks()
    lengths = pc.list_value_length(wishes).to_numpy()
    starts = np.cumsum(lengths) - lengths
    asked, rows = wishes.flatten().to_numpy(), vectors["row"].to_numpy().astype(np.int64)
    counts = lengths[rows].astype(np.int64)
    owners = np.repeat(np.arange(len(rows)), counts)
    within = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    each = asked[starts[rows][owners] + within]
    served = np.flatnonzero(each & _ROLES & vectors["roles"].to_numpy()[owners])
    sent = vectors.drop_columns(["row"]).take(pa.array(owners[served]))
    return sent.append_column("home", pa.array(each[served] >> np.uint32(_ROLE_BITS)))


def send_vectors(vectors: pa.Table, meeting_places: Iterable[int], world: int) -> Iterator[Routed]:
    """Yield vectors in tables of a few megabytes, each with the partition that it goes to.

    As each partition is a meeting place too, and hears of itself in any case, all know whose vectors they are.

    Args:
        vectors: of `address`.
        meeting_places: those that the texts have come from.
        world: number of partitions.
    """
    homes: npt.NDArray[np.uint32] = vectors["home"].to_numpy()
    rest, silent = vectors.drop_columns(["home"]), sorted(set(meeting_places) - set(homes.tolist()))
    for home in silent:
        yield home, rest.slice(0, 0)
    rows = max(1, TABLE_BYTES * max(rest.num_rows, 1) // max(rest.nbytes, 1))
    for home, part in cut(rest, None, homes, world, always=0) if len(homes) else ():
        for start in range(0, part.num_rows, rows):
            yield home, part.slice(start, rows)

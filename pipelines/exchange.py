"""What partitions send to each other, as files in the stage's folder: one a sender, a run of batches a receiver."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from pipelines.routing import Routed
from pipelines.store import StageStore, part_name

# Where each receiver's batches begin, in the metadata of the file's schema.
_BOUNDS = b"bounds"
# Rows travel, and are read once: the level that costs least.
WIRE = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", compression_level=1))


def send(place: StageStore, what: str, pieces: Iterable[Routed], source: int, world: int) -> None:
    """Write what partition `source` sends; see `pipelines.routing.cut` for what the pieces must be."""
    found = dict(pieces)
    nothing = found[source].slice(0, 0)
    batches = [found.get(partition, nothing).combine_chunks().to_batches() for partition in range(world)]
    bounds = np.cumsum([0, *(len(part) for part in batches)])
    schema = nothing.schema.with_metadata({_BOUNDS: ",".join(map(str, bounds))})
    with (
        place.folder.writing(_name(what, source, world)) as path,
        pa.OSFile(str(path), "wb") as stream,
        pa.ipc.new_file(stream, schema, options=WIRE) as writer,
    ):
        for batch in itertools.chain.from_iterable(batches):
            writer.write_batch(batch.replace_schema_metadata(schema.metadata))


def receive(place: StageStore, what: str, rank: int, world: int) -> list[pa.Table]:
    """Read what all partitions have sent to partition `rank`."""
    return [_read(place, _name(what, source, world), rank) for source in range(world)]


def _name(what: str, source: int, world: int) -> str:
    return f"shuffle/{what}/{part_name(source, world)}"


def _read(place: StageStore, name: str, partition: int) -> pa.Table:
    with place.folder.opened(name) as stream:
        reader = pa.ipc.open_file(stream)
        bounds = [int(bound) for bound in reader.schema.metadata[_BOUNDS].split(b",")]
        batches = [reader.get_batch(number) for number in range(*bounds[partition : partition + 2])]
        return pa.Table.from_batches(batches, reader.schema).replace_schema_metadata(None)

"""Finished work, found again by what it was made from.

A stage's folder is named by its digest. It holds, for each part, the records, the ledger rows and the counts, also by
source and language, so that nobody has to read the texts again for these; and a marker, written last, that lists the
parts which belong to it. Only what a marker lists exists: everything else is an interrupted attempt, and is written
over or removed.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa

from curation.errors import CurationError
from curation.files import to_json
from curation.funnel import count_outcome, sum_counts
from curation.ledger import LEDGER_SCHEMA
from curation.outcome import Outcome
from pipelines.folders import Folder, open_folder

_MARKER, _SIDE = "DONE.json", "side.arrow"
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


class ConservationError(CurationError):
    """Rows went in that neither came out nor stand in the ledger."""


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """One finished part of a stage.

    Attributes:
        name: file name of the part, without its folder.
        rows_in: rows that entered.
        rows_out: records that go on.
        ledgered: ledger rows.
    """

    name: str
    rows_in: int
    rows_out: int
    ledgered: int


@dataclass(frozen=True, slots=True)
class Done:
    """What the marker of a finished stage says.

    Attributes:
        stage: name of the stage.
        parts: its parts, sorted by name.
        shuffled: bytes in files that partitions sent to each other; 0 where an engine has sent them otherwise.
    """

    stage: str
    parts: tuple[Part, ...]
    shuffled: int = 0

    @property
    def rows_in(self) -> int:
        """Rows that entered the stage."""
        return sum(part.rows_in for part in self.parts)

    @property
    def rows_out(self) -> int:
        """Records that the stage let go on."""
        return sum(part.rows_out for part in self.parts)

    @property
    def ledgered(self) -> int:
        """Ledger rows that the stage wrote."""
        return sum(part.ledgered for part in self.parts)


def part_name(rank: int, world: int) -> str:
    """Return the file name of part `rank` of `world`."""
    return f"{rank:05d}-of-{world:05d}.arrow"


@dataclass(frozen=True, slots=True)
class StageStore:
    """The folder of one stage.

    Attributes:
        folder: the folder, named by the stage's digest.
        stage: name of the stage.
    """

    folder: Folder
    stage: str

    def done(self) -> Done | None:
        """Return the marker, or None if the stage is not finished."""
        try:
            marker = json.loads(self.folder.read(_MARKER))
        except FileNotFoundError:
            return None
        return Done(marker["stage"], tuple(Part(**part) for part in marker["parts"]), marker["shuffled"])

    def finished_ns(self) -> int:
        """Return when the stage was finished, in nanoseconds of the epoch."""
        return self.folder.changed_ns(_MARKER)

    def write(self, name: str, outcome: Outcome, rows_in: int, tally: pa.Table | None = None) -> Part:
        """Write one part and return its counts.

        Raises:
            ConservationError: if a row vanished or appeared.
        """
        return self.write_all(name, iter([(outcome, rows_in)]), lambda: tally)

    def write_all(
        self,
        name: str,
        pieces: Iterator[tuple[Outcome, int]],
        tally: Callable[[], pa.Table | None] = lambda: None,
    ) -> Part:
        """Write one part piece by piece, with one piece in memory at a time, and in the end its tally. See `write`."""
        rows_in = rows_out = ledgered = 0
        groups: list[pa.Table] = []
        sinks = _sink(self.folder, f"records/{name}"), _sink(self.folder, _ledger(name), LEDGER_SCHEMA)
        with sinks[0] as records, sinks[1] as ledger:
            for outcome, count in pieces:
                self._check(name, outcome, count)
                records.write(outcome.records)
                ledger.write(outcome.ledger)
                rows_in, rows_out = rows_in + count, rows_out + outcome.records.num_rows
                ledgered += outcome.ledger.num_rows
                groups.append(count_outcome(outcome))
        self._write_table(f"groups/{name}", sum_counts(groups))
        if (found := tally()) is not None:
            self._write_table(f"tally/{name}", found)
        part = Part(name, rows_in, rows_out, ledgered)
        self.folder.write_text(_counts(name), to_json(asdict(part)) + "\n")
        return part

    def counts(self, name: str) -> Part:
        """Return the counts of a written part."""
        return Part(**json.loads(self.folder.read(_counts(name))))

    def part_groups(self, name: str) -> pa.Table:
        """Return the rows of a written part by source and language, as `curation.funnel` counts them."""
        return self._table(f"groups/{name}")

    def finish(self, parts: Sequence[Part]) -> Done:
        """Write the marker: from now on the stage is finished and consists of exactly these parts."""
        done = Done(self.stage, tuple(sorted(parts)), self.folder.bytes_in("shuffle"))
        self.folder.write_text(_MARKER, to_json(asdict(done)) + "\n")
        for name in ("shuffle", "notes"):
            self.folder.remove(name)
        return done

    def settle(self, partitions: int) -> Done | None:
        """Return the marker, having written it if all of so many parts are there; None if some are not.

        Parts appear whole and are functions of what the folder's name is the digest of, so it does not matter which
        attempts have written them.
        """
        done = self.done()
        if done is not None:
            return done
        parts = self.written(partitions)
        return self.finish(parts) if len(parts) == partitions else None

    def finished_parts(self) -> int:
        """Return how many parts have been written so far, for progress."""
        return len(self.folder.names("counts"))

    def written(self, partitions: int) -> list[Part]:
        """Return the counts of the parts that have been written so far, of a stage of so many."""
        there = set(self.folder.names("counts"))
        names = (part_name(rank, partitions) for rank in range(partitions))
        return [self.counts(name) for name in names if f"{name}.json" in there]

    def write_note(self, name: str, text: str) -> None:
        """Leave a note on how far the work on a part is; no result depends on it."""
        with contextlib.suppress(OSError, CurationError):
            self.folder.write_text(f"notes/{name}", text)

    def note(self) -> str:
        """Return the latest note, empty if there is none."""
        try:
            notes = [f"notes/{name}" for name in self.folder.names("notes")]
            return self.folder.read(max(notes, key=self.folder.changed_ns)).decode() if notes else ""
        except (OSError, CurationError):
            return ""

    def records(self, name: str) -> pa.Table:
        """Return the records of a part."""
        return self._table(f"records/{name}")

    def share(self, rank: int, world: int) -> pa.Table:
        """Return the records that fall to task `rank` of `world`.

        Of a finished stage that need not be as many as there are parts; of one at work it is part `rank`.
        """
        names = self._share(rank, world)
        return pa.concat_tables([self.records(name) for name in names]) if names else self._nothing()

    def share_batches(self, rank: int, world: int, rows: int) -> Iterator[pa.Table]:
        """Yield the same in tables of at most `rows` rows; at least one table, if only an empty one."""
        names = self._share(rank, world)
        if not names:
            yield self._nothing()
        for name in names:
            yield from self._batches(name, rows)

    def _share(self, rank: int, world: int) -> list[str]:
        done = self.done()
        return [part_name(rank, world)] if done is None else [part.name for part in done.parts][rank::world]

    def _nothing(self) -> pa.Table:
        done = self.done()
        assert done is not None
        return self.records(done.parts[0].name).slice(0, 0)

    def _batches(self, name: str, rows: int) -> Iterator[pa.Table]:
        with self.folder.opened(f"records/{name}") as stream, pa.ipc.open_file(stream) as reader:
            if not reader.num_record_batches:
                yield reader.schema.empty_table()
            for index in range(reader.num_record_batches):
                yield from in_batches(pa.table(reader.get_batch(index)), rows)

    def ledgers(self) -> pa.Table:
        """Return the ledger rows of all parts of the finished stage."""
        return pa.concat_tables([LEDGER_SCHEMA.empty_table(), *self.ledger_parts()])

    def ledger_parts(self) -> Iterator[pa.Table]:
        """Yield the same part by part."""
        return (self._table(_ledger(name)) for name in self._parts())

    def groups(self) -> pa.Table:
        """Return the rows of the finished stage by source and language, as `curation.funnel` counts them."""
        return sum_counts([self.part_groups(name) for name in self._parts()])

    def tally(self, name: str) -> pa.Table:
        """Return the tally of a written part."""
        return self._table(f"tally/{name}")

    def tallies(self) -> Iterator[pa.Table]:
        """Yield the tallies of all parts of the finished stage."""
        return map(self.tally, self._parts())

    def write_side(self, table: pa.Table) -> None:
        """Keep the side table that all tasks of the stage read."""
        self._write_table(_SIDE, table)

    def side(self) -> pa.Table:
        """Return the side table."""
        return self._table(_SIDE)

    def files_here(self) -> contextlib.AbstractContextManager[Path]:
        """Give a path on this machine for a sink's files, which are in the stage's folder when the block ends."""
        return self.folder.on_this_machine("files")

    def files_fetched(self, names: Sequence[str]) -> contextlib.AbstractContextManager[Path]:
        """Give a path on this machine where some of these files are."""
        return self.folder.fetched("files", names)

    def _parts(self) -> list[str]:
        done = self.done()
        assert done is not None
        return [part.name for part in done.parts]

    def _table(self, name: str) -> pa.Table:
        with self.folder.opened(name) as stream:
            return pa.ipc.open_file(stream).read_all()

    def _write_table(self, name: str, table: pa.Table) -> None:
        with _sink(self.folder, name, table.schema) as sink:
            sink.write(table)

    def _check(self, name: str, outcome: Outcome, rows_in: int) -> None:
        out, ledgered = outcome.records.num_rows, outcome.ledger.num_rows
        if rows_in != out + ledgered:
            raise ConservationError(
                f"The stage {self.stage} lost or invented rows",
                where=f"{self.folder}/records/{name}",
                why=f"{rows_in:,} rows in, but {out:,} out and {ledgered:,} in the ledger",
                hint="this is a fault of the program: please report it with the config",
            )


def _ledger(name: str) -> str:
    return f"ledger/{name}"


def _counts(name: str) -> str:
    return f"counts/{name}.json"


@dataclass(frozen=True, slots=True)
class Store:
    """The work folder of a run.

    Attributes:
        folder: the folder.
    """

    folder: Folder

    @classmethod
    def at(cls, place: Path | str) -> Store:
        """Return the store at a path or URL."""
        return cls(open_folder(place))

    def stage(self, name: str, digest: str) -> StageStore:
        """Return the place of a stage's results."""
        return StageStore(self.folder.child(f"{name}-{digest}"), name)

    def places(self, digests: Mapping[str, str]) -> dict[str, StageStore]:
        """Return the places of all stages of a graph, by their names."""
        return {name: self.stage(name, digest) for name, digest in digests.items()}


def in_batches(records: pa.Table, rows: int) -> Iterator[pa.Table]:
    """Yield a table in slices of at most `rows` rows; at least one, if only an empty one."""
    for start in range(0, max(records.num_rows, 1), rows):
        yield records.slice(start, rows)


class _Writer:
    """Writes tables to a stream; the first one sets the schema, unless it is given."""

    def __init__(self, stream: pa.NativeFile, schema: pa.Schema | None) -> None:
        self._stream = stream
        self._writer: pa.ipc.RecordBatchFileWriter = None
        if schema is not None:
            self._open(schema)

    def write(self, table: pa.Table) -> None:
        """Append a table."""
        if self._writer is None:
            self._open(table.schema)
        self._writer.write_table(table.combine_chunks())

    def close(self) -> None:
        """Write what ends a file."""
        if self._writer is None:
            self._open(pa.schema([]))
        self._writer.close()

    def _open(self, schema: pa.Schema) -> None:
        self._writer = pa.ipc.new_file(self._stream, schema, options=_OPTIONS)


@contextlib.contextmanager
def _sink(folder: Folder, name: str, schema: pa.Schema | None = None) -> Iterator[_Writer]:
    """Write an Arrow IPC file that appears whole when the block ends without an error."""
    with folder.writing(name) as path, pa.OSFile(str(path), "wb") as stream:
        writer = _Writer(stream, schema)
        yield writer
        writer.close()

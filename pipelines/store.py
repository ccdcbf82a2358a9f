"""Finished work on disk, found again by what it was made from.

A stage's folder is named by its digest. It holds, for each part, the records, the ledger rows and the counts, also by
source and language, so that nobody has to read the texts again for these; and a marker, written last, that lists the
parts which belong to it. Only what a marker lists exists: everything else is an interrupted attempt, and is written
over or removed.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa

from curation.errors import CurationError
from curation.files import atomic_path, write_json, write_text
from curation.funnel import count_outcome, sum_counts
from curation.ledger import LEDGER_SCHEMA
from curation.outcome import Outcome

_MARKER = "DONE.json"
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
    """

    stage: str
    parts: tuple[Part, ...]

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
        path: the folder, named by the stage's digest.
        stage: name of the stage.
    """

    path: Path
    stage: str

    def done(self) -> Done | None:
        """Return the marker, or None if the stage is not finished."""
        try:
            marker = json.loads(self.marker.read_bytes())
        except FileNotFoundError:
            return None
        return Done(marker["stage"], tuple(Part(**part) for part in marker["parts"]))

    def write(self, name: str, outcome: Outcome, rows_in: int, tally: pa.Table | None = None) -> Part:
        """Write one part and return its counts.

        Raises:
            ConservationError: if a row vanished or appeared.
        """
        return self.write_all(name, iter([(outcome, rows_in)]), tally=tally)

    def write_all(self, name: str, pieces: Iterator[tuple[Outcome, int]], tally: pa.Table | None = None) -> Part:
        """Write one part piece by piece, with one piece in memory at a time. See `write`."""
        rows_in = rows_out = ledgered = 0
        groups: list[pa.Table] = []
        records, ledger = _Sink(self.records_path(name)), _Sink(self._ledger_path(name), LEDGER_SCHEMA)
        with records, ledger:
            for outcome, count in pieces:
                self._check(name, outcome, count)
                records.write(outcome.records)
                ledger.write(outcome.ledger)
                rows_in, rows_out = rows_in + count, rows_out + outcome.records.num_rows
                ledgered += outcome.ledger.num_rows
                groups.append(count_outcome(outcome))
        _write_table(self._groups_path(name), sum_counts(groups))
        if tally is not None:
            _write_table(self._tally_path(name), tally)
        part = Part(name, rows_in, rows_out, ledgered)
        write_json(self._counts_path(name), asdict(part))
        return part

    def counts(self, name: str) -> Part:
        """Return the counts of a written part."""
        return Part(**json.loads(self._counts_path(name).read_bytes()))

    def finish(self, parts: Sequence[Part]) -> Done:
        """Write the marker: from now on the stage is finished and consists of exactly these parts."""
        done = Done(self.stage, tuple(sorted(parts)))
        write_json(self.marker, asdict(done))
        shutil.rmtree(self.shuffle_path, ignore_errors=True)
        shutil.rmtree(self.path / "notes", ignore_errors=True)
        return done

    def finished_parts(self) -> int:
        """Return how many parts have been written so far, for progress."""
        return sum(1 for _ in (self.path / "counts").glob("[0-9]*.json"))

    def written(self, partitions: int) -> list[Part]:
        """Return the counts of the parts that have been written so far, of a stage of so many."""
        names = (part_name(rank, partitions) for rank in range(partitions))
        return [self.counts(name) for name in names if self._counts_path(name).exists()]

    def write_note(self, name: str, text: str) -> None:
        """Leave a note on how far the work on a part is; no result depends on it."""
        with contextlib.suppress(OSError):
            write_text(self.path / "notes" / name, text)

    def note(self) -> str:
        """Return the latest note, empty if there is none."""
        notes = [path for path in (self.path / "notes").glob("[0-9]*.arrow") if path.is_file()]
        try:
            return max(notes, key=lambda path: path.stat().st_mtime).read_text(encoding="utf-8") if notes else ""
        except OSError:
            return ""

    def records(self, name: str) -> pa.Table:
        """Return the records of a part."""
        return _read_table(self.records_path(name))

    def share(self, rank: int, world: int) -> pa.Table:
        """Return the records that fall to task `rank` of `world`, which need not be as many as there are parts."""
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
        assert done is not None
        return [part.name for part in done.parts][rank::world]

    def _nothing(self) -> pa.Table:
        done = self.done()
        assert done is not None
        return self.records(done.parts[0].name).slice(0, 0)

    def _batches(self, name: str, rows: int) -> Iterator[pa.Table]:
        with pa.OSFile(str(self.records_path(name))) as stream, pa.ipc.open_file(stream) as reader:
            if not reader.num_record_batches:
                yield reader.schema.empty_table()
            for index in range(reader.num_record_batches):
                yield from in_batches(pa.table(reader.get_batch(index)), rows)

    def ledgers(self) -> pa.Table:
        """Return the ledger rows of all parts of the finished stage."""
        return pa.concat_tables([LEDGER_SCHEMA.empty_table(), *self.ledger_parts()])

    def ledger_parts(self) -> Iterator[pa.Table]:
        """Yield the same part by part."""
        done = self.done()
        assert done is not None
        return (_read_table(self._ledger_path(part.name)) for part in done.parts)

    def groups(self) -> pa.Table:
        """Return the rows of the finished stage by source and language, as `curation.funnel` counts them."""
        done = self.done()
        assert done is not None
        return sum_counts([_read_table(self._groups_path(part.name)) for part in done.parts])

    def tallies(self) -> list[pa.Table]:
        """Return the tallies of all parts of the finished stage."""
        done = self.done()
        assert done is not None
        return [_read_table(self._tally_path(part.name)) for part in done.parts]

    def records_path(self, name: str) -> Path:
        """Return where the records of a part lie."""
        return self.path / "records" / name

    @property
    def marker(self) -> Path:
        """The file that says that the stage is finished, and of which parts it consists."""
        return self.path / _MARKER

    @property
    def shuffle_path(self) -> Path:
        """Where an engine may keep routed rows until the stage is finished."""
        return self.path / "shuffle"

    @property
    def files_path(self) -> Path:
        """Where a sink's files lie."""
        return self.path / "files"

    @property
    def log_path(self) -> Path:
        """Where an engine may write its logs."""
        return self.path / "log"

    def _check(self, name: str, outcome: Outcome, rows_in: int) -> None:
        out, ledgered = outcome.records.num_rows, outcome.ledger.num_rows
        if rows_in != out + ledgered:
            raise ConservationError(
                f"The stage {self.stage} lost or invented rows",
                where=str(self.records_path(name)),
                why=f"{rows_in:,} rows in, but {out:,} out and {ledgered:,} in the ledger",
                hint="this is a fault of the program: please report it with the config",
            )

    def _ledger_path(self, name: str) -> Path:
        return self.path / "ledger" / name

    def _tally_path(self, name: str) -> Path:
        return self.path / "tally" / name

    def _groups_path(self, name: str) -> Path:
        return self.path / "groups" / name

    def _counts_path(self, name: str) -> Path:
        return self.path / "counts" / f"{name}.json"


@dataclass(frozen=True, slots=True)
class Store:
    """The work folder of a run.

    Attributes:
        path: the folder.
    """

    path: Path

    def stage(self, name: str, digest: str) -> StageStore:
        """Return the place of a stage's results."""
        return StageStore(self.path / f"{name}-{digest}", name)


def in_batches(records: pa.Table, rows: int) -> Iterator[pa.Table]:
    """Yield a table in slices of at most `rows` rows; at least one, if only an empty one."""
    for start in range(0, max(records.num_rows, 1), rows):
        yield records.slice(start, rows)


class _Sink:
    """An Arrow IPC file that appears whole when the block ends without an error."""

    def __init__(self, path: Path, schema: pa.Schema | None = None) -> None:
        self._context = atomic_path(path)
        self._schema = schema
        self._stream: pa.NativeFile = None
        self._writer: pa.ipc.RecordBatchFileWriter = None

    def __enter__(self) -> _Sink:
        self._stream = pa.OSFile(str(self._context.__enter__()), "wb")
        if self._schema is not None:
            self._open(self._schema)
        return self

    def write(self, table: pa.Table) -> None:
        """Append a table; the first one sets the schema."""
        if self._writer is None:
            self._open(table.schema)
        self._writer.write_table(table.combine_chunks())

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if self._writer is None and error is None:
            self._open(pa.schema([]))
        if self._writer is not None:
            self._writer.close()
        self._stream.close()
        self._context.__exit__(kind, error, None)

    def _open(self, schema: pa.Schema) -> None:
        self._writer = pa.ipc.new_file(self._stream, schema, options=_OPTIONS)


def _write_table(path: Path, table: pa.Table) -> None:
    with _Sink(path, table.schema) as sink:
        sink.write(table)


def _read_table(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as stream:
        return pa.ipc.open_file(stream).read_all()

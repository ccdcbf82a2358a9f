"""The kinds of stage that an engine must be able to run.

A stage is a pure decision with a name. It knows nothing of files, processes or engines, and its result for a row
depends on nothing but the rows that share its key, its own settings and its side table.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.errors import CurationError
from curation.ledger import ledger_rows
from curation.outcome import Outcome

# So many rows are tried alone when a batch raises, to tell a bad row from a broken stage.
_SAMPLE = 8
_Apply = Callable[[pa.Table], Outcome]


@dataclass(frozen=True)
class Piece:
    """What a source stage hands over for one batch of rows.

    Attributes:
        outcome: records and ledger rows.
        rows_in: rows read from the source, good and bad.
    """

    outcome: Outcome
    rows_in: int


class Stage(ABC):
    """A named decision.

    Attributes:
        name: name of the stage, also in the ledger.
        side: name of the earlier stage whose tallies this stage reads, or empty.
    """

    name: str
    side: str = ""

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """Everything besides its input that the result depends on; JSON values only."""

    def load(self) -> object:
        """Load what tasks need besides their rows, a model for instance; engines call it once a process, or never."""
        return None

    def tally(self, records: pa.Table) -> pa.Table | None:
        """Return a small table of counts over some rows that go on, for the side table of a later stage."""
        return None

    def merge_tallies(self, tallies: Sequence[pa.Table]) -> pa.Table:
        """Add up tallies of this stage into one; how many there are, and in which order, must not matter."""
        raise NotImplementedError(f"{self.name} keeps no tally")

    def side_table(self, tally: pa.Table) -> pa.Table:
        """Return what this stage's tasks need to know, from the whole tally of the stage that `side` names."""
        return tally


class SourceStage(Stage):
    """Rows from outside."""

    @abstractmethod
    def read(self, rank: int, world: int) -> Iterator[Piece]:
        """Read the share of one of `world` tasks. All shares together are every row once."""


class MapStage(Stage):
    """Rows one by one: the result for a row depends on that row alone, and on the side table."""

    @abstractmethod
    def apply(self, records: pa.Table, side: pa.Table | None) -> Outcome:
        """Decide about each row of a batch."""


@dataclass(frozen=True, slots=True)
class Routes:
    """Which rows go where.

    Attributes:
        rows: int64 (m,), places of rows, each any number of times.
        targets: int64 (m,), the partition that each goes to.
    """

    rows: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int64]


class ShuffleStage(Stage):
    """Rows that bear on each other, together: whole records move between partitions.

    For what needs the texts of several records at once. What can do with less is a `LinkStage`.
    """

    @abstractmethod
    def route(self, records: pa.Table, side: pa.Table | None, partitions: int) -> Routes:
        """Say which partition each row goes to: a function of the row and the side table."""

    @abstractmethod
    def reduce(self, records: pa.Table, side: pa.Table | None) -> Outcome:
        """Decide about the rows of one partition, which come sorted by id, file and row.

        Which other rows are in the partition must not matter to those that belong together.
        """


class Embedded(Protocol):
    """Vectors of some texts."""

    @property
    def vectors(self) -> pa.Table:
        """The vectors, whatever their columns; `row` (the place of the text) and `roles` (which of them) are known."""

    @property
    def made(self) -> int:
        """How many of them had to be made."""


class Embedder(Protocol):
    """A loaded model. Its methods may be called by several threads, and from other processes."""

    def embed(self, texts: pa.Table) -> Embedded:
        """Return the vectors of a table with the columns `key`, `text` and `roles`."""


class EmbeddingStage(ShuffleStage):
    """A shuffle stage that wants a model's vectors of its texts.

    `reduce` has the model itself at hand. Where the workers that have it are others, an engine asks for `texts`, has
    each different one embedded once, and brings the vectors to `reduce_with`; the result is the same.
    """

    @property
    @abstractmethod
    def texts_a_pass(self) -> int:
        """How many texts go through the model at a time; 0 where there is none, and `reduce` is all there is to do."""

    @abstractmethod
    def texts(self, records: pa.Table, side: pa.Table | None) -> pa.Table:
        """Return the texts that some of a partition's records want embedded, each once.

        Columns: `key` (16 bytes, equal where the texts are), `text`, `roles` (uint8, bits: what it is wanted as).
        """

    @abstractmethod
    def load_embedder(self) -> Embedder:
        """Load the model."""

    @abstractmethod
    def reduce_with(
        self,
        records: pa.Table,
        side: pa.Table | None,
        vectors: Iterable[pa.Table],
        missed: Callable[[int], None],
    ) -> Outcome:
        """Do as `reduce` does, with vectors that were made before.

        Args:
            records: as for `reduce`.
            side: likewise.
            vectors: tables of an `Embedder`, of all that `texts` named for any of the records, in any order; one of
                them may be empty, but there is one.
            missed: is told of how many texts there was no vector after all, so that the model was loaded.
        """


Rows = Callable[[pa.Table, pa.Table], pa.Table]


@dataclass(frozen=True)
class Round:
    """A round of a link stage: rows that were sent to one partition become rows for the next round.

    Attributes:
        name: what it does.
        work: gets the rows, in any order, and the partition's records, or none of these if it does not look at them;
            returns rows with the column `to`.
        needs_records: whether it looks at the records.
    """

    name: str
    work: Rows
    needs_records: bool


class LinkStage(Stage):
    """Records that bear on each other, wherever they are: rounds of small rows between partitions decide.

    The records stay where they are. Rows are Arrow tables whose column `to` (uint32) is the partition that they are
    sent to.
    """

    @abstractmethod
    def start(self, records: pa.Table, home: int, partitions: int) -> pa.Table:
        """Return the first rows that the records of partition `home` send."""

    @abstractmethod
    def rounds(self, home: int, partitions: int) -> Sequence[Round]:
        """Return the rounds as they are done in partition `home`; their number and names are always the same."""

    @abstractmethod
    def finish(self, records: pa.Table, rows: pa.Table, side: pa.Table | None) -> Outcome:
        """Decide about the records of one partition by the rows that the last round sent there."""


class KeyedStage(LinkStage):
    """Records that share a key are judged together, by a few numbers each and not by their texts."""

    @abstractmethod
    def rows(self, records: pa.Table) -> pa.Table:
        """Return what records are judged by, with the column `key` (uint64): rows of a key meet.

        One for each record in their order, or fewer with the column `at` (uint32), the place of each one's record.
        """

    @abstractmethod
    def judge(self, rows: pa.Table) -> pa.Table:
        """Judge rows that met, in any order; return those with something to know, with their `home` and `at`."""

    def start(self, records: pa.Table, home: int, partitions: int) -> pa.Table:
        """Send each record's row to the partition of its key."""
        rows = self.rows(records)
        to = (rows["key"].to_numpy() % np.uint64(partitions)).astype(np.uint32)
        rows = rows.append_column("to", pa.array(to))
        rows = rows.append_column("home", pa.array(np.full(rows.num_rows, home, dtype=np.uint32)))
        if "at" not in rows.column_names:
            rows = rows.append_column("at", pa.array(np.arange(rows.num_rows, dtype=np.uint32)))
        return rows

    def rounds(self, home: int, partitions: int) -> Sequence[Round]:
        """Judge, and send the verdicts home."""
        return (Round("judge", self._judge, needs_records=False),)

    def _judge(self, rows: pa.Table, records: pa.Table) -> pa.Table:
        judged = self.judge(rows.drop_columns(["to"]))
        return judged.rename_columns(["to" if name == "home" else name for name in judged.column_names])


@dataclass(frozen=True, slots=True)
class Written:
    """What a sink's task has done.

    Attributes:
        outcome: what it takes to account for the rows that are this partition's own; each row is one partition's.
        tally: a row for each file.
    """

    outcome: Outcome
    tally: pa.Table


class SinkStage(ShuffleStage):
    """The end of the graph: rows become files. A row may go to several partitions, and is one's own."""

    def reduce(self, records: pa.Table, side: pa.Table | None) -> Outcome:
        """Never called: a sink writes."""
        raise NotImplementedError

    @abstractmethod
    def write(self, records: pa.Table, side: pa.Table | None, folder: Path, home: int, partitions: int) -> Written:
        """Write the files of partition `home` below `folder`, atomically."""


@dataclass(frozen=True)
class Graph:
    """The stages of a run in order: one source, then all others.

    Attributes:
        stages: each reads the records of the one before.
        code: digest of the program's own code.
    """

    stages: tuple[Stage, ...]
    code: str

    def digests(self) -> dict[str, str]:
        """Return each stage's digest: of its settings, the code and everything upstream, 16 hexadecimal digits."""
        digests: dict[str, str] = {}
        above = self.code
        for stage in self.stages:
            text = json.dumps([above, stage.name, stage.settings], sort_keys=True, ensure_ascii=True)
            above = hashlib.sha256(text.encode()).hexdigest()
            digests[stage.name] = above[:16]
        return digests


def apply_or_quarantine(stage: MapStage, records: pa.Table, side: pa.Table | None = None) -> Outcome:
    """Apply a map stage; rows that make it raise go to quarantine with the error, and only those.

    The machine's own troubles (memory, disk) and errors meant for the user are raised as they are. So is an error
    that has nothing to do with the rows: one that each of a sample of rows meets alone.

    Raises:
        CurationError: if the stage fails on whatever it is given.
    """
    apply = partial(stage.apply, side=side)
    outcome, error = _try(apply, records)
    if outcome is not None:
        return outcome
    if records.num_rows >= 2 * _SAMPLE:
        _refuse_if_systematic(stage, apply, records)
    return _quarantine(stage, apply, records, error)


def _try(apply: _Apply, records: pa.Table) -> tuple[Outcome | None, str]:
    try:
        return apply(records), ""
    except (OSError, MemoryError, CurationError):
        raise
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"


def _refuse_if_systematic(stage: MapStage, apply: _Apply, records: pa.Table) -> None:
    rows = [index * records.num_rows // _SAMPLE for index in range(_SAMPLE)]
    errors = [error for row in rows if (error := _try(apply, records.slice(row, 1))[1])]
    if len(errors) == len(rows):
        raise CurationError(
            f"The stage {stage.name} fails on every row",
            where=f"{records['file'][0]}:{records['row'][0]} and others",
            why=errors[0],
            hint="this is a fault of the program or of its installation: please report it with the config",
        )


def _quarantine(stage: MapStage, apply: _Apply, records: pa.Table, error: str) -> Outcome:
    """Halve a batch that raised until the rows that are to blame stand alone."""
    if records.num_rows <= 1:
        row = ledger_rows(records, stage=stage.name, decision="quarantined", reason="error", detail=error)
        return Outcome(_nothing(apply, records), row)
    half = records.num_rows // 2
    outcomes = []
    for part in (records.slice(0, half), records.slice(half)):
        outcome, why = _try(apply, part)
        outcomes.append(outcome if outcome is not None else _quarantine(stage, apply, part, why))
    return _concat(outcomes)


def _nothing(apply: _Apply, records: pa.Table) -> pa.Table:
    """Return no rows, with the columns that the stage adds."""
    nothing = records.slice(0, 0)
    outcome, _ = _try(apply, nothing)
    return nothing if outcome is None else outcome.records


def _concat(parts: list[Outcome]) -> Outcome:
    return Outcome(
        pa.concat_tables([part.records for part in parts]), pa.concat_tables([part.ledger for part in parts])
    )

"""The kinds of stage that an engine must be able to run.

A stage is a pure decision with a name. It knows nothing of files, processes or engines, and its result for a row
depends on nothing but the rows that share its key, its own settings and its side table.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from curation.errors import CurationError
from curation.ledger import ledger_rows
from curation.outcome import Outcome

# So many rows are tried alone when a batch raises, to tell a bad row from a broken stage.
_SAMPLE = 8


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


class SourceStage(Stage):
    """Rows from outside."""

    @abstractmethod
    def read(self, rank: int, world: int) -> Iterator[Piece]:
        """Read the share of one of `world` tasks. All shares together are every row once."""


class MapStage(Stage):
    """Rows one by one: the result for a row depends on that row alone."""

    @abstractmethod
    def apply(self, records: pa.Table) -> Outcome:
        """Decide about each row of a batch."""


class ShuffleStage(Stage):
    """Rows that share a key, together."""

    @abstractmethod
    def keys(self, records: pa.Table) -> pa.Array:
        """Return the routing key of each row, strings or integers, shape (n,)."""

    @abstractmethod
    def reduce(self, records: pa.Table, side: pa.Table | None) -> Outcome:
        """Decide about the rows of one partition, which come sorted by id, file and row.

        A partition holds all rows of a key and of any number of other keys, which must not matter.
        """

    def tally(self, records: pa.Table) -> pa.Table | None:
        """Return a small table of counts over the rows that go on, for the side table of a later stage."""
        return None

    def merge_side(self, tallies: list[pa.Table]) -> pa.Table:
        """Add up the tallies of the stage named by `side`; their number and order must not matter."""
        raise NotImplementedError(f"{self.name} has no side table")


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

    Rows are Arrow tables whose column `to` (uint32) is the partition that they are sent to.
    """

    @abstractmethod
    def start(self, records: pa.Table, home: int, partitions: int) -> pa.Table:
        """Return the first rows that the records of partition `home` send."""

    @abstractmethod
    def rounds(self, home: int, partitions: int) -> Sequence[Round]:
        """Return the rounds as they are done in partition `home`; their number and names are always the same."""

    @abstractmethod
    def finish(self, records: pa.Table, rows: pa.Table) -> Outcome:
        """Decide about the records of one partition by the rows that the last round sent there."""

    def tally(self, records: pa.Table) -> pa.Table | None:
        """Return a small table of counts over the rows that go on, for the side table of a later stage."""
        return None


class SinkStage(ShuffleStage):
    """The end of the graph: rows that share a key become files."""

    def reduce(self, records: pa.Table, side: pa.Table | None) -> Outcome:
        """Pass on what it takes to account for every row."""
        return Outcome.keep(records.select(["id", "source", "language"]))

    @abstractmethod
    def write(self, records: pa.Table, side: pa.Table | None, folder: Path) -> pa.Table:
        """Write one partition's files below `folder`, atomically, and return a tally with a row for each."""


@dataclass(frozen=True)
class Graph:
    """The stages of a run in order: one source, then maps and shuffles.

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


def apply_or_quarantine(stage: MapStage, records: pa.Table) -> Outcome:
    """Apply a map stage; rows that make it raise go to quarantine with the error, and only those.

    The machine's own troubles (memory, disk) and errors meant for the user are raised as they are. So is an error
    that has nothing to do with the rows: one that each of a sample of rows meets alone.

    Raises:
        CurationError: if the stage fails on whatever it is given.
    """
    outcome, error = _try(stage, records)
    if outcome is not None:
        return outcome
    if records.num_rows >= 2 * _SAMPLE:
        _refuse_if_systematic(stage, records)
    return _quarantine(stage, records, error)


def _try(stage: MapStage, records: pa.Table) -> tuple[Outcome | None, str]:
    try:
        return stage.apply(records), ""
    except (OSError, MemoryError, CurationError):
        raise
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"


def _refuse_if_systematic(stage: MapStage, records: pa.Table) -> None:
    rows = [index * records.num_rows // _SAMPLE for index in range(_SAMPLE)]
    errors = [error for row in rows if (error := _try(stage, records.slice(row, 1))[1])]
    if len(errors) == len(rows):
        raise CurationError(
            f"The stage {stage.name} fails on every row",
            where=f"{records['file'][0]}:{records['row'][0]} and others",
            why=errors[0],
            hint="this is a fault of the program or of its installation: please report it with the config",
        )


def _quarantine(stage: MapStage, records: pa.Table, error: str) -> Outcome:
    """Halve a batch that raised until the rows that are to blame stand alone."""
    if records.num_rows <= 1:
        row = ledger_rows(records, stage=stage.name, decision="quarantined", reason="error", detail=error)
        return Outcome(_nothing(stage, records), row)
    half = records.num_rows // 2
    outcomes = []
    for part in (records.slice(0, half), records.slice(half)):
        outcome, why = _try(stage, part)
        outcomes.append(outcome if outcome is not None else _quarantine(stage, part, why))
    return _concat(outcomes)


def _nothing(stage: MapStage, records: pa.Table) -> pa.Table:
    """Return no rows, with the columns that the stage adds."""
    nothing = records.slice(0, 0)
    outcome, _ = _try(stage, nothing)
    return nothing if outcome is None else outcome.records


def _concat(parts: list[Outcome]) -> Outcome:
    return Outcome(
        pa.concat_tables([part.records for part in parts]), pa.concat_tables([part.ledger for part in parts])
    )

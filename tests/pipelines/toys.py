"""Small stages with simple arithmetic, to test the engines without the real decisions."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import faulty  # noqa: F401 - so that workers, which unpickle toy stages, know its store
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.files import write_text
from curation.ledger import ledger_rows
from curation.outcome import Outcome
from curation.records import RAW_SCHEMA, make_records
from pipelines.routing import by_key
from pipelines.stages import (
    Graph,
    LinkStage,
    MapStage,
    Piece,
    Round,
    Routes,
    ShuffleStage,
    SinkStage,
    SourceStage,
    Written,
)

WORDS = ("дом", "家", "घर", "منزل", "בית", "บ้าน", "σπίτι", "տուն", "სახლი", "casa", "บ้าน", "မိန်")


def rows(numbers: range) -> pa.Table:
    raw = pa.table(
        {
            "query": [f"{WORDS[n % len(WORDS)]} {n}" for n in numbers],
            "positive": [f"{WORDS[n % 7]} {n % 50}" for n in numbers],
            "negatives": [[]] * len(numbers),
            "query_language": ["eng_Latn"] * len(numbers),
            "positive_language": [f"l{n % 5:02d}_Latn" for n in numbers],
            "label": [""] * len(numbers),
            "document": [""] * len(numbers),
            "file": ["numbers"] * len(numbers),
            "row": list(numbers),
        },
        schema=RAW_SCHEMA,
    )
    return make_records(raw, source="toy", licence="MIT", task="retrieval", pivot="eng_Latn")


@dataclass(frozen=True)
class Numbers(SourceStage):
    total: int
    name: str = "numbers"

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"total": self.total}

    def read(self, rank: int, world: int) -> Iterator[Piece]:
        yield Piece(Outcome.keep(rows(range(0))), 0)
        for start in range(rank * 100, self.total, world * 100):
            batch = rows(range(start, min(start + 100, self.total)))
            yield Piece(Outcome.keep(batch), batch.num_rows)


@dataclass(frozen=True)
class DropEvery(MapStage):
    """Drops every n-th row; raises on the rows named in `poison`."""

    nth: int
    poison: tuple[int, ...] = ()
    name: str = "drop"

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"nth": self.nth, "poison": list(self.poison)}

    def apply(self, records: pa.Table, side: pa.Table | None) -> Outcome:
        numbers = records["row"].to_numpy()
        if np.isin(numbers, self.poison).any():
            raise ValueError("a poisoned row")
        drop = pa.array(numbers % self.nth == 0, pa.bool_())
        ledger = ledger_rows(records.filter(drop), stage=self.name, decision="dropped", reason="nth", score=0.0)
        return Outcome(records.filter(pc.invert(drop)), ledger)


@dataclass(frozen=True)
class DropBeforeOdd(LinkStage):
    """Drops each even row whose odd successor is there, in whatever partition."""

    name: str = "link"

    @property
    def settings(self) -> Mapping[str, Any]:
        return {}

    def start(self, records: pa.Table, home: int, partitions: int) -> pa.Table:
        numbers = records["row"].to_numpy()
        to = (numbers // 2 % partitions).astype(np.uint32)
        return pa.table({"to": to, "row": numbers, "home": np.full(len(numbers), home, dtype=np.uint32)})

    def rounds(self, home: int, partitions: int) -> tuple[Round, ...]:
        return Round("meet", meet, needs_records=False), Round("look", partial(look, home=home), needs_records=True)

    def finish(self, records: pa.Table, rows: pa.Table, side: pa.Table | None) -> Outcome:
        lost = pc.is_in(records["row"], rows["row"].combine_chunks())
        ledger = ledger_rows(records.filter(lost), stage=self.name, decision="merged", reason="odd")
        return Outcome(records.filter(pc.invert(lost)), ledger)

    def tally(self, records: pa.Table) -> pa.Table:
        return pa.table({"linked": pa.array([records.num_rows], pa.int64())})

    def merge_tallies(self, tallies: Sequence[pa.Table]) -> pa.Table:
        return summed(tallies)


def meet(rows: pa.Table, records: pa.Table) -> pa.Table:
    assert not records.num_columns
    found = {row["row"]: row["home"] for row in rows.to_pylist()}
    even = [number for number in found if number % 2 == 0 and number + 1 in found]
    homes = pa.array([found[number] for number in even], pa.uint32())
    return pa.table({"to": homes, "row": pa.array(even, pa.int64())})


def look(rows: pa.Table, records: pa.Table, home: int) -> pa.Table:
    assert set(rows["row"].to_pylist()) <= set(records["row"].to_pylist())
    assert set(rows["to"].to_pylist()) <= {home}
    return rows


@dataclass(frozen=True)
class FirstOfEach(ShuffleStage):
    """Keeps the record with the smallest id of each positive."""

    name: str = "first"
    side: str = "link"
    fail_once: str = ""

    @property
    def settings(self) -> Mapping[str, Any]:
        return {}

    def route(self, records: pa.Table, side: pa.Table | None, partitions: int) -> Routes:
        return by_key(records["positive"], partitions)

    def reduce(self, records: pa.Table, side: pa.Table | None) -> Outcome:
        assert side is not None
        assert side["linked"][0].as_py() >= records.num_rows
        if self.fail_once and not Path(self.fail_once).exists():
            Path(self.fail_once).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        texts = records["positive"].to_pylist()
        first = [text not in texts[:index] for index, text in enumerate(texts)]
        ledger = ledger_rows(
            records.filter(pa.array([not value for value in first], pa.bool_())),
            stage=self.name,
            decision="merged",
            reason="same",
        )
        return Outcome(records.filter(pa.array(first, pa.bool_())), ledger)

    def tally(self, records: pa.Table) -> pa.Table:
        return pa.table({"kept": pa.array([records.num_rows], pa.int64())})

    def merge_tallies(self, tallies: Sequence[pa.Table]) -> pa.Table:
        return summed(tallies)


@dataclass(frozen=True)
class WriteText(SinkStage):
    """Writes each language's ids to a file, with the total from the side table."""

    name: str = "write"
    side: str = "first"
    settings_: Mapping[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> Mapping[str, Any]:
        return self.settings_

    def side_table(self, tally: pa.Table) -> pa.Table:
        return tally.append_column("total", pa.array([f"{tally['kept'][0]} in all"]))

    def route(self, records: pa.Table, side: pa.Table | None, partitions: int) -> Routes:
        """Send each row to the partition of its language, and to the next one."""
        assert side is not None
        routes = by_key(records["language"], partitions)
        both = np.unique(np.stack([routes.targets, (routes.targets + 1) % partitions]), axis=0)
        return Routes(np.tile(routes.rows, len(both)), both.ravel())

    def write(self, records: pa.Table, side: pa.Table | None, folder: Path, home: int, partitions: int) -> Written:
        assert side is not None
        own = by_key(records["language"], partitions).targets == home
        records = records.filter(pa.array(own))
        paths = []
        for language in sorted(set(records["language"].to_pylist())):
            ids = records.filter(pc.equal(records["language"], language))["id"].to_pylist()
            write_text(folder / f"{language}.txt", f"{side['total'][0]}\n" + "\n".join(sorted(ids)))
            paths.append(f"{language}.txt")
        tally = pa.table({"path": pa.array(paths, pa.string())})
        return Written(Outcome.keep(records.select(["id", "source", "language"])), tally)


def summed(tallies: Sequence[pa.Table]) -> pa.Table:
    table = pa.concat_tables(tallies)
    return pa.table({name: [pc.sum(table[name]).as_py()] for name in table.column_names})


def toy_graph(total: int = 1000, *, nth: int = 10, poison: tuple[int, ...] = (), fail_once: str = "") -> Graph:
    first, write = FirstOfEach(fail_once=fail_once), WriteText()
    return Graph((Numbers(total), DropEvery(nth, poison), DropBeforeOdd(), first, write), "code")


class Silent:
    """An observer that remembers what was reused."""

    def __init__(self) -> None:
        self.reused: dict[str, bool] = {}

    def started(self, stage: str, parts_total: int) -> None:
        pass

    def advanced(self, parts: int, note: str = "") -> None:
        pass

    def finished(self, stage: str, done: Any, *, reused: bool) -> None:
        self.reused[stage] = reused

    def judged(self, verdict: str, *, reused: bool) -> None:
        pass

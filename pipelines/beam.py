"""The Beam adapter: the whole graph as one pipeline.

Records stay in the store: every stage writes its part there, under the same name as with any other engine, so that a
run can be resumed, by either engine. Through the pipeline go the numbers of partitions that are written, the rows that
partitions send to each other, and tallies. A step that reads a part comes after the one that wrote it, because it needs
its number; a step that reads what all have sent comes after a `GroupByKey`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.utils.shared import Shared

from curation.errors import CurationError
from pipelines.beam_embedding import Embed
from pipelines.embedding import texts_part
from pipelines.engine import NO_CHECKS, Checks, Observer
from pipelines.exchange import WIRE
from pipelines.phases import Places
from pipelines.progress import watching
from pipelines.runners.hints import Hints, hints_of
from pipelines.runners.options import beam_options
from pipelines.runners.same_code import SameCodeDoFn
from pipelines.runners.submit import new_pipeline, run_pipeline
from pipelines.stages import EmbeddingStage, Graph, LinkStage, MapStage, ShuffleStage, SourceStage, Stage
from pipelines.store import StageStore, Store, part_name
from pipelines.tasks import (
    add_up,
    embedded_part,
    link_part,
    link_round,
    map_part,
    read_part,
    reduce_part,
    route_part,
    start_links,
)

Sent = tuple[int, pa.Table]
Met = tuple[int, Iterable[pa.Table]]
_PIECES, _TEXTS = "pieces", "texts"
# So many tallies wait to be added up.
_WAITING = 64


class ArrowTableCoder(beam.coders.Coder):  # type: ignore[misc]
    """Arrow tables as compressed IPC streams."""

    def encode(self, value: pa.Table) -> bytes:
        """Return the bytes of a table."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, value.schema, options=WIRE) as writer:
            writer.write_table(value)
        return bytes(sink.getvalue().to_pybytes())

    def decode(self, encoded: bytes) -> pa.Table:
        """Return the table of `encode`'s bytes."""
        return pa.ipc.open_stream(encoded).read_all()

    def is_deterministic(self) -> bool:
        """Tables are values, never keys."""
        return False

    def to_type_hint(self) -> Any:
        """Return the type that this coder is for."""
        return pa.Table


beam.coders.registry.register_coder(pa.Table, ArrowTableCoder)


@dataclass(frozen=True)
class BeamEngine:
    """Runs a graph with a Beam runner.

    Attributes:
        partitions: parts of every stage.
        batch_rows: rows of a map stage's batches.
        options: Beam's own options, as on a command line; DirectRunner by default.
    """

    partitions: int
    batch_rows: int
    options: tuple[str, ...] = ()

    def run(self, graph: Graph, store: Store, observer: Observer, checks: Checks = NO_CHECKS) -> None:
        """Run the stages that are not finished as one pipeline, or as two with the checks between them.

        Raises:
            ConfigError: for a runner that is known to lose data.
            CurationError: if the runner says that the pipeline did not end well.
        """
        options = beam_options(self.options)
        places = list(store.places(graph.digests()).values())
        first = self._settled(places)
        for place in places[:first]:
            done = place.done()
            assert done is not None
            observer.finished(place.stage, done, reused=True)
            _check(place, checks)
        # A pipeline cannot be stopped half-way by what it has found, and to start one takes minutes in some places:
        # so there is one cut, after the last stage that is checked.
        cut = max((n + 1 for n, place in enumerate(places) if place.stage in checks), default=first)
        for start, stop in ((first, max(first, cut)), (max(first, cut), len(places))):
            if start < stop:
                self._run_stages(options, graph, places, range(start, stop), observer)
            for place in places[start:stop]:
                _check(place, checks)

    def _run_stages(
        self, options: PipelineOptions, graph: Graph, places: Sequence[StageStore], numbers: range, observer: Observer
    ) -> None:
        """Run some consecutive stages as one pipeline."""
        names = [graph.stages[number].name for number in numbers]
        observer.started(" to ".join(dict.fromkeys([names[0], names[-1]])), self.partitions * len(names))
        here = [places[number] for number in numbers]
        try:
            with watching(here, observer):
                run_pipeline(self.build(options, graph, places, numbers))
        except CurationError:
            self._settled(here)
            raise
        except Exception as error:
            self._settled(here)
            raise _did_not_end(f"{type(error).__name__}: {error}") from error
        if self._settled(here) < len(here):
            raise _did_not_end("its runner says that all is done, but parts are missing")
        for place in here:
            done = place.done()
            assert done is not None
            observer.finished(place.stage, done, reused=False)

    def _settled(self, places: Sequence[StageStore]) -> int:
        """Return how many stages from the first on are finished, though their pipeline may not be."""
        return next((n for n, place in enumerate(places) if place.settle(self.partitions) is None), len(places))

    def build(
        self, options: PipelineOptions, graph: Graph, places: Sequence[StageStore], numbers: range
    ) -> beam.Pipeline:
        """Return the pipeline of some consecutive stages, those before them being finished.

        Args:
            options: of the runner.
            graph: the whole graph.
            places: of all its stages.
            numbers: which stages the pipeline is to run.
        """
        pipeline, hints = new_pipeline(options), hints_of(options)
        ranks = pipeline | "partitions" >> beam.Create(range(self.partitions)).with_output_types(int)
        written: dict[str, beam.PCollection] = {}
        for number in numbers:
            stage = graph.stages[number]
            above = places[number - 1] if number else None
            where = Places(places[number], above, self.batch_rows, bool(stage.side))
            side = self._side(pipeline, stage, graph, places, written)
            ranks = self._stage(ranks, stage, where, side, hints)
            written[stage.name] = ranks
        return pipeline

    def _side(
        self,
        pipeline: beam.Pipeline,
        stage: Stage,
        graph: Graph,
        places: Sequence[StageStore],
        written: Mapping[str, beam.PCollection],
    ) -> tuple[Any, ...]:
        """Return the stage's side table as a side input, or nothing."""
        if not stage.side:
            return ()
        number = next(number for number, each in enumerate(graph.stages) if each.name == stage.side)
        counted, place = graph.stages[number], places[number]
        label = f"{stage.name}: side table"
        if stage.side in written:
            tallies = written[stage.side] | f"{stage.name}: tallies" >> beam.ParDo(
                LoadTally(place, self.partitions)
            ).with_output_types(Sent)
            # Under a key of ours, for the one that `CombineGlobally` takes is pickled.
            added = tallies | f"{stage.name}: add up" >> beam.CombinePerKey(AddUp(counted, stage))
            table = added | label >> beam.Values().with_output_types(bytes)
        else:
            one = pipeline | f"{label}, once" >> beam.Create([0]).with_output_types(int)
            table = one | label >> beam.ParDo(LoadSide(counted, stage, place)).with_output_types(bytes)
        return (beam.pvalue.AsSingleton(table),)

    def _stage(
        self, ranks: beam.PCollection, stage: Stage, where: Places, side: tuple[Any, ...], hints: Hints
    ) -> beam.PCollection:
        name, count = stage.name, self.partitions
        if isinstance(stage, SourceStage):
            return ranks | name >> _writing(Read(stage, where, count))
        if isinstance(stage, MapStage):
            return ranks | name >> _writing(Map(stage, where, count), side)
        if isinstance(stage, LinkStage):
            rows = ranks | f"{name}: start" >> _sending(Start(stage, where, count))
            for number, each in enumerate(stage.rounds(0, count)):
                met = rows | f"{name}: {each.name}, meet" >> beam.GroupByKey()
                rows = met | f"{name}: {each.name}" >> _sending(DoRound(stage, where, count, number))
            met = rows | f"{name}: finish, meet" >> beam.GroupByKey()
            return met | f"{name}: finish" >> _writing(Finish(stage, where, count), side)
        if isinstance(stage, EmbeddingStage) and stage.texts_a_pass:
            return self._embedding_stage(ranks, stage, where, side, hints)
        if isinstance(stage, ShuffleStage):
            sent = ranks | f"{name}: route" >> _sending(Route(stage, where, count), side)
            met = sent | f"{name}: meet" >> beam.GroupByKey()
            return met | f"{name}: reduce" >> _writing(Reduce(stage, where, count), side)
        raise TypeError(f"{stage.name} is no kind of stage that an engine knows")

    def _embedding_stage(
        self, ranks: beam.PCollection, stage: EmbeddingStage, where: Places, side: tuple[Any, ...], hints: Hints
    ) -> beam.PCollection:
        """Run a shuffle stage whose texts are embedded elsewhere than they are needed."""
        name, count = stage.name, self.partitions
        route = beam.ParDo(RouteWithTexts(stage, where, count), *side).with_output_types(Sent, **{_TEXTS: Sent})
        sent = ranks | f"{name}: route" >> route.with_outputs(_TEXTS, main=_PIECES)
        embed = Embed(stage, count, hints).with_resource_hints(**hints.teacher)
        vectors = sent[_TEXTS] | f"{name}: embed" >> embed
        # Not by CoGroupByKey, which pickles what it joins.
        met = (sent[_PIECES], vectors) | f"{name}: join" >> beam.Flatten() | f"{name}: meet" >> beam.GroupByKey()
        reduce = _writing(ReduceWithVectors(stage, where, count), side)
        return met | f"{name}: reduce" >> reduce.with_resource_hints(**hints.mining)


def _writing(step: beam.DoFn, side: Sequence[Any] = ()) -> beam.ParDo:
    # Types are said, for Beam does not read those of annotations that are strings, and pickles what has no type.
    return beam.ParDo(step, *side).with_output_types(int)


def _sending(step: beam.DoFn, side: Sequence[Any] = ()) -> beam.ParDo:
    return beam.ParDo(step, *side).with_output_types(Sent)


def _did_not_end(why: str) -> CurationError:
    return CurationError(
        "The pipeline did not end well",
        why=why,
        hint="look into the runner's logs; the same command goes on with the stages that are not finished",
    )


def _check(place: StageStore, checks: Checks) -> None:
    if place.stage in checks:
        checks[place.stage](place)


class _Loaded:
    """Holds anything: what Beam shares must be of a class that weak references can be made to."""

    def __init__(self, value: object) -> None:
        self.value = value


class _Task(SameCodeDoFn):
    """What all steps know; what they need loaded is loaded once a process, and shared by its threads."""

    def __init__(self, stage: Any, where: Places, partitions: int) -> None:
        super().__init__()
        self.stage, self.where, self.partitions = stage, where, partitions
        self.handle = Shared()
        self.loaded: _Loaded | None = None

    def setup(self) -> None:
        """Compare the code, and load what the stage needs."""
        super().setup()
        self.loaded = self.handle.acquire(lambda: _Loaded(self.stage.load()))

    def written(self, rank: int) -> int:
        """Count a written part in the runner's metrics, by stage and language, and return its number."""
        name, here = part_name(rank, self.partitions), self.where.here
        part = here.counts(name)
        for what in ("rows_in", "rows_out", "ledgered"):
            Metrics.counter(here.stage, what).inc(getattr(part, what))
        groups = here.part_groups(name).group_by(["decision", "language"]).aggregate([("rows", "sum")])
        for row in groups.to_pylist():
            Metrics.counter(here.stage, f"{row['decision']} {row['language']}").inc(row["rows_sum"])
        return rank


class Read(_Task):
    """Reads one task's share of a source stage."""

    def process(self, rank: int) -> Iterator[int]:
        """Write part `rank`."""
        read_part(self.stage, self.where.here, rank, self.partitions)
        yield self.written(rank)


class Map(_Task):
    """Applies a map stage to a partition, batch by batch."""

    def process(self, rank: int, side: bytes | None = None) -> Iterator[int]:
        """Write part `rank`."""
        batches = self.where.batches(rank, self.partitions)
        map_part(self.stage, self.where.here, rank, self.partitions, batches, _table(side))
        yield self.written(rank)


class Route(_Task):
    """Sends the records of a partition to where a shuffle stage wants them."""

    def process(self, rank: int, side: bytes | None = None) -> Iterator[Sent]:
        """Yield the pieces, each with the partition that it goes to."""
        records = self.where.records(rank, self.partitions)
        yield from route_part(self.stage, records, _table(side), rank, self.partitions)


class Reduce(_Task):
    """Reduces one partition of a shuffle stage."""

    def process(self, met: Met, side: bytes | None = None) -> Iterator[int]:
        """Write the part."""
        rank, pieces = met
        reduce_part(self.stage, self.where.here, rank, self.partitions, list(pieces), _table(side))
        yield self.written(rank)


class RouteWithTexts(_Task):
    """Does as `Route`, and sends the texts that are to be embedded to where equal ones meet."""

    def process(self, rank: int, side: bytes | None = None) -> Iterator[Sent]:
        """Yield the pieces, and tagged the texts."""
        records = self.where.records(rank, self.partitions)
        table = _table(side)
        pieces = list(route_part(self.stage, records, table, rank, self.partitions))
        yield from pieces
        for place, texts in texts_part(self.stage, pieces, table, rank, self.partitions):
            yield beam.pvalue.TaggedOutput(_TEXTS, (place, texts))


class ReduceWithVectors(_Task):
    """Does as `Reduce`, with the vectors that have come back."""

    def process(self, met: Met, side: bytes | None = None) -> Iterator[int]:
        """Write the part."""
        rank, tables = met
        sent: dict[bool, list[pa.Table]] = {True: [], False: []}
        for table in tables:
            sent["vector" in table.column_names].append(table)
        missed = Metrics.counter(self.stage.name, "embedded late").inc
        place = self.where.here
        embedded_part(self.stage, place, rank, self.partitions, sent[False], _table(side), sent[True], missed)
        yield self.written(rank)


class Start(_Task):
    """Sends the first rows of a link stage."""

    def process(self, rank: int) -> Iterator[Sent]:
        """Yield the rows of a partition, each table with the partition that it goes to."""
        yield from start_links(self.stage, self.where.records(rank, self.partitions), rank, self.partitions)


class DoRound(_Task):
    """Does one round of a link stage."""

    def __init__(self, stage: LinkStage, where: Places, partitions: int, number: int) -> None:
        super().__init__(stage, where, partitions)
        self.number = number

    def process(self, met: Met) -> Iterator[Sent]:
        """Yield the rows for the next round, each table with the partition that it goes to."""
        rank, rows = met
        looks = self.stage.rounds(rank, self.partitions)[self.number].needs_records
        records = self.where.records(rank, self.partitions) if looks else pa.table({})
        yield from link_round(self.stage, self.number, list(rows), records, rank, self.partitions)


class Finish(_Task):
    """Ends a link stage."""

    def process(self, met: Met, side: bytes | None = None) -> Iterator[int]:
        """Write the part."""
        rank, rows = met
        records = self.where.records(rank, self.partitions)
        link_part(self.stage, self.where.here, rank, self.partitions, list(rows), records, _table(side))
        yield self.written(rank)


class LoadTally(SameCodeDoFn):
    """Reads the tally of a part that is written."""

    def __init__(self, place: StageStore, partitions: int) -> None:
        super().__init__()
        self.place, self.partitions = place, partitions

    def process(self, rank: int) -> Iterator[Sent]:
        """Yield it; all go to one place."""
        yield 0, self.place.tally(part_name(rank, self.partitions))


class LoadSide(SameCodeDoFn):
    """Makes a side table from the tallies of a finished stage."""

    def __init__(self, counted: Stage, stage: Stage, place: StageStore) -> None:
        super().__init__()
        self.counted, self.stage, self.place = counted, stage, place

    def process(self, _: int) -> Iterator[bytes]:
        """Yield its bytes."""
        yield ArrowTableCoder().encode(self.stage.side_table(add_up(self.counted, self.place.tallies())))


@beam.typehints.with_input_types(pa.Table)
@beam.typehints.with_output_types(bytes)
class AddUp(beam.CombineFn):  # type: ignore[misc]
    """Adds up the tallies of one stage, and makes the side table of another of them."""

    def __init__(self, counted: Stage, stage: Stage) -> None:
        super().__init__()
        self.counted, self.stage = counted, stage

    def create_accumulator(self) -> list[pa.Table]:
        """Return nothing yet."""
        return []

    def add_input(self, sums: list[pa.Table], tally: pa.Table) -> list[pa.Table]:
        """Add a tally."""
        return self.compact([*sums, tally]) if len(sums) >= _WAITING else [*sums, tally]

    def merge_accumulators(self, sums: Iterable[list[pa.Table]]) -> list[pa.Table]:
        """Add up sums."""
        return self.compact([tally for each in sums for tally in each])

    def compact(self, sums: list[pa.Table]) -> list[pa.Table]:
        """Add up the tallies that wait."""
        return [add_up(self.counted, sums)] if sums else sums

    def extract_output(self, sums: list[pa.Table]) -> bytes:
        """Make the side table, as bytes: Dataflow takes every side input for something of any type."""
        return ArrowTableCoder().encode(self.stage.side_table(add_up(self.counted, sums)))

    def get_accumulator_coder(self) -> beam.coders.Coder:
        """Return the coder of sums."""
        return beam.coders.IterableCoder(ArrowTableCoder())


def _table(side: bytes | None) -> pa.Table | None:
    return None if side is None else ArrowTableCoder().decode(side)

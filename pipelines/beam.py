"""The Beam adapter: the whole graph as one pipeline of Arrow tables.

An element is (partition, table). Maps keep the partition; a shuffle cuts each table by its keys and groups the
pieces. Every stage also writes its part to the store as it goes, under the same name as with any other engine, so
that a run can be resumed, by either engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.engine import NO_CHECKS, Checks, Observer
from pipelines.progress import watching
from pipelines.runners.hints import with_hints
from pipelines.runners.options import beam_options
from pipelines.runners.same_code import SameCodeDoFn
from pipelines.runners.submit import new_pipeline, run_pipeline
from pipelines.stages import Graph, LinkStage, MapStage, ShuffleStage, SourceStage, Stage
from pipelines.store import StageStore, Store, in_batches, part_name
from pipelines.tasks import link_part, link_round, map_part, read_part, reduce_part, route_part, start_links

_TALLY = "tally"
Element = tuple[int, pa.Table]


class ArrowTableCoder(beam.coders.Coder):  # type: ignore[misc]
    """Arrow tables as compressed IPC streams."""

    def encode(self, value: pa.Table) -> bytes:
        """Return the bytes of a table."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, value.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
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
            ConfigError: for a runner that is refused, or options that it cannot use.
        """
        options = beam_options(self.options)
        digests = graph.digests()
        places = [store.stage(stage.name, digests[stage.name]) for stage in graph.stages]
        first = next((n for n, place in enumerate(places) if place.done() is None), len(places))
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
        todo, here = [graph.stages[number] for number in numbers], [places[number] for number in numbers]
        above = places[numbers.start - 1] if numbers.start else None
        name = f"{todo[0].name} to {todo[-1].name}" if len(todo) > 1 else todo[0].name
        observer.started(name, self.partitions * len(todo))
        with watching(here, observer):
            self._run(options, todo, here, above, self._finished_sides(todo, places[: numbers.start]))
        for place in here:
            done = place.finish([place.counts(part_name(rank, self.partitions)) for rank in range(self.partitions)])
            observer.finished(place.stage, done, reused=False)

    def _run(
        self,
        options: PipelineOptions,
        stages: Sequence[Stage],
        places: Sequence[StageStore],
        above: StageStore | None,
        sides: dict[str, list[pa.Table]],
    ) -> None:
        pipeline = new_pipeline(options)
        tallies = {
            name: pipeline | f"{name}: finished tallies" >> beam.Create(tables).with_output_types(pa.Table)
            for name, tables in sides.items()
        }
        ranks = pipeline | "partitions" >> beam.Create(range(self.partitions)) | "spread" >> beam.Reshuffle()
        elements = ranks if above is None else ranks | "load" >> _table_map(LoadShare(above, self.partitions))
        for stage, place in zip(stages, places, strict=True):
            if isinstance(stage, ShuffleStage):
                elements, tallies[stage.name] = self._shuffle(elements, stage, place, tallies.get(stage.side))
            elif isinstance(stage, LinkStage):
                elements, tallies[stage.name] = self._link(elements, stage, place)
            elif isinstance(stage, MapStage):
                elements = elements | stage.name >> _table_map(ApplyMap(stage, place, self.partitions, self.batch_rows))
            elif isinstance(stage, SourceStage):
                elements = elements | stage.name >> _table_map(ReadShare(stage, place, self.partitions))
        run_pipeline(pipeline)

    def _shuffle(
        self, elements: beam.PCollection, stage: ShuffleStage, place: StageStore, side: beam.PCollection | None
    ) -> tuple[beam.PCollection, beam.PCollection]:
        grouped = (
            elements
            | f"{stage.name}: route" >> beam.ParDo(Route(stage, self.partitions)).with_output_types(Element)
            | f"{stage.name}: group" >> beam.GroupByKey()
        )
        inputs = () if side is None else (beam.pvalue.AsList(side),)
        reduce = beam.ParDo(Reduce(stage, place, self.partitions), *inputs).with_output_types(Element, tally=pa.Table)
        hinted = with_hints(reduce, stage.name, elements.pipeline.options)
        reduced = grouped | f"{stage.name}: reduce" >> hinted.with_outputs(_TALLY, main="records")
        return reduced.records, reduced[_TALLY]

    def _link(
        self, elements: beam.PCollection, stage: LinkStage, place: StageStore
    ) -> tuple[beam.PCollection, beam.PCollection]:
        rows = elements | f"{stage.name}: start" >> _table_map(StartLinks(stage, self.partitions))
        for number, step in enumerate(stage.rounds(0, self.partitions)):
            both = {"rows": rows, "records": elements} if step.needs_records else {"rows": rows}
            rows = (
                both
                | f"{stage.name}: {step.name}, meet" >> beam.CoGroupByKey()
                | f"{stage.name}: {step.name}" >> _table_map(LinkRound(stage, number, self.partitions))
            )
        met = {"rows": rows, "records": elements} | f"{stage.name}: finish, meet" >> beam.CoGroupByKey()
        finish = beam.ParDo(FinishLinks(stage, place, self.partitions)).with_output_types(Element, tally=pa.Table)
        finished = met | f"{stage.name}: finish" >> finish.with_outputs(_TALLY, main="records")
        return finished.records, finished[_TALLY]

    def _finished_sides(self, stages: Sequence[Stage], finished: Sequence[StageStore]) -> dict[str, list[pa.Table]]:
        wanted = {stage.side for stage in stages}
        return {place.stage: place.tallies() for place in finished if place.stage in wanted}


def _check(place: StageStore, checks: Checks) -> None:
    if place.stage in checks:
        checks[place.stage](place)


class LoadShare(SameCodeDoFn):
    """Reads a partition of a finished stage."""

    def __init__(self, above: StageStore, partitions: int) -> None:
        super().__init__()
        self.above, self.partitions = above, partitions

    def process(self, rank: int) -> Iterator[Element]:
        """Yield the partition."""
        yield rank, self.above.share(rank, self.partitions)


class ReadShare(SameCodeDoFn):
    """Reads one task's share of a source stage."""

    def __init__(self, stage: SourceStage, place: StageStore, partitions: int) -> None:
        super().__init__()
        self.stage, self.place, self.partitions = stage, place, partitions

    def process(self, rank: int) -> Iterator[Element]:
        """Write part `rank` and yield its records."""
        read_part(self.stage, self.place, rank, self.partitions)
        yield rank, self.place.records(part_name(rank, self.partitions))


class ApplyMap(SameCodeDoFn):
    """Applies a map stage to a partition, batch by batch."""

    def __init__(self, stage: MapStage, place: StageStore, partitions: int, batch_rows: int) -> None:
        super().__init__()
        self.stage, self.place, self.partitions, self.batch_rows = stage, place, partitions, batch_rows

    def process(self, element: Element) -> Iterator[Element]:
        """Write the part and yield its records."""
        rank, records = element
        map_part(self.stage, self.place, rank, self.partitions, in_batches(records, self.batch_rows))
        yield rank, self.place.records(part_name(rank, self.partitions))


class Route(SameCodeDoFn):
    """Cuts a partition by the keys of a shuffle stage."""

    def __init__(self, stage: ShuffleStage, partitions: int) -> None:
        super().__init__()
        self.stage, self.partitions = stage, partitions

    def process(self, element: Element) -> Iterator[Element]:
        """Yield the pieces, each with the partition that it goes to."""
        rank, records = element
        yield from route_part(self.stage, records, rank, self.partitions)


class Reduce(SameCodeDoFn):
    """Reduces one partition of a shuffle stage."""

    def __init__(self, stage: ShuffleStage, place: StageStore, partitions: int) -> None:
        super().__init__()
        self.stage, self.place, self.partitions = stage, place, partitions

    def process(
        self, element: tuple[int, Iterable[pa.Table]], tallies: Sequence[pa.Table] | None = None
    ) -> Iterator[object]:
        """Write the part; yield its records, and its tally where it keeps one."""
        rank, pieces = element
        records, tally = reduce_part(self.stage, self.place, rank, self.partitions, list(pieces), tallies)
        yield rank, records
        if tally is not None:
            yield beam.pvalue.TaggedOutput(_TALLY, tally)


class StartLinks(SameCodeDoFn):
    """Sends the first rows of a link stage."""

    def __init__(self, stage: LinkStage, partitions: int) -> None:
        super().__init__()
        self.stage, self.partitions = stage, partitions

    def process(self, element: Element) -> Iterator[Element]:
        """Yield the rows of a partition, each table with the partition that it goes to."""
        rank, records = element
        yield from start_links(self.stage, records, rank, self.partitions)


class LinkRound(SameCodeDoFn):
    """Does one round of a link stage."""

    def __init__(self, stage: LinkStage, number: int, partitions: int) -> None:
        super().__init__()
        self.stage, self.number, self.partitions = stage, number, partitions

    def process(self, element: tuple[int, dict[str, Iterable[pa.Table]]]) -> Iterator[Element]:
        """Yield the rows for the next round, each table with the partition that it goes to."""
        rank, met = element
        records = pa.concat_tables(list(met["records"])) if "records" in met else pa.table({})
        yield from link_round(self.stage, self.number, list(met["rows"]), records, rank, self.partitions)


class FinishLinks(SameCodeDoFn):
    """Ends a link stage."""

    def __init__(self, stage: LinkStage, place: StageStore, partitions: int) -> None:
        super().__init__()
        self.stage, self.place, self.partitions = stage, place, partitions

    def process(self, element: tuple[int, dict[str, Iterable[pa.Table]]]) -> Iterator[object]:
        """Write the part; yield its records, and its tally where the stage keeps one."""
        rank, met = element
        records = pa.concat_tables(list(met["records"]))
        records, tally = link_part(self.stage, self.place, rank, self.partitions, list(met["rows"]), records)
        yield rank, records
        if tally is not None:
            yield beam.pvalue.TaggedOutput(_TALLY, tally)


def _table_map(step: beam.DoFn) -> beam.PTransform:
    return beam.ParDo(step).with_output_types(Element)

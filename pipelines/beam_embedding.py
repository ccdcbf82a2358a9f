"""The teacher as a step of a Beam pipeline, on workers of its own: each text of the run is embedded once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.metrics import Metrics
from apache_beam.ml.inference.base import KeyedModelHandler, ModelHandler, RunInference
from apache_beam.transforms.window import GlobalWindows
from apache_beam.utils.windowed_value import WindowedValue

from pipelines.embedding import address, passes, send_vectors
from pipelines.runners.hints import Hints
from pipelines.runners.same_code import SameCodeDoFn
from pipelines.stages import Embedder, EmbeddingStage

Keyed = tuple[int, pa.Table]
# Texts that are embedded in one call at most: a block of the store.
_CALL_TEXTS = 8192
# Vectors that wait for more that go to the same partition.
_WAITING_BYTES = 64 << 20


class Embed(beam.PTransform):  # type: ignore[misc]
    """From texts by their meeting place to vectors by the partition that wants them.

    Args:
        stage: what wants them.
        partitions: how many partitions and meeting places there are.
        hints: what machines the model needs. All of this runs on them, so that what goes to the model is put in order
            where it is, and does not travel between.
    """

    def __init__(self, stage: EmbeddingStage, partitions: int, hints: Hints) -> None:
        super().__init__()
        self.stage, self.partitions, self.hints = stage, partitions, hints

    def expand(self, texts: beam.PCollection) -> beam.PCollection:
        """Build the steps."""
        handler = KeyedModelHandler(TeacherHandler(self.stage, self.hints))
        met = texts | "meet" >> beam.GroupByKey()
        asked = met | "order" >> beam.ParDo(Order(self.stage.texts_a_pass)).with_output_types(Keyed)
        vectors = asked | "embed" >> RunInference(handler).with_output_types(Keyed)
        return vectors | "send" >> beam.ParDo(Send(self.partitions)).with_output_types(Keyed)


class TeacherHandler(ModelHandler[pa.Table, pa.Table, Embedder]):  # type: ignore[misc]
    """What RunInference needs to know of a stage's model.

    An example is a table of texts that go through the model in one pass, so that RunInference, which measures how
    long batches take, joins as many passes as make up for the cost of a call; and never more texts than are stored
    in a block. On a GPU there is one copy of the model for all processes of a worker.
    """

    def __init__(self, stage: EmbeddingStage, hints: Hints) -> None:
        most = max(1, _CALL_TEXTS // stage.texts_a_pass)
        super().__init__(min_batch_size=1, max_batch_size=most, large_model=hints.has_accelerator)
        self.stage, self.hints = stage, hints

    def load_model(self) -> Embedder:
        """Load the model."""
        return self.stage.load_embedder()

    def run_inference(
        self,
        batch: Sequence[pa.Table],
        model: Embedder,
        inference_args: dict[str, Any] | None = None,
    ) -> Iterator[pa.Table]:
        """Return the vectors of each table, addressed to the partitions that want them."""
        texts = pa.concat_tables(batch)
        embedded = model.embed(texts.select(["key", "text", "roles"]))
        Metrics.counter(self.stage.name, "texts").inc(texts.num_rows)
        Metrics.counter(self.stage.name, "embedded").inc(embedded.made)
        return _by_example(batch, embedded.vectors)

    def get_num_bytes(self, batch: Sequence[pa.Table]) -> int:
        """Return the bytes of a batch."""
        return sum(table.nbytes for table in batch)

    def get_metrics_namespace(self) -> str:
        """Return the name that RunInference's own metrics stand under."""
        return self.stage.name

    def get_resource_hints(self) -> dict[str, str]:
        """Return what the model needs."""
        return dict(self.hints.teacher)


def _by_example(batch: Sequence[pa.Table], vectors: pa.Table) -> Iterator[pa.Table]:
    rows, start = vectors["row"].to_numpy().astype("i8"), 0
    for texts in batch:
        own = (rows >= start) & (rows < start + texts.num_rows)
        part = vectors.filter(pa.array(own))
        local = pa.array(rows[own] - start, pa.uint32())
        place = part.schema.get_field_index("row")
        yield address(texts, part.set_column(place, part.schema.field("row"), local))
        start += texts.num_rows


class Order(SameCodeDoFn):
    """Puts the different texts of a meeting place in order, and cuts them into passes."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows

    def process(self, met: tuple[int, Iterable[pa.Table]]) -> Iterator[Keyed]:
        """Yield the passes, each with the meeting place."""
        place, tables = met
        for texts in passes(list(tables), self.rows):
            yield place, texts


class Send(SameCodeDoFn):
    """Joins vectors that go to the same partition, as far as they fit into some memory."""

    def __init__(self, partitions: int) -> None:
        super().__init__()
        self.partitions = partitions
        self.waiting: list[Keyed] = []
        self.bytes = 0

    def start_bundle(self) -> None:
        """Forget what a bundle that failed has left."""
        self.waiting, self.bytes = [], 0

    def process(self, vectors: Keyed) -> Iterator[Keyed]:
        """Yield what has become enough."""
        self.waiting.append(vectors)
        self.bytes += vectors[1].nbytes
        if self.bytes >= _WAITING_BYTES:
            yield from self._send()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Yield the rest."""
        return map(GlobalWindows.windowed_value_at_end_of_window, self._send())

    def _send(self) -> Iterator[Keyed]:
        waiting, self.waiting, self.bytes = self.waiting, [], 0
        if waiting:
            places = [place for place, _ in waiting]
            yield from send_vectors(pa.concat_tables([table for _, table in waiting]), places, self.partitions)

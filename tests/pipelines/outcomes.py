"""The engines that are compared, and what a run of the toy graph has left."""

from __future__ import annotations

import hashlib
from pathlib import Path

from toys import Silent, toy_graph

from pipelines.beam import BeamEngine
from pipelines.engine import Engine
from pipelines.launch.local import LocalLauncher
from pipelines.local import DatatroveEngine
from pipelines.stages import Graph
from pipelines.store import Store

ENGINES: dict[str, Engine] = {
    "one worker, one partition": DatatroveEngine(LocalLauncher(1), partitions=1, batch_rows=64),
    "one worker, three partitions": DatatroveEngine(LocalLauncher(1), partitions=3, batch_rows=1000),
    "two workers, seven partitions": DatatroveEngine(LocalLauncher(2), partitions=7, batch_rows=10),
    "beam in memory": BeamEngine(partitions=3, batch_rows=64),
}
MULTI_PROCESSING = BeamEngine(2, 64, ("--direct_running_mode=multi_processing", "--direct_num_workers=2"))


def outcome(engine: Engine, folder: Path | str, **changes: object) -> dict[str, str]:
    """Run the toy graph and return a digest of everything that it left."""
    graph, store = toy_graph(**changes), Store.at(folder)  # type: ignore[arg-type]
    engine.run(graph, store, Silent())
    return found(graph, store)


def found(graph: Graph, store: Store) -> dict[str, str]:
    """Return a digest of each file, and of each stage's ledger."""
    places = list(store.places(graph.digests()).values())
    texts = {name: places[-1].folder.read(f"files/{name}").decode() for name in places[-1].folder.names("files")}
    order = [("id", "ascending"), ("reason", "ascending")]
    texts |= {place.stage: str(place.ledgers().sort_by(order).to_pylist()) for place in places}
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}

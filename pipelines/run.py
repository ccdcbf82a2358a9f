"""One run, from sources to a gated release in a folder."""

from __future__ import annotations

import itertools
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow as pa
import yaml

from curation import split
from curation.config.model import RunConfig
from curation.errors import AlarmError, ConfigError, CurationError
from curation.files import atomic_path, write_json, write_text
from curation.licences.licensing import Licensing, apply_licences
from curation.quota.counts import plan_quota
from curation.release import Release, layout, open_release
from curation.release.assemble import assemble_release
from curation.release.parent import find_parent, refuse_as_target
from curation.release.stats import StageCount, compute_stats
from pipelines.about import about_run
from pipelines.alarms import AlarmFiles, checks_of, find_alarms
from pipelines.cost import load_rates, text_bytes
from pipelines.engine import Engine, Observer
from pipelines.folders import LocalFolder, open_folder
from pipelines.forecast import (
    forecast_run,
    forecast_sources,
    forecast_stages,
    row_length,
    total_records,
    total_rows,
    venue_of,
)
from pipelines.graph import Inputs, build_graph, find_inputs
from pipelines.ledgers import count_lost, write_ledgers
from pipelines.lock import locked
from pipelines.plan import CONFIG, PLAN, work_folder
from pipelines.stages import Graph, Stage
from pipelines.store import StageStore, Store
from pipelines.tasks import add_up

LEAST_PARTITIONS, MOST_PARTITIONS = 4, 65_536
# Of text: a worker holds the records of a part several times over, in less than 1 GiB.
PARTITION_BYTES = 32 << 20
EngineName = Literal["datatrove", "beam"]
# Sources that an error names.
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run is carried out; none of it changes the release.

    Attributes:
        engine: `datatrove` or `beam`.
        workers: processes at a time (datatrove); a launcher's own `--workers` replaces it.
        engine_options: options of Beam's runner, or of datatrove's launcher.
        work: path or URL of the work folder, which all workers must reach; empty for `work` in the run's folder.
    """

    engine: EngineName = "datatrove"
    workers: int = 1
    engine_options: tuple[str, ...] = ()
    work: str = ""


def plan_run(config: RunConfig, base: Path, out: Path | None, options: RunOptions) -> dict[str, Any]:
    """Return what a run would do, as JSON values: inputs, stages, and which of them are finished already."""
    licensing = apply_licences(config)
    inputs = find_inputs(licensing.config, base)
    graph = build_graph(licensing.config, inputs, recipes=licensing.recipes)
    return _plan(licensing, inputs, graph, out, options)


def run(config: RunConfig, base: Path, out: Path, options: RunOptions, observer: Observer) -> Path:
    """Run the graph of a config and assemble the release.

    Args:
        config: the resolved config.
        base: folder that relative source paths are relative to.
        out: folder of the run.
        options: engine and workers.
        observer: is told about progress.

    Returns:
        The folder of the release.

    Raises:
        CurationError: for anything that the user can act on.
    """
    # What the engine refuses, it refuses before anything is read or written.
    make_engine = engine_of(config, options, str(work_folder(out, options.work)))
    # What the licences rule out is found before anything is read or written.
    licensing = apply_licences(config)
    with locked(out):
        refuse_as_target(config.release, base, out / "release")
        inputs = find_inputs(licensing.config, base, _shared(work_folder(out, options.work)))
        graph = build_graph(licensing.config, inputs, recipes=licensing.recipes)
        store = Store.at(work_folder(out, options.work))
        write_text(out / "README.md", about_run(config))
        write_text(out / CONFIG, _to_yaml(config))
        partitions = partitions_of(config, inputs)
        engine = make_engine(partitions)
        write_json(out / PLAN, _plan(licensing, inputs, graph, out, options))
        alarms = AlarmFiles(out)
        alarms.remove()
        try:
            engine.run(graph, store, observer, checks_of(config.alarms, alarms))
        except AlarmError:
            write_ledgers(_finished(graph, store), out / "ledger")
            raise
        _assemble(config, licensing, inputs, graph, store, out)
    return out / "release"


def _shared(work: Path | str) -> Path | None:
    """Return the work folder if it is on a file system, which all workers share then."""
    folder = open_folder(work)
    return folder.path if isinstance(folder, LocalFolder) else None


def partitions_of(config: RunConfig, inputs: Inputs) -> int:
    """Return how many parts each stage has: as the config says, or so many that each fits into any worker's memory."""
    if config.engine.partitions is not None:
        return config.engine.partitions
    return min(
        max(LEAST_PARTITIONS, math.ceil(text_bytes(inputs.sizes(), load_rates()) / PARTITION_BYTES)), MOST_PARTITIONS
    )


def engine_of(config: RunConfig, options: RunOptions, work: str) -> Callable[[int], Engine]:
    """Return what makes the engine that the options name, of a number of partitions.

    Args:
        config: the resolved config.
        options: engine and workers.
        work: folder or URL of the stages' results.

    Raises:
        ConfigError: if it is not installed, refuses its options, or has workers that could not see the files.
        AuthError: if a service that it needs does not know who asks.
    """
    batch_rows = config.engine.batch_rows
    if options.engine == "beam":
        try:
            from pipelines.beam import BeamEngine
            from pipelines.runners.before import check_before_run
            from pipelines.runners.options import beam_options
        except ImportError as error:
            hint = "pip install 'ml-embed-curation[beam]'"
            raise ConfigError("Apache Beam is not installed", why=str(error), hint=hint) from error
        check_before_run(beam_options(options.engine_options), config, work)
        return partial(BeamEngine, batch_rows=batch_rows, options=options.engine_options)
    from pipelines.launch.choose import make_launcher
    from pipelines.launch.options import launch_options
    from pipelines.local import DatatroveEngine

    launcher = make_launcher(launch_options(options.engine_options, options.workers))
    return partial(DatatroveEngine, launcher, batch_rows=batch_rows)


def _plan(licensing: Licensing, inputs: Inputs, graph: Graph, out: Path | None, options: RunOptions) -> dict[str, Any]:
    config, store = licensing.config, Store.at(work_folder(out, options.work)) if out else None
    digests = graph.digests()
    done = {name: store.stage(name, digest).done() if store else None for name, digest in digests.items()}
    lengths = {source.name: row_length(source, inputs.files[source.name]) for source in config.sources}
    sources = forecast_sources(inputs.fingerprints, lengths)
    records = total_records(sources)
    stages = forecast_stages(done, records, total_rows(sources))
    venue = venue_of(options.engine, options.engine_options, options.workers)
    return {
        "name": config.name,
        "version": config.release.version,
        "engine": {
            "name": options.engine,
            "workers": options.workers,
            "options": list(options.engine_options),
            "on": venue.name,
        },
        "work": options.work,
        "partitions": partitions_of(config, inputs),
        "sources": {name: asdict(source) for name, source in sources.items()},
        "inputs": {name: list(files) for name, files in inputs.fingerprints.items()},
        "evaluation": _evaluation(inputs),
        "licence": licensing.to_json(),
        "stages": [
            {"stage": name, "folder": f"work/{name}-{digest}", "cached": done[name] is not None, **asdict(stages[name])}
            for name, digest in digests.items()
        ],
        "estimate": forecast_run(done, records, venue),
    }


def _finished(graph: Graph, store: Store) -> list[StageStore]:
    """Return the stages from the first on that are finished."""
    places = [store.stage(name, digest) for name, digest in graph.digests().items()]
    return list(itertools.takewhile(StageStore.done, places))


def _assemble(config: RunConfig, licensing: Licensing, inputs: Inputs, graph: Graph, store: Store, out: Path) -> None:
    places = [store.stage(name, digest) for name, digest in graph.digests().items()]
    counts = [StageCount(place.stage, done.rows_in, done.rows_out) for place in places if (done := place.done())]
    _check_chain(counts)
    write_ledgers(places, out / "ledger")
    shards = pa.concat_tables(places[-1].tallies()).sort_by("path")
    if not any(map(layout.parse_shard, shards["path"].to_pylist())):
        raise _nothing_left(counts, config, out)
    quota = plan_quota(_tally(graph, places, _stage(graph, "balance").side), config.balance)
    alarms = [alarm.to_json() for alarm in find_alarms(config.alarms, places, AlarmFiles(out))]
    contamination = _contamination(inputs, places)
    splits = split.describe_components(_tally(graph, places, "group"), config.split)
    recipes, paths = licensing.recipes, shards["path"].to_pylist()
    parts = [layout.index_part(path) for path in layout.full_shards(paths)] if config.dedup.index else []
    released, lost = places[-1].groups(), count_lost(places)
    stats = compute_stats(counts, lost, shards, quota, released, contamination, alarms, splits, recipes)
    with places[-1].files_fetched([*paths, *parts]) as files:
        assemble_release(
            out / "release",
            config=config,
            fingerprints=inputs.fingerprints,
            shards=shards,
            files=files,
            stats=stats,
            known=inputs.known,
            evaluation=_evaluation(inputs),
            parent=inputs.parent,
            ledger=out / "ledger",
        )


def _check_chain(counts: Sequence[StageCount]) -> None:
    for above, below in itertools.pairwise(counts):
        if above.rows_out != below.rows_in:
            why = f"{above.rows_out:,} rows left it, {below.rows_in:,} reached {below.stage}"
            raise CurationError(
                f"Rows were lost after the stage {above.stage}", why=why, hint="delete work/ and run again"
            )


def _stage(graph: Graph, name: str) -> Stage:
    return next(stage for stage in graph.stages if stage.name == name)


def _tally(graph: Graph, places: Sequence[StageStore], name: str) -> pa.Table:
    """Return the tally of a whole stage."""
    return add_up(_stage(graph, name), next(place for place in places if place.stage == name).tallies())


def _evaluation(inputs: Inputs) -> list[dict[str, Any]]:
    return [
        {"task": item.declared.task, "split": item.declared.split, "files": list(item.fingerprints)}
        for item in inputs.evaluation
    ]


def _contamination(inputs: Inputs, places: Sequence[StageStore]) -> list[dict[str, Any]]:
    if not inputs.evaluation:
        return []
    from curation.decontamination.report import contamination
    from curation.decontamination.texts import load_texts

    ledger = next(place for place in places if place.stage == "decontaminate").ledgers()
    return contamination(load_texts(inputs.evaluation), ledger)


def _nothing_left(counts: Sequence[StageCount], config: RunConfig, out: Path) -> CurationError:
    last = next((count for count in counts if not count.rows_out), counts[-1])
    sources = ", ".join(source.name for source in config.sources[:_SHOWN])
    if not last.rows_in:
        why, hint = f"there is no row in the files of {sources}", "look into the files, and name others"
    else:
        why = f"{last.stage} let none of {last.rows_in:,} rows of {sources} go on"
        hint = (
            f"the ledger has the reason for each: {out / 'ledger'}/*.parquet; docs/howto/see-why-a-language-shrank.md"
        )
    return CurationError("No record is left for a release", str(out), why, hint)


def _to_yaml(config: RunConfig) -> str:
    return yaml.safe_dump(config.model_dump(mode="json"), allow_unicode=True, sort_keys=False)


class GateObserver(Protocol):
    """Told about the progress of the gate; `curation.cli.progress.RunProgress` is one."""

    def started(self, stage: str, parts_total: int) -> None:
        """The gate begins."""

    def advanced(self, parts: int, note: str = "") -> None:
        """So many steps of training are done."""

    def judged(self, verdict: str, *, reused: bool) -> None:
        """The verdict is there, or was found."""


def gate_and_report(config: RunConfig, base: Path, out: Path, observer: GateObserver) -> None:
    """Bring a release's verdict and report up to date; both compare with the parent, where there is one.

    The verdict is kept in the work folder under the digest of the release and of the gate's own settings, so that
    it is computed once.

    Args:
        config: the resolved config.
        base: folder that the parent's path is relative to.
        out: folder of a run that holds a release.
        observer: is told about progress.
    """
    from curation.report import write_gate_outputs, write_report

    with locked(out):
        release, parent = open_release(out / "release"), find_parent(config.release, base)
        if config.gate.enabled:
            _bring_verdict(release, parent, out / "work" / "gate", observer)
            write_gate_outputs(release)
        pages = {"html": out / "report.html", "json": out / "report.json"}
        write_report(release, ledger=out / "ledger", baseline=parent, **pages)


def _bring_verdict(release: Release, parent: Release | None, work: Path, observer: GateObserver) -> None:
    from curation.config.gate import Gate
    from curation.config.training import Training
    from curation.gate.run import run_gate, spec_digest

    config = release.manifest["config"]
    options, training = Gate.model_validate(config["gate"]), Training.model_validate(config["training"])
    kept = work / f"{release.digest[:16]}-{spec_digest(options, training, parent)[:16]}"
    reused = (kept / "verdict.json").exists()
    if not reused:
        observer.started("gate", training.steps)
        run_gate(release, baseline=parent, out=kept, cache=work / "tokenizers", progress=observer.advanced)
    with atomic_path(release.path / layout.VERDICT) as verdict:
        shutil.copyfile(kept / "verdict.json", verdict)
    observer.judged(str((release.verdict or {})["status"]), reused=reused)

"""`curate train`."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curation.cli.output import columns, plain, result, say
from curation.cli.progress import run_progress
from curation.errors import ConfigError, ReleaseError

if TYPE_CHECKING:
    from curation.config.training import Training
    from curation.release import Release
    from curation.training.distributed import Workers
    from curation.training.job import DecoderStart, Job, Trained

EVALUATION, EXPORT = "evaluation.json", "export"
_ABOUT = """# A model by `curate train`

Trained on {name} {version} (manifest sha256 {digest}), seed {seed}, {steps:,} steps.

| here | what |
|---|---|
| model/ | weights, tokenizer and settings; `spec.json` says what it was made from, so that it is found again |
| evaluation.json | accuracy on held-out pairs by language, in every cell of depth, dimension and rank |
| export/ | the model for sentence-transformers, with a card of its own; not with `--no-export` |
| state/ | what a training that was cut goes on from; safe to delete |
"""

_MIN_PAIRS = 20
# The config's defaults suit a table of tokens trained from nothing; a transformer needs other ones.
_CHECKPOINT_SETTINGS = {"learning_rate": 2e-5, "nested_from": 0.0}
_PRESET_SETTINGS = {"learning_rate": 5e-4, "nested_from": 0.0}


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line asks for besides the training itself."""

    export: bool
    tasks: tuple[str, ...]
    as_json: bool


@click.command("train")
@click.argument("release")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the model and its evaluation.")
@click.option("--steps", type=click.IntRange(1), help="Optimiser steps; as in the release's config by default.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Another setting of `training`.")
@click.option("--seed", type=click.IntRange(0), help="Of everything that is drawn; the release's by default.")
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Train this Qwen3 checkpoint.")
@click.option("--preset", help="Train a decoder of this size from random weights (140M, 0.6B, ...).")
@click.option("--tokenizer", type=click.Path(path_type=Path), help="Folder of the tokenizer; the checkpoint's own.")
@click.option("--rank", type=click.IntRange(1), help="Full rank of the decoder's token table.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--export/--no-export", default=True, help="Write OUT/export for sentence-transformers.")
@click.option("--eval", "tasks", multiple=True, metavar="TASK", help="Evaluate on a task or benchmark of mteb, too.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def train_command(
    release: str,
    out: Path,
    steps: int | None,
    settings: tuple[str, ...],
    seed: int | None,
    checkpoint: Path | None,
    preset: str | None,
    tokenizer: Path | None,
    rank: int | None,
    device: str,
    export: bool,
    tasks: tuple[str, ...],
    as_json: bool,
) -> None:
    """Train a model on RELEASE, a folder or hf://datasets/ORG/NAME@REVISION, and evaluate every cell of it.

    The smoke model by default, else a decoder. A training that was cut goes on with the same command; a finished one is
    found. Start it with torchrun to train with several processes.
    """
    from curation.release import open_release
    from curation.training.job import Job
    from hub_upload.references import release_folder

    start = _start(checkpoint, preset, tokenizer, rank)
    if device == "cuda":
        _check_gpu(start)
    if tasks:
        from hub_upload.evaluation_sets import find_tasks

        # Before hours of training, not after them.
        find_tasks(tasks, ())
    opened = open_release(release_folder(release))
    options = _options(opened, steps, settings, start)
    chosen = _seed(opened) if seed is None else seed
    with _joined(device) as (workers, place):
        job = Job(opened, options, chosen, out, start, place, workers)
        model = _trained(job)
        if workers.first:
            _conclude(job, model, _Asked(export, tasks, as_json))


def _start(
    checkpoint: Path | None, preset: str | None, tokenizer: Path | None, rank: int | None
) -> DecoderStart | None:
    from curation.training.job import DecoderStart

    if checkpoint is None and preset is None:
        if tokenizer is not None or rank is not None:
            why = "--tokenizer and --rank are a decoder's; the smoke model has its own tokenizer, and `--set ranks=...`"
            raise ConfigError("The smoke model takes no such option", why=why, hint="add --checkpoint or --preset")
        return None
    return DecoderStart(checkpoint, preset, tokenizer, rank)


def _check_gpu(start: DecoderStart | None) -> None:
    import torch

    if start is None:
        raise ConfigError("The smoke model is trained on the processor", where="--device cuda", hint="leave it out")
    if not torch.cuda.is_available():
        raise ConfigError("There is no GPU that torch can use", where="--device cuda", hint="--device cpu")


def _options(release: Release, steps: int | None, settings: Sequence[str], start: DecoderStart | None) -> Training:
    from curation.config.load import training_settings

    stated = release.manifest["config"].get("training", {})
    if not isinstance(stated, dict):
        raise ReleaseError("The manifest does not state how to train", str(release.path), f"training is {stated!r:.60}")
    values: dict[str, Any] = dict(stated)
    if start is not None:
        values |= _CHECKPOINT_SETTINGS if start.checkpoint is not None else _PRESET_SETTINGS
    if steps is not None:
        values["steps"] = steps
    return training_settings(values, settings)


def _seed(release: Release) -> int:
    stated = release.manifest.get("seed")
    if type(stated) is not int or stated < 0:
        hint = "choose one with --seed"
        raise ReleaseError("The manifest states no seed", str(release.path), f"seed is {stated!r:.60}", hint)
    return stated


@contextlib.contextmanager
def _joined(device: str) -> Iterator[tuple[Workers, str]]:
    """Join the processes that torchrun has started; give this one's place among them and its device."""
    import torch
    import torch.distributed as dist

    from curation.training.distributed import Workers

    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield Workers(), device
        return
    place = f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if device == "cuda" else device
    if device == "cuda":
        torch.cuda.set_device(place)
    dist.init_process_group("nccl" if device == "cuda" else "gloo")
    try:
        yield Workers.joined(), place
    finally:
        dist.destroy_process_group()


def _trained(job: Job) -> Trained:
    from curation.training.job import finished_model, run_job

    spec = job.spec()
    found = finished_model(job, spec)
    if found is not None:
        if job.workers.first:
            say(f"{job.out}: the finished model is found and used")
        return found
    if not job.workers.first:
        return run_job(job, spec, lambda *_: None)
    with run_progress() as progress:
        progress.started("train", job.options.steps)
        model = run_job(job, spec, lambda step, _, loss: progress.advanced(step, f"loss {loss:.3f}"))
    # An export of an earlier model would be taken for this one's.
    if (job.out / EXPORT / "modules.json").is_file():
        shutil.rmtree(job.out / EXPORT)
    return model


def _conclude(job: Job, model: Trained, asked: _Asked) -> None:
    """Evaluate, export and tell."""
    from curation.files import write_json, write_text
    from curation.training.evaluation import evaluate_all, sample_pairs
    from curation.training.evaluation.summary import summarise

    sets = sample_pairs(job.release, split="test", min_pairs=_MIN_PAIRS, seed=job.seed)
    say(f"evaluating {len(model.depths) * len(model.dims) * len(model.ranks)} cells in {len(sets)} languages")
    evaluation = summarise(evaluate_all(model, sets), seed=job.seed)
    evaluation |= {"release": job.release.digest, "split": "test", "min_pairs": _MIN_PAIRS, "seed": job.seed}
    write_json(job.out / EVALUATION, evaluation)
    write_text(job.out / "README.md", _about(job))
    if asked.export and not (job.out / EXPORT / "modules.json").is_file():
        _export(job, model, evaluation)
    if asked.tasks:
        from hub_upload.benchmarks import evaluate_mteb

        # Last, for it downloads: what can be had without a network is on disk by now.
        evaluation["benchmarks"] = [asdict(score) for score in evaluate_mteb(model, asked.tasks)]
        write_json(job.out / EVALUATION, evaluation)
    value = _value(job, model, evaluation)
    result(value, _text(value, evaluation), as_json=asked.as_json)


def _about(job: Job) -> str:
    manifest, steps = job.release.manifest, job.options.steps
    return _ABOUT.format(
        name=plain(manifest["name"]),
        version=plain(manifest["version"]),
        digest=job.release.digest,
        seed=job.seed,
        steps=steps,
    )


def _export(job: Job, model: Trained, evaluation: dict[str, Any]) -> None:
    from curation.training.export.card import CellAccuracy
    from curation.training.job import export_model

    places = ("depth", "dim", "rank", "accuracy")
    cells = [CellAccuracy(**{name: cell[name] for name in places}) for cell in evaluation["grid"]]
    export_model(model, job.release, job.out / EXPORT, cells)


def _value(job: Job, model: Trained, evaluation: dict[str, Any]) -> dict[str, Any]:
    losses = model.losses
    return {
        "model": str(job.out / "model"),
        "export": str(job.out / EXPORT) if (job.out / EXPORT).is_dir() else None,
        "evaluation": str(job.out / EVALUATION),
        "release": job.release.digest,
        "seed": job.seed,
        "steps": len(losses),
        "steps_wanted": job.options.steps,
        "first_loss": losses[0] if losses else None,
        "last_loss": losses[-1] if losses else None,
        "full": evaluation["full"],
        "corner": evaluation["corner"],
        "languages": len(evaluation["languages"]),
        "benchmarks": evaluation.get("benchmarks", []),
    }


def _text(value: dict[str, Any], evaluation: dict[str, Any]) -> str:
    lines = [f"{value['model']}: {value['steps']:,} of {value['steps_wanted']:,} steps"]
    if value["steps"]:
        lines[0] += f", loss {value['first_loss']:.3f} -> {value['last_loss']:.3f}"
    if value["steps"] < value["steps_wanted"]:
        lines.append("the training ended early: a loss or gradient was not finite; try a lower learning_rate")
    grid = evaluation["grid"]
    if not grid:
        lines.append(f"not evaluated: no language has {_MIN_PAIRS} pairs in the test split")
    else:
        rows = [_row(name, cell, value[name]) for name, cell in (("full", grid[-1]), ("corner", grid[0]))]
        header = ("cell", "depth", "dim", "rank", "accuracy", "95 % interval")
        lines += ["", f"held-out accuracy, mean over {value['languages']} languages", columns(header, rows)]
    scores = [(score["task"], score["subset"], score["measure"], f"{score['score']}") for score in value["benchmarks"]]
    if scores:
        lines += ["", columns(("task", "subset", "measure", "score"), scores)]
    return "\n".join(lines)


def _row(name: str, cell: dict[str, Any], found: dict[str, float]) -> tuple[object, ...]:
    sizes = (str(cell["depth"]), str(cell["dim"]), str(cell["rank"]))
    return name, *sizes, f"{found['accuracy']:.3f}", f"{found['low']:.3f} to {found['high']:.3f}"

"""Training: the same twice, other by seed, falling; nested answers; a folder that can be read back."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from curation.config.training import Training
from curation.release import Release
from curation.training import TrainedModel, train_smoke
from curation.training.smoke import ModelError, initial_model, unit

ROOT = Path(__file__).parents[3]
# Prints a digest of losses and weights.
TRAIN = """
import hashlib, sys
from pathlib import Path
from curation.config.training import Training
from curation.release import open_release
from curation.training import train_smoke
options = Training.model_validate_json(sys.argv[3])
model = train_smoke(open_release(sys.argv[1]), options, seed=5, cache=Path(sys.argv[2]))
digest = hashlib.sha256(repr(model.losses).encode())
for name, value in sorted(model.encoder.state_dict().items()):
    digest.update(name.encode() + value.numpy().tobytes())
print(digest.hexdigest())
"""


def weights(model: TrainedModel) -> bytes:
    return b"".join(value.numpy().tobytes() for _, value in sorted(model.encoder.state_dict().items()))


def test_the_same_seed_gives_the_same_losses_and_weights(
    release: Release, options: Training, cache: Path, model: TrainedModel
) -> None:
    torch.manual_seed(99)
    again = train_smoke(release, options, seed=5, cache=cache)
    assert again.losses == model.losses
    assert weights(again) == weights(model)


def test_another_seed_gives_others(release: Release, options: Training, cache: Path, model: TrainedModel) -> None:
    other = train_smoke(release, options, seed=6, cache=cache)
    assert other.losses != model.losses
    assert weights(other) != weights(model)


def test_the_thread_setting_does_not_matter(
    release: Release, options: Training, cache: Path, model: TrainedModel
) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2 if before != 2 else 3)
    try:
        other = train_smoke(release, options, seed=5, cache=cache)
    finally:
        torch.set_num_threads(before)
    assert (other.losses, weights(other)) == (model.losses, weights(model))


@pytest.mark.slow
def test_processes_with_other_thread_settings_agree(release: Release, options: Training, tmp_path: Path) -> None:
    def digest(threads: str) -> str:
        command = [sys.executable, "-c", TRAIN, str(release.path), str(tmp_path / threads), options.model_dump_json()]
        environment = os.environ | {"OMP_NUM_THREADS": threads, "PYTHONHASHSEED": threads, "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    assert digest("1") == digest("2") != ""


def test_the_loss_falls(model: TrainedModel) -> None:
    assert len(model.losses) == model.options.steps
    assert np.mean(model.losses[-8:]) < 0.8 * np.mean(model.losses[:8])


def test_progress_is_told_after_each_step(release: Release, options: Training, cache: Path) -> None:
    short, told = options.model_copy(update={"steps": 3}), []
    model = train_smoke(release, short, seed=5, cache=cache, progress=lambda *step: told.append(step))
    assert told == [(step + 1, 3, loss) for step, loss in enumerate(model.losses)]


@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("rank", [8, 16])
def test_a_cell_is_a_prefix_of_an_exit(
    model: TrainedModel, sentences: Mapping[str, str], depth: int, rank: int
) -> None:
    texts = list(sentences.values())
    exits = model.exits(texts, rank=rank)
    assert exits.shape == (3, len(texts), 32)
    for dim in (8, 16, 32):
        vectors = model.encode(texts, depth=depth, dim=dim, rank=rank)
        assert np.array_equal(vectors, unit(exits[depth, :, :dim]))
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)


def test_folding_comes_first(model: TrainedModel) -> None:
    one, other = (
        model.encode([text], depth=2, dim=32, rank=16) for text in ("Passwort ändern", "PASSWORT a\u0308ndern")
    )
    assert np.array_equal(one, other)


def test_no_texts_and_blank_texts(model: TrainedModel) -> None:
    assert model.encode([], depth=0, dim=8, rank=8).shape == (0, 8)
    assert np.isfinite(model.encode(["", " "], depth=2, dim=8, rank=8)).all()


def test_unit_leaves_zeros() -> None:
    assert unit(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32)).tolist() == [[np.float32(0.6), np.float32(0.8)], [0, 0]]


def test_what_is_saved_can_be_read_back(model: TrainedModel, sentences: Mapping[str, str], tmp_path: Path) -> None:
    model.save(tmp_path / "a")
    again = TrainedModel.load(tmp_path / "a")
    texts = list(sentences.values())
    assert np.array_equal(model.exits(texts, rank=16), again.exits(texts, rank=16))
    assert (again.options, again.seed, again.losses) == (model.options, model.seed, model.losses)
    again.save(tmp_path / "b")
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["config.json", "tokenizer.model", "weights.safetensors"]
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in files)


def change_config(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def cut(name: str, size: int) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size]) and None


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "config.json").unlink(),
        lambda folder: (folder / "weights.safetensors").unlink(),
        lambda folder: (folder / "tokenizer.model").unlink(),
        lambda folder: (folder / "config.json").write_text("[]"),
        lambda folder: (folder / "config.json").write_text("{}"),
        lambda folder: (folder / "config.json").write_text("no JSON"),
        lambda folder: (folder / "weights.safetensors").write_bytes(pickle.dumps({"table.u": 1})),
        change_config(format="other/1"),
        change_config(losses=None),
        change_config(seed="five"),
        change_config(options={"steps": -1}),
        change_config(options={}),
        cut("weights.safetensors", 0),
        cut("weights.safetensors", 1_000),
        cut("tokenizer.model", 1_000),
    ],
)
def test_a_folder_that_holds_no_model(
    model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], object]
) -> None:
    monkeypatch.chdir(tmp_path)
    model.save(tmp_path / "model")
    damage(tmp_path / "model")
    with pytest.raises(ModelError, match="does not hold a smoke model"):
        TrainedModel.load(tmp_path / "model")
    assert not (tmp_path / "unpickled").exists()


def test_the_initial_model_is_a_function_of_the_seed(model: TrainedModel) -> None:
    one, same, other = (initial_model(model.tokenizer, model.options, seed=seed) for seed in (1, 1, 2))
    assert weights(one) == weights(same) != weights(other)
    assert one.losses == ()

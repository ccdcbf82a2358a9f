"""`curate train` as a user meets it: trained once, found afterwards, continued after a cut, exported and measured."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import Qwen3Config, Qwen3Model

from curation.cli.main import run_command
from curation.release import open_release
from curation.training.decoder.training import TrainedDecoder
from curation.training.smoke import TrainedModel

SMALL = ["--set", "dims=[8, 16]", "--set", "ranks=[8]", "--set", "depth=1", "--set", "batch_size=32"]


@pytest.fixture
def release(finished: Path) -> str:
    return str(finished / "release")


def train(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[dict[str, Any], str]:
    """Return the result and what was said beside it."""
    capsys.readouterr()
    code = run_command(["train", *arguments, "--json"])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    value: dict[str, Any] = json.loads(printed.out)
    return value, printed.err


def test_a_smoke_model_is_trained_measured_exported_and_found(
    release: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = [release, "--out", str(out), "--steps", "12", *SMALL]
    value, said = train(capsys, *arguments)
    assert "evaluating 4 cells" in said
    assert (value["steps"], value["seed"], value["release"]) == (12, 3, open_release(release).digest)
    model = TrainedModel.load(out / "model")
    assert (model.dims, model.ranks, model.depths) == ((8, 16), (8,), (0, 1))
    evaluation = json.loads((out / "evaluation.json").read_text())
    assert [(cell["depth"], cell["dim"]) for cell in evaluation["grid"]] == [(0, 8), (0, 16), (1, 8), (1, 16)]
    assert evaluation["full"]["accuracy"] == pytest.approx(evaluation["grid"][-1]["accuracy"])
    for found in evaluation["languages"].values():
        assert found["pairs"] >= 20
        assert 0 <= found["full"]["low"] <= found["full"]["accuracy"] <= found["full"]["high"] <= 1
    card = (out / "export" / "README.md").read_text(encoding="utf-8")
    assert f"{evaluation['grid'][-1]['accuracy']:.1%}" in card
    assert not (out / "state" / "checkpoint.safetensors").exists()
    about = (out / "README.md").read_text(encoding="utf-8")
    assert f"messages 0.1.0 (manifest sha256 {value['release']}), seed 3, 12 steps" in about
    assert {path.name for path in out.iterdir()} - {"README.md"} <= set(re.findall(r"^\| ([\w.]+)/? \|", about, re.M))

    weights = (out / "model" / "weights.safetensors").stat().st_mtime_ns
    again, said = train(capsys, *arguments)
    assert "found" in said
    assert again == value
    assert (out / "model" / "weights.safetensors").stat().st_mtime_ns == weights

    other, said = train(capsys, *arguments, "--seed", "9", "--no-export")
    assert "found" not in said
    assert other["last_loss"] != value["last_loss"]
    # The export was the earlier model's.
    assert other["export"] is None
    assert run_command(["train", *arguments, "--seed", "9"]) == 0
    assert "full" in capsys.readouterr().out


KILLED = """
import os, sys
from curation.training import checkpoints
from curation.cli.main import run_command
class Eager(checkpoints.Checkpoints):
    def __call__(self, course):
        self.save(course)
        if len(course.losses) == 7:
            os._exit(9)
import curation.training.job as job
job.Checkpoints = Eager
run_command(sys.argv[1:])
"""


@pytest.mark.slow
def test_a_training_that_was_killed_goes_on(release: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [release, "--out", str(tmp_path / "cut"), "--steps", "12", *SMALL, "--no-export"]
    done = subprocess.run([sys.executable, "-c", KILLED, "train", *arguments], check=False)
    assert done.returncode == 9
    assert (tmp_path / "cut" / "state" / "checkpoint.safetensors").exists()
    train(capsys, *arguments)
    train(capsys, *arguments[:2], str(tmp_path / "whole"), *arguments[3:])
    cut, whole = (tmp_path / name / "model" / "weights.safetensors" for name in ("cut", "whole"))
    assert cut.read_bytes() == whole.read_bytes()


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A tiny Qwen3 checkpoint with its tokenizer, as transformers writes it."""
    folder = tmp_path / "qwen3"
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=280, special_tokens=["<|im_end|>"], initial_alphabet=alphabet)
    tokenizer.train_from_iterator(["бесплатно", "無料", "gratis"], trainer)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "head_dim": 8}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1}
    Qwen3Model(Qwen3Config(vocab_size=tokenizer.get_vocab_size(), **sizes, **heads)).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"eos_token": "<|im_end|>"}')
    return folder


def test_a_checkpoint_is_trained(
    release: str, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = [release, "--out", str(out), "--checkpoint", str(checkpoint), "--rank", "8", "--steps", "3"]
    value, _ = train(capsys, *arguments, "--set", "batch_size=8", "--set", "max_tokens=16")
    model = TrainedDecoder.load(out / "model")
    assert (model.depths, model.dims, model.ranks) == ((1, 2), (8, 16), (8,))
    assert (model.options.learning_rate, model.options.nested_from) == (2e-5, 0.0)
    assert value["steps"] == 3
    assert (out / "export" / "modules.json").is_file()
    _, said = train(capsys, *arguments, "--set", "batch_size=8", "--set", "max_tokens=16")
    assert "found" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "step=3"], "did you mean 'steps'?"),
        (["--set", "steps=0"], "training.steps is not valid"),
        (["--set", "dims=[8, 4]"], "training.dims is not valid"),
        (["--set", "steps"], "not of the form KEY=VALUE"),
        (["--tokenizer", "x"], "--checkpoint or --preset"),
        (["--preset", "140M"], "no tokenizer"),
        (["--preset", "140M", "--checkpoint", "x", "--tokenizer", "x"], "one of them"),
        (["--device", "cuda"], "trained on the processor"),
    ],
    ids=" ".join,
)
def test_settings_that_cannot_be(
    arguments: list[str], words: str, release: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["train", release, "--out", str(tmp_path / "out"), *arguments]) == 2
    printed = capsys.readouterr()
    assert words in printed.err
    assert printed.out == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": "three"}, "states no seed"),
        ({"seed": -1}, "states no seed"),
        ({"config": {"training": [1]}}, "how to train"),
    ],
    ids=str,
)
def test_a_manifest_of_a_stranger(
    changes: dict[str, Any], words: str, release: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = json.loads((Path(release) / "manifest.json").read_text(encoding="utf-8"))
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | changes), encoding="utf-8")
    assert run_command(["train", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr()
    assert words in printed.err
    assert "unexpected" not in printed.err


@pytest.mark.slow
def test_an_unknown_task_is_refused_before_anything_is_trained(
    release: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("mteb", reason="pip install 'ml-embed-curation[eval]'")
    assert run_command(["train", release, "--out", str(tmp_path / "out"), "--eval", "NoSuchTask"]) == 2
    assert "NoSuchTask" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_in_the_way_of_the_export_stays(
    release: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "mine.txt").write_text("mine")
    assert run_command(["train", release, "--out", str(tmp_path), "--steps", "2", *SMALL]) == 2
    assert "not empty" in capsys.readouterr().err
    assert (tmp_path / "export" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("verb", ["train", "gate"])
def test_what_is_no_reference_is_refused(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([verb, "hf://models/org/name", "--out", str(tmp_path)]) == 2
    assert "hf://datasets/ORG/NAME@REVISION" in capsys.readouterr().err


def test_the_verdict_on_a_reference_needs_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["gate", "hf://datasets/org/name"]) == 2
    assert "--out DIR" in capsys.readouterr().err


@pytest.mark.slow
def test_two_processes_train_one_model(release: str, tmp_path: Path) -> None:
    arguments = [release, "--out", str(tmp_path / "out"), "--steps", "4", *SMALL, "--no-export", "--json"]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["-m", "curation.cli", "train", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] == 4

"""The command line as a user meets it: what goes to stdout, what to stderr, and the exit code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from curation.cli.main import cli, run_command
from curation.release import open_release

VERBS = (
    "quickstart",
    "plan",
    "run",
    "status",
    "explain",
    "report",
    "verify",
    "export",
    "diff",
    "langs",
    "train",
    "gate",
    "trigger",
    "eval-sets",
    "config",
)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([verb, "--help"]) == 0
    assert "Usage:" in capsys.readouterr().out


def test_the_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["config", "schema"]) == 0
    assert set(json.loads(capsys.readouterr().out)["required"]) == {"name", "sources"}


def test_show_fills_in_the_defaults(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["config", "show", str(base / "messages.yml"), "--set", "seed=9"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["seed"], shown["dedup"]["threshold"]) == (9, 0.8)


def test_the_status_of_a_run(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["status", "--run", str(finished)]) == 0
    head, _, header, first, *_ = capsys.readouterr().out.splitlines()
    assert head == "messages 0.1.0 on datatrove: finished"
    assert header.split() == ["stage", "state", "parts", "in", "out", "ledger"]
    assert first.split()[:2] == ["read", "done"]
    assert run_command(["status", "--run", str(finished), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "finished"
    assert run_command(["status", "--run", str(tmp_path)]) != 0
    assert "holds no run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["unknown"], 2, "No such command"),
        (["run"], 2, "Missing argument"),
        (["run", "missing.yml", "--out", "{tmp}"], 2, "cannot be read"),
        (["run", "{base}/messages.yml", "--out", "{tmp}", "--set", "nothing=1"], 2, "no such key"),
        (["run", "{base}/messages.yml", "--out", "{tmp}", "--set", "sources.1.path=no.tsv"], 2, "no.tsv"),
        (["run", "{base}/messages.yml", "--out", "{tmp}", "--", "--runner=X"], 2, "Beam's need --engine beam"),
        (
            ["run", "{base}/messages.yml", "--out", "{tmp}", "--engine", "beam", "--", "--runner=DaskRunner"],
            2,
            "refused",
        ),
        (["plan", "{base}/messages.yml", "--engine", "spark"], 2, "spark"),
        (["explain", "f" * 32, "--run", "{finished}"], 1, "No record has the id"),
        (["explain", "ffff", "--run", "{tmp}"], 1, "holds no run"),
        (["verify", "{tmp}"], 1, "not a release"),
        (["report", "{tmp}"], 1, "not a release"),
        (["gate", "{tmp}"], 1, "not a release"),
        (["train", "{tmp}", "--out", "{tmp}/m"], 1, "not a release"),
        (["export", "{tmp}", "--view", "beir", "--out", "{tmp}/x"], 1, "not a release"),
        (["export", "{finished}/release", "--view", "st", "--out", "{tmp}/x"], 2, "'st' is not one of"),
        (["export", "{finished}/release", "--view", "beir", "--out", "{finished}/release/x"], 2, "cannot lie in"),
        (["export", "{finished}/release", "--view", "beir", "--out", "{tmp}/x", "--languages", "xqz"], 2, "xqz"),
        (["export", "{finished}/release", "--view", "beir", "--out", "{tmp}/x", "--sources", "wiki"], 2, "wiki"),
        (["langs", "xqz"], 2, "xqz"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else str(value),
)
def test_errors_are_a_paragraph_with_the_right_code(
    arguments: list[str],
    code: int,
    words: str,
    base: Path,
    finished: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    filled = [argument.format(tmp=tmp_path, base=base, finished=finished) for argument in arguments]
    assert run_command(filled) == code
    printed = capsys.readouterr()
    assert words in printed.err
    assert printed.out == ""
    assert "Traceback" not in printed.err
    assert len(printed.err.splitlines()) <= 12


MIXED = """\
name: mixed
sources:
  - {name: wiki, format: tsv, path: wiki.tsv, licence: CC-BY-SA-4.0, task: sts}
  - {name: films, format: tsv, path: films.tsv, licence: CC-BY-NC-4.0, task: sts}
"""


@pytest.mark.parametrize("verb", [["plan"], ["run", "--out", "{tmp}/out"]], ids=["plan", "run"])
def test_licences_that_clash_are_refused_before_anything_is_read(
    verb: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mixed.yml").write_text(MIXED, encoding="utf-8")
    assert run_command([word.format(tmp=tmp_path) for word in verb] + [str(tmp_path / "mixed.yml")]) == 2
    printed = capsys.readouterr()
    assert "wiki (CC-BY-SA-4.0) and films (CC-BY-NC-4.0) exclude each other" in printed.err
    assert "--commercial-safe" in printed.err
    assert printed.out == ""
    assert not (tmp_path / "out").exists()


def test_a_commercial_safe_plan_says_what_it_leaves_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mixed.yml").write_text(MIXED, encoding="utf-8")
    (tmp_path / "wiki.tsv").write_text("query\tpositive\nHaus\tGebäude\n", encoding="utf-8")
    assert run_command(["plan", str(tmp_path / "mixed.yml"), "--commercial-safe", "--json"]) == 0
    printed = capsys.readouterr()
    assert "Left out: films (CC-BY-NC-4.0): it forbids commercial use" in printed.err
    plan = json.loads(printed.out)
    assert list(plan["inputs"]) == ["wiki"]
    assert plan["licence"]["release"] == "CC-BY-SA-4.0"
    assert [each["source"] for each in plan["licence"]["left_out"]] == ["films"]


def test_verify_names_what_is_wrong(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    release = tmp_path / "release"
    shutil.copytree(finished / "release", release)
    assert run_command(["verify", str(release), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True
    shards = [release / shard.path for shard in open_release(release).shards("data", split="train")]
    data = bytearray(shards[0].read_bytes())
    data[100] ^= 1
    shards[0].write_bytes(data)
    shards[1].unlink()
    (release / "added.txt").write_text("x")
    assert run_command(["verify", str(release), "--json"]) == 1
    printed = capsys.readouterr()
    found = {(finding["path"], finding["problem"]) for finding in json.loads(printed.out)["findings"]}
    names = [str(shard.relative_to(release)) for shard in shards]
    assert found == {(names[0], "changed"), (names[1], "missing"), ("added.txt", "added")}
    assert "3 finding(s)" in printed.err


def test_explain_prints_every_stage(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = open_release(finished / "release").read("full", split="train", columns=["id"])["id"][0].as_py()
    assert run_command(["explain", record, "--run", str(finished)]) == 0
    printed = capsys.readouterr().out
    for stage in (
        "read",
        "distinct",
        "identify",
        "score",
        "filter",
        "boilerplate",
        "exact_dedup",
        "near_dedup",
        "split",
        "mine",
        "balance",
    ):
        assert f"{stage}: kept" in printed
    assert run_command(["explain", record[:12], "--run", str(finished), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == record


def test_langs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["langs", "pt_BR", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["code"] == "por_Latn"
    assert run_command(["langs"]) == 0
    assert "hin_Deva" in capsys.readouterr().out


@pytest.mark.parametrize("verb", [["langs", "de"], ["plan", "config.yml"], ["calibrate", "de", "--trusted", "x.txt"]])
def test_language_files_that_cannot_be_used_are_no_surprise_to_any_verb(verb: list[str], tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(
        "name: a\nsources: [{name: s, format: tsv, path: x.tsv, licence: CC0-1.0, task: bitext, query_language: de}]\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "curation.cli", *verb],
        cwd=tmp_path,
        env=os.environ | {"CURATION_LANGUAGES": str(tmp_path / "none"), "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: {tmp_path / 'none'}: there is no such folder")
    assert "CURATION_LANGUAGES" in done.stderr


def commands(group: click.Group, context: click.Context) -> Iterator[click.Command]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield from commands(command, context) if isinstance(command, click.Group) else [command]


def test_every_verb_prints_json_where_that_is_asked_for() -> None:
    found = list(commands(cli, click.Context(cli)))
    assert len(found) > 20
    assert not [each.name for each in found if not any("--json" in option.opts for option in each.params)]

"""What can be said about the containers without building them: they are not built here."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

from pipelines.runners.flex import main

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "dataflow"
LINES = [
    re.sub(r"\s+", " ", line)
    for line in re.sub(r"\\\n", " ", (FOLDER / "Dockerfile").read_text()).splitlines()
    if line.strip() and not line.startswith("#")
]
INSTRUCTIONS = {"FROM", "WORKDIR", "COPY", "ARG", "RUN", "ENV", "ENTRYPOINT"}
PINS = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)


def instructions(name: str) -> list[str]:
    return [line.removeprefix(f"{name} ") for line in LINES if line.startswith(f"{name} ")]


def test_every_line_is_an_instruction() -> None:
    assert {line.partition(" ")[0] for line in LINES} == INSTRUCTIONS


def test_the_base_has_the_pinned_beam_and_this_python() -> None:
    base = f"apache/beam_python{sys.version_info.major}.{sys.version_info.minor}_sdk:{PINS['apache-beam']}"
    assert instructions("FROM")[0] == f"{base} AS worker"


def test_targets_build_on_each_other() -> None:
    stages: list[str] = []
    for line in instructions("FROM"):
        base, _, name = line.partition(" AS ")
        assert base in stages or "/" in base
        stages.append(name)
    assert stages == ["worker", "launcher", "flex-launcher", "flex"]
    for line in instructions("COPY"):
        source = re.match(r"--from=(\S+)", line)
        assert source is None or source[1] in stages


def test_everything_that_is_copied_is_there_and_is_sent_to_the_builder() -> None:
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in ignored
    sent = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    for line in instructions("COPY"):
        if not line.startswith("--from="):
            *sources, _ = line.split()
            for source in sources:
                assert (ROOT / source).exists(), source
                assert any(source == name or source.startswith(f"{name}/") for name in sent), source


def test_every_package_is_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = {name.rstrip("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    assert packages <= {line.split()[0] for line in instructions("COPY")}


def test_what_is_installed_is_pinned_as_here() -> None:
    runs = " ".join(instructions("RUN"))
    assert re.findall(r"([\w-]+)==([\w.]+)", runs) == [("torch", PINS["torch"])]
    assert "--constraint constraints.txt" in runs
    extras = re.search(r"'\.\[(.*?)\]'", runs)
    assert extras is not None
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras[1].split(",")) <= set(known)
    assert "gcp" in extras[1].split(",")


def test_the_cloud_libraries_are_pinned() -> None:
    assert {"apache-beam", "gcsfs", "s3fs", "google-cloud-storage", "google-cloud-dataflow-client"} <= set(PINS)


def test_no_build_argument_can_be_a_command() -> None:
    """Arguments reach the shell in double quotes or as variables of the environment, never bare."""
    arguments = [re.split(r"[=\s]", line)[0] for line in instructions("ARG")]
    assert arguments == ["TORCH_INDEX", "MODELS", "GLOTLID", "HF_HUB_OFFLINE"]
    for line in instructions("RUN"):
        bare = re.sub(r'"[^"]*"', "", line)
        assert not any(f"${name}" in bare for name in arguments), line


def test_python_files_compile() -> None:
    for path in FOLDER.glob("*.py"):
        compile(path.read_text(), str(path), "exec")


TEMPLATE = json.loads((FOLDER / "flex-template.json").read_text())
KEYS = {"name", "label", "helpText", "paramType", "regexes", "isOptional"}
TYPES = {"TEXT", "GCS_READ_FILE", "GCS_WRITE_FOLDER"}


def test_the_template_asks_for_what_its_program_takes(capsys: pytest.CaptureFixture[str]) -> None:
    needed = [each["name"] for each in TEMPLATE["parameters"] if not each.get("isOptional")]
    with pytest.raises(SystemExit):
        main([])
    asked = re.findall(r"--(\w+)", capsys.readouterr().err.partition("required:")[2])
    assert [name for name in asked if name not in ("project", "region", "temp_location")] == needed
    for each in TEMPLATE["parameters"]:
        assert set(each) <= KEYS
        assert each["paramType"] in TYPES


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("config", "gs://b/c.yml", True),
        ("config", "c.yml", False),
        ("work", "gs://b/w", True),
        ("work", "out/work", False),
        ("worker_image", "europe-docker.pkg.dev/p/curate/worker:1", True),
        ("worker_image", "localhost:5000/worker@sha256:ab", True),
        ("worker_image", "worker", False),
    ],
)
def test_the_template_s_patterns(name: str, value: str, fits: bool) -> None:
    (parameter,) = [each for each in TEMPLATE["parameters"] if each["name"] == name]
    assert bool(re.fullmatch(parameter["regexes"][0], value)) is fits

"""Backends from the options of a command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curation.code import code_digest
from curation.errors import ConfigError
from hub_upload.triggers.backends import NAMES, Options, make_backend
from hub_upload.triggers.hf_jobs import default_package

NEEDED: dict[str, dict[str, Any]] = {
    "local": {},
    "hf-jobs": {},
    "github": {"github_repo": "weather/ci"},
    "command": {"command": "sbatch --wait job.sh"},
}
OF: dict[str, dict[str, Any]] = {
    "hf-jobs": {
        "image": "ubuntu",
        "flavor": "t4-small",
        "job_timeout": "30m",
        "namespace": "weather",
        "package": "",
        "secrets": ("HF_TOKEN",),
        "verdict_repo": "weather/verdicts",
        "watch": True,
    },
    "github": {"github_repo": "weather/ci", "workflow": "gate.yml", "event_type": "gate"},
    "command": {"command": "true", "poll_command": "true", "verdict_command": "true"},
}


@pytest.mark.parametrize("name", NAMES)
def test_each_backend_goes_by_its_name(name: str, tmp_path: Path) -> None:
    backend, _ = make_backend(name, Options(**NEEDED[name]), tmp_path)
    assert backend.name == name
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("owner", "option"), [(owner, option) for owner in OF for option in OF[owner]])
def test_options_of_one_are_refused_for_another(name: str, owner: str, option: str, tmp_path: Path) -> None:
    options = Options(**(NEEDED[name] | NEEDED[owner] | {option: OF[owner][option]}))
    if name == owner:
        assert make_backend(name, Options(**(NEEDED[name] | OF[name])), tmp_path)
        return
    with pytest.raises(ConfigError, match=f"does not go with --backend {name}") as raised:
        make_backend(name, options, tmp_path)
    assert raised.value.exit_code == 2
    assert owner in raised.value.why


@pytest.mark.parametrize("name", ["github", "command"])
def test_what_a_backend_cannot_do_without(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs --"):
        make_backend(name, Options(), tmp_path)


def test_settings_say_what_a_verdict_depends_on(tmp_path: Path) -> None:
    assert make_backend("local", Options(), tmp_path)[1] == {"code": code_digest()}
    assert make_backend("hf-jobs", Options(), tmp_path)[1]["package"] == default_package()
    settings = make_backend("hf-jobs", Options(secrets=("B", "A", "B")), tmp_path)[1]
    assert settings["secrets"] == ["A", "B"]
    assert make_backend("command", Options(command="a 'b c'"), tmp_path)[1]["submit"] == ["a", "b c"]
    assert make_backend("github", Options(github_repo="a/b"), tmp_path)[1]["workflow"] == "smoke-test.yml"

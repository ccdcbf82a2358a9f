from __future__ import annotations

import pytest

from pipelines.launch.choose import make_launcher
from pipelines.launch.local import LocalLauncher
from pipelines.launch.options import launch_options
from pipelines.launch.ray import RayLauncher
from pipelines.launch.slurm import SlurmLauncher


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [("", LocalLauncher), ("--launcher ray", RayLauncher), ("--launcher slurm", SlurmLauncher)],
)
def test_the_launcher_is_the_one_asked_for(arguments: str, kind: type[object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    launcher = make_launcher(launch_options(arguments.split(), 2))
    assert type(launcher) is kind
    launcher.close()

"""From options to a launcher."""

from __future__ import annotations

from pipelines.launch.base import Launcher
from pipelines.launch.options import LaunchOptions, RayOptions, SlurmOptions


def make_launcher(options: LaunchOptions) -> Launcher:
    """Return the launcher that the options describe; nothing is started yet.

    Raises:
        ConfigError: if what it needs is not installed.
    """
    if isinstance(options, RayOptions):
        from pipelines.launch.ray import RayLauncher

        return RayLauncher(options)
    if isinstance(options, SlurmOptions):
        from pipelines.launch.slurm import SlurmLauncher

        return SlurmLauncher(options)
    from pipelines.launch.local import LocalLauncher

    return LocalLauncher(options.workers)

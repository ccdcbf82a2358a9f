"""Which of Beam's runners a run may use, and why not the others."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from curation.errors import ConfigError

_HINT = "use DirectRunner, PortableRunner, FlinkRunner, SparkRunner or DataflowRunner"
_TESTS = "it is for tests of Beam itself"
_BEAM = "apache_beam."


@dataclass(frozen=True, slots=True)
class Runner:
    """A runner of Beam.

    Attributes:
        name: its class.
        family: how a pipeline gets to it: in this process, by Beam's job service, or as a Dataflow job.
        refused: why it is not used; empty for those that are.
    """

    name: str
    family: Literal["local", "portable", "dataflow"] = "local"
    refused: str = ""


RUNNERS: Mapping[str, Runner] = MappingProxyType(
    {
        runner.name: runner
        for runner in (
            Runner("DirectRunner"),
            Runner("FnApiRunner"),
            Runner("PortableRunner", "portable"),
            Runner("FlinkRunner", "portable"),
            Runner("SparkRunner", "portable"),
            Runner("DataflowRunner", "dataflow"),
            Runner("DaskRunner", refused="it loses output without an error (seen with Beam 2.77)"),
            Runner("BundleBasedDirectRunner", refused="its side inputs come without rows (seen with Beam 2.77)"),
            Runner(
                "SwitchingDirectRunner",
                refused="what it can it runs with PrismRunner, a program that it downloads",
            ),
            Runner("PrismRunner", refused="it downloads a program and runs it, and no run with it has been checked"),
            Runner("InteractiveRunner", refused="it caches records for notebooks, and no run with it has been checked"),
            Runner("KafkaStreamsRunner", refused="it is an experiment for streams that no release of Beam contains"),
            Runner("TestDirectRunner", refused=_TESTS),
            Runner("TestDataflowRunner", refused=_TESTS),
            Runner("PythonRPCDirectRunner", refused=_TESTS),
        )
    }
)
"""Every runner that Beam 2.77 has, by the name of its class."""


def find_runner(spec: str | None) -> Runner:
    """Return the runner that `--runner` names; DirectRunner if it names none.

    Args:
        spec: a name as Beam takes it: with or without `Runner`, in any case, or with the module in Beam.

    Raises:
        ConfigError: for one that is not known, or that is refused.
    """
    if not spec:
        return RUNNERS["DirectRunner"]
    name = spec.rpartition(".")[2] if spec.startswith(_BEAM) else spec
    by_lower = {known.lower(): runner for known, runner in RUNNERS.items()}
    runner = by_lower.get(name.lower()) or by_lower.get(f"{name.lower()}runner")
    if runner is None:
        near = difflib.get_close_matches(name.lower(), by_lower, n=1)
        hint = f"did you mean {by_lower[near[0]].name}?" if near else _HINT
        raise ConfigError(f"The runner {spec} is not known", where="--runner", hint=hint)
    if runner.refused:
        raise ConfigError(f"The runner {runner.name} is refused", where="--runner", why=runner.refused, hint=_HINT)
    return runner

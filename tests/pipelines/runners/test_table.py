from __future__ import annotations

import pytest
from apache_beam.options.pipeline_options import StandardOptions

from curation.errors import ConfigError
from pipelines.runners.table import RUNNERS, find_runner

USED = {"DirectRunner", "FnApiRunner", "PortableRunner", "FlinkRunner", "SparkRunner", "DataflowRunner"}


def test_every_runner_of_this_beam_is_judged() -> None:
    assert set(StandardOptions.KNOWN_RUNNER_NAMES) <= set(RUNNERS)
    assert {name for name, runner in RUNNERS.items() if not runner.refused} == USED


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        (None, "DirectRunner"),
        ("", "DirectRunner"),
        ("DirectRunner", "DirectRunner"),
        ("direct", "DirectRunner"),
        ("dataflow", "DataflowRunner"),
        ("DATAFLOWRUNNER", "DataflowRunner"),
        ("apache_beam.runners.portability.flink_runner.FlinkRunner", "FlinkRunner"),
        ("apache_beam.runners.portability.fn_api_runner.FnApiRunner", "FnApiRunner"),
    ],
)
def test_a_runner_is_found_as_beam_finds_it(spec: str | None, name: str) -> None:
    assert find_runner(spec).name == name


@pytest.mark.parametrize("name", sorted(set(RUNNERS) - USED))
@pytest.mark.parametrize("form", ["{}", "apache_beam.runners.some.module.{}"])
def test_a_refused_runner_is_refused_with_its_reason(name: str, form: str) -> None:
    for spec in (form.format(name), form.format(name).lower()):
        with pytest.raises(ConfigError, match=f"{name} is refused") as caught:
            find_runner(spec)
        assert RUNNERS[name].refused in str(caught.value)


@pytest.mark.parametrize("spec", ["FlinkRuner", "flinkruner"])
def test_a_misspelt_runner_is_asked_about(spec: str) -> None:
    with pytest.raises(ConfigError, match=f"{spec} is not known") as caught:
        find_runner(spec)
    assert "did you mean FlinkRunner?" in str(caught.value)


@pytest.mark.parametrize("spec", ["my.module.DataflowRunner", "os.system", "../x"])
def test_no_code_of_others_is_imported_by_name(spec: str) -> None:
    with pytest.raises(ConfigError, match="is not known"):
        find_runner(spec)

from __future__ import annotations

from pathlib import Path

import pytest

from curation.config import RunConfig
from curation.errors import ConfigError
from pipelines.runners.before import check_before_run
from pipelines.runners.options import beam_options

SOURCE = {"name": "one", "format": "jsonl", "path": "gs://bucket/x.jsonl", "licence": "MIT", "task": "retrieval"}
CONFIG = RunConfig.model_validate({"name": "toy", "sources": [SOURCE]})
CLUSTER = ("--runner=PortableRunner", "--job_endpoint=h:8099", "--environment_config=image:1")


@pytest.mark.parametrize(
    ("arguments", "work", "languages", "refused"),
    [
        ((), "out/work", True, ""),
        (CLUSTER, "s3://bucket/work", False, ""),
        (CLUSTER, "out/work", False, "cannot see files of this one"),
        ((*CLUSTER, "--shared_filesystem"), "out/work", False, ""),
        (CLUSTER, "s3://bucket/work", True, "would not know your language files"),
        ((*CLUSTER, "--shared_filesystem"), "out/work", True, "would not know your language files"),
        ((*CLUSTER, "--languages_in_image"), "s3://bucket/work", True, ""),
    ],
)
def test_a_run_that_could_not_end_well_is_refused(
    arguments: tuple[str, ...],
    work: str,
    languages: bool,
    refused: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CURATION_LANGUAGES", raising=False)
    if languages:
        monkeypatch.setenv("CURATION_LANGUAGES", str(tmp_path))
    options = beam_options(arguments)
    if not refused:
        check_before_run(options, CONFIG, work)
        return
    with pytest.raises(ConfigError, match=refused):
        check_before_run(options, CONFIG, work)

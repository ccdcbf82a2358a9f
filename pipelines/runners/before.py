"""What is checked before a run with Beam begins."""

from __future__ import annotations

import os

from apache_beam.options.pipeline_options import PipelineOptions

from curation.config.model import RunConfig
from language_configs.table import ENVIRONMENT
from pipelines.runners.google import check_google
from pipelines.runners.options import CurationOptions, runner_of, where_workers_are
from pipelines.runners.places import check_languages, check_places


def check_before_run(options: PipelineOptions, config: RunConfig, work: str) -> None:
    """Refuse a run that could not end well where its workers are; of Google it asks for a token and for the buckets.

    Args:
        options: what `beam_options` returned.
        config: the resolved config.
        work: folder or URL of the stages' results.

    Raises:
        ConfigError: if the workers could not see what they need.
        AuthError: if Google gives no token, or a bucket is closed.
    """
    where = where_workers_are(options)
    check_places(where, config, work)
    in_image = options.view_as(CurationOptions).languages_in_image
    check_languages(where, os.environ.get(ENVIRONMENT), in_image=in_image)
    if runner_of(options).family == "dataflow":
        check_google(options)

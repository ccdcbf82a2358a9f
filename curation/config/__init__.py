"""The run's configuration: one YAML file, validated whole before anything runs."""

from curation.config.load import load_config, parse_config
from curation.config.model import RunConfig, Source

__all__ = ["RunConfig", "Source", "load_config", "parse_config"]

"""Exports: a release in the layouts that other trainers and evaluators read."""

from curation.export.build import Export, export_release
from curation.export.options import Options

__all__ = ["Export", "Options", "export_release"]

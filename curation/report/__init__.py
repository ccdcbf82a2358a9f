"""The report of a run: one page for people, the same numbers for programs."""

from curation.report.build import build_report
from curation.report.page import write_report

__all__ = ["build_report", "write_report"]

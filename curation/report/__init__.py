"""The report of a run and the page of a gate: for people, and the same numbers for programs."""

from curation.report.build import build_report
from curation.report.gate_page import write_gate_outputs
from curation.report.page import write_report

__all__ = ["build_report", "write_gate_outputs", "write_report"]

"""The gate: checks of data, mechanism and signal that end in a verdict about exactly one release."""

from curation.gate.run import run_gate
from curation.gate.verdict import Check, Verdict

__all__ = ["Check", "Verdict", "run_gate"]

"""Beam's runners: which of them are used, what each needs before a run, and how the end of a run is told."""

"""Faults that are put into a sound release on purpose, to see whether the gate names them."""

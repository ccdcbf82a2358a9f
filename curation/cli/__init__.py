"""The command line. It sits on top of every other package, and nothing imports it."""

from curation.cli.main import main

__all__ = ["main"]

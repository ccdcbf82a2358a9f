"""Engine-free core: everything that decides something about a record, a release or a verdict."""

__version__ = "0.1.0"

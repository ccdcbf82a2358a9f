"""The graph of stages, written once, and the adapters that run it on an engine."""

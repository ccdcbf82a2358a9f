"""Imported by the server that worker processes are forked from: what they all need is loaded once, and here."""

import pipelines.graph
import pipelines.local  # noqa: F401
from curation.dedup.kernels import warm_up

warm_up()

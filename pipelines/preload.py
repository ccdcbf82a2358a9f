"""Imported by the server that worker processes are forked from: what they all need is loaded once, and here."""

import pipelines.graph
import pipelines.local  # noqa: F401
from curation.warm_up import warm_up

warm_up()

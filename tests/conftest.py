"""What every test needs."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import settings

_HERE = Path(__file__).parent

# Worker processes that an engine starts import the project and the toy stages by name.
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(_HERE.parent), str(_HERE / "pipelines"), *filter(None, [os.environ.get("PYTHONPATH")])]
)

# How long an example takes says more about the machine's other work than about ours.
settings.register_profile("ours", deadline=None)
settings.load_profile("ours")

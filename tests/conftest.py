"""What every test needs."""

from __future__ import annotations

import os
from pathlib import Path

_HERE = Path(__file__).parent

# Worker processes that an engine starts import the project and the toy stages by name.
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(_HERE.parent), str(_HERE / "pipelines"), *filter(None, [os.environ.get("PYTHONPATH")])]
)

from __future__ import annotations

import subprocess
import sys

PRELOADED = """
import sys
import pipelines.preload
assert {"pipelines.graph", "pipelines.local", "curation.dedup.compiled"} <= sys.modules.keys()
from curation.dedup import compiled
assert compiled.lower_minima.stats.cache_hits or compiled.lower_minima.signatures
"""


def test_what_workers_need_is_loaded_before_they_are_forked() -> None:
    subprocess.run([sys.executable, "-c", PRELOADED], check=True)

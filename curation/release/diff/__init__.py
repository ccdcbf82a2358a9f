"""`curate diff`: what changed from one release to another, and what the new version has to be called."""

from curation.release.diff.compare import ReleaseDiff, diff_releases

__all__ = ["ReleaseDiff", "diff_releases"]

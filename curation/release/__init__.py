"""A release: an immutable folder of shards, manifest, card, statistics and verdict."""

from curation.release.reader import Release, ReleaseFile, open_release

__all__ = ["Release", "ReleaseFile", "open_release"]

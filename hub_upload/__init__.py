"""The Hub: releases are published, verified and found there, and smoke tests of them started."""

from hub_upload.publishing import Publication, publish

__all__ = ["Publication", "publish"]

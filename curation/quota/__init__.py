"""How many rows of each language, task and source a release holds."""

from curation.quota.errors import QuotaError
from curation.quota.flat import allocate

__all__ = ["QuotaError", "allocate"]

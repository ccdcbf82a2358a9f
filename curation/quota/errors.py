"""What is said where no allocation meets all that is asked."""

from __future__ import annotations

from curation.errors import CurationError


class QuotaError(CurationError):
    """No allocation meets the budget and the bounds."""

    exit_code = 2

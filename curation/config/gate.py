"""Thresholds of the gate."""

from __future__ import annotations

from pydantic import Field

from curation.config.base import Section
from language_configs.bounds import Share


class Gate(Section):
    """The checks that end in a verdict."""

    enabled: bool = True
    """Run the gate at the end of the run."""
    max_quarantine_share: Share = 0.02
    """Greatest share of read rows that may be in quarantine."""
    max_label_noise: Share = 0.05
    """Greatest share of a language's records whose text speaks for another label."""
    max_leak_share: Share = 0.01
    """Greatest share of held-out texts that stand in the training data."""
    max_false_negative_share: Share = 0.01
    """Greatest share of mined negatives that nearly equal their positive."""
    min_gain_over_shuffled: Share = 0.05
    """Held-out accuracy must exceed that of a model trained on shuffled positives by this much."""
    min_language_pairs: int = Field(default=20, ge=2)
    """A language is evaluated when it has this many held-out pairs."""

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
    max_label_noise: Share = 0.08
    """Greatest share of a language's, or a source's, texts that speak for another label (clean: up to 0.048)."""
    max_pooled_label_noise: Share = 0.03
    """The same over all languages together, where one wrong label in ten (0.10) is told from none (up to 0.015)."""
    max_alike_share: Share = 0.4
    """Greatest share of a language's texts that are likelier, if only just, under another label (clean: up to 0.16)."""
    max_identified_share: Share = 0.05
    """Greatest share of a language's texts in another script, or near-certainly in another language (clean: 0)."""
    max_one_language_share: Share = 0.25
    """Greatest share of texts of a language that the identifier does not know in one language that it does."""
    max_swapped_share: Share = 0.02
    """Greatest share of pairs whose sides speak each other's language."""
    max_language_swapped_share: Share = 0.1
    """The same in one language."""
    min_word_order: float = Field(default=0.1, ge=0.0)
    """Least information, in nats, that words of a language give of their neighbours (clean: from 0.17 on)."""
    min_character_order: float = Field(default=0.1, ge=0.0)
    """Least information, in nats, that characters of a language give of their neighbours (clean: from 0.46 on)."""
    max_leak_share: Share = 0.01
    """Greatest share of held-out texts that stand in the training data."""
    max_near_leak_share: Share = 0.018
    """Greatest share of held-out pairs that nearly equal a training pair on both sides (clean: up to 0.016)."""
    max_near_duplicate_share: Share = 0.065
    """Greatest share of training pairs that nearly repeat another one of their language (clean: up to 0.044)."""
    max_false_negative_share: Share = 0.01
    """Greatest share of mined negatives that nearly equal their positive."""
    min_gain_over_shuffled: Share = 0.05
    """Held-out accuracy must exceed that of a model trained on shuffled positives by this much."""
    min_language_pairs: int = Field(default=20, ge=2)
    """A language is evaluated when it has this many held-out pairs."""

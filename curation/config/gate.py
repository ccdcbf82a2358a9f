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
    """Least information, in nats, that words of a language give of their neighbours (clean: from 0.17 on; from 0.10 on
    among 550 neighbours, for the estimate grows with the text)."""
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
    # Mechanism and signal: checks that rest on a trained model.
    seeds: int = Field(default=3, ge=1, le=9)
    """Models trained on the release, a seed each; their mean is what is judged."""
    max_misaligned_share: Share = 0.12
    """Greatest estimated share of misaligned training pairs, of all and of each source.

    Measured on Django's catalogues, 300 steps: clean 5.2 to 6.0 % (6 resamples), 10 % of wrong pairs 16.6 to 17.6 %."""
    max_misaligned_rise: Share = 0.015
    """Greatest rise of that share against the baseline.

    Measured likewise: two clean resamples differ by at most 0.8 points; 3 % of wrong pairs add 2.1 to 3.4 (4)."""
    max_language_misaligned_share: Share = 0.65
    """Greatest estimated share of misaligned training pairs of one language, by the lower end of its interval.

    Measured likewise: the worst clean language 59 % before its interval, a language of random tokens 83 to 89 %."""
    max_misaligned_language_rise: Share = 0.1
    """Greatest rise of that share in one language, by the lower end of its interval."""
    max_misaligned_z: float = Field(default=4.0, gt=0.0)
    """Standard errors between a language's rise and its lower end."""
    max_near_negative_share: Share = 0.025
    """Greatest share of mined negatives that the model finds as good as equal to their positive.

    Measured likewise: clean 0.3 to 0.8 %, 10 % of negatives that are cut positives 3.6 %."""
    max_near_negative_rise: Share = 0.015
    """Greatest rise of that share against the baseline."""
    max_score_change: Share = 0.03
    """Greatest change of the held-out accuracy against the baseline, either way.

    Measured likewise: one seed's accuracy has a standard deviation of 0.9 points over clean resamples."""
    max_language_drop: Share = 0.3
    """Greatest relative drop of one language's held-out accuracy against the baseline, from 100 pairs on."""
    max_language_z: float = Field(default=6.0, gt=0.0)
    """Greatest drop of one language's held-out accuracy against the baseline, in standard deviations."""
    max_language_loss_z: float = Field(default=5.0, gt=0.0)
    """Greatest drop of one language's held-out accuracy below the untrained model, in standard errors."""
    max_end_loss_change: float = Field(default=0.3, gt=0.0)
    """Greatest change of the loss at the end of training against the baseline, either way.

    Measured likewise: one seed's loss has a standard deviation of 0.11 over clean resamples; 10 % of wrong pairs add
    0.6 to 0.7."""

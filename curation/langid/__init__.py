"""Language identification: script from the code points, language from a fastText model, and the right to abstain."""

from curation.langid.code import identify_code
from curation.langid.decide import identify, identify_pairs
from curation.langid.scripts import script_of
from curation.langid.thresholds import min_scores

__all__ = ["identify", "identify_code", "identify_pairs", "min_scores", "script_of"]

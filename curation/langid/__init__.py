"""Language identification: script from the code points, language from a fastText model, and the right to abstain."""

from curation.langid.decide import identify
from curation.langid.scripts import script_of

__all__ = ["identify", "script_of"]

"""Licences: SPDX expressions, what they allow, and what a release of several of them may be shared under."""

from curation.licences.expression import canonical, conjunction
from curation.licences.ranking import UNKNOWN, restriction
from curation.licences.release import ReleaseLicence, release_licence
from curation.licences.terms import Terms, terms_of

__all__ = [
    "UNKNOWN",
    "ReleaseLicence",
    "Terms",
    "canonical",
    "conjunction",
    "release_licence",
    "restriction",
    "terms_of",
]

"""From options to a teacher."""

from __future__ import annotations

from functools import lru_cache

from curation.mining.teachers.base import Teacher
from curation.mining.teachers.model_files import Stamps, file_stamps
from curation.mining.teachers.options import TeacherOptions
from curation.mining.teachers.precomputed import SCHEME, PrecomputedTeacher
from curation.mining.teachers.sentence_transformer import SentenceTransformerTeacher


def load_teacher(options: TeacherOptions) -> Teacher:
    """Return the dense teacher of the options; the last one stays loaded for the next pool, as long as it is the same.

    Raises:
        ConfigError: if the options name no teacher, or ask it for what it does not have.
        CurationError: if a model cannot be loaded, or a file of vectors is not sound.
    """
    return _load(options, file_stamps(options.spec.removeprefix(SCHEME)))


@lru_cache(maxsize=1)
def _load(options: TeacherOptions, stamps: Stamps) -> Teacher:  # noqa: ARG001 - files that changed are another teacher
    if options.spec.startswith(SCHEME):
        return PrecomputedTeacher(options)
    return SentenceTransformerTeacher(options)

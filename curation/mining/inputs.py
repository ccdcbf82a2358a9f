"""The models and vectors that a config names: where they are, and which exactly they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from curation.config.mining import LEXICAL, Mining
from curation.mining.teachers.model_files import find_model
from curation.mining.teachers.precomputed import SCHEME, vectors_digest


@dataclass(frozen=True, slots=True)
class TeacherInputs:
    """What mining depends on besides the records.

    Attributes:
        options: the config's `mining` section, with the paths of local models and vectors made absolute.
        digests: what tells each model or set of vectors from every other, by what it is for.
    """

    options: Mining
    digests: Mapping[str, str]


def find_teachers(options: Mining, base: Path) -> TeacherInputs:
    """Find and digest what a config's `mining` section names; relative paths are relative to `base`.

    Raises:
        ConfigError: if a name means nothing.
        CurationError: if a folder holds no model that may be loaded.
    """
    changes: dict[str, object] = {}
    digests = {}
    teacher, cross = options.teacher, options.cross_encoder
    if options.enabled and teacher.model != LEXICAL:
        found = teacher.model_copy(update={"model": _absolute(teacher.model, base)})
        changes["teacher"] = found
        digests["teacher"] = _digest(found.model, "mining.teacher.model", pickled=teacher.pickled_weights)
    if options.enabled and cross is not None:
        reader = cross.model_copy(update={"model": _absolute(cross.model, base)})
        changes["cross_encoder"] = reader
        digests["cross_encoder"] = _digest(reader.model, "mining.cross_encoder.model", pickled=cross.pickled_weights)
    return TeacherInputs(options.model_copy(update=changes), digests)


def _absolute(spec: str, base: Path) -> str:
    """Return a spec with the path of a folder or of vectors made absolute; a name on the Hub as it is."""
    if spec.startswith(SCHEME):
        return f"{SCHEME}{base / spec.removeprefix(SCHEME)}"
    return str(base / spec) if spec and (base / spec).is_dir() else spec


def _digest(spec: str, where: str, *, pickled: bool) -> str:
    if spec.startswith(SCHEME):
        return vectors_digest(spec.removeprefix(SCHEME))
    return find_model(spec, where, pickled_weights=pickled).name

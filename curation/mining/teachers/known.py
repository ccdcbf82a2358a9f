"""A teacher that has been asked before: its vectors are at hand, and its model is elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from curation.files import to_json
from curation.mining.keys import Keys
from curation.mining.ragged import Rows
from curation.mining.search.candidates import Vectors
from curation.mining.teachers.base import Identity, Role, Teacher
from curation.mining.teachers.load import load_teacher
from curation.mining.teachers.options import TeacherOptions


@dataclass(frozen=True, slots=True)
class KnownTeacher:
    """A `Teacher` of which all is known but its model, which is loaded only if a text was not asked for in time.

    Attributes:
        options: which teacher.
        name: see `Teacher`.
        dimensions: see `Teacher`.
        identities: what `Teacher.identity` says of each role.
        missed: is told of how many texts the model was loaded for.
    """

    options: TeacherOptions
    name: str
    dimensions: int
    identities: Mapping[Role, Identity]
    missed: Callable[[int], None]

    @classmethod
    def from_json(cls, text: bytes, options: TeacherOptions, missed: Callable[[int], None]) -> KnownTeacher:
        """Return the teacher that `describe` described."""
        said = json.loads(text)
        return cls(options, said["name"], said["dimensions"], said["identities"], missed)

    def identity(self, role: Role) -> Identity:
        """See `Teacher`."""
        return self.identities[role]

    def order(self, keys: Keys, role: Role) -> Rows:
        """See `Teacher`."""
        return np.arange(len(keys), dtype=np.int64)

    def embed(self, texts: Sequence[str], role: Role) -> Vectors:
        """See `Teacher`; it loads the model.

        Raises:
            CurationError: if it cannot be loaded, or fails.
        """
        if not len(texts):
            return np.empty((0, self.dimensions), dtype=np.float32)
        self.missed(len(texts))
        return load_teacher(self.options).embed(texts, role)


def describe(teacher: Teacher) -> bytes:
    """Return what a `KnownTeacher` is made from, as JSON."""
    identities = {role: dict(teacher.identity(role)) for role in ("query", "passage")}
    return to_json({"name": teacher.name, "dimensions": teacher.dimensions, "identities": identities}).encode()

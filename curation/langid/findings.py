"""What was found out about one side of records, and what speaks against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curation.langid.scope import Codes

SCRIPT_MISMATCH, LANGUAGE_MISMATCH, UNDETERMINED = "script_mismatch", "language_mismatch", "undetermined"
NO_REASON = ""

Floats = npt.NDArray[np.float64]
Scores = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """What was found out about one side of n records.

    Attributes:
        codes: language after identification, shape (n,).
        scores: probability that the model gives it; NaN where the model does not know it.
        seen: what the text looks like where the record is objected to, `xxx_Xxxx` or `und_Xxxx`.
        seen_scores: probability of that.
        reasons: why the record is objected to, empty where it is not.
        measured: what the objection rests on; thresholds: what it was compared with.
    """

    codes: Codes
    scores: Scores
    seen: Codes
    seen_scores: Scores
    reasons: Codes
    measured: Floats
    thresholds: Floats

    @classmethod
    def of(cls, codes: Codes) -> Findings:
        """Return findings without any objection or score, to be filled in."""
        nothing = np.full(len(codes), np.nan)
        scores = nothing.astype(np.float32)
        reasons = np.full(len(codes), NO_REASON, dtype=object)
        return cls(codes.copy(), scores, codes.copy(), scores.copy(), reasons, nothing, nothing.copy())

    @classmethod
    def joined(cls, parts: Sequence[Findings]) -> Findings:
        """Return the findings of several parts as one."""
        parts = [cls.of(np.zeros(0, dtype=object)), *parts]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))

    def object_to(self, rows: Rows, reason: str, measured: Floats | Scores, thresholds: float | Scores) -> None:
        """Note an objection to some rows."""
        self.reasons[rows], self.measured[rows], self.thresholds[rows] = reason, measured, thresholds

    def put(self, rows: Rows, part: Findings) -> None:
        """Fill in the findings about some rows."""
        for name in Findings.__slots__:
            getattr(self, name)[rows] = getattr(part, name)

    def take(self, rows: Rows) -> Findings:
        """Return the findings about some rows, in that order."""
        return Findings(*(getattr(self, name)[rows] for name in Findings.__slots__))

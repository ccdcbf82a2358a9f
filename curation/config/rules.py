"""What a config may call a stage and a rule: names that the ledger holds, where no import of the stages is wanted."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StageRules:
    """The rules of one stage.

    Attributes:
        reasons: what the ledger calls them; those of `filter` are all bounds besides.
        judged: whether they judge quality, so that one which takes most of a language is suspect. To merge duplicates,
            to leave out what another release has and to fill a quota is no judgement of that kind.
    """

    reasons: tuple[str, ...]
    judged: bool


# What became of a record that made a stage raise.
ERROR = "error"
_DAMAGED = (
    "bad_bytes",
    "bad_quotes",
    "bad_syntax",
    "empty",
    "field_count",
    "invalid_json",
    "line_too_long",
    "lone_surrogate",
    "missing_key",
    "not_text",
    "null",
    "unaligned",
    "unknown_language",
)
_UNTRANSLATED = ("fuzzy", "obsolete", "untranslated")
_EVALUATION = ("evaluation_containment", "evaluation_exact", "evaluation_near_duplicate", ERROR)

STAGE_RULES: Mapping[str, StageRules] = {
    "read": StageRules((*_DAMAGED, *_UNTRANSLATED), judged=True),
    "distinct": StageRules(("repeated_record",), judged=False),
    "identify": StageRules(("language_mismatch", "script_mismatch", "undetermined", ERROR), judged=True),
    "score": StageRules((ERROR,), judged=True),
    "filter": StageRules(("empty", "pii_email", "pii_ip", "pii_phone", ERROR), judged=True),
    "boilerplate": StageRules(("boilerplate",), judged=True),
    "exact_dedup": StageRules(("exact_duplicate",), judged=False),
    "near_dedup": StageRules(("near_duplicate",), judged=False),
    "known": StageRules(("known", "withdrawn"), judged=False),
    "decontaminate": StageRules(_EVALUATION, judged=True),
    "group": StageRules((), judged=False),
    "split": StageRules((), judged=False),
    "mine": StageRules(("inconsistent_pair", "negative_shortage", "not_embeddable", "over_quota"), judged=False),
    "balance": StageRules(("over_quota",), judged=False),
}


def check_name(kind: str, name: str, known: Iterable[str]) -> None:
    """Refuse a name that nothing has.

    Raises:
        ValueError: naming what was probably meant.
    """
    names = sorted(known)
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else f"one of {', '.join(names)}"
        raise ValueError(f"no {kind} is called {name!r}: {hint}")

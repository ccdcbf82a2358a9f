"""The stage `identify`: finds languages that are not declared, and checks those that are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.config.model import Identify
from curation.langid.decide import Codes, Scores, identify_prepared, in_han_variant, scope_of
from curation.langid.model import Model, load
from curation.langid.prepare import prepare
from curation.langid.scripts import LetterCounts, fits, letter_counts
from curation.ledger import Decision, ledger_rows
from curation.outcome import Outcome
from curation.records import counted_language
from language_configs import Language, confusable, in_all_scripts, resolve
from language_configs.scripts import members

STAGE = "identify"

SCRIPT_MISMATCH, LANGUAGE_MISMATCH, UNDETERMINED = "script_mismatch", "language_mismatch", "undetermined"
_NO_REASON = ""

# A text is in another script than its language's when fewer of its letters than this are in the latter: names and
# terms in Latin letters are at home in any script.
MIN_SCRIPT_SHARE = 0.2
# Fewer letters than this are evidence of no script.
MIN_SCRIPT_LETTERS = 2

_SIDES = ("query", "positive")
_CODE_SUFFIX = "_Zzzz"

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """What was found out about one side of n records.

    Attributes:
        codes: language after identification, shape (n,).
        scores: probability that the model gives it; NaN where the model does not know it.
        seen: what the text looks like where the record is objected to, `xxx_Xxxx` or `und_Xxxx`.
        reasons: why the record is objected to, empty where it is not.
        measured: what the objection rests on; thresholds: what it was compared with.
    """

    codes: Codes
    scores: Scores
    seen: Codes
    reasons: Codes
    measured: Floats
    thresholds: Floats

    @classmethod
    def of(cls, codes: Codes) -> Findings:
        """Return findings without any objection or score, to be filled in."""
        count = len(codes)
        nothing = np.full(count, np.nan)
        scores = np.full(count, np.nan, dtype=np.float32)
        return cls(codes, scores, codes.copy(), np.full(count, _NO_REASON, dtype=object), nothing, nothing.copy())

    def object_to(self, rows: npt.NDArray[np.int64], reason: str, measured: Floats, threshold: float) -> None:
        """Note an objection to some rows."""
        self.reasons[rows], self.measured[rows], self.thresholds[rows] = reason, measured, threshold

    def put(self, rows: npt.NDArray[np.int64], part: Findings) -> None:
        """Fill in the findings about some rows."""
        for name in Findings.__slots__:
            getattr(self, name)[rows] = getattr(part, name)


def identify_records(
    records: pa.Table, options: Identify, *, candidates: Mapping[str, Sequence[str]], pivot: str
) -> Outcome:
    """Identify or check the languages of both sides of each record.

    A declared language is contradicted by a script that it is not written in, or by a near-certain other language
    that is no close relative. Each record is judged by itself: batch boundaries change nothing.

    Args:
        records: `RECORD_SCHEMA`, shape (n,); languages are empty where they are not declared.
        options: the section `identify` of the config.
        candidates: for each source the languages that its undeclared texts can be in; empty means any.
        pivot: language that bitext records do not count for.

    Returns:
        The records that stay, with final `query_language`, `positive_language` and `language`, and the columns
        `query_lid_score` and `positive_lid_score` (float32; null where the model was not asked or does not know the
        language). A ledger row for each other one.
    """
    found = [_findings(records, side, options, candidates) for side in _SIDES]
    labelled = _with_languages(records, found, pivot)
    policies = np.array([_policies(side, options) for side in found], dtype=object)
    leaves = np.isin(policies, list(_LEAVING))
    # Where both sides make the record leave, the ledger speaks of the query.
    first = np.where(leaves[0], 0, 1)
    rows = np.arange(records.num_rows)
    reasons, measured, thresholds = (
        np.stack([getattr(side, name) for side in found])[first, rows] for name in ("reasons", "measured", "thresholds")
    )
    ledgers = []
    for policy, decision in _LEAVING.items():
        left = np.flatnonzero(policies[first, rows] == policy)
        ledgers.append(
            ledger_rows(
                labelled.take(pa.array(left)),
                stage=STAGE,
                decision=decision,
                reason=pa.array(reasons[left], pa.string()),
                score=pa.array(measured[left], from_pandas=True),
                threshold=pa.array(thresholds[left], from_pandas=True),
                detail=pa.array(_details(found, first, left), pa.string()),
            )
        )
    return Outcome.join(labelled.filter(pa.array(~leaves.any(axis=0))), *ledgers)


_LEAVING: Mapping[str, Decision] = {"drop": "dropped", "quarantine": "quarantined"}


def _policies(findings: Findings, options: Identify) -> list[str]:
    return [_policy(reason, code, options) for reason, code in zip(findings.reasons, findings.codes, strict=True)]


def _policy(reason: str, code: str, options: Identify) -> str:
    if reason == _NO_REASON:
        return "keep"
    # To relabel takes a language: where none is clear, the text is as undetermined as one without a declaration.
    is_und = code.startswith("und_") and options.on_mismatch == "relabel"
    return options.on_undetermined if reason == UNDETERMINED or is_und else options.on_mismatch


def _details(found: Sequence[Findings], first: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> list[str]:
    return [f"{_SIDES[first[row]]} looks like {found[first[row]].seen[row]}" for row in rows]


def _with_languages(records: pa.Table, found: Sequence[Findings], pivot: str) -> pa.Table:
    """Set the final languages; a contradicted one stays as declared unless the policy is to relabel."""
    table = records
    for side, findings in zip(_SIDES, found, strict=True):
        name = f"{side}_language"
        index = table.schema.get_field_index(name)
        table = table.set_column(index, records.schema.field(name), pa.array(findings.codes, pa.string()))
        scores = pa.array(findings.scores, pa.float32(), from_pandas=True)
        table = table.append_column(pa.field(f"{side}_lid_score", pa.float32()), scores)
    counted = counted_language(table["query_language"], table["positive_language"], table["task"], pivot=pivot)
    index = table.schema.get_field_index("language")
    return table.set_column(index, records.schema.field("language"), counted)


def _findings(records: pa.Table, side: str, options: Identify, candidates: Mapping[str, Sequence[str]]) -> Findings:
    declared = np.array(records[f"{side}_language"].to_pylist(), dtype=object)
    findings = Findings.of(declared)
    if not options.enabled:
        return findings
    sources = np.array(records["source"].to_pylist(), dtype=object)
    texts = np.array(prepare(records[side].combine_chunks()).to_pylist(), dtype=object)
    for rows, code, source in _groups(declared, sources):
        if code == "":
            part = _identify(texts[rows], options, candidates.get(source, ()))
        elif code.endswith(_CODE_SUFFIX):
            continue
        else:
            part = _check(texts[rows], resolve(code), options)
        findings.put(rows, part)
    return findings


def _groups(declared: Codes, sources: Codes) -> Iterator[tuple[npt.NDArray[np.int64], str, str]]:
    """Yield (rows, declared code, source) of the rows that are judged together; the source matters if undeclared."""
    keys = [(code, "" if code else source) for code, source in zip(declared, sources, strict=True)]
    rows_of: dict[tuple[str, str], list[int]] = {}
    for row, key in enumerate(keys):
        rows_of.setdefault(key, []).append(row)
    for (code, source), rows in sorted(rows_of.items()):
        yield np.array(rows), code, source


def _identify(texts: Codes, options: Identify, candidates: Sequence[str]) -> Findings:
    """Identify texts without a declaration."""
    scope = scope_of(load(options.model), frozenset(candidates))
    codes, scores = identify_prepared(texts.tolist(), scope)
    weak = (scores < options.min_score) | np.array([code.startswith("und_") for code in codes], dtype=bool)
    seen = codes.copy()
    codes[weak] = [f"und_{system}" for system in letter_counts(texts[weak].tolist()).dominant()]
    findings = Findings.of(codes)
    findings.seen[:] = seen
    findings.scores[:] = scores
    findings.object_to(np.flatnonzero(weak), UNDETERMINED, scores[weak].astype(np.float64), options.min_score)
    return findings


def _check(texts: Codes, declared: Language, options: Identify) -> Findings:
    """Check texts whose language is declared."""
    coded = pa.array(texts, pa.large_string()).dictionary_encode()
    part = _check_distinct(coded.dictionary.to_pylist(), declared, options)
    indices = coded.indices.to_numpy()
    return Findings(*(getattr(part, name)[indices] for name in Findings.__slots__))


def _check_distinct(texts: list[str], declared: Language, options: Identify) -> Findings:
    model, counts = load(options.model), letter_counts(texts)
    systems = counts.dominant()
    findings = Findings.of(np.array([_variant(declared, system) for system in systems], dtype=object))
    shares, letters = _script_shares(counts, declared), counts.total()
    foreign = (shares < MIN_SCRIPT_SHARE) & (letters >= MIN_SCRIPT_LETTERS)
    others, likely, own = _ask(model, texts, declared, systems)
    others[likely < options.min_score] = ""
    is_known = np.isin(findings.codes, sorted(model.codes()))
    findings.scores[:] = np.where(is_known, own, np.nan)
    contradicted = ~foreign & (letters >= options.min_letters) & (likely >= options.min_veto_score)
    contradicted &= (others != "") & is_known
    findings.seen[:] = [other or f"und_{system}" for other, system in zip(others, systems, strict=True)]
    han = np.flatnonzero(systems == "Hani")
    findings.seen[han] = in_han_variant([texts[row] for row in han], findings.seen[han], scope_of(model))
    if options.on_mismatch == "relabel":
        relabelled = contradicted | foreign
        findings.codes[relabelled] = findings.seen[relabelled]
        findings.scores[relabelled] = np.where(others == "", 0, likely)[relabelled]
    findings.object_to(np.flatnonzero(foreign), SCRIPT_MISMATCH, shares[foreign], MIN_SCRIPT_SHARE)
    rows = np.flatnonzero(contradicted)
    findings.object_to(rows, LANGUAGE_MISMATCH, likely[rows].astype(np.float64), options.min_veto_score)
    return findings


def _variant(declared: Language, system: str) -> str:
    """Return the declared language in the script that the text shows, if it is written in it."""
    if fits(declared.script, system):
        return declared.code
    return next((item.code for item in in_all_scripts(declared) if fits(item.script, system)), declared.code)


def _script_shares(counts: LetterCounts, declared: Language) -> Floats:
    """Return the share of letters that are in any of the language's scripts, shape (n,); 1 where there are none."""
    scripts = {name for script in declared.scripts for name in members(script)}
    total = counts.total()
    return np.where(total == 0, 1.0, counts.of(scripts) / np.maximum(total, 1))


def _ask(model: Model, texts: list[str], declared: Language, systems: Codes) -> tuple[Codes, Scores, Scores]:
    """Ask the model about texts of one declared language.

    Returns:
        The likeliest other language, empty where it is the declared one, a close relative, or in another script
        than the text; its probability; and that of the declared one, in whatever script.
    """
    relatives = confusable(declared.base)
    own = np.array([any(item.base == declared.base for item in meaning) for meaning in model.meanings], dtype=bool)
    labels, likely = model.best(texts)
    is_own = own[labels]
    given = np.where(is_own, likely, np.float32(0))
    others = np.array(
        [
            "" if mine else _other(model.meanings[label], system, relatives)
            for label, system, mine in zip(labels, systems, is_own, strict=True)
        ],
        dtype=object,
    )
    rest = np.flatnonzero(~is_own)
    if len(rest):
        given[rest] = model.probabilities([texts[row] for row in rest])[:, own].sum(axis=1)
    return others, likely, given


def _other(meaning: Sequence[Language], system: str, relatives: frozenset[str]) -> str:
    if any(item.base in relatives for item in meaning):
        return ""
    return next((item.code for item in meaning if fits(item.script, system)), "")

"""The stage `identify`: finds languages that are not declared, and checks those that are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.config.model import BaseSource, Identify, OnMismatch, OnUndetermined
from curation.langid.declared import check_each
from curation.langid.findings import NO_REASON, UNDETERMINED, Findings, Rows, Scores
from curation.langid.prepare import prepare
from curation.langid.scope import Codes
from curation.langid.undeclared import find, find_code, find_pairs, may_be_code, relation_of
from curation.ledger import Decision, ledger_rows
from curation.outcome import Outcome
from curation.records import counted_language
from language_configs import resolve

STAGE = "identify"

_SIDES = ("query", "positive")
_CODE_SUFFIX = "_Zzzz"
_LEAVING: Mapping[str, Decision] = {"drop": "dropped", "quarantine": "quarantined"}


@dataclass(frozen=True, slots=True)
class SourcePolicy:
    """What a source says about the languages of its texts.

    Attributes:
        candidates: the languages that its undeclared texts can be in; none means any.
        on_mismatch: what happens to a record whose text contradicts its declared language.
        on_undetermined: what happens to one whose language could not be identified.
    """

    candidates: tuple[str, ...]
    on_mismatch: OnMismatch
    on_undetermined: OnUndetermined

    @classmethod
    def of(cls, source: BaseSource, options: Identify) -> SourcePolicy:
        """Return the policy of a source, which is the run's where the source has none of its own."""
        return cls(
            tuple(source.candidate_languages),
            source.on_mismatch or options.on_mismatch,
            source.on_undetermined or options.on_undetermined,
        )


def identify_records(
    records: pa.Table, options: Identify, *, policies: Mapping[str, SourcePolicy], pivot: str
) -> Outcome:
    """Identify or check the languages of both sides of each record.

    A declared language is contradicted by a script that it is not written in, or by a near-certain other language
    that is no close relative. Each record is judged by itself: batch boundaries change nothing.

    Args:
        records: `RECORD_SCHEMA`, shape (n,); languages are empty where they are not declared.
        options: the section `identify` of the config.
        policies: for each source what it says about its languages.
        pivot: language that bitext records do not count for.

    Returns:
        The records that stay, with final `query_language`, `positive_language` and `language`, and the columns
        `query_lid_score` and `positive_lid_score` (float32; null where the model was not asked or does not know the
        language). A ledger row for each other one.
    """
    sources = _strings(records["source"])
    found = _findings(records, options, policies)
    decisions = np.array([_decide(side, sources, policies) for side in found], dtype=object)
    labelled = _with_languages(records, found, pivot)
    leaves = np.isin(decisions, list(_LEAVING))
    # Where both sides make the record leave, the ledger speaks of the query.
    first = np.where(leaves[0], 0, 1)
    rows = np.arange(records.num_rows)
    reasons, measured, thresholds = (
        np.stack([getattr(side, name) for side in found])[first, rows] for name in ("reasons", "measured", "thresholds")
    )
    ledgers = []
    for policy, decision in _LEAVING.items():
        left = np.flatnonzero(decisions[first, rows] == policy)
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


def _decide(findings: Findings, sources: Codes, policies: Mapping[str, SourcePolicy]) -> list[str]:
    """Return what happens to each record because of one side, and relabel that side where it is the policy."""
    decisions = ["keep"] * len(sources)
    for row in np.flatnonzero(findings.reasons != NO_REASON).tolist():
        policy = policies[sources[row]]
        decisions[row] = policy.on_undetermined if findings.reasons[row] == UNDETERMINED else policy.on_mismatch
        if decisions[row] == "relabel":
            findings.codes[row], findings.scores[row] = findings.seen[row], findings.seen_scores[row]
            # To relabel takes a language: where none is clear, the text is as undetermined as an undeclared one.
            decisions[row] = policy.on_undetermined if findings.seen[row].startswith("und_") else "keep"
    return decisions


def _details(found: Sequence[Findings], first: Rows, rows: Rows) -> list[str]:
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


def _findings(records: pa.Table, options: Identify, policies: Mapping[str, SourcePolicy]) -> tuple[Findings, Findings]:
    """Return what there is to say about both sides."""
    declared = [_strings(records[f"{side}_language"]) for side in _SIDES]
    found = Findings.of(declared[0]), Findings.of(declared[1])
    if not options.enabled:
        return found
    texts = _prepared(records)
    _check_declared(found, texts, declared, options)
    if all((codes != "").all() for codes in declared):
        return found
    for side in (0, 1):
        for rows, programs, scores in _code(records, side, declared[side], policies):
            declared[side][rows], found[side].codes[rows], found[side].scores[rows] = programs, programs, scores
    for (source, task, *codes), rows in _groups(records["source"], records["task"], *declared):
        open_sides = [side for side in (0, 1) if codes[side] == ""]
        if not open_sides:
            continue
        candidates, relation = policies[source].candidates, relation_of(task)
        here = [side.take(pa.array(rows)) for side in texts]
        if len(open_sides) == 2:
            for side, part in enumerate(find_pairs(here[0], here[1], options, candidates, relation)):
                found[side].put(rows, part)
        for side in open_sides if len(open_sides) == 1 else []:
            found[side].put(rows, find(here[side], options, candidates, codes[1 - side], relation))
    return found


def _strings(column: pa.ChunkedArray) -> Codes:
    """Return a column of few different strings, shape (n,)."""
    coded = column.combine_chunks().dictionary_encode()
    strings: Codes = np.array(coded.dictionary.to_pylist(), dtype=object)[coded.indices.to_numpy()]
    return strings


def _prepared(records: pa.Table) -> tuple[pa.Array, pa.Array]:
    """Return both sides as `prepare` does, which is asked about each text once."""
    coded = pa.chunked_array([chunk for side in _SIDES for chunk in records[side].chunks]).combine_chunks()
    coded = coded.dictionary_encode()
    texts = prepare(coded.dictionary).take(coded.indices)
    return texts[: records.num_rows], texts[records.num_rows :]


def _check_declared(
    found: Sequence[Findings], texts: Sequence[pa.Array], declared: Sequence[Codes], options: Identify
) -> None:
    """Fill in what there is to say about the texts whose natural language is declared."""
    coded = pa.array(np.concatenate(declared), pa.string()).dictionary_encode()
    codes = coded.dictionary.to_pylist()
    is_natural = np.array([code != "" and not code.endswith(_CODE_SUFFIX) for code in codes], dtype=np.bool_)
    numbers = coded.indices.to_numpy().astype(np.int64)
    rows = np.flatnonzero(is_natural[numbers])
    wanted = np.cumsum(is_natural) - 1
    languages = [resolve(code) for code, natural in zip(codes, is_natural.tolist(), strict=True) if natural]
    both = pa.concat_arrays(texts)
    part = check_each(both.take(pa.array(rows)), languages, wanted[numbers[rows]], options)
    edge = int(np.searchsorted(rows, len(texts[0])))
    found[0].put(rows[:edge], part.take(np.arange(edge)))
    found[1].put(rows[edge:] - len(texts[0]), part.take(np.arange(edge, len(rows))))


def _code(
    records: pa.Table, side: int, declared: Codes, policies: Mapping[str, SourcePolicy]
) -> Iterator[tuple[Rows, Codes, Scores]]:
    """Yield rows of undeclared texts that are program code, with its language and score."""
    texts = records[_SIDES[side]].combine_chunks()
    for (source, task, code), rows in _groups(records["source"], records["task"], declared):
        candidates = policies[source].candidates
        if code == "" and may_be_code(task, candidates):
            codes, scores = find_code(texts.take(pa.array(rows)), candidates)
            is_code = codes != ""
            yield rows[is_code], codes[is_code], scores[is_code]


def _groups(*columns: Codes | pa.ChunkedArray) -> Iterator[tuple[tuple[str, ...], Rows]]:
    """Yield each combination of values, in order, with the rows that have it, which rise."""
    keys = np.zeros(len(columns[0]), dtype=np.int64)
    values: list[list[str]] = []
    for column in columns:
        array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else pa.array(column, pa.string())
        encoded = array.dictionary_encode()
        order = pc.array_sort_indices(encoded.dictionary).to_numpy()
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        values.append(encoded.dictionary.take(pa.array(order)).to_pylist())
        keys = keys * max(len(order), 1) + rank[encoded.indices.to_numpy(zero_copy_only=False)]
    rows = np.argsort(keys, kind="stable")
    for part in np.split(rows, np.flatnonzero(np.diff(keys[rows])) + 1):
        if len(part):
            yield _unpacked(int(keys[part[0]]), values), part


def _unpacked(key: int, values: Sequence[Sequence[str]]) -> tuple[str, ...]:
    found = []
    for column in reversed(values):
        key, rank = divmod(key, len(column))
        found.append(column[rank])
    return tuple(reversed(found))

"""Personal data: e-mail addresses, public IP addresses and international telephone numbers.

What is put in their place comes from ranges that are reserved for examples, and what already is in such a range is
left alone: masking a text twice is masking it once, but for contrived ones with values that touch each other.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import regex

from curation.config.model import Pii, PiiAction
from curation.ledger import ledger_rows
from curation.outcome import Outcome
from filters.base import SIDES, Place
from filters.columns import Bools, Integers

MASKED_COLUMN = "pii_masked"

Kind = Literal["email", "ip", "phone"]
KINDS: tuple[Kind, ...] = get_args(Kind)

EMAIL, IPV4, IPV6, PHONE = "email@example.com", "192.0.2.1", "2001:db8::1", "+1 555 0100"  # RFC 2606, 5737, 3849; NANPA

_Replace = Callable[["regex.Match[str]"], str | None]

# Scripts without blanks between words would make the sentence before an address a part of it.
_LETTER = (
    r"[\p{L}\p{M}\p{N}--[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]]"
)
# All parts are of bounded length, so that a hostile text costs no more than its length. What touches a name on
# either side without a blank is no address: masked, it would look like one again.
_EMAIL = regex.compile(
    rf"(?V1)(?<![[._%+\-@]||{_LETTER}])[[._%+\-]||{_LETTER}]{{1,64}}+@"
    rf"(?:(?:[A-Za-z0-9\-]{{1,63}}\.){{1,6}}[A-Za-z]{{2,24}}(?![A-Za-z0-9_@\-])"
    rf"|(?:[\-||{_LETTER}]{{1,63}}\.){{1,6}}{_LETTER}{{2,24}}(?![[_@\-]||{_LETTER}]))"
)
_RESERVED_DOMAIN = regex.compile(r"(?i)(?:^|[@.])(?:example\.(?:com|org|net|edu)|example|test|invalid|localhost)$")
# Who logs in at a host, in an address of a page or of a copy from there ("git@host.org:dir/file"), writes no mail.
_BEFORE_HOST = regex.compile(r"(?a)://[\w.~%+:-]*\Z")
_AFTER_HOST = regex.compile(r"(?a):(?:[\w.~-]*/)+[\w.~-]")
_MAX_LOGIN = 100
_FOUR = r"\p{Nd}{1,3}(?:\.\p{Nd}{1,3}){3}"
# Behind the signs of a version ("Chrome/91.0.44.12", "libx-45.1.2.3", "45.1.2.3-1") only in a URL or a range.
_IPV4 = regex.compile(
    rf"(?:(?<![\w.:/-])|(?<=//)|(?<=(?<![\w.]){_FOUR}-)){_FOUR}"
    rf"(?!\w|\.\p{{Nd}}|-(?!{_FOUR}(?![\w.]\p{{Nd}}|\w))\p{{Nd}}|:\p{{Nd}}(?!\p{{Nd}}{{0,4}}(?![\w:])))"
)
# Of IPv6 the range that is given out: "2001:...", "3fff:...".
_IPV6 = regex.compile(r"(?<![\w:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{2,34}(?![\w:])")
_BETWEEN_DIGITS = r"[ \u00a0().\-‐-–/]{0,2}"
_PHONE = regex.compile(
    rf"(?<![\p{{L}}\p{{N}}+＋])[+＋]\p{{Nd}}(?:{_BETWEEN_DIGITS}\p{{Nd}}){{7,14}}+(?!{_BETWEEN_DIGITS}\p{{Nd}}|,\p{{Nd}})"
)
_GROUPED = regex.compile(r"\p{Nd}{1,3}(?:[ .\u00a0]\p{Nd}{3})+")
_RESERVED_PHONE = regex.compile(r"1\d{0,3}55501\d\d")
_MAX_ROUNDS = 3
# Four numbers below this are a version ("zlib 1.2.3.5") or a public resolver (8.8.8.8), and nobody's address.
_VERSION_PART = 20
# A shorter number without blanks is an amount ("+12345678"), one in threes may be ("+10 000 000").
_CERTAIN_DIGITS = 11


def handle_pii(
    records: pa.Table, options: Pii, looked_at: Mapping[Place, Bools], numeric: Mapping[Place, Bools], *, stage: str
) -> Outcome:
    """Mask or drop what `options` say, in both sides and the negatives.

    A record is dropped for its sides alone: a negative is not worth the record, so what would be dropped is masked
    there.

    Args:
        records: `RECORD_SCHEMA` and any further columns, shape (n,).
        options: what to do with each kind.
        looked_at: for each side, in which texts, shape (n,); negatives go with the positive.
        numeric: for each side, which texts may hold digits, without which there is no number and no IP address.
        stage: whose ledger rows these are.

    Returns:
        The records with masked texts and the number of masked values in `pii_masked`, their ids unchanged; and a
        ledger row with the reason `pii_email`, `pii_ip` or `pii_phone` for each that is dropped.
    """
    reasons = np.full(records.num_rows, "", dtype=object)
    for kind in _with_action(options, "drop"):
        for side in SIDES:
            rows = _hinted(records.column(side).combine_chunks(), (kind,), looked_at[side], numeric[side])
            texts = records.column(side).take(pa.array(rows)).to_pylist()
            found = [row for row, text in zip(rows.tolist(), texts, strict=True) if mask(text, (kind,))[1]]
            reasons[[row for row in found if not reasons[row]]] = f"pii_{kind}"
    kept = reasons == ""
    lost = records.filter(pa.array(~kept))
    ledger = ledger_rows(lost, stage=stage, decision="dropped", reason=pa.array(reasons[~kept], pa.string()))
    looked_at, numeric = ({side: rows[kept] for side, rows in each.items()} for each in (looked_at, numeric))
    masked = _masked(records.filter(pa.array(kept)), options, looked_at, numeric)
    return Outcome(masked, ledger)


def mask(text: str, kinds: tuple[Kind, ...] = KINDS) -> tuple[str, int]:
    """Return a text with reserved values in place of personal ones, and how many there were.

    What is put in one place may make what stands beside it look like personal data: where anything was found it is
    looked for again, `_MAX_ROUNDS` times at most.
    """
    count = 0
    for _ in range(_MAX_ROUNDS):
        text, found = _mask_once(text, kinds)
        count += found
        if not found:
            break
    return text, count


def _mask_once(text: str, kinds: tuple[Kind, ...]) -> tuple[str, int]:
    count = 0
    for kind in kinds:
        for pattern, replace in _RULES[kind]:
            replaced: list[str] = []

            def put(match: regex.Match[str], replace: _Replace = replace, out: list[str] = replaced) -> str:
                value = replace(match)
                if value is not None:
                    out.append(value)
                return match[0] if value is None else value

            text = pattern.sub(put, text)
            count += len(replaced)
    return text, count


def _replace_email(found: regex.Match[str]) -> str | None:
    text, start, end = found.string, found.start(), found.end()
    if _BEFORE_HOST.search(text, max(0, start - _MAX_LOGIN), start) or _AFTER_HOST.match(text, end, end + _MAX_LOGIN):
        return None
    return None if _RESERVED_DOMAIN.search(found[0]) else EMAIL


def _replace_ip(found: regex.Match[str]) -> str | None:
    try:
        address = ipaddress.ip_address(_ascii(found[0]))
    except ValueError:
        return None
    if not address.is_global or address.is_multicast or (address.version == 4 and max(address.packed) < _VERSION_PART):
        return None
    return IPV4 if address.version == 4 else IPV6


def _replace_phone(found: regex.Match[str]) -> str | None:
    number = found[0][1:]
    digits = "".join(character for character in _ascii(number) if character.isdigit())
    grouped_or_plain = _GROUPED.fullmatch(number) or number.isdecimal()
    if digits.startswith("0") or (grouped_or_plain and len(digits) < _CERTAIN_DIGITS):
        return None
    return None if _RESERVED_PHONE.fullmatch(digits) else PHONE


_RULES: dict[Kind, tuple[tuple[regex.Pattern[str], _Replace], ...]] = {
    "email": ((_EMAIL, _replace_email),),
    "ip": ((_IPV4, _replace_ip), (_IPV6, _replace_ip)),
    "phone": ((_PHONE, _replace_phone),),
}
# Linear and simple patterns that every find matches.
_HINTS: dict[Kind, str] = {
    "ip": r"\pN\.\pN+\.\pN+\.\pN|[23][0-9A-Fa-f]{3}:",
    "phone": r"[+＋]\pN",
}


def _with_action(options: Pii, *actions: PiiAction) -> tuple[Kind, ...]:
    return tuple(kind for kind in KINDS if getattr(options, kind) in actions)


def _ascii(text: str) -> str:
    return text if text.isascii() else regex.sub(r"\p{Nd}", lambda match: str(int(match[0])), text)


def _hinted(texts: pa.Array, kinds: tuple[Kind, ...], looked_at: Bools, numeric: Bools) -> Integers:
    """Return the rows that may hold one of `kinds`, ascending."""
    found = []
    if "email" in kinds:
        found.append(np.flatnonzero(pc.match_substring(texts, "@").to_numpy(zero_copy_only=False) & looked_at))
    rows = np.flatnonzero(looked_at & numeric)
    chosen = texts.take(pa.array(rows))
    patterns = (_HINTS[kind] for kind in kinds if kind in _HINTS)
    found += [rows[pc.match_substring_regex(chosen, each).to_numpy(zero_copy_only=False)] for each in patterns]
    return np.unique(np.concatenate(found)) if found else rows[:0]


def _masked(
    records: pa.Table, options: Pii, looked_at: Mapping[Place, Bools], numeric: Mapping[Place, Bools]
) -> pa.Table:
    kinds = _with_action(options, "mask")
    counts = np.zeros(records.num_rows, dtype=np.int64)
    for side in SIDES:
        texts, found = _mask_column(records.column(side), kinds, looked_at[side], numeric[side])
        counts += found
        records = _with_column(records, side, texts)
    lists = records.column("negatives").combine_chunks()
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    if lengths.any():
        looked_at_negatives = np.repeat(looked_at["positive"], lengths)
        texts, found = _mask_column(
            pa.chunked_array([lists.flatten()]),
            _with_action(options, "mask", "drop"),
            looked_at_negatives,
            np.ones_like(looked_at_negatives),
        )
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        masked = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), texts.combine_chunks())
        records = _with_column(records, "negatives", pa.chunked_array([masked]))
        counts += np.diff(np.concatenate([[0], np.cumsum(found)])[offsets])
    field = pa.field(MASKED_COLUMN, pa.int32(), nullable=False)
    return records.append_column(field, pa.array(counts, pa.int32()))


def _mask_column(
    texts: pa.ChunkedArray, kinds: tuple[Kind, ...], looked_at: Bools, numeric: Bools
) -> tuple[pa.ChunkedArray, Integers]:
    """Return the texts, masked, and the number of values that were in each, shape (n,)."""
    counts = np.zeros(len(texts), dtype=np.int64)
    joined = texts.combine_chunks()
    rows = _hinted(joined, kinds, looked_at, numeric)
    results = [mask(text, kinds) for text in joined.take(pa.array(rows)).to_pylist()]
    counts[rows] = [count for _, count in results]
    if not counts.any():
        return texts, counts
    chosen = np.zeros(len(texts), dtype=np.bool_)
    chosen[rows] = True
    masked = pa.array([text for text, _ in results], joined.type)
    return pa.chunked_array([pc.replace_with_mask(joined, pa.array(chosen), masked)]), counts


def _with_column(records: pa.Table, name: str, values: pa.ChunkedArray) -> pa.Table:
    index = records.schema.get_field_index(name)
    field = records.schema.field(index)
    return records.set_column(index, field, values.cast(field.type))

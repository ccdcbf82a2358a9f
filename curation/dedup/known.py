"""Records that an earlier release has already, or that were withdrawn from one.

The release's index is read batch by batch: bands propose, sketches sift, and the texts of the release decide. Beside
the new records (500 bytes each and their texts) there are in memory one batch of the index, one row group of the
release's texts, and at most `CANDIDATES` candidates of 28 bytes a new record; how large the release is does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import regex

from curation.config.model import Dedup
from curation.dedup.bands import SKETCH_SIZE, least_agreement
from curation.dedup.candidates import ORDERS, SMALL
from curation.dedup.columns import byte_lengths
from curation.dedup.index import WITHDRAWN, compared, has_withdrawn, known_ids, read_index, shard_texts
from curation.dedup.kernels import jaccard, kernels
from curation.dedup.linking import SIDES, Banded, band, texts_of, turned
from curation.errors import ConfigError
from curation.ledger import empty_ledger, ledger_rows
from curation.ngrams import Int64s, UInt64s, ragged
from curation.outcome import Outcome
from curation.release import Release, open_release

STAGE = "known"
KNOWN, IS_WITHDRAWN = "known", "withdrawn"
# Of the records of a release that a new one may be a copy of, so many with the most alike sketches are compared.
CANDIDATES = 16

_ID = regex.compile(r"[0-9a-f]{32}")
_HALF, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Known:
    """What new records are compared with.

    Attributes:
        releases: folders of earlier releases.
        digests: theirs, in the same order.
        withdrawn: ids of records that were withdrawn from them, and the file and line that say so.
    """

    releases: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    withdrawn: Mapping[str, str] = field(default_factory=dict)


def find_known(options: Dedup, base: Path) -> Known:
    """Find the releases and the withdrawn ids of a config; relative paths are relative to `base`.

    Raises:
        ConfigError: if a file of ids cannot be read or holds something else.
        ReleaseError: if a folder is not a release.
    """
    releases = [open_release(base / path) for path in options.against]
    withdrawn: dict[str, str] = {}
    for path in options.withdrawn:
        withdrawn |= _read_ids(base / path, path)
    if withdrawn and not releases:
        why = "dedup.withdrawn names records of earlier releases, but dedup.against names no release"
        raise ConfigError("Nothing is compared with the withdrawn records", why=why, hint="add the releases to against")
    _refuse_unknown(withdrawn, releases)
    if not options.index and (withdrawn or any(has_withdrawn(release) for release in releases)):
        why = "dedup.index is false, so the new release would not remember them, and they could come back"
        raise ConfigError("Withdrawn records would be forgotten", why=why, hint="set dedup.index: true")
    paths = tuple(str(release.path) for release in releases)
    return Known(paths, tuple(release.digest for release in releases), withdrawn)


def _refuse_unknown(withdrawn: Mapping[str, str], releases: Sequence[Release]) -> None:
    unknown = dict(withdrawn)
    for release in releases:
        for ids in known_ids(release) if unknown else ():
            for found in ids.filter(pc.is_in(ids, pa.array(list(unknown), pa.string()))).to_pylist():
                unknown.pop(found, None)
    if unknown:
        identity, where = next(iter(unknown.items()))
        why = f"none of the releases in dedup.against has {identity}"
        why += f", nor {len(unknown) - 1} others" if len(unknown) > 1 else ""
        hint = "ids stand in the column `id` of a release's full/ shards"
        raise ConfigError("A withdrawn record is not known", where=where, why=why, hint=hint)


def _read_ids(file: Path, name: str) -> dict[str, str]:
    ids = {}
    hint = "write one id a line, 32 hexadecimal digits; lines that begin with # are comments"
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("A file of withdrawn ids cannot be read", where=name, why=str(error), hint=hint) from error
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text and not text.startswith("#"):
            if not _ID.fullmatch(text):
                raise ConfigError("This is not an id", where=f"{name}:{number}", why=repr(text[:80]), hint=hint)
            ids[text] = f"{name}:{number}"
    return ids


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Pairs of a new record and one of a release, the most alike first.

    Attributes:
        new: int64 (m,), rows of the new records, rising.
        agreeing: int64 (m,), sketch values that agree, falling for each new record.
        rows: the release's rows, shape (m,): id, shard, row, and whether the fingerprints are equal.
    """

    new: Int64s
    agreeing: Int64s
    rows: pa.Table

    def best(self) -> _Candidates:
        """Return the most alike `CANDIDATES` of each new record; ties are in the order of the index."""
        keys = pa.table({"new": self.new, "agreeing": self.agreeing}).append_column("shard", self.rows.column("shard"))
        keys = keys.append_column("row", self.rows.column("row")).append_column("id", self.rows.column("id"))
        names = [("new", "ascending"), ("agreeing", "descending"), ("shard", "ascending"), ("row", "ascending")]
        order = pc.sort_indices(keys, [*names, ("id", "ascending")]).to_numpy()
        new = self.new[order]
        place = np.arange(len(new)) - np.searchsorted(new, new)
        order = order[place < CANDIDATES]
        return _Candidates(self.new[order], self.agreeing[order], self.rows.take(pa.array(order)))


def drop_known(records: pa.Table, options: Dedup, releases: Sequence[Release], withdrawn: Mapping[str, str]) -> Outcome:
    """Drop the records that nearly equal one of an earlier release in the same languages.

    Args:
        records: rows of the record schema, shape (n,).
        options: the config's `dedup` section.
        releases: the earlier releases.
        withdrawn: ids of withdrawn records, and where that is said. A new record that nearly equals one of them is
            dropped as `withdrawn`. Where the release holds the withdrawn text no more, equality is judged by sketch.

    Returns:
        The other records, in their order, and a ledger row for each dropped one, with the record that it nearly equals
        and, in `detail`, its release. Of several the first release counts, and in it the most similar record.

    Raises:
        ReleaseError: if a release cannot be read.
    """
    ledgers, options = [], compared(options)
    for release in releases:
        if not records.num_rows:
            break
        lost, ledger = _known(records.combine_chunks(), options, release, withdrawn)
        ledgers.append(ledger)
        records = records.filter(pa.array(~lost))
    return Outcome.join(records, *ledgers)


def _known(
    records: pa.Table, options: Dedup, release: Release, withdrawn: Mapping[str, str]
) -> tuple[np.ndarray, pa.Table]:
    found = _candidates(records, options, release)
    similarity = _similarity(records, options, release, found)
    order = np.lexsort((-similarity, found.new))
    order = order[similarity[order] >= options.threshold]
    new, first = np.unique(found.new[order], return_index=True)
    best = order[first]
    lost = np.zeros(records.num_rows, dtype=bool)
    lost[new] = True
    if not len(new):
        return lost, empty_ledger()
    rows = found.rows.take(pa.array(best))
    ids = rows.column("id").to_pylist()
    gone = pc.equal(rows.column("shard"), WITHDRAWN).to_pylist()
    reasons = [IS_WITHDRAWN if out or identity in withdrawn else KNOWN for identity, out in zip(ids, gone, strict=True)]
    ledger = ledger_rows(
        records.filter(pa.array(lost)),
        stage=STAGE,
        decision="dropped",
        reason=reasons,
        score=similarity[best],
        threshold=options.threshold,
        other_id=ids,
        detail=[_detail(release, identity, out, withdrawn) for identity, out in zip(ids, gone, strict=True)],
    )
    return lost, ledger


def _detail(release: Release, identity: str, gone: bool, withdrawn: Mapping[str, str]) -> str:
    detail = f"in {release.manifest['name']} {release.manifest['version']} ({release.digest[:12]})"
    if gone:
        return f"{detail}, withdrawn from it; the similarity is an estimate"
    return f"{detail}, withdrawn by {withdrawn[identity]}" if identity in withdrawn else detail


def _candidates(records: pa.Table, options: Dedup, release: Release) -> _Candidates:
    banded = band(records, options)
    filled = byte_lengths(texts_of(records, SIDES[options.by])) > 0
    mine = [np.sort(_entries(keys, filled)) for keys in banded.buckets >> _HALF]
    least = least_agreement(options.threshold)
    best: _Candidates | None = None
    for rows in read_index(release, options):
        found = _in_batch(mine, banded, rows.combine_chunks(), least)
        best = (found if best is None else _joined(best, found)).best()
    if best is None:
        nothing = pa.table({"id": pa.array([], pa.string()), "shard": [], "row": [], "equal": []})
        return _Candidates(np.empty(0, np.int64), np.empty(0, np.int64), nothing)
    return best


def _entries(keys: UInt64s, filled: np.ndarray) -> UInt64s:
    rows = np.flatnonzero(filled)
    return keys[rows] << _HALF | rows.astype(np.uint64)


def _joined(one: _Candidates, other: _Candidates) -> _Candidates:
    return _Candidates(
        np.concatenate([one.new, other.new]),
        np.concatenate([one.agreeing, other.agreeing]),
        pa.concat_tables([one.rows, other.rows]),
    )


def _in_batch(mine: Sequence[UInt64s], banded: Banded, rows: pa.Table, least: int) -> _Candidates:
    """Return the pairs of new records and records of one batch of the index that share a band and agree enough."""
    theirs = _bytes(rows.column("buckets")).view(np.uint32).T
    values = _bytes(rows.column("sketch"))
    pairs = np.unique(np.concatenate(list(_meetings(mine, theirs, banded, values))))
    new, old = (pairs >> _HALF).astype(np.int64), (pairs & _LOW).astype(np.int64)
    both = np.concatenate([banded.sketches.values, values])
    agreeing = kernels().agreement(both, new, old + len(banded.sketches)).astype(np.int64)
    worth = agreeing >= least
    new, old, agreeing = new[worth], old[worth], agreeing[worth]
    kept = rows.select(["id", "shard", "row"]).take(pa.array(old))
    equal = rows.column("fingerprint").to_numpy()[old] == banded.sketches.fingerprints[new]
    return _Candidates(new, agreeing, kept.append_column("equal", pa.array(equal)))


def _meetings(mine: Sequence[UInt64s], theirs: np.ndarray, banded: Banded, values: np.ndarray) -> Iterator[UInt64s]:
    """Yield for each band the pairs that share a bucket: new record << 32 | record of the batch."""
    numbers = np.arange(theirs.shape[1], dtype=np.uint64)
    words = values.view(">u8").astype(np.uint64)
    for number, entries in enumerate(mine):
        old = np.sort(theirs[number].astype(np.uint64) << _HALF | numbers)
        begins = np.searchsorted(old, entries & ~_LOW)
        ends = np.searchsorted(old, entries | _LOW, side="right")
        counts = ends - begins
        few = (counts > 0) & (counts <= SMALL)
        at = ragged(begins[few], counts[few])
        yield np.repeat(entries[few] << _HALF, counts[few]) | (old[at] & _LOW)
        many = entries[counts > SMALL]
        if len(many):
            crowd = old[np.isin(old >> _HALF, many >> _HALF)]
            stretch = words[(crowd & _LOW).astype(np.int64), (number + 1) % words.shape[1]]
            yield _nearest(many, banded.stretches[number][(many & _LOW).astype(np.int64)], crowd, stretch)


def _nearest(new: UInt64s, new_stretch: UInt64s, old: UInt64s, old_stretch: UInt64s) -> UInt64s:
    """Pair each new record of crowded buckets with the nearest on either side, in several orders of the sketches."""
    reach = SMALL // 2
    found = []
    for turn in range(ORDERS):
        yours, theirs = turned(new_stretch, turn), turned(old_stretch, turn)
        order = np.lexsort((old, theirs, old >> _HALF))
        # The place of each new record among the old ones: before all that do not come before it.
        merged = np.lexsort(
            (
                np.concatenate([np.zeros(len(new)), np.ones(len(old))]),
                np.concatenate([yours, theirs[order]]),
                np.concatenate([new >> _HALF, old[order] >> _HALF]),
            )
        )
        is_old = merged >= len(new)
        places: Int64s = (np.cumsum(is_old) - is_old)[~is_old]
        here = new[merged[~is_old]]
        for step in range(-reach, reach):
            at = np.clip(places + step, 0, len(old) - 1)
            there = old[order][at]
            same = here >> _HALF == there >> _HALF
            found.append(here[same] << _HALF | there[same] & _LOW)
    return np.concatenate(found)


def _similarity(records: pa.Table, options: Dedup, release: Release, found: _Candidates) -> np.ndarray:
    """Return the similarity of each pair: exact, or the sketches' estimate where the release has no text."""
    shards, rows = (found.rows.column(name).to_numpy() for name in ("shard", "row"))
    equal = found.rows.column("equal").to_numpy(zero_copy_only=False)
    similarity = np.where(equal, 1.0, found.agreeing / SKETCH_SIZE)
    paths = release.full_shards
    for shard in np.unique(shards[shards != WITHDRAWN]):
        here = np.flatnonzero(shards == shard)
        needed, places = np.unique(rows[here], return_inverse=True)
        theirs = shard_texts(release, paths[shard], needed)
        wanted, mine = np.unique(found.new[here], return_inverse=True)
        yours = records.take(pa.array(wanted))
        sides = [
            pa.concat_arrays([one, other])
            for one, other in zip(texts_of(yours, SIDES[options.by]), texts_of(theirs, SIDES[options.by]), strict=True)
        ]
        similarity[here] = jaccard(sides, mine.astype(np.int64), places.astype(np.int64) + len(wanted))
    return similarity


def _bytes(column: pa.ChunkedArray) -> np.ndarray:
    """Return a fixed-size binary column as uint8 (n, width)."""
    array = column.combine_chunks()
    width = array.type.byte_width
    data = np.frombuffer(array.buffers()[1], dtype=np.uint8)[array.offset * width :]
    return data[: len(array) * width].reshape(-1, width)

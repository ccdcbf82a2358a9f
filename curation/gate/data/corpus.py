"""The rows of a release as numbers: each shard is read once, each distinct text folded once, and all checks share it.

A text stands in many rows (the English side of a hundred translations, the negatives of seven anchors), so that
almost everything that is asked of rows is asked of numbers, and almost everything that is asked of texts is asked
once a distinct text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.hashing import priority
from curation.mining.lexical.features import count_features
from curation.mining.lexical.index import Matrix
from curation.records import LABELLED
from curation.release import Release, layout
from curation.text import fold

Numbers = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]

# Of a language with more rows, all splits together, a sample of about so many is looked at.
MAX_ROWS = 50_000

# So many characters of a text say what language it is in, and which text it is.
MAX_CHARS = 200

# A text of `MAX_CHARS` characters has some 600 features, most texts a tenth of them.
_SIGNATURE_BITS = 256

_VIEWS: tuple[layout.View, ...] = ("data", "full")
_FACTS = ("query_language", "positive_language", "language", "source", "task")


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one split, n of them, in the order of the release.

    Attributes:
        anchors: the folded text of each, a number into `Corpus.folded`, int32 (n,).
        positives: likewise.
        negatives: likewise, int32 (n, k).
        raw: the texts of both sides as they stand, numbers into `Corpus.texts`: anchors and positives, int32 (n,).
        facts: for query_language, positive_language, language, source and task the values, numbers into
            `Corpus.names`, int32 (n,).
        copies: how many rows of each language are there once more because the quota asks for it.
    """

    anchors: Numbers
    positives: Numbers
    negatives: Numbers
    raw: tuple[Numbers, Numbers]
    facts: Mapping[str, Numbers]
    copies: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.anchors)

    @property
    def sides(self) -> tuple[tuple[Numbers, Numbers, Numbers], tuple[Numbers, Numbers, Numbers]]:
        """For anchors and positives: folded texts, texts as they stand, and the language that each is said to be in."""
        return (
            (self.anchors, self.raw[0], self.facts["query_language"]),
            (self.positives, self.raw[1], self.facts["positive_language"]),
        )


@dataclass(frozen=True)
class Corpus:
    """A release in memory.

    Attributes:
        texts: the distinct texts as they stand, Arrow `large_string`, shape (t,).
        folded: the distinct texts after folding, Arrow `large_string`, shape (f,).
        names: the distinct languages, sources and tasks.
        splits: the rows of each split, in the order train, validation, test; none without rows.
        differing: (language, split) of which the two views do not hold the same rows.
    """

    texts: pa.Array
    folded: pa.Array
    names: Sequence[str]
    splits: Mapping[str, Rows]
    differing: Sequence[tuple[str, str]]

    @property
    def train(self) -> Rows | None:
        """The rows of the training split, if there are any."""
        return self.splits.get("train")

    @property
    def held_out(self) -> Iterator[tuple[str, Rows]]:
        """The other splits."""
        return ((split, rows) for split, rows in self.splits.items() if split != "train")

    @cached_property
    def is_empty(self) -> Bools:
        """Which folded texts hold nothing but white space, shape (f,)."""
        trimmed = pc.utf8_trim_whitespace(self.folded)
        empty: Bools = pc.equal(pc.binary_length(trimmed), 0).to_numpy(zero_copy_only=False)
        return empty

    @cached_property
    def features(self) -> Matrix:
        """Counts of the words and character n-grams of each folded text, (f, FEATURES); of train and held-out sides.

        Rows of texts that are only ever negatives are empty.
        """
        wanted = np.zeros(len(self.folded), dtype=bool)
        for rows in self.splits.values():
            wanted[rows.anchors] = wanted[rows.positives] = True
        return count_features(pc.utf8_slice_codeunits(pc.if_else(pa.array(wanted), self.folded, ""), 0, MAX_CHARS))

    @cached_property
    def signatures(self) -> npt.NDArray[np.uint64]:
        """A bit for each feature of each folded text, of `_SIGNATURE_BITS`: uint64 (f, _SIGNATURE_BITS / 64).

        What one signature has and another lacks, one text has and the other lacks.
        """
        features = self.features
        bits = features.indices % _SIGNATURE_BITS
        owners = np.repeat(np.arange(features.shape[0]), np.diff(features.indptr))
        result = np.zeros((features.shape[0], _SIGNATURE_BITS // 64), dtype=np.uint64)
        np.bitwise_or.at(result, (owners, bits // 64), np.uint64(1) << (bits % 64).astype(np.uint64))
        return result

    def groups(self, values: Numbers) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
        """Yield each name that stands in `values`, in the order of the alphabet, with its rows, which rise."""
        order = np.argsort(values, kind="stable")
        starts = np.flatnonzero(np.concatenate([np.ones(min(1, len(order)), bool), np.diff(values[order]) != 0]))
        parts = {self.names[values[part[0]]]: part for part in np.split(order, starts[1:])} if len(order) else {}
        for name in sorted(parts):
            yield name, parts[name]

    def is_labelled(self, rows: Rows) -> Bools:
        """Say of which rows the positive is a class or a member of one, shape (n,)."""
        return np.isin(rows.facts["task"], [number for number, name in enumerate(self.names) if name in LABELLED])


class _Numbering:
    """Gives every distinct string a number, in the order in which they come, without making Python's strings of them.

    What `add` returns are places: equal strings of two calls have two of them until `distinct` has seen all.
    """

    def __init__(self) -> None:
        self._seen: list[pa.Array] = []
        self._size = 0

    def add(self, columns: Sequence[pa.ChunkedArray]) -> Numbers:
        """Take columns of n strings each; return their places, int32 (n, columns).

        Raises:
            ValueError: if a string is null.
        """
        chunks = [chunk.cast(pa.large_string()) for column in columns for chunk in column.chunks]
        coded = pa.chunked_array(chunks, pa.large_string()).dictionary_encode().combine_chunks()
        if coded.null_count:
            raise ValueError("a text or a fact about a text is null")
        places: Numbers = coded.indices.to_numpy(zero_copy_only=False) + np.int32(self._size)
        self._seen.append(coded.dictionary)
        self._size += len(coded.dictionary)
        return places.reshape(len(columns), -1).T

    def distinct(self) -> tuple[pa.Array, Numbers]:
        """Return the distinct strings, Arrow `large_string`, and for each place the number of its string."""
        coded = pa.chunked_array(self._seen, pa.large_string()).dictionary_encode().combine_chunks()
        numbers: Numbers = coded.indices.to_numpy(zero_copy_only=False)
        return coded.dictionary, numbers


def read_corpus(release: Release) -> Corpus:
    """Read a release whose files are sound.

    Raises:
        ReleaseError: if a shard is missing or is not Parquet.
        ValueError: if a text is null.
    """
    texts, names = _Numbering(), _Numbering()
    parts: dict[str, list[_Part]] = {split: [] for split in release.splits}
    differing = []
    for language in release.languages:
        for split in release.splits:
            shards = [len(release.shards(view, split=split, language=language)) for view in _VIEWS]
            part = _read(release, split, language, texts, names) if all(shards) else None
            if part is not None:
                parts[split].append(part)
            if any(shards) and (part is None or not part.is_same):
                differing.append((language, split))
    raw, raw_of = texts.distinct()
    keys = fold(raw).dictionary_encode()
    folded_of = keys.indices.to_numpy(zero_copy_only=False)
    known, name_of = names.distinct()
    splits = {
        split: _joined(found, raw_of, folded_of, name_of)
        for split, found in parts.items()
        if any(len(p.texts) for p in found)
    }
    return Corpus(raw, keys.dictionary.cast(pa.large_string()), known.to_pylist(), splits, differing)


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of one split and language.

    Attributes:
        language: of all rows.
        texts: places of the texts (n, 2 + k).
        facts: places of the facts, in the order of `_FACTS` (n, facts).
        copies: as of `Rows`.
        is_same: whether both views hold the same.
    """

    language: str
    texts: Numbers
    facts: Numbers
    copies: int
    is_same: bool


def _read(release: Release, split: str, language: str, texts: _Numbering, names: _Numbering) -> _Part:
    data = release.read("data", split=split, language=language)
    inputs = [name for name in data.column_names if name != "language"]
    full = release.read("full", split=split, language=language, columns=_columns(release, split, language, inputs))
    same = data.num_rows == full.num_rows and all(data[name].equals(full[name]) for name in [*inputs, "language"])
    if data.num_rows == full.num_rows:
        kept = _sample(full, _share(release, language))
        data, full = data.filter(kept), full.filter(kept)
    else:
        data, full = data.slice(0, 0), full.slice(0, 0)
    copies = int((full["copy"].to_numpy() > 0).sum()) if "copy" in full.column_names else 0
    said, facts = texts.add([data[name] for name in inputs]), names.add([full[name] for name in _FACTS])
    return _Part(language, said, facts, copies, same)


def _columns(release: Release, split: str, language: str, inputs: Sequence[str]) -> list[str]:
    schemas = [
        pq.read_schema(release.path / file.path) for file in release.shards("full", split=split, language=language)
    ]
    copy = ["copy"] if schemas and all("copy" in schema.names for schema in schemas) else []
    return [*inputs, *_FACTS, "group", *copy]


def _share(release: Release, language: str) -> float:
    """Return the share of a language's rows that is looked at, the same in all splits."""
    total = sum(
        file.rows or 0 for split in release.splits for file in release.shards("data", split=split, language=language)
    )
    return min(1.0, MAX_ROWS / max(total, 1))


def _sample(full: pa.Table, share: float) -> pa.Array:
    """Say which rows are looked at: all rows of a group or none, so that what repeats stays together. Shape (n,)."""
    if share >= 1.0:
        return pa.repeat(pa.scalar(True), full.num_rows)
    return pa.array(priority(full["group"].to_pylist(), "gate", 0) < np.uint64(share * 2.0**64))


def _joined(parts: Sequence[_Part], raw_of: Numbers, folded_of: Numbers, name_of: Numbers) -> Rows:
    """Return the rows of all parts, with numbers in the place of places."""
    raw = np.ascontiguousarray(raw_of[np.concatenate([part.texts for part in parts]).T])
    facts = np.ascontiguousarray(name_of[np.concatenate([part.facts for part in parts]).T])
    copies = {part.language: part.copies for part in parts}
    anchors, positives, *_ = folded = folded_of[raw]
    named = dict(zip(_FACTS, facts, strict=True))
    return Rows(anchors, positives, folded[2:].T, (raw[0], raw[1]), named, copies)

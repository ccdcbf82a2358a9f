"""Turns the texts of pools into spaces: by words, or by a teacher whose vectors are kept."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from curation.config.mining import LEXICAL, Mining, TeacherModel
from curation.files import to_json
from curation.hashing import content_id
from curation.mining.embeddings.apart import Given
from curation.mining.embeddings.fill import Progress
from curation.mining.embeddings.shelf import Stored
from curation.mining.embeddings.store import EmbeddingStore, MemoryStore, Store
from curation.mining.keys import text_keys
from curation.mining.miner import SecondOpinion
from curation.mining.pool import Pool, column
from curation.mining.ragged import Rows
from curation.mining.rules import Bools, positive_bound
from curation.mining.search.candidates import Vectors
from curation.mining.searcher import Searcher
from curation.mining.spaces import DenseSpace, LexicalSpace, Space
from curation.mining.teachers.base import Role, Teacher
from curation.mining.teachers.cross_encoder import CrossEncoderOptions, CrossEncoderScorer, load_cross_encoder
from curation.mining.teachers.load import load_teacher
from curation.mining.teachers.options import TeacherOptions
from curation.notes import tell


@dataclass(frozen=True)
class Encoder:
    """What a run embeds with.

    Attributes:
        options: which teacher.
        folder: where vectors and finished searches are kept, or None to keep vectors in memory only.
        given: vectors that were made before, and whose; None to ask the teacher.
    """

    options: TeacherModel
    folder: Path | None = None
    given: Given | None = None

    def build(self, teacher: str, texts: pa.Array, queries: pa.Array) -> Space:
        """Return the space of some entries and queries.

        Args:
            teacher: `lexical`, or the model of the options.
            texts: the entries, shape (E,).
            queries: shape (m,).

        Raises:
            ConfigError: if the options name no teacher.
            CurationError: if the teacher cannot be loaded.
        """
        if teacher == LEXICAL:
            return LexicalSpace.build(texts, queries)
        loaded = load_teacher(teacher_options(self.options)) if self.given is None else self.given.teacher
        entries, asked = self._embed(loaded, texts, "passage"), self._embed(loaded, queries, "query")
        sound = np.concatenate([entries.valid, asked.valid])
        searcher = Searcher(self.folder / "search" if self.folder else None, self._contents(loaded, texts, queries))
        return DenseSpace(loaded.name, entries, asked, sound, searcher, texts, queries)

    def _embed(self, teacher: Teacher, texts: pa.Array, role: Role) -> Stored:
        return self._store.embed(teacher, texts, role, dtype=self.options.store, progress=_note)

    def _contents(self, teacher: Teacher, texts: pa.Array, queries: pa.Array) -> str:
        """Return a digest of everything that the vectors of some texts depend on."""
        if self.folder is None:
            return ""
        made = [to_json({"role": role, **teacher.identity(role)}) for role in ("passage", "query")]
        keys = [text_keys(part).tobytes().hex() for part in (texts, queries)]
        return content_id(self.options.store, *made, *keys)

    @cached_property
    def _store(self) -> Store:
        if self.given is not None:
            return self.given.store
        return open_store(self.folder) or MemoryStore()


def open_store(folder: Path | None) -> EmbeddingStore | None:
    """Return the vectors that are kept in a folder, or None without one."""
    return None if folder is None else _open_store(folder / "embeddings")


@lru_cache(maxsize=4)
def _open_store(folder: Path) -> EmbeddingStore:
    # One for all partitions of a process: opening checks what is there.
    return EmbeddingStore(folder)


def _note(progress: Progress) -> None:
    rate = f", {progress.rows_per_second:,.0f} a second" if progress.rows_per_second else ""
    tell(f"embedding: {progress.done:,} of {progress.total:,} texts{rate}")


def teacher_options(options: TeacherModel) -> TeacherOptions:
    """Return the options of a dense teacher that a config's `mining.teacher` asks for."""
    return TeacherOptions(spec=options.model, **options.model_dump(exclude={"model", "store"}))


@dataclass(frozen=True, slots=True)
class _CrossEncoded:
    """The second opinion of a cross-encoder, which reads the query with a passage and with the record's positive."""

    scorer: CrossEncoderScorer
    ratio: float
    pool: Pool
    queries: pa.Array
    known: Vectors

    def __call__(self, records: Rows, entries: Rows) -> Bools:
        asked = np.unique(records[np.isnan(self.known[records])])
        if len(asked):
            self.known[asked] = self._scores(asked, self.pool.entries[asked])
        bounds = positive_bound(self.known[records], self.ratio)
        return ~np.asarray(self._scores(records, entries) < bounds)

    def _scores(self, records: Rows, entries: Rows) -> Vectors:
        queries = self.queries.take(pa.array(records)).to_pylist()
        passages = self.pool.texts.take(pa.array(entries)).to_pylist()
        return self.scorer.scores(list(zip(queries, passages, strict=True)))


def second_opinion(options: Mining, records: pa.Table, pool: Pool) -> SecondOpinion | None:
    """Return what has the last word on candidates, or None where nothing has.

    Raises:
        ConfigError: if the config names no cross-encoder that can be used.
        CurationError: if it cannot be loaded.
    """
    asked = options.cross_encoder
    if asked is None:
        return None
    used = CrossEncoderOptions(spec=asked.model, **asked.model_dump(exclude={"model", "max_positive_ratio"}))
    unknown = np.full(records.num_rows, np.nan, dtype=np.float32)
    return _CrossEncoded(load_cross_encoder(used), asked.max_positive_ratio, pool, column(records, "query"), unknown)

"""What the tests of mining share: records, and teachers whose vectors are chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.config.mining import Mining
from curation.hashing import priority
from curation.mining.anchors import find_anchors
from curation.mining.keys import Keys
from curation.mining.miner import Miner, SecondOpinion
from curation.mining.pool import Pool, build_pool
from curation.mining.ragged import Rows
from curation.mining.scopes import Search
from curation.mining.search.corpus import ArrayCorpus
from curation.mining.searcher import Searcher
from curation.mining.selection import Draw
from curation.mining.spaces import DenseSpace
from curation.mining.stage import mine_records
from curation.mining.teachers.base import Identity, Role
from curation.outcome import Outcome
from curation.records import RECORD_SCHEMA

Row = dict[str, Any]
Vectors = npt.NDArray[np.float32]

SCHEMA = RECORD_SCHEMA.append(pa.field("split", pa.string(), nullable=False))
# Every rule switched off: what is nearest is taken.
OPEN: Mapping[str, Any] = {"skip_rank": 0, "max_score": None, "max_positive_ratio": None}
# A name that is not `lexical`; the tests hand over the vectors themselves.
DENSE = "vectors"


class ToyTeacher:
    """A teacher of whatever vectors a test gives it, NaN for a text that it cannot embed.

    Args:
        vector_of: returns the vector of a text.
        dimensions: length of a vector.
    """

    name = "toy"

    def __init__(self, vector_of: Callable[[str], Sequence[float] | Vectors], dimensions: int) -> None:
        self._vector_of = vector_of
        self.dimensions = dimensions

    def identity(self, role: Role) -> Identity:
        return {"called": self.name}

    def order(self, keys: Keys, role: Role) -> Rows:
        return np.arange(len(keys), dtype=np.int64)

    def embed(self, texts: Sequence[str], role: Role) -> Vectors:
        return np.array([self._vector_of(text) for text in texts], dtype=np.float32).reshape(-1, self.dimensions)


def dense_space(places: Vectors, size: int) -> DenseSpace:
    """Return the space of vectors of `size` entries and of queries after them; NaN where there is none."""
    sound = np.isfinite(places).all(axis=1)
    known = np.where(sound[:, None], places, np.float32(0.0)).astype(np.float32)
    entries, queries = ArrayCorpus(known[:size]), ArrayCorpus(known[size:])
    texts, asked = (pa.array([f"text {n}" for n in range(len(part.vectors))]) for part in (entries, queries))
    return DenseSpace(DENSE, entries, queries, sound, Searcher(), texts, asked)


def record(number: int, query: str, positive: str, **changes: object) -> Row:
    """Return a record of one language whose group is its own, apart from `changes`."""
    values: Row = {
        "id": f"{number:032x}",
        "query": query,
        "positive": positive,
        "negatives": [],
        "query_language": "deu_Latn",
        "positive_language": "deu_Latn",
        "language": "deu_Latn",
        "source": "pairs",
        "licence": "CC-BY-4.0",
        "task": "retrieval",
        "label": "",
        "document": "",
        "group": f"g{number}",
        "file": "pairs.tsv",
        "row": number,
        "split": "train",
    }
    return values | changes


def table(*rows: Row) -> pa.Table:
    """Return rows as a table of `SCHEMA`, in the order given."""
    return pa.Table.from_pylist(list(rows), schema=SCHEMA)


def at_cosine(cosine: float, angle: float = 0.0) -> list[float]:
    """Return a unit vector of three dimensions with this cosine to (1, 0, 0), turned about it by `angle`."""
    rest = np.sqrt(1 - cosine * cosine)
    return [cosine, rest * np.cos(angle), rest * np.sin(angle)]


def vectors_of(texts: Sequence[str], vectors: Mapping[str, Sequence[float]]) -> Vectors:
    """Return the unit vectors of some texts, float32, shape (n, d)."""
    matrix = np.array([vectors[text] for text in texts], dtype=np.float64)
    unit: Vectors = (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)
    return unit


def miner_of(
    records: pa.Table,
    vectors: Mapping[str, Sequence[float]],
    *,
    seed: int = 0,
    second_opinion: SecondOpinion | None = None,
    thresholds: tuple[float, float] = (np.inf, -np.inf),
    **options: Any,
) -> Miner:
    """Return a miner over records whose texts have these vectors; options as in the config, all rules open."""
    mining = Mining(**{"teacher": DENSE, "num_negatives": 3, **OPEN, **options})
    pool = build_pool(records, mining.num_negatives)
    anchors = find_anchors(records, pool, mining, DENSE)
    texts = pool.texts.to_pylist() + anchors.queries.to_pylist()
    space = dense_space(vectors_of(texts, vectors), len(pool.texts))
    scores = []
    for places, on_positive in zip(anchors.sides, anchors.on_positive, strict=True):
        of_side = space.scores(places, pool.entries)
        of_side[on_positive] = 1.0
        scores.append(of_side)
    draw = Draw(
        priority(records["id"].to_pylist(), "test:record", seed), priority(pool.ids.to_pylist(), "test:passage", seed)
    )
    bounds = (
        np.full(records.num_rows, thresholds[0], np.float32),
        np.full(records.num_rows, thresholds[1], np.float32),
    )
    return Miner(pool, space, anchors, mining, tuple(scores), bounds, draw, second_opinion)


def whole(pool: Pool, wanted: int) -> Search:
    """Return the search of all records among all entries."""
    count = len(pool.entries)
    return Search(np.arange(count), np.arange(len(pool.texts)), np.full(count, wanted))


def save_teacher(folder: Path, vectors: Mapping[str, Sequence[float]]) -> str:
    """Save a real sentence-transformers model in which each of these texts is one token with this vector."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models

    vocabulary = {"[UNK]": 0} | {text: number for number, text in enumerate(vectors, 1)}
    weights = np.array([np.ones(len(next(iter(vectors.values())))), *vectors.values()], dtype=np.float32)
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    module = StaticEmbedding(tokenizer, embedding_weights=weights)
    SentenceTransformer(modules=[module], device="cpu").save(str(folder))
    return str(folder)


def mine(rows: Sequence[Row], *, seed: int = 0, **options: Any) -> Outcome:
    """Run the whole stage on rows; by default lexical, three negatives and no rule."""
    return mine_records(table(*rows), Mining(**{"num_negatives": 3, **OPEN, **options}), seed=seed)


def by_number(outcome: Outcome) -> dict[int, Row]:
    """Return the records that go on by the number that they were made with."""
    return {int(row["id"], 16): row for row in outcome.records.to_pylist()}

"""False negatives across languages: how often a translation of the query is taken for a negative of it.

Sentences of 18 languages and their English translations (Tatoeba) form one pool. A query's translations are known
through the English sentence, also those into third languages, which no label names as its positive. The teacher is a
small one that is trained on other pairs on the spot: good enough to find translations, and so to take them for
negatives.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.config.mining import Mining
from curation.hashing import content_id
from curation.mining.encoder import Encoder
from curation.mining.lexical.features import count_features
from curation.mining.stage import mine_records
from curation.records import RECORD_SCHEMA
from curation.text import fold
from hard_negatives.figures import Figure, Options

LANGUAGES = ("deu", "fra", "spa", "rus", "cmn", "jpn", "kor", "ara", "heb")
LANGUAGES += ("hin", "tam", "tur", "vie", "fin", "cat", "swh", "amh", "xho")
_RECIPE = {"num_negatives": 24, "skip_rank": 0, "skip_survivors": 5, "top_k": 100, "on_shortage": "keep"}
_FEATURES, _DIMENSIONS, _BATCH = 1 << 16, 128, 512


Negatives = list[tuple[str, list[str]]]


@dataclass(frozen=True, slots=True)
class Pair:
    """A sentence and its English translation."""

    language: str
    text: str
    english: str


def translations(options: Options) -> list[Figure]:
    """Count queries that get a true translation as a negative: with sentence-transformers' rules, and with ours."""
    if options.data is None:
        return [Figure("translations among negatives", None, note="needs --data FOLDER with tatoeba/pairs.parquet")]
    train, held_out = _pairs(options.data / "tatoeba" / "pairs.parquet")
    if options.small:
        train, held_out = train[:2_000], held_out[:500]
    texts = sorted({text for pair in held_out for text in (pair.text, pair.english)})
    vectors = _embed(_train(train, epochs=1 if options.small else 6), texts)
    meanings = _meanings([*train, *held_out])
    mined = {"ours": _ours(held_out, texts, vectors), "sentence-transformers": _theirs(held_out, texts, vectors)}
    return [_figure(who, negatives, meanings, len(texts)) for who, negatives in mined.items()]


def _figure(who: str, negatives: Negatives, meanings: dict[str, set[str]], pool: int) -> Figure:
    hit = sum(any(meanings[query] & meanings[text] for text in found) for query, found in negatives)
    note = f"{hit} of {len(negatives):,} queries; {pool:,} sentences in one pool"
    most = 0.0 if who == "ours" else None
    return Figure(f"translations among negatives, {who}", 100 * hit / len(negatives), "% of queries", most, note=note)


def _pairs(file: Path) -> tuple[list[Pair], list[Pair]]:
    """Return pairs for training and held-out ones, of which no English sentence is in both."""
    table = pq.read_table(file)
    table = table.filter(pc.is_in(table["language"], pa.array(LANGUAGES)))
    pairs = [Pair(row["language"], row["text"], row["english"]) for row in table.to_pylist()]
    is_held_out = [zlib.crc32(pair.english.encode()) % 5 == 0 for pair in pairs]
    return (
        [pair for pair, held in zip(pairs, is_held_out, strict=True) if not held],
        [pair for pair, held in zip(pairs, is_held_out, strict=True) if held],
    )


def _meanings(pairs: Iterable[Pair]) -> dict[str, set[str]]:
    """Return the English sentences that each text means."""
    meanings: dict[str, set[str]] = {}
    for pair in pairs:
        key = str(fold(pa.array([pair.english]))[0])
        for text in (pair.text, pair.english):
            meanings.setdefault(text, set()).add(key)
    return meanings


def _bags(texts: Sequence[str]) -> tuple[Any, Any]:
    import torch

    counts = count_features(pa.array(texts))
    features, starts = (counts.indices % _FEATURES).astype(np.int64), counts.indptr[:-1].astype(np.int64)
    return torch.from_numpy(features), torch.from_numpy(starts)


def _train(pairs: Sequence[Pair], epochs: int) -> Any:
    """Return a bag of word and n-gram vectors, trained to find each sentence's translation among those of a batch."""
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = torch.nn.EmbeddingBag(_FEATURES, _DIMENSIONS, mode="mean", sparse=False)
    torch.nn.init.normal_(model.weight, std=0.05)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    order = np.random.default_rng(0)
    for _ in range(epochs):
        shuffled = order.permutation(len(pairs))
        for start in range(0, len(pairs) - 1, _BATCH):
            batch = [pairs[at] for at in shuffled[start : start + _BATCH]]
            sides = [_bags([getattr(pair, side) for pair in batch]) for side in ("text", "english")]
            left, right = (torch.nn.functional.normalize(model(*side), dim=1) for side in sides)
            scores, target = left @ right.T / 0.07, torch.arange(len(batch))
            losses = [torch.nn.functional.cross_entropy(logits, target) for logits in (scores, scores.T)]
            optimiser.zero_grad()
            sum(losses).backward()
            optimiser.step()
    return model


def _embed(model: Any, texts: Sequence[str]) -> npt.NDArray[np.float32]:
    import torch

    with torch.no_grad():
        vectors: npt.NDArray[np.float32] = torch.nn.functional.normalize(model(*_bags(texts)), dim=1).numpy()
    return vectors


def _ours(pairs: Sequence[Pair], texts: Sequence[str], vectors: npt.NDArray[np.float32]) -> Negatives:
    """Mine pairs in both directions, so that every sentence is a passage; return the queries that are not English."""
    rows = [_record(pair, at, turned=turned) for at, pair in enumerate(pairs) for turned in (False, True)]
    records = pa.Table.from_pylist(rows, schema=RECORD_SCHEMA.append(pa.field("split", pa.string(), nullable=False)))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vectors.parquet"
        lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), _DIMENSIONS)
        pq.write_table(pa.table({"text": list(texts), "embedding": lists}), file)
        options = Mining.model_validate({**_RECIPE, "teacher": f"vectors:{file}", "pools": [{"scope": "all"}]})
        mined = mine_records(records, options, seed=0, encoder=Encoder(options.teacher)).records
    found = mined.select(["query", "negatives", "query_language"]).to_pylist()
    return [(row["query"], row["negatives"]) for row in found if row["query_language"] != "eng"]


def _record(pair: Pair, number: int, *, turned: bool) -> dict[str, Any]:
    sides = [(pair.text, pair.language), (pair.english, "eng")]
    (query, asked), (positive, answered) = reversed(sides) if turned else sides
    row: dict[str, Any] = dict.fromkeys(RECORD_SCHEMA.names, "")
    row |= {"negatives": [], "row": number, "split": "train", "task": "bitext", "source": "tatoeba"}
    row |= {"id": content_id(query, positive, asked, answered), "group": content_id(query)[:16]}
    row |= {"query": query, "positive": positive, "query_language": asked, "positive_language": answered}
    return row


def _theirs(pairs: Sequence[Pair], texts: Sequence[str], vectors: npt.NDArray[np.float32]) -> Negatives:
    import torch
    from datasets import Dataset
    from sentence_transformers.util import cos_sim, mine_hard_negatives, pairwise_cos_sim

    rows = {text: row for row, text in enumerate(texts)}

    class Known:
        device = torch.device("cpu")

        def encode(self, asked: list[str], **_: Any) -> npt.NDArray[np.float32]:
            return vectors[[rows[text] for text in asked]]

        encode_query = encode_document = encode
        similarity, similarity_pairwise = staticmethod(cos_sim), staticmethod(pairwise_cos_sim)

    distinct = dict.fromkeys((pair.text, pair.english) for pair in pairs)
    dataset = Dataset.from_dict(
        {"anchor": [text for text, _ in distinct], "positive": [english for _, english in distinct]}
    )
    found = mine_hard_negatives(
        dataset,
        Known(),
        corpus=list(texts),
        range_min=5,
        range_max=100,
        max_score=0.8,
        relative_margin=0.05,
        num_negatives=24,
        output_format="n-tuple",
        verbose=False,
    )
    return [(row["anchor"], [row[name] for name in found.column_names[2:]]) for row in found]

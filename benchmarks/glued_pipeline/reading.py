"""From files to pairs that passed the filters: one datatrove pipeline of small steps."""

from __future__ import annotations

import hashlib
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from datatrove.data import Document
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.formatters import PIIFormatter
from datatrove.pipeline.readers import ParquetReader
from loguru import logger

from benchmarks.corpus_of_pairs import CORPORA
from benchmarks.glued_pipeline.language import Identifier
from benchmarks.glued_pipeline.quality import fault_of_pair, fault_of_side, mask_phones

METADATA = ("query", "query_language", "language", "source", "licence", "file")
_BATCH = 8_192


class Step(PipelineStep):
    """A step that looks at each document and keeps it or not; it adds up the time that this takes."""

    type = "glued"

    def __init__(self, name: str, keep: Callable[[Document], bool]) -> None:
        super().__init__()
        self.name, self.keep, self.cpu, self.wall, self.dropped = name, keep, 0.0, 0.0, 0

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yield what is kept."""
        for document in data:
            cpu, wall = time.process_time(), time.perf_counter()
            kept = self.keep(document)
            self.cpu, self.wall = self.cpu + time.process_time() - cpu, self.wall + time.perf_counter() - wall
            if kept:
                yield document
            else:
                self.dropped += 1


def read_and_filter(inputs: Path) -> tuple[pd.DataFrame, dict[str, tuple[float, float]], dict[str, int]]:
    """Return the pairs that pass, processor and wall seconds by step, and counts of what was dropped."""
    logger.disable("datatrove")
    faults: Counter[str] = Counter()
    steps = [
        Step("distinct", _distinct()),
        Step("identify", _identify(Identifier())),
        Step("filter", _filter(faults)),
        Step("mask", _mask(PIIFormatter())),
    ]
    cpu, wall = time.process_time(), time.perf_counter()
    # Run by hand: an executor works on a copy of its steps, and what it hands over has to go through files.
    documents: Any = None
    for step in [*_readers(inputs), *steps]:
        documents = step.run(documents)
    rows = [(document.id, document.text, *map(document.metadata.__getitem__, METADATA)) for document in documents]
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    seconds = {step.name: (step.cpu, step.wall) for step in steps}
    spent = [sum(each[k] for each in seconds.values()) for k in (0, 1)]
    dropped = {step.name: step.dropped for step in steps} | {f"filter: {name}": faults[name] for name in sorted(faults)}
    return (
        pd.DataFrame(rows, columns=["id", "positive", *METADATA]),
        {"read": (cpu - spent[0], wall - spent[1])} | seconds,
        dropped,
    )


def _readers(inputs: Path) -> list[ParquetReader]:
    readers = []
    for corpus in CORPORA:
        same = {"source": corpus.name, "licence": corpus.licence, "query_language": corpus.query_language[:3]}
        pattern = f"{corpus.name}-*.parquet"
        readers.append(
            ParquetReader(str(inputs), glob_pattern=pattern, batch_size=_BATCH, default_metadata=same, adapter=_adapt)
        )
    return readers


def _adapt(_reader: ParquetReader, row: dict[str, Any], path: str, row_number: int) -> dict[str, Any]:
    query, positive = (" ".join(unicodedata.normalize("NFC", row[side]).split()) for side in ("query", "text"))
    metadata = {"query": query, "language": row["language"], "file": f"{path}:{row_number}"}
    return {"text": positive, "id": f"{path}:{row_number}", "metadata": metadata}


def _distinct() -> Callable[[Document], bool]:
    seen: set[str] = set()

    def keep(document: Document) -> bool:
        data = document.metadata
        parts = (data["source"], data["query"], document.text, data["query_language"], data["language"])
        document.id = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
        if document.id in seen:
            return False
        seen.add(document.id)
        return True

    return keep


def _identify(identifier: Identifier) -> Callable[[Document], bool]:
    def keep(document: Document) -> bool:
        data = document.metadata
        return not (
            identifier.contradicts(data["query"], data["query_language"])
            or identifier.contradicts(document.text, data["language"])
        )

    return keep


def _filter(faults: Counter[str]) -> Callable[[Document], bool]:
    def keep(document: Document) -> bool:
        query, positive = document.metadata["query"], document.text
        fault = fault_of_side(query) or fault_of_side(positive) or fault_of_pair(query, positive)
        if fault:
            faults[fault] += 1
        return not fault

    return keep


def _mask(formatter: PIIFormatter) -> Callable[[Document], bool]:
    def mask(text: str) -> str:
        # What has no digit and no at sign holds neither address nor number.
        return mask_phones(formatter.format(text)) if "@" in text or any(map(str.isdigit, text)) else text

    def keep(document: Document) -> bool:
        document.metadata["query"], document.text = mask(document.metadata["query"]), mask(document.text)
        return True

    return keep

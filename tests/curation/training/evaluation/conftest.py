"""A model that needs no training, and releases of a few rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.hashing import hash64
from curation.release import Release, layout


@dataclass(frozen=True)
class Letters:
    """Counts of hashed pairs of letters: equal texts are near, and a lower rank or exit sees fewer of them."""

    depths: tuple[int, ...] = (1, 4)
    dims: tuple[int, ...] = (8, 64)
    ranks: tuple[int, ...] = (4, 16)

    def exits(self, texts: Sequence[str], *, rank: int) -> np.ndarray:
        found = np.zeros((len(self.depths), len(texts), self.dims[-1]), np.float32)
        for row, text in enumerate(texts):
            pairs = [text[at : at + 2] for at in range(len(text))]
            places = hash64(pairs) % self.dims[-1]
            for exit_, depth in enumerate(self.depths):
                kept = places[: max(1, len(places) * depth * rank // 64)]
                np.add.at(found[exit_, row], kept.astype(np.int64), 1.0)
        return found


@pytest.fixture(scope="session")
def letters() -> Letters:
    return Letters()


@pytest.fixture
def release_of(tmp_path: Path) -> Callable[..., Release]:
    """Return `release_of(rows)`: a release of rows of (language, split, task, anchor, positive, label, negatives)."""

    def made(rows: Sequence[dict[str, Any]]) -> Release:
        files = []
        for code, split in sorted({(row["language"], row["split"]) for row in rows}):
            chosen = [row for row in rows if (row["language"], row["split"]) == (code, split)]
            table = [
                {"anchor": row["anchor"], "positive": row["positive"]}
                | {f"negative_{n}": text for n, text in enumerate(row.get("negatives", ()), 1)}
                | {"id": f"{code}-{split}-{number:04d}", "task": row["task"], "language": code}
                | {"source": row.get("source", "ours"), "label": row.get("label", "")}
                for number, row in enumerate(chosen)
            ]
            path = layout.shard_path("full", code, split, 0, 1)
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_pylist(table), tmp_path / path)
            files.append({"path": path, "bytes": 0, "sha256": "", "rows": len(table)})
        return Release(tmp_path, {"files": files}, "0" * 64)

    return made

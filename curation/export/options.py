"""What a caller may ask of an export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from curation.errors import ConfigError
from curation.release import layout

ViewName = Literal["sentence-transformers", "ml-embed", "flagembedding", "tevatron", "beir"]

ML_EMBED_ROWS = 80_000
"""Rows of a dataset that ML-Embed's tokenising step takes; of more it would draw a sample of its own."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is exported, and how.

    Attributes:
        splits: splits to export; empty means the view's own choice.
        languages: languages (`xxx_Xxxx`) to export; empty means all.
        sources: names of sources to export; empty means all.
        instruction_in_text: sentence-transformers: put the instruction before the anchor instead of into prompts.json.
        max_rows: ml-embed: greatest number of rows of a dataset.

    Raises:
        ConfigError: for an unknown split, or a number of rows that ML-Embed would sample again.
    """

    splits: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    instruction_in_text: bool = False
    max_rows: int = ML_EMBED_ROWS

    def __post_init__(self) -> None:
        unknown = [split for split in self.splits if split not in layout.SPLITS]
        if unknown:
            raise ConfigError(f"There is no split {unknown[0]!r}", hint=f"use one of {', '.join(layout.SPLITS)}")
        if not 1 <= self.max_rows <= ML_EMBED_ROWS:
            raise ConfigError(
                f"max_rows is {self.max_rows:,}",
                why=f"ML-Embed draws its own sample of a dataset with more than {ML_EMBED_ROWS:,} rows",
                hint=f"give a number from 1 to {ML_EMBED_ROWS}",
            )

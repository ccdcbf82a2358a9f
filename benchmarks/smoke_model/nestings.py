"""Each nesting with and without, and against principal components after the fact."""

from __future__ import annotations

import numpy as np

from benchmarks.smoke_model.corpus import Corpus
from benchmarks.smoke_model.study import run, with_options
from curation.training.smoke import Prepared

_VARIANTS: dict[str, tuple[dict[str, object], bool]] = {
    "all three, as by default": ({}, False),
    "no MRL": ({"nested": ["depth", "rank"]}, False),
    "no MLL": ({"nested": ["dimension", "rank"]}, False),
    "no MEL": ({"nested": ["dimension", "depth"]}, False),
    "no nesting": ({"nested": []}, False),
    "no nesting, principal axes after the fact": ({"nested": []}, True),
    "all three from the first step, not aligned": ({"nested_from": 0.0, "align": False}, False),
    "all three late, not aligned": ({"align": False}, False),
}


def compare(prepared: Prepared, corpus: Corpus, *, seeds: int) -> None:
    """Print accuracy along each axis, the others full, and at the smallest corner."""
    options = prepared.options
    depth, dim, rank = options.depth, options.dims[-1], options.ranks[-1]
    columns: dict[str, tuple[int, int, int]] = {"full": (depth, dim, rank)}
    columns |= {f"dim {value}": (depth, value, rank) for value in options.dims[:-1]}
    columns |= {f"rank {value}": (depth, dim, value) for value in options.ranks[:-1]}
    columns |= {f"exit {value}": (value, dim, rank) for value in range(depth)}
    columns["exit 1, dim, rank least"] = (1, options.dims[0], options.ranks[0])
    print(f"| variant ({options.steps:,} steps, {seeds} seeds) | CPU s | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 2) + "|")
    for name, (changes, after) in _VARIANTS.items():
        found = [
            run(with_options(prepared, **changes), corpus, seed=seed, aligned_after=after) for seed in range(seeds)
        ]
        cells = [f"{np.mean([one.cells[cell] for one in found]):.1f}" for cell in columns.values()]
        seconds = np.mean([one.cpu_seconds for one in found])
        print(f"| {name} | {seconds:.0f} | " + " | ".join(cells) + " |", flush=True)

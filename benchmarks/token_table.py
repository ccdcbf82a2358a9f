"""The product of the factorised token table: the paper's formulation beside rows taken first.

    python benchmarks/token_table.py [--tokens 151936] [--width 1024] [--full-rank 512] [--ranks 512 64] [--batch 2048]

Each line is one forward and backward pass on one thread: the processor's time, medians of runs that the formulations
do in turn. "product first" is `(U[:, :r] @ V[:r])[ids]`, as the paper's code has it; "rows first" is
`TokenTable.rows`, with a dense gradient of U and with a sparse one. The step of an optimiser is not part of it: with a
dense gradient it reads and writes all of U and its moments, whatever the batch holds. Token ids are drawn by Zipf's
law, as those of text are, or evenly with --even; the fewer are distinct, the more taking rows first gains.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch

from curation.training.token_table import TokenTable, random_factors

Formulation = Callable[[TokenTable, torch.Tensor, int], torch.Tensor]


def product_first(table: TokenTable, ids: torch.Tensor, rank: int) -> torch.Tensor:
    """Multiply the whole table, then take the rows of the batch."""
    return (table.u[:, :rank] @ table.v[:rank])[ids]


def rows_first(table: TokenTable, ids: torch.Tensor, rank: int) -> torch.Tensor:
    """Take distinct rows of U, then multiply."""
    return table.rows(ids, rank)


def seconds(formulation: Formulation, table: TokenTable, ids: torch.Tensor, rank: int, upstream: torch.Tensor) -> float:
    """Return the time of one forward and backward pass."""
    table.u.grad = table.v.grad = None
    begin = time.process_time()
    formulation(table, ids, rank).backward(upstream)
    return time.process_time() - begin


def draw(count: int, batch: int, *, even: bool) -> torch.Tensor:
    """Draw token ids from 0 to count - 1."""
    generator = torch.Generator().manual_seed(1)
    if even:
        return torch.randint(count, (batch,), generator=generator)
    weights = 1.0 / torch.arange(1, count + 1, dtype=torch.float64)
    return torch.multinomial(weights, batch, replacement=True, generator=generator)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=151_936)
    parser.add_argument("--width", type=int, default=1_024)
    parser.add_argument("--full-rank", type=int, default=512)
    parser.add_argument("--ranks", type=int, nargs="+", default=[512, 64])
    parser.add_argument("--batch", type=int, default=2_048, help="tokens of a batch")
    parser.add_argument("--even", action="store_true", help="draw ids evenly, almost all of them distinct")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    u, v = random_factors(
        given.tokens, given.full_rank, given.width, std=0.02, generator=torch.Generator().manual_seed(0)
    )
    ids = draw(given.tokens, given.batch, even=given.even)
    upstream = torch.randn(given.batch, given.width, generator=torch.Generator().manual_seed(2))
    contenders: dict[str, tuple[Formulation, TokenTable]] = {
        "product first": (product_first, TokenTable(u, v)),
        "rows first": (rows_first, TokenTable(u, v)),
        "rows first, sparse": (rows_first, TokenTable(u, v, sparse_gradient=True)),
    }
    print(f"V={given.tokens:,} d={given.width:,} R={given.full_rank}, {given.batch:,} tokens,")
    print(f"{len(ids.unique()):,} of them distinct\n\n{'rank':>6}{'':<22}{'ms':>10}{'ratio':>9}")
    for rank in given.ranks:
        taken: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(given.runs):
            for name, (formulation, table) in contenders.items():
                taken[name].append(seconds(formulation, table, ids, rank, upstream))
        base = median(taken["product first"])
        for name, times in taken.items():
            print(f"{rank:>6}  {name:<20}{1e3 * median(times):>10.1f}{base / median(times):>8.1f}x")


if __name__ == "__main__":
    main()

"""What the smoke model reaches, what each nesting is worth, and what a nested step costs.

    python -m benchmarks.smoke_model DATA RELEASE figure --seconds 60
    python -m benchmarks.smoke_model DATA RELEASE axes --steps 2000 --seeds 2
    python -m benchmarks.smoke_model DATA RELEASE step
    python -m benchmarks.smoke_model DATA RELEASE paper --steps 800 --seeds 2

DATA holds tatoeba/ and bible/; RELEASE is what `curate quickstart` made. One thread.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from benchmarks.smoke_model import nestings, paper, steps
from benchmarks.smoke_model.corpus import prepare, read_corpus
from benchmarks.smoke_model.study import run, steps_for, with_options
from curation.config.training import Training
from curation.gate.signal.held_out import lexical_hits
from curation.gate.signal.trial import macro_accuracy

OPTIONS = Training(vocabulary=64_000, tokenizer_lines=100_000, learning_rate=0.01, max_tokens=128)


def main() -> None:
    """Run one part of the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("release", type=Path)
    parser.add_argument("part", choices=["figure", "axes", "step", "paper"])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--cache", type=Path, default=Path("tokenizers"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    corpus = read_corpus(arguments.data, arguments.release)
    prepared = prepare(corpus, OPTIONS, arguments.cache)
    print(f"{len(corpus.train):,} training pairs, {len(corpus.held_out)} languages held out")
    if arguments.part == "step":
        steps.compare(prepared)
    elif arguments.part == "axes":
        nestings.compare(with_options(prepared, steps=arguments.steps), corpus, seeds=arguments.seeds)
    elif arguments.part == "paper":
        paper.compare(with_options(prepared, steps=arguments.steps), corpus, seeds=arguments.seeds)
    else:
        lexical = 100 * macro_accuracy(lexical_hits(corpus.held_out))
        count = steps_for(prepared, arguments.seconds)
        outcomes = [run(with_options(prepared, steps=count), corpus, seed=seed) for seed in range(arguments.seeds)]
        full, corner = (OPTIONS.depth, OPTIONS.dims[-1], OPTIONS.ranks[-1]), (1, OPTIONS.dims[0], OPTIONS.ranks[0])
        print(f"{count:,} steps, CPU s {', '.join(f'{one.cpu_seconds:.0f}' for one in outcomes)}; TF-IDF {lexical:.1f}")
        for name, cell in (("full", full), ("corner", corner)):
            values = [one.cells[cell] for one in outcomes]
            print(f"{name} {cell}: {np.mean(values):.1f} ({', '.join(f'{value:.1f}' for value in values)})")


if __name__ == "__main__":
    main()

"""What a nested model is worth at every cell of depth x dimension x rank: in each language, with intervals.

Retrieval is measured on held-out pairs, classes by two probes. `bootstrap` says how sure a figure is. Models are
known by `Encoder` alone.
"""

from curation.training.evaluation.encoder import Encoder
from curation.training.evaluation.grid import (
    Cell,
    Evaluation,
    Outcome,
    evaluate,
    evaluate_all,
    evaluate_grid,
    full_similarities,
    macro,
    pair_exits,
)
from curation.training.evaluation.pairs import PairSet, sample_pairs
from curation.training.evaluation.retrieval import Score, pair_similarities, retrieval_ranks, retrieval_score

__all__ = [
    "Cell",
    "Encoder",
    "Evaluation",
    "Outcome",
    "PairSet",
    "Score",
    "evaluate",
    "evaluate_all",
    "evaluate_grid",
    "full_similarities",
    "macro",
    "pair_exits",
    "pair_similarities",
    "retrieval_ranks",
    "retrieval_score",
    "sample_pairs",
]

"""Rules of mining by the name of the recipe that they are from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Preset = Literal["f2llm", "nv-percpos95", "bge-10-210", "kalm-50-100", "st-default"]

_NO_RULES: Mapping[str, Any] = {"skip_rank": 0, "max_score": None, "max_positive_ratio": None}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # F2LLM (arXiv 2510.02294), whose multilingual successors keep it: 100 nearest, 5 left out, 24 kept.
    "f2llm": {
        "num_negatives": 24,
        "negatives_by_task": {"classification": 1},
        "top_k": 100,
        "skip_rank": 5,
        "max_score": 0.8,
        "max_positive_ratio": 0.95,
    },
    # NV-Retriever (arXiv 2407.15831), "TopK-PercPos" with 95 %.
    "nv-percpos95": {**_NO_RULES, "num_negatives": 4, "top_k": 100, "max_positive_ratio": 0.95},
    # FlagEmbedding's hn_mine: `range_for_sampling` 10-210, 15 drawn at random.
    "bge-10-210": {**_NO_RULES, "num_negatives": 15, "top_k": 210, "skip_rank": 10, "sampling": "random"},
    # KaLM-Embedding-V2 (arXiv 2506.20923): 7 drawn from ranks 50 to 100.
    "kalm-50-100": {**_NO_RULES, "num_negatives": 7, "top_k": 100, "skip_rank": 50, "sampling": "random"},
    # sentence-transformers' mine_hard_negatives without arguments: the 3 nearest.
    "st-default": {**_NO_RULES, "num_negatives": 3, "top_k": 3},
}
"""What each preset sets; whatever a config says itself takes precedence."""

"""Groups of connected pairs, held-out splits, and quotas by temperature."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from benchmarks.glued_pipeline.duplicates import Sets, fold, near_pairs

TEST_SHARE, LARGEST_SHARE = 0.05, 0.01
TEMPERATURE = 0.3


def add_groups(pairs: pd.DataFrame) -> pd.DataFrame:
    """Add the column `group`: pairs with equal or nearly equal texts on either side are in one."""
    folded = [[fold(text) for text in pairs[side]] for side in ("query", "positive")]
    texts: dict[str, int] = {}
    numbers = [[texts.setdefault(text, len(texts)) for text in side] for side in folded]
    sets = Sets(len(texts))
    for first, second in zip(*numbers, strict=True):
        sets.join(first, second)
    for first, second in near_pairs(list(texts)):
        sets.join(first, second)
    return pairs.assign(group=sets.roots()[np.array(numbers[0], dtype=np.int64)])


def add_splits(pairs: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Add the column `split`: whole groups are held out, large ones never."""
    first_ids = pairs.groupby("group")["id"].transform("min")
    sizes = pairs.groupby("group")["id"].transform("size")
    draws = {name: _uniform(name, seed) for name in first_ids.unique()}
    held = (first_ids.map(draws) < TEST_SHARE) & (sizes <= LARGEST_SHARE * len(pairs))
    return pairs.assign(split=np.where(held, "test", "train"))


def fill_quota(pairs: pd.DataFrame, budget: int | None = None, seed: int = 0) -> pd.DataFrame:
    """Keep the rows of each language's quota, the first by hash; languages share a budget by temperature."""
    available = pairs["language"].value_counts(sort=False)
    quota = temperature_quota(available.to_numpy(), len(pairs) if budget is None else budget)
    draws = np.fromiter((_uniform(name, seed) for name in pairs["id"]), dtype=np.float64, count=len(pairs))
    ranks = pd.Series(draws, pairs.index).groupby(pairs["language"]).rank(method="first")
    wanted = pairs["language"].map(dict(zip(available.index, quota, strict=True)))
    return pairs[ranks <= wanted].reset_index(drop=True)


def temperature_quota(available: np.ndarray, budget: int) -> np.ndarray:
    """Return rows of each language, int64 (n,): shares as counts to the temperature, none above what there is."""
    quota = np.zeros(len(available), dtype=np.float64)
    weights = (available / available.sum()) ** TEMPERATURE
    open_ = np.ones(len(available), dtype=bool)
    while open_.any() and budget - quota.sum() > 1e-6:
        left = budget - quota[~open_].sum()
        quota[open_] = left * weights[open_] / weights[open_].sum()
        full = open_ & (quota >= available)
        quota[full] = available[full]
        open_ &= ~full
        if not full.any():
            break
    return np.floor(quota + 1e-9).astype(np.int64)


def _uniform(name: str, seed: int) -> float:
    return int.from_bytes(hashlib.blake2b(f"{seed} {name}".encode(), digest_size=8).digest(), "big") / 2**64

"""The same negatives as `sentence_transformers.util.mine_hard_negatives`, on its own semantics and random vectors.

Its names: `range_min` is our `skip_survivors`, `range_max` our `top_k`, `relative_margin` m our `max_positive_ratio`
1 - m, `absolute_margin` our `positive_margin`. Two things differ, and are made up for here rather than in our code:

- Its window. It fetches `range_max + max_positives` columns for every query, where `max_positives` is that of the query
  with the most, and only then takes the positives out. A query whose positives are among these columns so looks at
  `range_max + max_positives - positives found` ranks of other passages, which is `range_max` only if it has
  `max_positives` of them and all were found. `window` counts them, and our `top_k` is set to that, query by query.
- Equality. It keeps a score that equals a bound and we do not, and ties stand in another order; random vectors have
  neither.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.config.mining import Mining
from curation.hashing import priority
from curation.mining import mine_hard_negatives
from curation.mining.ragged import Exclusions, Ragged
from curation.mining.rules import Rules, Side, judge
from curation.mining.search.candidates import Vectors
from curation.mining.search.exact import nearest
from curation.mining.selection import Draw, Selector

pytest.importorskip("sentence_transformers")
pytest.importorskip("datasets")

Found = list[list[int]]


@dataclass(frozen=True, slots=True)
class World:
    """Random unit vectors, and the rows of each query's positives."""

    queries: Vectors
    passages: Vectors
    positives: list[list[int]]

    def cosines(self) -> npt.NDArray[np.float64]:
        return self.queries.astype(np.float64) @ self.passages.astype(np.float64).T


def unit(vectors: npt.NDArray[np.floating]) -> Vectors:
    result: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return result


def world(seed: int, queries: int, passages: int, dimensions: int = 12, most_positives: int = 1) -> World:
    """Return queries that lie near their positives, as they do for a teacher worth its name, but not all equally."""
    generator = np.random.default_rng(seed)
    corpus = unit(generator.standard_normal((passages, dimensions)))
    counts = generator.integers(1, most_positives + 1, queries)
    positives = [generator.choice(passages, count, replace=False).tolist() for count in counts]
    centres = np.stack([corpus[own].mean(axis=0) for own in positives])
    noise = generator.uniform(0.1, 1.5, (queries, 1)) * generator.standard_normal((queries, dimensions))
    return World(unit(centres + noise / np.sqrt(dimensions)), corpus, positives)


def names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def by_sentence_transformers(world: World, **options: Any) -> tuple[Found, list[list[float]]]:
    """Run the library's own miner with a model whose vectors are chosen, a token a text."""
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from sentence_transformers.util import mine_hard_negatives as theirs
    from tokenizers import Tokenizer, models

    queries, passages = names("q", len(world.queries)), names("p", len(world.passages))
    tokenizer = Tokenizer(
        models.WordLevel({text: number for number, text in enumerate(queries + passages)}, unk_token="q0")
    )
    weights = np.concatenate([world.queries, world.passages])
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=weights)], device="cpu")
    pairs = [(queries[query], passages[row]) for query, own in enumerate(world.positives) for row in own]
    dataset = Dataset.from_dict({"query": [pair[0] for pair in pairs], "positive": [pair[1] for pair in pairs]})
    # With `labeled-list` short rows are kept as they are; `n-tuple` drops them.
    mined = theirs(
        dataset, model, corpus=passages, output_format="labeled-list", output_scores=True, verbose=False, **options
    )
    found: Found = [[] for _ in queries]
    scores: list[list[float]] = [[] for _ in queries]
    for query, texts, values in zip(mined["query"], mined["positive"], mined["scores"], strict=True):
        # The first of each list is the positive; a query with several positives has a list for each.
        found[int(query[1:])], scores[int(query[1:])] = [int(text[1:]) for text in texts[1:]], values[1:]
    return found, scores


def window(world: World, range_max: int) -> npt.NDArray[np.int64]:
    """Return how many ranks of each query it looks at, without the positives."""
    fetched = min(range_max + max(map(len, world.positives)), len(world.passages))
    first = np.argsort(-world.cosines(), axis=1)[:, :fetched]
    found = [len(set(own) & set(row)) for own, row in zip(world.positives, first.tolist(), strict=True)]
    return fetched - np.array(found)


def ours(world: World, range_max: int, **options: Any) -> tuple[Found, list[list[float]]]:
    found: Found = [[] for _ in world.queries]
    scores: list[list[float]] = [[] for _ in world.queries]
    ranks = window(world, range_max)
    for top_k in np.unique(ranks[ranks > 0]).tolist():
        queries = np.flatnonzero(ranks == top_k)
        own = [world.positives[query] for query in queries]
        rows, values = mine_hard_negatives(world.queries[queries], world.passages, own, top_k=top_k, **options)
        for query, some, some_values in zip(queries.tolist(), rows, values, strict=True):
            found[query], scores[query] = some[some >= 0].tolist(), some_values[some >= 0].tolist()
    return found, scores


def check_same(
    world: World,
    *,
    num_negatives: int,
    range_min: int,
    range_max: int,
    max_score: float | None = None,
    min_score: float | None = None,
    relative_margin: float | None = None,
    absolute_margin: float | None = None,
) -> Found:
    theirs, their_scores = by_sentence_transformers(
        world,
        num_negatives=num_negatives,
        range_min=range_min,
        range_max=range_max,
        max_score=max_score,
        min_score=min_score,
        relative_margin=relative_margin,
        absolute_margin=absolute_margin,
        sampling_strategy="top",
    )
    found, scores = ours(
        world,
        range_max,
        num_negatives=num_negatives,
        skip_rank=0,
        skip_survivors=range_min,
        max_score=np.inf if max_score is None else max_score,
        min_score=-np.inf if min_score is None else min_score,
        max_positive_ratio=np.inf if relative_margin is None else 1 - relative_margin,
        positive_margin=-np.inf if absolute_margin is None else absolute_margin,
    )
    assert found == theirs
    for mine, other in zip(scores, their_scores, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-5)
    return found


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    queries=st.integers(1, 8),
    passages=st.integers(4, 60),
    most_positives=st.integers(1, 4),
    num_negatives=st.integers(1, 6),
    range_min=st.integers(0, 6),
    spare=st.integers(0, 30),
    max_score=st.none() | st.floats(-0.5, 1.0),
    min_score=st.none() | st.floats(-0.9, 0.3),
    relative_margin=st.none() | st.floats(-0.2, 0.5),
    absolute_margin=st.none() | st.floats(-0.2, 0.6),
)
def test_the_same_negatives_in_the_same_order_for_any_rules(
    seed: int, queries: int, passages: int, most_positives: int, num_negatives: int, range_min: int, spare: int,
    max_score: float | None, min_score: float | None, relative_margin: float | None, absolute_margin: float | None,
) -> None:  # fmt: skip
    check_same(
        world(seed, queries, passages, most_positives=most_positives),
        num_negatives=num_negatives,
        range_min=range_min,
        range_max=range_min + num_negatives + spare,
        max_score=max_score,
        min_score=min_score,
        relative_margin=relative_margin,
        absolute_margin=absolute_margin,
    )


# How each preset is called there. `range_min` is what its authors' recipe says, whatever it counts.
CALLS: dict[str, dict[str, Any]] = {
    "f2llm": {"num_negatives": 24, "range_min": 5, "range_max": 100, "max_score": 0.8, "relative_margin": 0.05},
    "nv-percpos95": {"num_negatives": 4, "range_min": 0, "range_max": 100, "relative_margin": 0.05},
    "st-default": {"num_negatives": 3, "range_min": 0, "range_max": 3},
}


@pytest.mark.parametrize("preset", CALLS)
@pytest.mark.parametrize("most_positives", [1, 3])
def test_presets(preset: str, most_positives: int) -> None:
    rules, call = Rules.from_options(Mining(preset=preset)), CALLS[preset]  # type: ignore[arg-type]
    assert rules.num_negatives == call["num_negatives"]
    assert rules.top_k == call["range_max"]
    assert rules.skip_rank == call["range_min"]
    assert rules.max_score == call.get("max_score", np.inf)
    assert rules.max_positive_ratio == (1 - call["relative_margin"] if "relative_margin" in call else np.inf)
    found = check_same(world(11, 40, 400, dimensions=10, most_positives=most_positives), **call)
    # The case is no empty one: most queries get all their negatives, and where rules reject some, some get none.
    assert np.mean([len(some) == rules.num_negatives for some in found]) > 0.4


def test_f2llm_as_it_is_where_no_rule_rejects_anything() -> None:
    """The skip of ranks is the skip of survivors exactly where all survive."""
    generator = np.random.default_rng(5)
    passages = unit(generator.standard_normal((300, 48)))
    # Unrelated passages have cosines below 0.8 and below 95 % of the positive's in 48 dimensions.
    near = unit(passages[:20] + 0.05 * generator.standard_normal((20, 48)))
    case = World(near, passages, [[row] for row in range(20)])
    theirs, _ = by_sentence_transformers(case, **CALLS["f2llm"])
    rows, _ = mine_hard_negatives(case.queries, case.passages, case.positives)
    assert rows.tolist() == theirs
    assert all(len(set(some)) == 24 for some in theirs)


DRAWN = {"bge-10-210": (10, 210, 15), "kalm-50-100": (50, 100, 7)}


def drawn_by_us(case: World, rules: Rules, seed: int) -> Found:
    """Draw as the stage does."""
    positives = np.array([own[0] for own in case.positives])
    exclusions = Exclusions.from_rows(Ragged.one_each(positives))
    candidates = nearest(case.queries, case.passages, rules.top_k, exclusions)
    scores = case.cosines()[np.arange(len(positives)), positives].astype(np.float32)
    draw = Draw(priority(names("q", len(positives)), "q", seed), priority(names("p", len(case.passages)), "p", seed))
    selector = Selector(np.full(len(positives), rules.num_negatives), rules.skip_survivors, draw)
    taken, _ = selector.take(candidates, judge(candidates, Side.of(candidates.scores, scores, rules), rules))
    return [rows[some].tolist() for rows, some in zip(candidates.rows, taken, strict=True)]


@pytest.fixture
def seeded() -> Iterator[None]:
    """Seed the global generator that the library draws from, and put it back."""
    state = random.getstate()
    random.seed(1)
    yield
    random.setstate(state)


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("preset", DRAWN)
def test_random_presets_draw_from_the_same_candidates(preset: str) -> None:
    rules = Rules.from_options(Mining(preset=preset))  # type: ignore[arg-type]
    range_min, range_max, count = DRAWN[preset]
    # Of many passages and strong positives: each is found, so that the window is `range_max` ranks for all.
    case = world(3, 12, 500, dimensions=16)
    case = World(unit(case.passages[:12] + 0.1 * case.queries), case.passages, [[row] for row in range(12)])
    everything, _ = by_sentence_transformers(
        case, num_negatives=range_max - range_min, range_min=range_min, range_max=range_max
    )
    rows, _ = mine_hard_negatives(
        case.queries,
        case.passages,
        case.positives,
        num_negatives=rules.top_k - rules.skip_rank,
        top_k=rules.top_k,
        skip_rank=rules.skip_rank,
        max_score=rules.max_score,
        max_positive_ratio=rules.max_positive_ratio,
    )
    assert rows.tolist() == everything
    draws, _ = by_sentence_transformers(
        case, num_negatives=count, range_min=range_min, range_max=range_max, sampling_strategy="random"
    )
    for some in (draws, *(drawn_by_us(case, rules, seed) for seed in range(3))):
        assert all(len(set(own)) == count == rules.num_negatives for own in some)
        assert all(set(own) <= set(pool) for own, pool in zip(some, everything, strict=True))
    # Over many draws nothing of the pool is out of reach.
    seen = [set().union(*parts) for parts in zip(*(drawn_by_us(case, rules, seed) for seed in range(150)), strict=True)]
    assert all(len(own) > 0.99 * len(pool) for own, pool in zip(seen, everything, strict=True))

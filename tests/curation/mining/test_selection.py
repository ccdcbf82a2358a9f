from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.hashing import priority
from curation.mining.rules import Rules, Side, Verdict, Verdicts, judge
from curation.mining.search.candidates import Candidates
from curation.mining.selection import Draw, Selector, as_matrix, count_verdicts, select

OK, ABSENT, SKIP, TOP, MAX = (Verdict(value) for value in range(5))
DUPLICATE = Verdict.NEAR_DUPLICATE


def ranked(*rows: list[int]) -> Candidates:
    """Return candidates of some queries with falling scores; -1 stands for none."""
    matrix = np.array(rows, dtype=np.int64).reshape(len(rows), -1)
    scores = np.broadcast_to(np.linspace(0.9, 0.1, matrix.shape[1], dtype=np.float32), matrix.shape)
    return Candidates(matrix, np.where(matrix < 0, np.float32(-np.inf), scores))


def open_to(candidates: Candidates) -> Verdicts:
    return np.where(candidates.rows < 0, ABSENT, OK).astype(np.int8)


def taken_rows(candidates: Candidates, taken: np.ndarray) -> list[list[int]]:
    return [rows[some].tolist() for rows, some in zip(candidates.rows, taken, strict=True)]


def draw_of(queries: int, rows: int, seed: int = 0) -> Draw:
    ids = priority([f"q{n}" for n in range(queries)], "query", seed), priority([f"p{n}" for n in range(rows)], "row", 0)
    return Draw(*ids)


@pytest.mark.parametrize(
    ("wanted", "skip_survivors", "verdicts", "expected"),
    [
        (2, 0, [OK, OK, OK, OK, ABSENT], [10, 11]),
        (2, 0, [SKIP, MAX, OK, OK, ABSENT], [12, 13]),
        (2, 1, [OK, OK, OK, OK, ABSENT], [11, 12]),
        (2, 1, [SKIP, OK, MAX, OK, ABSENT], [13]),
        (9, 0, [OK, MAX, OK, TOP, ABSENT], [10, 12]),
        (0, 0, [OK, OK, OK, OK, ABSENT], []),
        (2, 9, [OK, OK, OK, OK, ABSENT], []),
    ],
)
def test_the_nearest_eligible_are_taken(
    wanted: int, skip_survivors: int, verdicts: list[Verdict], expected: list[int]
) -> None:
    candidates = ranked([10, 11, 12, 13, -1])
    taken, final = Selector(np.array([wanted]), skip_survivors).take(candidates, np.array([verdicts], dtype=np.int8))
    assert taken_rows(candidates, taken) == [expected]
    assert final.tolist() == [verdicts]


def test_skipped_survivors_are_counted_after_the_rules_and_skipped_ranks_before() -> None:
    candidates = ranked(list(range(8)))  # scores from 0.9 down in equal steps
    wanted = np.array([8])
    options = {"num_negatives": 8, "top_k": 8, "max_score": 0.7, "max_positive_ratio": np.inf}
    by_rank, by_survivor = (Rules(**options, skip_rank=skip, skip_survivors=2 - skip) for skip in (2, 0))
    positives = np.ones(1, dtype=np.float32)
    got = [
        taken_rows(
            candidates,
            Selector(wanted, rules.skip_survivors).take(
                candidates, judge(candidates, Side.of(candidates.scores, positives, rules), rules)
            )[0],
        )
        for rules in (by_rank, by_survivor)
    ]
    # Two candidates stand above 0.7: the two skipped ranks are these, the two skipped survivors are the next.
    assert got == [[[2, 3, 4, 5, 6, 7]], [[4, 5, 6, 7]]]


@given(st.integers(0, 5), st.integers(0, 4), st.integers(1, 6), st.randoms(use_true_random=False))
def test_a_random_draw_is_a_function_of_ids_and_not_of_places(
    skip: int, wanted: int, queries: int, random: object
) -> None:
    generator = np.random.default_rng(random.getrandbits(32))  # type: ignore[attr-defined]
    rows = np.stack([generator.permutation(30)[:12] for _ in range(queries)])
    candidates, draw = ranked(*rows.tolist()), draw_of(queries, 30)
    verdicts = np.where(generator.random(rows.shape) < 0.7, OK, MAX).astype(np.int8)
    selector = Selector(np.full(queries, wanted), skip, draw)
    taken, _ = selector.take(candidates, verdicts)
    expected = []
    for query in range(queries):
        eligible = [row for row, verdict in zip(rows[query], verdicts[query], strict=True) if verdict == OK][skip:]
        keys = Draw(draw.queries[[query]], draw.rows).of(ranked(eligible))[0]
        chosen = {row for _, row in sorted(zip(keys.tolist(), eligible, strict=True))[:wanted]}
        expected.append([row for row in rows[query].tolist() if row in chosen])
    assert taken_rows(candidates, taken) == expected
    order = generator.permutation(queries)
    again, _ = Selector(np.full(queries, wanted), skip, Draw(draw.queries[order], draw.rows)).take(
        Candidates(candidates.rows[order], candidates.scores[order]), verdicts[order]
    )
    assert taken_rows(Candidates(candidates.rows[order], candidates.scores), again) == [expected[n] for n in order]


def test_a_random_draw_is_uniform_over_all_that_is_eligible() -> None:
    queries, k, wanted = 6000, 10, 3
    candidates = ranked(*[list(range(k))] * queries)
    verdicts = open_to(candidates)
    verdicts[:, 7] = MAX
    taken, _ = Selector(np.full(queries, wanted), 2, draw_of(queries, k)).take(candidates, verdicts)
    counts = taken.sum(axis=0)
    assert counts[[0, 1, 7]].tolist() == [0, 0, 0]
    # 3 of the 7 that are left: a binomial with a standard deviation of 38.
    share = queries * wanted / 7
    assert np.abs(counts[[2, 3, 4, 5, 6, 8, 9]] - share).max() < 5 * np.sqrt(share * (1 - wanted / 7))
    together = Counter(tuple(row) for row in taken_rows(candidates, taken))
    assert len(together) == 35, "each of the 35 sets of three has its chance"
    assert max(together.values()) < 2 * min(together.values())


def test_another_seed_draws_others_and_the_same_seed_the_same() -> None:
    candidates = ranked(*[list(range(40))] * 50)
    first, same, other = (
        Selector(np.full(50, 5), 0, draw_of(50, 40, seed)).take(candidates, open_to(candidates))[0]
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert (first != other).any(axis=1).mean() > 0.9


def by_the_words_of_the_hub_cap(rows: np.ndarray, order: list[int], wanted: int, cap: int) -> dict[int, list[int]]:
    uses: Counter[int] = Counter()
    chosen: dict[int, list[int]] = {}
    for query in order:
        chosen[query] = [row for row in rows[query].tolist() if row >= 0 and uses[row] < cap][:wanted]
        uses.update(chosen[query])
    return chosen


@given(st.integers(1, 12), st.integers(1, 3), st.integers(1, 4), st.integers(0, 2**32))
def test_the_hub_cap_is_greedy_in_the_order_of_choosing(queries: int, wanted: int, cap: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    rows = np.stack([generator.permutation(8)[:6] for _ in range(queries)])
    rows[generator.random(queries) < 0.3, 4:] = -1
    order = generator.permutation(queries)
    candidates = ranked(*rows.tolist())
    selector = Selector(np.full(queries, wanted), hub_cap=cap, order=order)
    taken, verdicts = selector.take(candidates, open_to(candidates))
    expected = by_the_words_of_the_hub_cap(rows, order.tolist(), wanted, cap)
    assert taken_rows(candidates, taken) == [expected[query] for query in range(queries)]
    assert max(Counter(rows[taken].tolist()).values(), default=0) <= cap
    assert not (taken & (verdicts != OK)).any()
    # The same queries in another order of rows, choosing in the same turn, get the same.
    places = generator.permutation(queries)
    turned = Candidates(candidates.rows[places], candidates.scores[places])
    turn = np.argsort(places)[order]
    again, _ = Selector(np.full(queries, wanted), hub_cap=cap, order=turn).take(turned, open_to(turned))
    assert taken_rows(turned, again) == [expected[query] for query in places.tolist()]


class Judge:
    """Rejects some pairs of query and row, and keeps account of what it was asked."""

    def __init__(self, candidates: Candidates, wrong: set[tuple[int, int]]) -> None:
        self.candidates, self.wrong = candidates, wrong
        self.asked: Counter[tuple[int, int]] = Counter()

    def __call__(self, queries: np.ndarray, ranks: np.ndarray) -> np.ndarray:
        pairs = list(zip(queries.tolist(), self.candidates.rows[queries, ranks].tolist(), strict=True))
        self.asked.update(pairs)
        return np.array([pair in self.wrong for pair in pairs], dtype=bool)


def test_costly_checks_are_asked_only_about_what_would_be_taken_and_replaced() -> None:
    candidates = ranked([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [9, 8, -1, -1, -1, -1])
    check = Judge(candidates, {(0, 1), (0, 2), (2, 9)})
    verdicts = open_to(candidates)
    taken, final = select(candidates, verdicts, Selector(np.full(3, 2)), {DUPLICATE: check})
    assert taken_rows(candidates, taken) == [[0, 3], [5, 4], [8]]
    assert check.asked == Counter([(0, 0), (0, 1), (0, 2), (0, 3), (1, 5), (1, 4), (2, 9), (2, 8)]), "each once"
    assert final.tolist() == [[OK, 8, 8, OK, OK, OK], [OK] * 6, [8, OK, *[ABSENT] * 4]]
    assert (verdicts == open_to(candidates)).all(), "what came in is left alone"


def test_a_second_check_is_not_asked_about_what_the_first_rejected() -> None:
    candidates = ranked([0, 1, 2, 3])
    first, second = Judge(candidates, {(0, 0)}), Judge(candidates, {(0, 1)})
    checks = {DUPLICATE: first, Verdict.CROSS_ENCODER: second}
    taken, final = select(candidates, open_to(candidates), Selector(np.array([1])), checks)
    assert taken_rows(candidates, taken) == [[2]]
    assert final[0, :3].tolist() == [DUPLICATE, Verdict.CROSS_ENCODER, OK]
    assert (set(first.asked), set(second.asked)) == ({(0, 0), (0, 1), (0, 2)}, {(0, 1), (0, 2)})


def test_only_what_passes_the_checks_is_a_survivor_that_is_skipped() -> None:
    candidates = ranked([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5])
    check = Judge(candidates, {(0, 0), (0, 2)})
    taken, _ = select(candidates, open_to(candidates), Selector(np.array([2, 0]), skip_survivors=2), {DUPLICATE: check})
    # 1 and 3 are the two nearest survivors.
    assert taken_rows(candidates, taken) == [[4, 5], []]
    assert check.asked == Counter([(0, row) for row in range(6)]), "nothing is asked for a query that takes nothing"


def test_what_a_check_rejects_frees_its_place_under_the_hub_cap() -> None:
    candidates = ranked([0, 1], [0, 2])
    check = Judge(candidates, {(0, 0)})
    selector = Selector(np.ones(2, dtype=np.int64), hub_cap=1, order=np.arange(2))
    taken, _ = select(candidates, open_to(candidates), selector, {DUPLICATE: check})
    assert taken_rows(candidates, taken) == [[1], [0]]


@given(st.integers(1, 5), st.integers(0, 4), st.booleans(), st.integers(0, 2**32))
def test_whatever_is_taken_has_passed_every_check(queries: int, wanted: int, is_random: bool, seed: int) -> None:
    generator = np.random.default_rng(seed)
    rows = np.stack([generator.permutation(12)[:8] for _ in range(queries)])
    candidates = ranked(*rows.tolist())
    wrong = {(query, row) for query in range(queries) for row in range(12) if generator.random() < 0.5}
    check = Judge(candidates, wrong)
    selector = Selector(np.full(queries, wanted), draw=draw_of(queries, 12) if is_random else None)
    taken, final = select(candidates, open_to(candidates), selector, {DUPLICATE: check})
    for query, some in enumerate(taken_rows(candidates, taken)):
        sound = [row for row in rows[query].tolist() if (query, row) not in wrong]
        assert len(some) == min(wanted, len(sound))
        assert set(some) <= set(sound)
        if not is_random:
            assert some == sound[:wanted]
    assert max(check.asked.values(), default=0) <= 1
    assert (final[taken] == OK).all()


def test_the_matrix_of_what_is_taken_is_filled_up() -> None:
    candidates = ranked([4, 5, 6], [7, -1, -1], [8, 9, 3])
    taken = np.array([[False, True, True], [False, False, False], [True, False, False]])
    rows, scores = as_matrix(candidates, taken, 3)
    assert rows.tolist() == [[5, 6, -1], [-1, -1, -1], [8, -1, -1]]
    assert scores[0].tolist() == [*candidates.scores[0, 1:].tolist(), -np.inf]
    assert (rows.dtype, scores.dtype) == (np.int64, np.float32)


def test_verdicts_are_counted_for_each_query() -> None:
    verdicts = np.array([[OK, OK, MAX], [ABSENT, ABSENT, ABSENT]], dtype=np.int8)
    counts = count_verdicts(verdicts)
    assert counts.shape == (2, len(Verdict))
    assert counts[0, [OK, MAX]].tolist() == [2, 1]
    assert counts[1, ABSENT] == counts[1].sum() == 3

from __future__ import annotations

import time
from fractions import Fraction
from itertools import pairwise, product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from curation.errors import CurationError
from curation.quota import QuotaError, allocate

METHODS = st.sampled_from(["temperature", "unimax"])
SIZES = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(0, 10**7), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("available", "budget", "options", "expected"),
    [
        # Natural shares: 60 x 100/111 = 54.05, 60 x 10/111 = 5.41, 60/111 = 0.54; the last unit goes to the 0.54.
        ({"a": 100, "b": 10, "c": 1}, 60, {"temperature": 1.0}, {"a": 54, "b": 5, "c": 1}),
        # Weights 10 and 5: two thirds and one third.
        ({"a": 100, "b": 25}, 30, {"temperature": 0.5}, {"a": 20, "b": 10}),
        # Uniform would be 20 each; c and b are full, and a takes the rest.
        ({"a": 100, "b": 10, "c": 1}, 60, {"temperature": 0.0}, {"a": 49, "b": 10, "c": 1}),
        ({"a": 100, "b": 10, "c": 1}, 60, {"method": "unimax"}, {"a": 49, "b": 10, "c": 1}),
        # Two epochs: b may have 20 and c 2.
        ({"a": 100, "b": 10, "c": 1}, 60, {"method": "unimax", "max_epochs": 2.0}, {"a": 38, "b": 20, "c": 2}),
        # The floor lifts c from 0.54 rows and b from 5.41, as far as they have rows.
        ({"a": 100, "b": 10, "c": 1}, 60, {"temperature": 1.0, "floor": 8}, {"a": 51, "b": 8, "c": 1}),
        ({"a": 100, "b": 60, "c": 50}, 60, {"temperature": 1.0, "cap": 25}, {"a": 25, "b": 19, "c": 16}),
        # Equal remainders: the first by language gets the odd row.
        ({"swh_Latn": 9, "amh_Ethi": 9}, 5, {}, {"amh_Ethi": 3, "swh_Latn": 2}),
        ({"a": 9, "b": 9, "c": 9}, 2, {"method": "unimax"}, {"a": 1, "b": 1, "c": 0}),
        ({"a": 10}, 11, {"max_epochs": 1.1}, {"a": 11}),
        ({"a": 5, "none": 0}, 5, {}, {"a": 5, "none": 0}),
        ({"a": 5}, 0, {}, {"a": 0}),
        ({}, 0, {}, {}),
        ({"a": 500, "b": 20}, None, {}, {"a": 500, "b": 20}),
        ({"a": 500, "b": 20}, None, {"cap": 100}, {"a": 100, "b": 20}),
        ({"a": 500, "b": 20}, None, {"max_epochs": 4.0}, {"a": 500, "b": 20}),
    ],
)
def test_hand_worked(available, budget, options, expected):
    assert allocate(available, budget, **options) == expected


@pytest.mark.parametrize(
    ("available", "budget", "options", "what", "hint"),
    [
        (
            {"a": 400, "b": 120}, 500, {"cap": 300},
            "budget 500 exceeds what is available under cap: 420",
            "lower the budget to 420 or raise the cap to 380",
        ),
        ({"a": 400, "b": 20}, 500, {}, "budget 500 exceeds what is available: 420", "lower the budget to 420"),
        ({"a": 400, "b": 20}, 500, {"cap": 9}, "budget 500 exceeds what is available under cap: 18",
         "lower the budget to 18"),
        ({"a": 100, "b": 10, "c": 1}, 10, {"floor": 8}, "floor 8 needs 17 rows, more than the budget of 10",
         "lower floor to 4 or raise budget to 17"),
        ({"a": 5}, 5, {"method": "natural"}, "method cannot be 'natural'", "`temperature` or `unimax`"),
        ({"a": 5}, 5, {"temperature": 1.5}, "temperature cannot be 1.5", "from 0 to 1"),
        ({"a": 5}, 5, {"temperature": float("nan")}, "temperature cannot be nan", "from 0 to 1"),
        ({"a": 5}, 5, {"max_epochs": 0.0}, "max_epochs cannot be 0.0", "positive"),
        ({"a": 5}, -1, {}, "budget cannot be -1", "positive"),
        ({"a": 5}, 5, {"floor": -1}, "floor cannot be -1", "0 or more"),
        ({"a": 5}, 5, {"cap": -1}, "cap cannot be -1", "positive"),
        ({"swh_Latn": -3}, 5, {}, "language swh_Latn cannot have -3 rows", ""),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_the_smallest_relaxation(available, budget, options, what, hint):
    with pytest.raises(QuotaError) as caught:
        allocate(available, budget, **options)
    assert caught.value.what == what
    assert hint in caught.value.hint
    assert isinstance(caught.value, CurationError)
    assert caught.value.exit_code == 2


@st.composite
def feasible(draw):
    """Draw arguments that some allocation meets."""
    available = draw(SIZES)
    epochs = draw(st.sampled_from([0.5, 1.0, 1.1, 3.0]))
    cap = draw(st.none() | st.integers(0, 10**7))
    uppers = {k: min(int(n * Fraction(str(epochs))), n * 10 if cap is None else cap) for k, n in available.items()}
    floor = draw(st.integers(0, 1000))
    least = sum(min(floor, upper) for upper in uppers.values())
    budget = draw(st.integers(least, sum(uppers.values())))
    return available, budget, {"max_epochs": epochs, "cap": cap, "floor": floor}, uppers


@settings(deadline=None, max_examples=50)
@given(feasible(), METHODS, st.floats(0, 1))
def test_the_sum_is_exact_and_the_bounds_hold(arguments, method, temperature):
    available, budget, bounds, uppers = arguments
    rows = allocate(available, budget, method=method, temperature=temperature, **bounds)
    assert sum(rows.values()) == budget
    assert all(min(bounds["floor"], uppers[k]) <= rows[k] <= uppers[k] for k in available)


@settings(deadline=None, max_examples=50)
@given(feasible(), METHODS, st.floats(0, 1), st.randoms(use_true_random=False))
def test_the_order_of_languages_changes_nothing(arguments, method, temperature, random):
    available, budget, bounds, _ = arguments
    items = list(available.items())
    random.shuffle(items)
    rows = allocate(available, budget, method=method, temperature=temperature, **bounds)
    assert allocate(dict(items), budget, method=method, temperature=temperature, **bounds) == rows
    assert list(rows) == sorted(rows)


@settings(deadline=None, max_examples=50)
@given(feasible(), METHODS, st.floats(0, 1))
def test_more_available_rows_never_mean_fewer(arguments, method, temperature):
    available, budget, bounds, _ = arguments
    rows = allocate(available, budget, method=method, temperature=temperature, **bounds)
    ordered = sorted(available, key=lambda language: (available[language], rows[language]))
    assert all(rows[small] <= rows[large] + 1 for small, large in pairwise(ordered))


@settings(deadline=None, max_examples=50)
@given(SIZES, st.data())
def test_unimax_grows_with_what_is_available(available, data):
    budget = data.draw(st.integers(0, sum(available.values())))
    language = data.draw(st.sampled_from(sorted(available)))
    grown = available | {language: available[language] + data.draw(st.integers(1, 1000))}
    before, after = (allocate(each, budget, method="unimax") for each in (available, grown))
    assert after[language] >= before[language]
    assert all(after[other] <= before[other] + 1 for other in available if other != language)


@settings(deadline=None, max_examples=50)
@given(SIZES, st.integers(2, 1000), st.data())
def test_unimax_does_not_depend_on_scale(available, factor, data):
    budget = data.draw(st.integers(0, sum(available.values())))
    small = allocate(available, budget, method="unimax")
    large = allocate({k: rows * factor for k, rows in available.items()}, budget * factor, method="unimax")
    assert all(abs(large[language] - small[language] * factor) <= factor for language in available)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=3), st.data())
def test_no_other_integers_are_nearer_to_proportional_shares(sizes, data):
    """With equal weights the best allocation is the most level one: the least sum of squares."""
    available = {str(number): size for number, size in enumerate(sizes)}
    budget = data.draw(st.integers(0, sum(sizes)))
    rows = allocate(available, budget, method="unimax")
    choices = (choice for choice in product(*(range(size + 1) for size in sizes)) if sum(choice) == budget)
    assert sum(n * n for n in rows.values()) == min(sum(n * n for n in choice) for choice in choices)


def reference_unimax(available, budget):
    """Algorithm 1 of Chung et al. 2023 in real numbers, with one epoch."""
    rows, left = {}, Fraction(budget)
    ordered = sorted(available, key=available.get)
    for position, language in enumerate(ordered):
        rows[language] = min(Fraction(available[language]), left / (len(ordered) - position))
        left -= rows[language]
    return rows


@settings(deadline=None, max_examples=50)
@given(SIZES, st.data())
def test_unimax_is_the_published_algorithm_rounded(available, data):
    budget = data.draw(st.integers(0, sum(available.values())))
    rows, exact = allocate(available, budget, method="unimax"), reference_unimax(available, budget)
    assert all(abs(rows[language] - exact[language]) < 1 for language in available)


def reference_temperature(weights, uppers, floor, budget):
    """Find the level by bisection."""
    low, high = 0.0, 1e30
    for _ in range(400):
        level = (low + high) / 2
        total = sum(min(max(level * w, min(floor, u)), u) for w, u in zip(weights, uppers, strict=True))
        low, high = (level, high) if total < budget else (low, level)
    return [min(max(low * w, min(floor, u)), u) for w, u in zip(weights, uppers, strict=True)]


@settings(deadline=None, max_examples=50)
@given(SIZES, st.sampled_from([0.1, 0.3, 0.5, 0.7, 1.0]), st.integers(0, 100), st.data())
def test_temperature_is_bounded_proportional_sharing_rounded(available, temperature, floor, data):
    sizes = [available[language] for language in sorted(available)]
    budget = data.draw(st.integers(sum(min(floor, size) for size in sizes), sum(sizes)))
    rows = allocate(available, budget, temperature=temperature, floor=floor)
    exact = reference_temperature([size**temperature if size else 0.0 for size in sizes], sizes, floor, budget)
    assert all(abs(rows[k] - x) < 1.001 for k, x in zip(sorted(available), exact, strict=True))


@settings(deadline=None, max_examples=50)
@given(SIZES, st.integers(1, 10**7), st.integers(1, 10**6))
def test_a_cap_that_is_too_low_is_raised_by_as_little_as_possible(available, budget, cap):
    try:
        allocate(available, budget, cap=cap)
    except QuotaError as error:
        assume("raise the cap" in error.hint)
        raised = int(error.hint.rsplit(" ", 1)[1])
        assert sum(allocate(available, budget, cap=raised).values()) == budget
        with pytest.raises(QuotaError):
            allocate(available, budget, cap=raised - 1)


@settings(deadline=None, max_examples=50)
@given(SIZES, st.integers(0, 10**5), st.integers(1, 10**6))
def test_a_floor_that_is_too_high_is_lowered_by_as_little_as_possible(available, budget, floor):
    assume(budget <= sum(available.values()))
    try:
        allocate(available, budget, floor=floor)
    except QuotaError as error:
        words = error.hint.split()
        assert sum(allocate(available, budget, floor=int(words[3])).values()) == budget
        with pytest.raises(QuotaError):
            allocate(available, budget, floor=int(words[3]) + 1)
        assert sum(allocate(available, int(words[-1]), floor=floor).values()) == int(words[-1])


@pytest.mark.parametrize("method", ["temperature", "unimax"])
def test_two_thousand_languages_take_well_under_a_second(method):
    available = {f"l{number:04}": 3 + number**2 * 7 for number in range(2000)}
    started = time.process_time()
    rows = allocate(available, 1_000_000_000, method=method, floor=100, cap=10**6)
    assert time.process_time() - started < 1.0
    assert sum(rows.values()) == 1_000_000_000

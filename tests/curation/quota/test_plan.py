from __future__ import annotations

import math
import time
from fractions import Fraction
from itertools import product

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from curation.config.balance import Balance
from curation.quota import QuotaError, allocate
from curation.quota.cells import CELLS_SCHEMA
from curation.quota.plan import PLAN_SCHEMA, plan


def cells(*rows):
    """Build cells from (language, task, source, rows[, usable])."""
    whole = [(*row, row[3]) if len(row) == 4 else row for row in rows]
    return pa.Table.from_pylist([dict(zip(CELLS_SCHEMA.names, row, strict=True)) for row in whole], schema=CELLS_SCHEMA)


def given_rows(table):
    names = ("language", "source", "given")
    return {(row["language"], row["source"]): row["given"] for row in table.select(names).to_pylist()}


def by_language(table, name="given"):
    sums = {}
    for row in table.to_pylist():
        sums[row["language"]] = sums.get(row["language"], 0) + row[name]
    return sums


TWO = cells(
    ("deu_Latn", "retrieval", "wiki", 600),
    ("deu_Latn", "bitext", "bible", 300),
    ("swh_Latn", "bitext", "bible", 100),
)
SHARED = cells(
    ("eng_Latn", "retrieval", "wiki", 1000),
    ("eng_Latn", "retrieval", "news", 100),
    ("python_Zzzz", "code", "stack", 400),
    ("rust_Zzzz", "code", "stack", 100),
)


@pytest.mark.parametrize(
    ("table", "options", "expected"),
    [
        # Without a budget all rows once, whatever the rest says.
        (TWO, {}, {("deu_Latn", "bible"): 300, ("deu_Latn", "wiki"): 600, ("swh_Latn", "bible"): 100}),
        (TWO, {"max_epochs": 3}, {("deu_Latn", "bible"): 300, ("deu_Latn", "wiki"): 600, ("swh_Latn", "bible"): 100}),
        # Natural shares: 450 and 50; German in the shares of its sources.
        (
            TWO, {"budget": 500, "temperature": 1},
            {("deu_Latn", "bible"): 150, ("deu_Latn", "wiki"): 300, ("swh_Latn", "bible"): 50},
        ),
        # UniMax with two epochs: Swahili's 200 are less than its half of 600.
        (
            TWO, {"budget": 600, "method": "unimax", "max_epochs": 2},
            {("deu_Latn", "bible"): 133, ("deu_Latn", "wiki"): 267, ("swh_Latn", "bible"): 200},
        ),
        # No source above half: of German's 300 bible and 600 wiki, 600 rows can be had.
        (
            TWO, {"max_source_share": 0.5, "languages": {"swh_Latn": {"max_source_share": 1}}},
            {("deu_Latn", "bible"): 300, ("deu_Latn", "wiki"): 300, ("swh_Latn", "bible"): 100},
        ),
        (
            TWO, {"sources": {"bible": {"max_share": 0.2}}, "on_monoculture": "keep"},
            {("deu_Latn", "bible"): 150, ("deu_Latn", "wiki"): 600, ("swh_Latn", "bible"): 100},
        ),
        (
            TWO, {"sources": {"bible": {"max_share": 0.2}}, "on_monoculture": "drop"},
            {("deu_Latn", "bible"): 150, ("deu_Latn", "wiki"): 600, ("swh_Latn", "bible"): 0},
        ),
        # Stated numbers: half of German, 200 of Swahili, as far as it has them.
        (
            TWO, {"languages": {"deu": {"repeat": 0.5}, "swh": {"choose": 200}}},
            {("deu_Latn", "bible"): 150, ("deu_Latn", "wiki"): 300, ("swh_Latn", "bible"): 100},
        ),
        # Whoever states how often rows are repeated means it.
        (
            TWO, {"languages": {"swh": {"repeat": 2.5}}},
            {("deu_Latn", "bible"): 300, ("deu_Latn", "wiki"): 600, ("swh_Latn", "bible"): 250},
        ),
        (
            TWO, {"budget": 400, "languages": {"swh": {"proportion": 0.2}}},
            {("deu_Latn", "bible"): 107, ("deu_Latn", "wiki"): 213, ("swh_Latn", "bible"): 80},
        ),
        # Half of 400 is more than Swahili has; German takes up the rest.
        (
            TWO, {"budget": 400, "languages": {"swh": {"proportion": 0.5}}},
            {("deu_Latn", "bible"): 100, ("deu_Latn", "wiki"): 200, ("swh_Latn", "bible"): 100},
        ),
        (
            TWO, {"budget": 500, "temperature": 1, "sources": {"wiki": {"proportion": 0.2}}},
            {("deu_Latn", "bible"): 300, ("deu_Latn", "wiki"): 150, ("swh_Latn", "bible"): 50},
        ),
        (
            TWO, {"sources": {"wiki": {"choose": 10}, "bible": {"repeat": 0.5}}},
            {("deu_Latn", "bible"): 150, ("deu_Latn", "wiki"): 10, ("swh_Latn", "bible"): 50},
        ),
        (
            TWO, {"tasks": {"bitext": {"repeat": 0.1}}},
            {("deu_Latn", "bible"): 30, ("deu_Latn", "wiki"): 600, ("swh_Latn", "bible"): 10},
        ),
        (
            TWO, {"budget": 500, "temperature": 1, "tasks": {"bitext": {"proportion": 0.5}}},
            {("deu_Latn", "bible"): 225, ("deu_Latn", "wiki"): 225, ("swh_Latn", "bible"): 50},
        ),
        # A quarter of the budget is code, by temperature 0 among its languages.
        (
            SHARED, {"budget": 800, "temperature": 1, "programming": {"proportion": 0.25, "temperature": 0}},
            {("eng_Latn", "news"): 55, ("eng_Latn", "wiki"): 545, ("python_Zzzz", "stack"): 100,
             ("rust_Zzzz", "stack"): 100},
        ),
        (
            SHARED, {"programming": {"choose": 50}},
            {("eng_Latn", "news"): 100, ("eng_Latn", "wiki"): 1000, ("python_Zzzz", "stack"): 30,
             ("rust_Zzzz", "stack"): 20},
        ),
        (SHARED, {"budget": 100, "programming": {"repeat": 0, "floor": 0}},
         {("eng_Latn", "news"): 9, ("eng_Latn", "wiki"): 91, ("python_Zzzz", "stack"): 0, ("rust_Zzzz", "stack"): 0}),
        # Of 100 rows 40 can still be used; the weights go by the hundred.
        (
            cells(("deu_Latn", "sts", "a", 100, 40), ("swh_Latn", "sts", "a", 100)), {"budget": 100, "temperature": 1},
            {("deu_Latn", "a"): 40, ("swh_Latn", "a"): 60},
        ),
        # What is stated for a source takes nothing from the others.
        (
            cells(("deu_Latn", "sts", "a", 100), ("deu_Latn", "sts", "b", 100)), {"sources": {"a": {"repeat": 2}}},
            {("deu_Latn", "a"): 200, ("deu_Latn", "b"): 100},
        ),
        (TWO, {"tasks": {"bitext": {"repeat": 2}}},
         {("deu_Latn", "bible"): 600, ("deu_Latn", "wiki"): 600, ("swh_Latn", "bible"): 200}),
        (SHARED, {"programming": {"repeat": 2}},
         {("eng_Latn", "news"): 100, ("eng_Latn", "wiki"): 1000, ("python_Zzzz", "stack"): 800,
          ("rust_Zzzz", "stack"): 200}),
        # Numbers with many decimals, and a language that is left out by name.
        (cells(("deu_Latn", "sts", "a", 20000)), {"languages": {"deu": {"repeat": 4 / 3}}},
         {("deu_Latn", "a"): 26666}),
        (TWO, {"languages": {"swh": {"repeat": 0}}, "max_source_share": 0.7},
         {("deu_Latn", "bible"): 300, ("deu_Latn", "wiki"): 600, ("swh_Latn", "bible"): 0}),
        # Below its floor a language is dropped altogether.
        (
            cells(("deu_Latn", "sts", "a", 1000), ("deu_Latn", "sts", "b", 10), ("swh_Latn", "sts", "a", 100),
                  ("swh_Latn", "sts", "b", 100)),
            {"max_source_share": 0.5, "floor": 100, "on_monoculture": "drop"},
            {("deu_Latn", "a"): 0, ("deu_Latn", "b"): 0, ("swh_Latn", "a"): 100, ("swh_Latn", "b"): 100},
        ),
        (cells(), {}, {}),
    ],
)  # fmt: skip
def test_hand_worked(table, options, expected):
    found = plan(table, Balance.model_validate(options))
    assert found.schema == PLAN_SCHEMA
    assert given_rows(found) == expected


@pytest.mark.parametrize(
    ("table", "options", "what", "parts"),
    [
        (TWO, {"budget": 1500}, "The budget cannot be spent",
         ["1,500 rows are asked for, and 1,000 can be had", "lower balance.budget to 1,000",
          "raise balance.max_epochs to 1.5"]),
        (TWO, {"budget": 950, "cap": 500}, "The budget cannot be spent",
         ["600 can be had", "raise balance.cap to 850", "lower balance.budget to 600"]),
        (TWO, {"budget": 650, "max_source_share": 0.5, "on_monoculture": "drop"}, "The budget cannot be spent",
         ["600 can be had", "raise balance.max_source_share to 0.54"]),
        (TWO, {"budget": 150, "floor": 100}, "The budget does not suffice for what is promised",
         ["come to 200, and the budget is 150", "raise balance.budget to 200", "lower balance.floor to 75"]),
        (TWO, {"budget": 50, "languages": {"swh": {"choose": 80}}}, "The budget does not suffice",
         ["come to 80", "state fewer rows for swh_Latn under balance.languages"]),
        (TWO, {"max_source_share": 0.5}, "In 1 language(s) a source is above its cap",
         ["swh_Latn has 100 of 100 rows from bible (at most 0.5 of its rows allowed)", "on_monoculture",
          "balance.languages.swh_Latn.max_source_share: 1.0"]),
        (TWO, {"sources": {"wiki": {"max_share": 0.1}, "bible": {"max_share": 0.3}}}, "In 2 language(s)",
         ["deu_Latn has 600 of 900 rows from wiki"]),
        (SHARED, {"floor": 60, "programming": {"choose": 50}}, "Programming languages are to have fewer rows",
         ["50 rows are stated for the block, and its languages need 120"]),
    ],
)  # fmt: skip
def test_what_cannot_be_is_a_paragraph_with_the_smallest_changes_that_help(table, options, what, parts):
    with pytest.raises(QuotaError) as caught:
        plan(table, Balance.model_validate(options))
    assert caught.value.what.startswith(what)
    assert caught.value.where.startswith("balance.")
    for part in parts:
        assert part in str(caught.value)
    assert caught.value.exit_code == 2


def test_each_smallest_change_helps_and_a_smaller_one_does_not():
    options = {"budget": 950, "cap": 500}
    assert sum(by_language(plan(TWO, Balance(budget=950, cap=850))).values()) == 950
    for changed in ({"cap": 849}, {"budget": 601}):
        with pytest.raises(QuotaError):
            plan(TWO, Balance.model_validate(options | changed))


def test_what_was_asked_and_what_is_short_is_told():
    table = cells(("deu_Latn", "sts", "a", 900), ("swh_Latn", "sts", "a", 50), ("tha_Thai", "sts", "a", 50, 20))
    found = plan(table, Balance(budget=300, method="unimax", max_epochs=1.5)).to_pylist()
    assert [(row["asked"], row["available"], row["given"], row["repeated"], row["short"]) for row in found] == [
        (100, 900, 195, 0, 0),
        (100, 50, 75, 25, 25),
        (100, 20, 30, 10, 70),
    ]
    assert [row["limit"] for row in found] == ["", "rows", "rows"]


@pytest.mark.parametrize(
    ("options", "limits"),
    [
        ({}, {"deu_Latn": "rows", "swh_Latn": "rows"}),
        ({"cap": 500}, {"deu_Latn": "cap", "swh_Latn": "rows"}),
        ({"max_source_share": 0.6, "on_monoculture": "keep"}, {"deu_Latn": "source_share", "swh_Latn": "rows"}),
        ({"languages": {"deu": {"choose": 5}}}, {"deu_Latn": "stated", "swh_Latn": "rows"}),
        ({"budget": 100}, {"deu_Latn": "", "swh_Latn": ""}),
    ],
)
def test_it_is_told_what_keeps_a_language_from_more(options, limits):
    found = plan(TWO, Balance.model_validate(options)).to_pylist()
    assert {row["language"]: row["limit"] for row in found} == limits


def test_what_mining_loses_makes_no_language_a_monoculture():
    table = cells(("deu_Latn", "sts", "a", 1000, 22), ("deu_Latn", "sts", "b", 10, 9))
    options = {"max_source_share": 0.5, "floor": 20}
    assert by_language(plan(table, Balance.model_validate(options | {"on_monoculture": "keep"}))) == {"deu_Latn": 18}
    assert by_language(plan(table, Balance.model_validate(options), strict=False)) == {"deu_Latn": 18}


def test_what_was_stated_and_is_not_there_is_short():
    found = plan(cells(("deu_Latn", "sts", "a", 30)), Balance.model_validate({"sources": {"a": {"choose": 50}}}))
    assert found.select(["asked", "given", "short"]).to_pylist() == [{"asked": 50, "given": 30, "short": 20}]
    blocks = plan(SHARED, Balance.model_validate({"programming": {"choose": 20}}))
    assert by_language(blocks, "asked")["python_Zzzz"] + by_language(blocks, "asked")["rust_Zzzz"] == 20


def test_a_budget_that_cannot_be_spent_any_more_gives_what_there_is():
    table = cells(("deu_Latn", "sts", "a", 100, 90), ("swh_Latn", "sts", "a", 100, 100))
    found = plan(table, Balance(budget=200), strict=False)
    assert by_language(found) == {"deu_Latn": 90, "swh_Latn": 100}
    assert by_language(found, "short") == {"deu_Latn": 10, "swh_Latn": 0}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"languages": {"deu": {"choose": 5, "repeat": 1}}}, "repeat and choose say the same"),
        ({"languages": {"deu": {"choose": 5}, "de": {"choose": 6}}}, "two keys mean deu_Latn"),
        ({"languages": {"xx_Nope": {"choose": 5}}}, "xx_Nope"),
        ({"budget": 9, "languages": {"deu": {"proportion": 0.6}, "fra": {"proportion": 0.5}}}, "1.1 in all"),
        ({"sources": {"wiki": {"proportion": 0.5}}}, "wiki has a proportion, but without a budget"),
        ({"floor": 9, "cap": 5}, "above the cap"),
        ({"cap": 5, "languages": {"deu": {"floor": 6}}}, "deu_Latn: the floor of 6 rows is above its cap of 5"),
        ({"programming": {"temperature": 0.5}}, "state how much"),
        ({"max_source_share": 0}, "greater than or equal to"),
        ({"languages": {"deu": {"choose": 10**20}}}, "less than or equal to 1000000000000"),
        (
            {"programming": {"choose": 9, "floor": 8, "cap": 5}},
            "programming: the floor of 8 rows is above its cap of 5",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        Balance.model_validate(options)


NAMES = st.sampled_from(["deu_Latn", "swh_Latn", "tha_Thai", "python_Zzzz", "rust_Zzzz"])
TASKS = {"wiki": "retrieval", "bible": "bitext", "news": "retrieval", "stack": "code"}
WEIGHTS = st.one_of(
    st.just({}),
    st.builds(lambda n: {"proportion": n / 10}, st.integers(1, 3)),
    st.builds(lambda n: {"repeat": n / 4}, st.integers(0, 6)),
    st.builds(lambda n: {"choose": n}, st.integers(0, 40)),
)


@st.composite
def problems(draw):
    pairs = draw(st.lists(st.tuples(NAMES, st.sampled_from(list(TASKS))), min_size=1, max_size=9, unique=True))
    table = cells(
        *((language, TASKS[source], source, rows := draw(st.integers(0, 60)), draw(st.integers(0, rows)))
          for language, source in pairs)
    )  # fmt: skip
    options = {
        "method": draw(st.sampled_from(["temperature", "unimax"])),
        "temperature": draw(st.sampled_from([0, 0.3, 0.5, 1])),
        "max_epochs": draw(st.sampled_from([0.5, 1, 1.3, 3])),
        "budget": draw(st.none() | st.integers(1, 200)),
        "floor": draw(st.sampled_from([0, 0, 3, 10])),
        "cap": draw(st.sampled_from([None, None, 12, 50])),
        "max_source_share": draw(st.sampled_from([None, None, 0.3, 0.5, 0.75])),
        "on_monoculture": draw(st.sampled_from(["keep", "drop"])),
        "languages": draw(st.dictionaries(NAMES, WEIGHTS, max_size=2)),
        "sources": draw(st.dictionaries(st.sampled_from(list(TASKS)), WEIGHTS, max_size=2)),
        "tasks": draw(st.dictionaries(st.sampled_from(["retrieval", "bitext"]), WEIGHTS, max_size=1)),
        "programming": draw(st.none() | WEIGHTS.filter(bool)),
    }
    try:
        return table, Balance.model_validate(options)
    except ValueError:
        return table, Balance.model_validate(
            options | {"languages": {}, "sources": {}, "tasks": {}, "programming": None}
        )


@settings(deadline=None, max_examples=100)
@given(problems(), st.randoms(use_true_random=False))
def test_the_sum_is_exact_and_no_bound_is_broken(problem, random):
    table, options = problem
    try:
        found = plan(table, options)
    except QuotaError:
        assume(False)
    totals, usable = by_language(found), by_language(table, "usable")
    if options.budget is not None:
        assert sum(totals.values()) == options.budget
    for row in found.to_pylist():
        language = options.languages.get(row["language"])
        source = options.sources.get(row["source"])
        block = options.programming if row["language"].endswith("_Zzzz") else None
        stated = (language, source, options.tasks.get(row["task"]), block)
        repeats = [options.max_epochs] + [weight.repeat for weight in stated if weight and weight.repeat is not None]
        assert 0 <= row["given"] <= row["available"] * max(map(Fraction, map(str, repeats)))
        assert row["repeated"] == max(row["given"] - row["available"], 0)
        assert row["short"] == max(row["asked"] - row["given"], 0)
        share = options.max_source_share
        if share is not None and options.on_monoculture == "drop":
            assert row["given"] <= math.ceil(Fraction(str(share)) * totals[row["language"]])
        if source and source.choose is not None:
            assert row["given"] <= source.choose
    for language, total in totals.items():
        stated = options.languages.get(language)
        if options.cap is not None and not (options.programming and language.endswith("_Zzzz")):
            assert total <= options.cap
        if stated and stated.choose is not None:
            assert total <= stated.choose
        others = options.sources or options.tasks or options.programming
        if options.budget is None and stated is None and not others:
            assert total <= usable[language]
    shuffled = list(range(table.num_rows))
    random.shuffle(shuffled)
    assert plan(table.take(pa.array(shuffled, pa.int64())), options).equals(found)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=4), st.sampled_from([0.25, 0.3, 0.5, 0.6, 0.9]), st.data())
def test_shares_of_sources_are_as_brute_force_finds_them(sizes, share, data):
    """Every total up to the bound can be had below the shares, and beyond it none in real numbers."""
    table = cells(*(("deu_Latn", "sts", f"s{n}", size) for n, size in enumerate(sizes)))
    most = sum(by_language(plan(table, Balance(max_source_share=share, on_monoculture="drop"))).values())
    exact = Fraction(str(share))

    def real(total):
        return sum(min(Fraction(size), exact * total) for size in sizes)

    assert all(real(total) >= total for total in range(most + 1))
    assert all(real(total) < total for total in range(most + 1, sum(sizes) + 2))
    if most:
        total = data.draw(st.integers(1, most))
        rows = list(
            given_rows(plan(table, Balance(budget=total, max_source_share=share, on_monoculture="drop"))).values()
        )
        bound = math.ceil(exact * total)
        choices = [c for c in product(*(range(min(size, bound) + 1) for size in sizes)) if sum(c) == total]
        assert tuple(rows) in choices
        wanted = exact_level(sizes, [min(size, bound) for size in sizes], total)

        def distance(choice):
            return sum(abs(count - target) for count, target in zip(choice, wanted, strict=True))

        assert distance(rows) == min(map(distance, choices))


def exact_level(weights, uppers, total):
    """Return the bounded proportional shares, by freezing whatever is full one after the other."""
    full = set()
    while True:
        rest = total - sum(uppers[n] for n in full)
        whole = sum(weight for n, weight in enumerate(weights) if n not in full)
        shares = [
            Fraction(uppers[n]) if n in full else Fraction(rest * weight, whole or 1)
            for n, weight in enumerate(weights)
        ]
        over = {n for n, value in enumerate(shares) if value > uppers[n]} - full
        if not over:
            return shares
        full |= over


METHODS = st.sampled_from(["temperature", "unimax"])
ROWS = st.dictionaries(
    st.sampled_from(["deu_Latn", "swh_Latn", "tha_Thai", "amh_Ethi"]), st.integers(1, 99), min_size=1
)


@settings(deadline=None, max_examples=100)
@given(
    ROWS,
    st.sampled_from(["temperature", "unimax"]),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.sampled_from([1, 2.5]),
    st.data(),
)
def test_with_one_source_a_language_it_is_what_allocate_gives(available, method, temperature, max_epochs, data):
    budget = data.draw(st.integers(1, sum(int(rows * max_epochs) for rows in available.values())))
    table = cells(*((language, "sts", "only", rows) for language, rows in available.items()))
    options = {"method": method, "temperature": temperature, "max_epochs": max_epochs}
    found = by_language(plan(table, Balance(budget=budget, **options)))
    assert found == allocate(available, budget, **options)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 400), st.integers(1, 60), st.sampled_from([0.0, 0.3, 1.0]))
def test_a_new_language_takes_from_others_no_more_than_its_own_share(rows, budget_tens, temperature):
    before = cells(("deu_Latn", "sts", "a", 900), ("deu_Latn", "sts", "b", 300), ("swh_Latn", "sts", "a", 200))
    after = pa.concat_tables([before, cells(("tha_Thai", "sts", "a", rows))])
    options = Balance(budget=budget_tens * 10, temperature=temperature)
    old, new = given_rows(plan(before, options)), given_rows(plan(after, options))
    taken = new.pop(("tha_Thai", "a"))
    # Rounding at two levels moves a row between claims at most once each.
    assert all(new[cell] <= old[cell] + 1 for cell in old)
    assert sum(old.values()) - sum(new.values()) == taken


def test_four_hundred_thousand_cells_take_well_under_a_second():
    languages, sources = 2000, 200
    random = np.random.default_rng(1)
    rows = random.integers(1, 10**6, languages * sources)
    table = pa.table(
        [
            pa.array([f"l{n:04}_Latn" for n in range(languages) for _ in range(sources)]),
            pa.array(["retrieval", "bitext"] * (languages * sources // 2)),
            pa.array([f"s{n:03}" for _ in range(languages) for n in range(sources)]),
            pa.array(rows),
            pa.array(rows),
        ],
        schema=CELLS_SCHEMA,
    )
    started = time.process_time()
    found = plan(table, Balance(budget=10**9, floor=1000, cap=10**7, max_source_share=0.3))
    spent = time.process_time() - started
    assert int(found["given"].to_numpy().sum()) == 10**9
    assert spent < 3.0, spent

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from worlds import Row, at_cosine, miner_of, record, table, whole

from curation.mining import miner as module
from curation.mining.assemble import Chosen
from curation.mining.miner import Mined, Miner, near_right
from curation.mining.pool import build_pool
from curation.mining.rules import Verdict
from curation.mining.scopes import Search, searches

X = [1.0, 0.0, 0.0]


def ranking(*cosines: float) -> tuple[list[Row], dict[str, list[float]]]:
    """Return records r0, r1, ... whose positives p0, p1, ... have these cosines to r0's query; theirs is far away."""
    rows = [record(n, f"q{n}", f"p{n}") for n in range(len(cosines))]
    vectors = {f"p{n}": at_cosine(cosine, n) for n, cosine in enumerate(cosines)}
    return rows, vectors | {f"q{n}": X if n == 0 else [-1.0, 0.0, 0.0] for n in range(len(cosines))}


def texts(miner: Miner, mined: Mined, record: int) -> list[str]:
    entries = mined.chosen.entries[mined.chosen.owners == record]
    return [miner.pool.texts[entry].as_py() for entry in entries.tolist()]


def possible(miner: Miner, mined: Mined, record: int) -> list[str]:
    entries = mined.possible.entries[mined.possible.owners == record]
    return [miner.pool.texts[entry].as_py() for entry in entries.tolist()]


def run(miner: Miner, wanted: int = 3, depth: int = 1) -> Mined:
    return miner.mine([[whole(miner.pool, wanted)]], depth=depth)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["p1", "p2", "p3"]),
        ({"skip_rank": 1}, ["p2", "p3", "p4"]),
        ({"top_k": 2}, ["p1", "p2"]),
        ({"max_positive_ratio": 0.95}, ["p2", "p3", "p4"]),
        ({"positive_margin": 0.15}, ["p3", "p4", "p5"]),
        ({"skip_survivors": 1, "max_positive_ratio": 0.95}, ["p3", "p4", "p5"]),
        ({"thresholds": (0.65, -1.0)}, ["p4", "p5"]),
        ({"thresholds": (2.0, 0.75)}, ["p1", "p2"]),
    ],
)
def test_each_rule_of_a_config(options: dict[str, Any], expected: list[str]) -> None:
    rows, vectors = ranking(0.9, 0.88, 0.8, 0.7, 0.6, 0.5)
    miner = miner_of(table(*rows), vectors, **options)
    mined = run(miner)
    assert texts(miner, mined, 0) == expected
    mine = mined.chosen.take(mined.chosen.owners == 0)
    assert mine.scores.tolist() == sorted(mine.scores.tolist(), reverse=True)
    # A rank is that of the search without the positives: p1 is at rank 1.
    assert mine.ranks.tolist() == [int(text[1:]) for text in expected]


SENTENCES = [
    "The harbour master counted all of the boats again",
    "Der Lotse zählte am Nachmittag noch einmal die Boote",
    "Лоцман ещё раз пересчитал все лодки в гавани",
    "नाविक ने दोपहर में बंदरगाह की सारी नावें फिर से गिनीं",
    "மாலுமி துறைமுகத்தில் இருந்த எல்லா படகுகளையும் எண்ணினார்",
    "คนขับเรือนับเรือทุกลำในท่าเรืออีกครั้งตอนเที่ยง",
    "船头在中午又数了一遍港口里所有的船只和水手们",
    "船頭は昼に港のすべての船をもう一度ゆっくり数えた",
    "뱃사공은 정오에 항구의 모든 배를 다시 천천히 세었다",
    "عدّ البحّار جميع القوارب في الميناء مرة أخرى ظهراً",
    "המלח ספר שוב בצהריים את כל הסירות שבנמל הישן",
    "መርከበኛው በእኩለ ቀን በወደቡ ያሉትን ጀልባዎች ሁሉ እንደገና ቆጠረ",
    "მეზღვაურმა შუადღისას ნავსადგურის ყველა ნავი ხელახლა დათვალა",
]


@pytest.mark.parametrize("text", SENTENCES)
@pytest.mark.parametrize("blank", [" ", ".", " \t", "\u00a0", "!"], ids=["blank", "stop", "tab", "nbsp", "mark"])
def test_a_positive_with_a_blank_or_a_mark_behind_it_is_no_negative(text: str, blank: str) -> None:
    rows = [record(0, "q0", text), record(1, "q1", text + blank), record(2, "q2", "something else altogether")]
    vectors = {"q0": X, text: X, text + blank: X, "q1": X, "q2": X, "something else altogether": at_cosine(0.5)}
    miner = miner_of(table(*rows), vectors)
    mined = run(miner)
    assert texts(miner, mined, 0) == texts(miner, mined, 1) == ["something else altogether"]


@pytest.mark.parametrize("text", SENTENCES)
def test_nothing_like_the_query_or_any_right_passage_is_a_negative(text: str) -> None:
    other = "An entirely different remark about bread and cheese"
    rows = [
        record(0, text, "p0", group="g"),
        record(1, "q1", other, group="g"),
        record(2, "q2", f"{text}!"),
        record(3, "q3", f"{other}!"),
        record(4, "q4", "p4"),
        record(5, "q5", text),
    ]
    vectors = {row[name]: X for row in rows for name in ("query", "positive")}
    miner = miner_of(table(*rows), vectors, num_negatives=6)
    mined = run(miner, wanted=6)
    # p0 and `other` are right by the group; text is the query; the marked ones are like the query and like `other`.
    assert texts(miner, mined, 0) == ["p4"]
    assert mined.verdicts[0, Verdict.NEAR_DUPLICATE] == 2
    assert set(texts(miner, mined, 4)) == {"p0", other, f"{text}!", f"{other}!", text}


def test_a_near_duplicate_of_a_right_passage_is_seen_whatever_the_order_of_pairs() -> None:
    long = "a text that is long enough to have some five-grams, number "
    rows = [record(n, f"q{n}", f"{long}{n}", group=f"g{n // 2}") for n in range(6)] + [record(6, "q6", "short")]
    pool = build_pool(table(*rows), 3)
    records, entries = (grid.ravel() for grid in np.meshgrid(np.arange(7), np.arange(7)))
    shuffled = np.random.default_rng(0).permutation(len(records))
    near = near_right(pool, records, entries)
    np.testing.assert_array_equal(near_right(pool, records[shuffled], entries[shuffled]), near[shuffled])
    assert near.tolist() == [(record < 6) == (entry < 6) for record, entry in zip(records, entries, strict=True)]
    assert near_right(pool, records[:0], entries[:0]).tolist() == []


def languages(count: int) -> tuple[list[Row], dict[str, list[float]]]:
    """Return records in two languages, whose texts stand about the circle at random."""
    generator = np.random.default_rng(3)
    rows = [
        record(n, f"q{n}", f"p{n}", positive_language=["deu_Latn", "jpn_Jpan", "tha_Thai"][n % 3]) for n in range(count)
    ]
    vectors = {text: generator.standard_normal(8).tolist() for n in range(count) for text in (f"q{n}", f"p{n}")}
    return rows, vectors


POOLS = [{"scope": "positive_language", "negatives": 4}, {"scope": "other_languages", "negatives": 2}]


def mined_by_quota(rows: list[Row], vectors: dict[str, list[float]], **options: Any) -> tuple[Miner, Mined]:
    records = table(*rows)
    miner = miner_of(records, vectors, **options)
    wanted = np.full(records.num_rows, miner.options.num_negatives)
    return miner, miner.mine(list(searches(records, miner.pool, wanted, miner.options)))


def test_each_pool_gives_its_quota_from_where_it_says() -> None:
    rows, vectors = languages(45)
    miner, mined = mined_by_quota(rows, vectors, num_negatives=6, pools=POOLS)
    pool = np.array(miner.pool.languages.to_pylist())
    for number in range(45):
        entries = mined.chosen.entries[mined.chosen.owners == number]
        is_same = pool[entries] == rows[number]["positive_language"]
        assert is_same.tolist() == [True] * 4 + [False] * 2
        assert len(set(entries.tolist())) == 6
        assert number not in entries


def test_no_passage_is_taken_twice_by_pools_that_overlap() -> None:
    rows, vectors = languages(30)
    pools = [
        {"scope": "positive_language", "negatives": 3},
        {"scope": "source", "negatives": 3},
        {"scope": "all", "negatives": 3},
    ]
    _, mined = mined_by_quota(rows, vectors, num_negatives=9, pools=pools)
    everything = miner_of(table(*rows), vectors, num_negatives=9)
    nearest = run(everything, wanted=30)
    for number in range(30):
        entries = mined.chosen.entries[mined.chosen.owners == number].tolist()
        assert len(entries) == len(set(entries)) == 9
        ranked = nearest.chosen.entries[nearest.chosen.owners == number].tolist()
        own = [entry for entry in ranked if (entry - number) % 3 == 0][:3]
        left = [entry for entry in ranked if entry not in own]
        assert entries == own + left[:6]
        # What an earlier pool took counts as taken: 3 of the second pool's candidates, and 6 of the third's.
        assert mined.verdicts[number, Verdict.TAKEN] == 9


@pytest.mark.parametrize("sampling", ["top", "random"])
@pytest.mark.parametrize("anchor", ["query", "positive", "both"])
def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch, sampling: str, anchor: str) -> None:
    rows, vectors = languages(40)
    options = {"num_negatives": 6, "pools": POOLS, "sampling": sampling, "anchor": anchor, "top_k": 9}
    _, one = mined_by_quota(rows, vectors, **options)
    monkeypatch.setattr(module, "_BLOCK_CANDIDATES", 40)
    _, many = mined_by_quota(rows, vectors, **options)
    for left, right in ((one.chosen, many.chosen), (one.possible, many.possible)):
        assert [getattr(left, name).tolist() for name in left.__slots__] == [
            getattr(right, name).tolist() for name in right.__slots__
        ]
    np.testing.assert_array_equal(one.verdicts, many.verdicts)
    np.testing.assert_array_equal(one.positive_ranks, many.positive_ranks)


def test_the_second_opinion_is_asked_about_what_would_be_taken_and_has_the_last_word() -> None:
    rows, vectors = ranking(0.9, 0.88, 0.8, 0.7, 0.6, 0.5)
    asked: list[tuple[int, int]] = []

    def rejects(records: np.ndarray, entries: np.ndarray) -> np.ndarray:
        asked.extend(zip(records.tolist(), entries.tolist(), strict=True))
        return (records == 0) & np.isin(entries, [1, 3])

    miner = miner_of(table(*rows), vectors, second_opinion=rejects)
    mined = run(miner, wanted=2)
    assert texts(miner, mined, 0) == ["p2", "p4"]
    assert [entry for owner, entry in asked if owner == 0] == [1, 2, 3, 4], "p5 is never needed"
    assert len(asked) == len(set(asked))
    assert mined.verdicts[0, Verdict.CROSS_ENCODER] == 2


def test_the_second_opinion_speaks_although_no_rule_is_set() -> None:
    rows, vectors = ranking(0.9, 0.8, 0.7)
    miner = miner_of(table(*rows), vectors, second_opinion=lambda records, entries: np.ones(len(records), dtype=bool))
    mined = run(miner)
    assert len(mined.chosen.owners) == 0
    assert mined.verdicts[:, Verdict.CROSS_ENCODER].tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["p1", "p2"]),
        ({"keep_possible": 1}, ["p1"]),
        ({"keep_possible": 0}, []),
        ({"max_positive_ratio": 0.85}, ["p1", "p2", "p3"]),
        ({"positive_margin": 0.25}, ["p1", "p2", "p3", "p4"]),
        ({"skip_rank": 2}, ["p1", "p2"]),
    ],
)
def test_what_is_as_near_as_the_positive_is_kept_aside_and_is_no_negative(
    options: dict[str, Any], expected: list[str]
) -> None:
    rows, vectors = ranking(0.9, 0.95, 0.92, 0.8, 0.7, 0.5)
    miner = miner_of(table(*rows), vectors, **({"max_positive_ratio": 1.0} | options))
    mined = run(miner)
    assert possible(miner, mined, 0) == expected
    assert not set(expected) & set(texts(miner, mined, 0))


def test_what_several_pools_find_is_kept_aside_once() -> None:
    rows, vectors = ranking(0.5, 0.95, 0.92, 0.4)
    pools = [{"scope": "positive_language", "negatives": 1}, {"scope": "all", "negatives": 1}]
    miner, mined = mined_by_quota(rows, vectors, num_negatives=2, pools=pools, max_positive_ratio=1.0)
    assert possible(miner, mined, 0) == ["p1", "p2"]


@pytest.mark.parametrize(
    ("positive", "others", "top_k", "expected"),
    [
        (0.9, (0.8, 0.7, 0.6), 100, 1),
        (0.75, (0.8, 0.7, 0.6), 100, 2),
        (0.5, (0.8, 0.7, 0.6), 100, 4),
        (0.5, (0.8, 0.7, 0.6), 2, 3),
        (-0.5, (0.8, 0.7, 0.6), 1, 2),
    ],
)
@pytest.mark.parametrize("anchor", ["query", "both"])
def test_the_rank_of_the_positive(
    positive: float, others: tuple[float, ...], top_k: int, expected: int, anchor: str
) -> None:
    rows, vectors = ranking(positive, *others)
    mined = run(miner_of(table(*rows), vectors, top_k=top_k, anchor=anchor))
    assert mined.positive_ranks[0] == expected


def test_with_two_anchors_the_rank_is_that_of_the_query() -> None:
    """Passages near to the positive alone push those of the query out of the candidates, but out of no rank."""
    far = np.sqrt(0.5)
    rows = [record(n, f"q{n}", f"p{n}") for n in range(6)]
    vectors = {f"q{n}": [0.0, 0.0, 1.0] for n in range(6)} | {
        "q0": [1.0, 0.0, 0.0],
        "p0": [0.1, 1.0, 0.0],
        "p1": [far, 0.0, far],
        "p2": [far, 0.0, -far],
        "p3": [0.0, 1.0, 0.1],
        "p4": [0.0, 1.0, 0.2],
        "p5": [0.0, 1.0, 0.3],
    }
    # p1 and p2 are nearer to the query than p0 is; p3 to p5 are near to p0 and not to the query.
    ranks = {
        anchor: run(miner_of(table(*rows), vectors, top_k=3, anchor=anchor)).positive_ranks[0]
        for anchor in ("query", "both")
    }
    assert ranks == {"query": 3, "both": 3}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"near the query", "near the positive", "near both", "far"}),
        ({"max_positive_ratio": 0.9}, {"near both", "far"}),
        ({"thresholds": (0.85, -1.0)}, {"near both", "far"}),
        ({"thresholds": (0.65, -1.0)}, {"far"}),
        ({"thresholds": (2.0, 0.3)}, {"near both"}),
        ({"positive_margin": 0.45}, {"far"}),
    ],
)
def test_with_two_anchors_a_rule_that_is_broken_on_either_side_rejects(
    options: dict[str, Any], expected: set[str]
) -> None:
    vectors = {"q": [1.0, 0.0, 0.0], "p": [0.0, 1.0, 0.0], "other query": [0.0, 0.0, -1.0]}
    vectors |= {
        "near the query": [0.87, 0.2, 0.45],
        "near the positive": [0.2, 0.95, 0.24],
        "near both": [0.7, 0.7, 0.1],
        "far": [0.1, 0.1, 0.99],
    }
    names = list(vectors)[3:]
    rows = [record(0, "q", "p"), *(record(n, "other query", name) for n, name in enumerate(names, 1))]
    miner = miner_of(table(*rows), vectors, anchor="both", num_negatives=4, **options)
    # As if the teacher thought well of the pair.
    scores = (np.full(5, 0.95, np.float32), miner.positive_scores[1])
    assert miner.positive_scores[1].tolist() == [1.0] * 5
    mined = run(replace(miner, positive_scores=scores), wanted=4)
    assert set(texts(miner, mined, 0)) == expected


def test_a_positive_that_is_the_anchor_or_not_among_the_passages_has_no_rank() -> None:
    rows, vectors = ranking(0.9, 0.8, 0.7)
    on_positive = run(miner_of(table(*rows), vectors, anchor="positive"))
    assert on_positive.positive_ranks.tolist() == [0, 0, 0]
    miner = miner_of(table(*rows), vectors)
    elsewhere = miner.mine([[Search(np.array([0]), np.array([1, 2]), np.array([2]))]])
    assert elsewhere.positive_ranks.tolist() == [0, 0, 0]
    assert texts(miner, elsewhere, 0) == ["p1", "p2"]


def test_no_search_and_an_empty_search_find_nothing() -> None:
    rows, vectors = ranking(0.9, 0.8)
    miner, none = miner_of(table(*rows), vectors), np.empty(0, dtype=np.int64)
    for quotas in (
        [],
        [[]],
        [[Search(none, np.arange(2), none)]],
        [[Search(np.arange(2), none, np.full(2, 3))]],
        [[Search(np.arange(2), np.arange(2), np.zeros(2, dtype=np.int64))]],
    ):
        mined = miner.mine(quotas)
        assert len(mined.chosen.owners) == 0
        assert mined.verdicts.shape == (2, len(Verdict))


def test_looking_deeper_finds_what_lies_beyond_top_k() -> None:
    rows, vectors = ranking(0.95, 0.9, 0.85, 0.7, 0.6, 0.5)
    miner = miner_of(table(*rows), vectors, top_k=2, thresholds=(0.8, -1.0))
    assert texts(miner, run(miner), 0) == []
    assert texts(miner, run(miner, depth=2), 0) == ["p3", "p4"]


def crowd(count: int) -> tuple[list[Row], dict[str, list[float]]]:
    """Return records of two languages that all find the same passage nearest."""
    rows = [
        record(
            n, f"q{n}", f"p{n}", positive_language=("deu_Latn", "jpn_Jpan")[n % 2], group="hub" if n < 2 else f"g{n}"
        )
        for n in range(count)
    ]
    generator = np.random.default_rng(0)
    vectors = {f"q{n}": X for n in range(count)} | {
        f"p{n}": at_cosine(0.5 - 0.01 * n, generator.uniform(0, 6)) for n in range(count)
    }
    return rows, vectors | {"p0": at_cosine(0.9), "p1": at_cosine(0.89)}


def test_what_others_have_taken_counts_for_the_hub_cap_of_a_second_look() -> None:
    rows, vectors = crowd(6)
    miner = miner_of(table(*rows), vectors, num_negatives=2, hub_cap=2)
    first = run(miner, wanted=2)
    is_again = first.chosen.owners == 0
    again = Search(np.array([0]), np.arange(6), np.array([2]))
    beside = first.chosen.take(~is_again)
    second = miner.mine([[again]], depth=4, beside=beside)
    both = Chosen.join([beside, second.chosen])
    assert np.bincount(both.entries).max() == 2
    assert second.chosen.entries.tolist() != miner.mine([[again]], depth=4).chosen.entries.tolist()


@pytest.mark.parametrize("sampling", ["top", "random"])
@pytest.mark.parametrize(
    "pools",
    [
        [{"scope": "all"}],
        [*POOLS[:1], {"scope": "all", "negatives": 2}],
        [{"scope": "other_languages"}],
        [{"scope": "positive_language", "negatives": 2}, {"scope": "other_languages", "negatives": 4}],
    ],
)
def test_the_hub_cap_holds_over_all_searches_together(pools: list[dict[str, Any]], sampling: str) -> None:
    rows, vectors = crowd(24)
    options = {"num_negatives": 6, "pools": pools, "sampling": sampling}
    _, free = mined_by_quota(rows, vectors, **options)
    _, capped = mined_by_quota(rows, vectors, **options, hub_cap=3)
    if sampling == "top":
        assert np.bincount(free.chosen.entries).max() > 3
    assert np.bincount(capped.chosen.entries).max() == 3
    assert capped.verdicts[:, Verdict.HUB_CAP].sum() > 0
    pairs = set(zip(capped.chosen.owners.tolist(), capped.chosen.entries.tolist(), strict=True))
    assert len(pairs) == len(capped.chosen.owners)


@pytest.mark.parametrize("preset", ["bge-10-210", "kalm-50-100", "st-default"])
def test_what_lenient_rules_take_is_not_kept_aside_as_well(preset: str) -> None:
    rows, vectors = ranking(0.5, 0.9, 0.8, 0.7, 0.4)
    miner = miner_of(table(*rows), vectors, preset=preset, num_negatives=3, skip_rank=0)
    mined = miner.mine(searches(table(*rows), miner.pool, np.full(5, 3), miner.options))
    pairs = [
        set(zip(part.owners.tolist(), part.entries.tolist(), strict=True)) for part in (mined.chosen, mined.possible)
    ]
    assert pairs[0]
    assert not pairs[0] & pairs[1]


def test_blocks_change_nothing_where_hubs_are_corrected_for(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(3)
    rows = [record(n, f"q{n}", f"p{n}") for n in range(60)]
    vectors = {f"{side}{n}": draw.standard_normal(3).tolist() for side in "pq" for n in range(60)}
    found = []
    for block in (1 << 20, 100):
        monkeypatch.setattr(module, "_BLOCK_CANDIDATES", block)
        miner = miner_of(table(*rows), vectors, csls=3)
        hubs = miner.space.hubness(miner.anchors.sides[0], 3)  # type: ignore[attr-defined]
        mined = replace(miner, hubness=hubs).mine([[whole(miner.pool, 3)]])
        found.append((mined.chosen.entries.tolist(), mined.chosen.ranks.tolist()))
    assert found[0] == found[1]
    plain = miner_of(table(*rows), vectors)
    assert plain.mine([[whole(plain.pool, 3)]]).chosen.entries.tolist() != found[0][0]


def test_where_there_are_classes_there_is_no_rank() -> None:
    rows, vectors = ranking(0.5, 0.9, 0.8)
    for row in rows:
        row |= {"task": "classification", "label": row["id"]}
    miner = miner_of(table(*rows), vectors)
    assert not miner.mine(searches(table(*rows), miner.pool, np.full(3, 3), miner.options)).positive_ranks.any()

"""Each test is a fault that was measured in another miner of hard negatives, and that this one must not have.

The faults were found in sentence-transformers 6.2 (`mine_hard_negatives`), FlagEmbedding's `hn_mine`, contrastors and
NeMo Automodel, by running them on small cases. What each does instead is said in the docstring of its test. That a
cache of vectors tells two fine-tunes apart is tested with the store of vectors.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worlds import Row, ToyTeacher, Vectors, at_cosine, by_number, mine, miner_of, record, table, whole

from curation.errors import CurationError
from curation.mining import encoder, mine_hard_negatives
from curation.mining.rules import Verdict

QUERY = np.array([[1.0, 0.0, 0.0]], dtype=np.float32)
NO_RULES: dict[str, Any] = {"top_k": 100, "skip_rank": 0, "max_score": 2.0, "max_positive_ratio": np.inf}

SENTENCES = {
    "eng_Latn": "the harbour master counted all of the boats once more",
    "deu_Latn": "der Hafenmeister zählte noch einmal alle Boote im Hafen",
    "rus_Cyrl": "начальник порта ещё раз пересчитал все лодки",
    "hin_Deva": "बंदरगाह के मालिक ने सारी नावें फिर से गिनीं",
    "tam_Taml": "துறைமுக அதிகாரி எல்லா படகுகளையும் மீண்டும் எண்ணினார்",
    "tha_Thai": "นายท่าเรือนับเรือทุกลำอีกครั้งหนึ่งในตอนเย็น",
    "mya_Mymr": "ဆိပ်ကမ်းမှူးက လှေအားလုံးကို ထပ်ရေတွက်ခဲ့တယ်",
    "zho_Hans": "港口负责人又把所有的船都仔细地数了一遍",
    "jpn_Jpan": "港の責任者はすべての船をもう一度数え直した",
    "kor_Hang": "항구 책임자는 모든 배를 다시 한번 세어 보았다",
    "arb_Arab": "عدّ مدير الميناء جميع القوارب مرة أخرى",
    "heb_Hebr": "מנהל הנמל ספר שוב את כל הסירות בערב",
    "amh_Ethi": "የወደቡ ኃላፊ ጀልባዎቹን ሁሉ እንደገና ቆጠረ",
}


def cosines(*values: float) -> Vectors:
    return np.array([at_cosine(value, number) for number, value in enumerate(values)], dtype=np.float32)


def mine_by(monkeypatch: pytest.MonkeyPatch, rows: list[Row], vectors: dict[str, list[float]], **options: Any) -> Any:
    """Run the whole stage with chosen vectors."""
    dimensions = len(next(iter(vectors.values())))
    monkeypatch.setattr(encoder, "load_teacher", lambda _: ToyTeacher(vectors.__getitem__, dimensions))
    return mine(rows, **({"teacher": "chosen"} | options))


NAN = [float("nan")] * 3


@pytest.mark.parametrize("policy", ["pad", "keep", "relax"])
def test_a_passage_whose_vector_is_nan_is_no_negative(monkeypatch: pytest.MonkeyPatch, policy: str) -> None:
    """sentence-transformers takes it as the first negative, with the score NaN: topk ranks NaN highest."""
    rows = [record(n, f"q{n}", f"p{n}") for n in range(6)]
    vectors = {f"q{n}": at_cosine(1.0) for n in range(6)} | {f"p{n}": at_cosine(0.9 - n / 10, n) for n in range(6)}
    vectors |= {"p2": NAN, "q4": NAN}
    outcome = mine_by(monkeypatch, rows, vectors, num_negatives=4, on_shortage=policy)
    found = by_number(outcome)
    assert set(found) == {0, 1, 3, 5}
    assert all("p2" not in row["negatives"] for row in found.values())
    assert found[0]["negatives"] == ["p1", "p3", "p4", "p5"]
    assert all(np.isfinite(score) for row in found.values() for score in row["negative_scores"] if score is not None)
    entries = outcome.ledger.to_pylist()
    assert {(int(entry["id"], 16), entry["decision"], entry["reason"]) for entry in entries} == {
        (2, "quarantined", "not_embeddable"),
        (4, "quarantined", "not_embeddable"),
    }


def test_vectors_that_are_nan_are_refused_where_vectors_are_handed_over() -> None:
    """Likewise, where there is no record to quarantine."""
    passages = cosines(0.9, 0.8, 0.7)
    passages[1] = np.nan
    with pytest.raises(CurationError, match="passages, row 1"):
        mine_hard_negatives(QUERY, passages, [0])


@pytest.mark.parametrize("language", SENTENCES)
@pytest.mark.parametrize("change", [str, str.upper, lambda text: f"{text} "], ids=["same", "upper", "blank"])
def test_the_query_itself_is_no_negative(language: str, change: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """sentence-transformers keeps it, and contrastors compares a dictionary with a string, and so keeps it as well."""
    text = SENTENCES[language]
    rows = [record(0, text, "p0"), record(1, "q1", change(text)), record(2, "q2", "p2"), record(3, "q3", "p3")]
    vectors = {row[side]: at_cosine(1.0) for row in rows for side in ("query", "positive")}
    for policy in ("pad", "keep"):
        found = by_number(mine_by(monkeypatch, rows, vectors, num_negatives=2, on_shortage=policy))
        assert sorted(found[0]["negatives"]) == ["p2", "p3"]


@pytest.mark.parametrize("language", SENTENCES)
@pytest.mark.parametrize(
    "tail", [" ", "\u00a0", "\u3000", ".", "\u200b"], ids=["blank", "nbsp", "wide", "stop", "zero"]
)
def test_a_positive_with_a_blank_behind_it_is_no_negative(
    language: str, tail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sentence-transformers compares exact strings: `positive + " "` is its first negative."""
    text = SENTENCES[language]
    rows = [record(0, "q0", text), record(1, "q1", text + tail), record(2, "q2", "p2"), record(3, "q3", "p3")]
    vectors = {row[side]: at_cosine(1.0) for row in rows for side in ("query", "positive")}
    for policy in ("pad", "keep"):
        found = by_number(mine_by(monkeypatch, rows, vectors, num_negatives=2, on_shortage=policy))
        assert [sorted(found[n]["negatives"]) for n in (0, 1)] == [["p2", "p3"]] * 2


def unit(count: int, dimensions: int, seed: int) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((count, dimensions))
    result: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return result


def peak(queries: Vectors, passages: Vectors, positives: list[list[int]]) -> tuple[Any, int]:
    tracemalloc.start()
    rows, _ = mine_hard_negatives(queries, passages, positives)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return rows, used


def test_a_query_with_800_positives_widens_no_other() -> None:
    """sentence-transformers fetches range_max + 800 columns for every query."""
    queries, passages = unit(1500, 16, 0), unit(3000, 16, 1)
    own = [[row] for row in range(1500)]
    hub = [list(range(800)), *own[1:]]
    peak(queries, passages, own)
    (plain, without), (rows, with_hub) = (peak(queries, passages, positives) for positives in (own, hub))
    np.testing.assert_array_equal(rows[1:], plain[1:])
    assert not set(rows[0].tolist()) & set(range(800))
    # 800 more columns of rows and scores would be 14 MB for 1500 queries.
    assert with_hub < without + 2e6


def hub(size: int, count: int) -> tuple[list[Row], dict[str, list[float]]]:
    rows = [
        record(
            n,
            "hub" if n < size else f"q{n}",
            f"passage {n * 7919 % 10007} of {n}",
            group="hub" if n < size else f"g{n}",
        )
        for n in range(count)
    ]
    generator = np.random.default_rng(0)
    texts = [row[side] for row in rows for side in ("query", "positive")]
    return rows, {text: generator.standard_normal(8).tolist() for text in texts}


def test_the_records_of_a_query_with_800_positives_cost_no_square(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours would compare each of 800 x 24 candidates with 800 right passages: 15 million pairs of texts."""
    from curation.mining import miner as module

    compared = []
    real = module.jaccard
    monkeypatch.setattr(
        module, "jaccard", lambda sides, left, right: compared.append(len(left)) or real(sides, left, right)
    )
    rows, vectors = hub(800, 1200)
    miner = miner_of(table(*rows), vectors, num_negatives=24)
    mined = miner.mine([[whole(miner.pool, 24)]])
    assert np.bincount(mined.chosen.owners).tolist() == [24] * 1200
    assert (mined.chosen.entries[mined.chosen.owners < 800] >= 800).all()
    # What each would take against its query, and against what is right for it: for the hub once for all its records.
    assert sum(compared) < 3 * 24 * 1200 + 2 * 24 * 800 * 2


@pytest.mark.parametrize(
    ("policy", "count", "shortage"),
    [("pad", 5, "padded"), ("keep", 5, "kept"), ("drop", None, None), ("relax", None, None)],
)
def test_a_short_row_is_never_dropped_or_filled_in_silence(
    monkeypatch: pytest.MonkeyPatch, policy: str, count: int | None, shortage: str | None
) -> None:
    """sentence-transformers drops it, FlagEmbedding fills it at random, NeMo emits masked items: none says so."""
    rows = [record(n, f"q{n}", f"p{n}") for n in range(8)]
    vectors = {f"q{n}": at_cosine(1.0) for n in range(8)}
    # Two passages pass the rules, and the record lacks five.
    vectors |= {f"p{n}": at_cosine(0.95 if n not in (6, 7) else 0.5, n) for n in range(8)}
    outcome = mine_by(monkeypatch, rows, vectors, num_negatives=5, max_score=0.8, on_shortage=policy)
    assert outcome.records.num_rows + outcome.ledger.num_rows == 8
    if count is None:
        entry = next(entry for entry in outcome.ledger.to_pylist() if int(entry["id"], 16) == 0)
        assert (entry["decision"], entry["reason"]) == ("dropped", "negative_shortage")
        assert (entry["score"], entry["threshold"]) == (2, 5)
        assert entry["detail"] == "max_score 5"
        return
    row = by_number(outcome)[0]
    assert (row["shortage"], row["mined"], len(row["negatives"])) == (shortage, 2, count)
    assert row["negatives"][:2] == ["p6", "p7"]
    assert row["negative_origins"][:2] == ["dense", "dense"]
    assert (row["negative_origins"][2:] == ["random"] * 3) == (policy == "pad")
    assert row["candidates"]["max_score"] == 5


def test_where_too_few_are_found_the_matrix_says_so() -> None:
    """Likewise, where vectors are handed over: -1, and not the last passage of the corpus."""
    rows, scores = mine_hard_negatives(QUERY, cosines(0.9, 0.5), [0], num_negatives=3, **NO_RULES)
    assert rows.tolist() == [[1, -1, -1]]
    assert np.isneginf(scores[0, 1:]).all()


def test_skipped_ranks_are_ranks_of_the_search() -> None:
    """sentence-transformers skips survivors: it returns 0.50 and 0.40 here, though 0.80 and 0.79 are not in the top 5.

    Papers that skip the top 5 mean the ranks of retrieval.
    """
    passages = cosines(0.90, 0.899, 0.898, 0.897, 0.896, 0.895, 0.80, 0.79, 0.78, 0.77, 0.76, 0.50, 0.40)
    options = NO_RULES | {"max_positive_ratio": 0.95, "num_negatives": 2}
    ranks, _ = mine_hard_negatives(QUERY, passages, [0], **(options | {"skip_rank": 5}))
    survivors, _ = mine_hard_negatives(QUERY, passages, [0], **options, skip_survivors=5)
    assert passages[ranks[0], 0] == pytest.approx([0.80, 0.79])
    assert passages[survivors[0], 0] == pytest.approx([0.50, 0.40])


def test_a_window_that_the_rules_empty_is_looked_beyond_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With range_max=5 and five passages above max_score sentence-transformers finds nothing, and does not say why."""
    rows = [record(n, f"q{n}", f"p{n}") for n in range(12)]
    vectors = {f"q{n}": at_cosine(1.0) for n in range(12)} | {
        f"p{n}": at_cosine(0.9 if n <= 5 else 0.7 - n / 100, n) for n in range(12)
    }
    options: dict[str, Any] = {"top_k": 5, "max_score": 0.8, "num_negatives": 3}
    short = mine_by(monkeypatch, rows, vectors, **options, on_shortage="drop")
    entry = next(entry for entry in short.ledger.to_pylist() if int(entry["id"], 16) == 0)
    assert (entry["score"], entry["detail"]) == (0, "max_score 5")
    relaxed = by_number(mine_by(monkeypatch, rows, vectors, **options, on_shortage="relax"))
    assert len(relaxed) == 12
    assert relaxed[0]["negatives"] == ["p6", "p7", "p8"]
    assert relaxed[0]["shortage"] == "relaxed"
    assert relaxed[0]["negative_ranks"] == [6, 7, 8]


@pytest.mark.parametrize("positive", [-0.2, -0.5, -0.7])
def test_a_relative_margin_holds_for_negative_scores_too(positive: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """`positive * (1 - margin)` lies above a negative positive: passages nearer than the positive became negatives."""
    others = np.array([0.1, 0.02, -0.02, -0.04, -0.06, -0.08])
    passages = cosines(positive, *(positive + others))
    rows, scores = mine_hard_negatives(QUERY, passages, [0], **(NO_RULES | {"max_positive_ratio": 0.9}))
    bound = positive - 0.1 * abs(positive)
    kept = [number for number, value in enumerate(positive + others, 1) if value < bound]
    assert rows[0, rows[0] >= 0].tolist() == kept
    assert (scores[0, : len(kept)] < positive).all()
    texts = [f"p{number}" for number in range(len(passages))]
    vectors = {text: passage.tolist() for text, passage in zip(texts, passages, strict=True)}
    records = [record(number, f"q{number}", text) for number, text in enumerate(texts)]
    vectors |= {f"q{number}": at_cosine(1.0) for number in range(len(texts))}
    outcome = mine_by(
        monkeypatch, records, vectors, num_negatives=len(kept), max_positive_ratio=0.9, on_shortage="drop"
    )
    assert by_number(outcome)[0]["negatives"] == [texts[number] for number in kept]


def test_each_positive_has_a_margin_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the weakest positive for all, one at 0.55 leaves nothing but easy negatives to the one at 0.90."""
    rows = [record(0, "q", "strong", group="g"), record(1, "q", "weak", group="g")]
    rows += [record(n, f"q{n}", f"p{n}") for n in range(2, 6)]
    vectors = {"q": at_cosine(1.0), "strong": at_cosine(0.90, 1), "weak": at_cosine(0.55, 2)}
    vectors |= {f"q{n}": at_cosine(-1.0) for n in range(2, 6)}
    vectors |= {"p2": at_cosine(0.84, 3), "p3": at_cosine(0.6, 4), "p4": at_cosine(0.5, 5), "p5": at_cosine(0.4, 6)}
    found = by_number(mine_by(monkeypatch, rows, vectors, num_negatives=2, max_positive_ratio=0.95))
    assert found[0]["negatives"] == ["p2", "p3"]
    assert found[1]["negatives"] == ["p4", "p5"]
    assert found[1]["possible_ids"] == [f"{2:032x}", f"{3:032x}"]
    # Handed over as vectors, one query with two positives must stay below both: there is one row of negatives.
    passages = np.array([vectors[text] for text in ("strong", "weak", "p2", "p3", "p4", "p5")], dtype=np.float32)
    indices, _ = mine_hard_negatives(
        QUERY, passages, [[0, 1]], **(NO_RULES | {"max_positive_ratio": 0.95}), num_negatives=2
    )
    assert indices.tolist() == [[4, 5]]


def test_a_cross_encoder_is_asked_without_any_margin() -> None:
    """sentence-transformers ignores `cross_encoder` unless a margin or a score is set as well."""
    rows = [record(n, f"q{n}", f"p{n}") for n in range(5)]
    vectors = {f"q{n}": at_cosine(1.0) for n in range(5)} | {f"p{n}": at_cosine(0.9 - n / 10, n) for n in range(5)}
    miner = miner_of(table(*rows), vectors, second_opinion=lambda _, entries: entries == 1)
    mined = miner.mine([[whole(miner.pool, 3)]])
    assert 1 not in mined.chosen.entries
    assert mined.verdicts[:, Verdict.CROSS_ENCODER].tolist() == [1, 0, 1, 1, 1]


def small_world() -> list[Row]:
    rows = [
        record(
            100 * number + n,
            f"Question {n} of {number}",
            f"{text} {word}",
            positive_language=language,
            language=language,
            query_language="eng_Latn",
            task="bitext",
        )
        for number, (language, text) in enumerate(list(SENTENCES.items())[:4])
        for n, word in enumerate(("Kai", "ग्राम", "лес", "ที่นี่", "海边", "قمر"))
    ]
    for row in rows:
        # Unlike each other, but of the same words.
        row["positive"] = " ".join(random.Random(row["row"]).sample(row["positive"].split(), k=3)) + f" {row['row']}"
    return rows


RANDOM: dict[str, Any] = {"num_negatives": 4, "sampling": "random", "top_k": 4, "on_shortage": "pad"}


@pytest.mark.slow
def test_random_draws_take_nothing_from_a_global_generator() -> None:
    """sentence-transformers and FlagEmbedding draw from `random`, unseeded; Tevatron seeds with the time of day."""
    states = random.getstate(), np.random.get_state()[1].tolist()
    first = mine(small_world(), seed=7, **RANDOM)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states
    random.seed(1)
    again = mine(small_world(), seed=7, **RANDOM)
    assert again.records.equals(first.records)
    other = mine(small_world(), seed=8, **RANDOM)
    assert other.records["negatives"].to_pylist() != first.records["negatives"].to_pylist()


@pytest.mark.parametrize("options", [{}, RANDOM, {"hub_cap": 2}, {"anchor": "positive", "keep_possible": 2}])
@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_input_changes_nothing(options: dict[str, Any], seed: int) -> None:
    """FlagEmbedding's corpus is `list(set(texts))`: its order, and with it ties and draws, is another each run."""
    rows = small_world()
    expected = mine(rows, **options)
    shuffled = random.Random(seed).sample(rows, len(rows))
    found = mine(shuffled, **options)
    assert found.records.equals(expected.records)
    assert found.ledger.sort_by("id").equals(expected.ledger.sort_by("id"))


_SCRIPT = """
import hashlib, sys
sys.path[:0] = sys.argv[1:]
import test_faults
outcome = test_faults.mine(test_faults.small_world(), **test_faults.RANDOM)
print(hashlib.sha256(str(outcome.records.to_pylist()).encode()).hexdigest())
"""


def test_the_hash_seed_of_python_changes_nothing() -> None:
    """Likewise: the order of a set of strings is a function of PYTHONHASHSEED."""
    here, root = Path(__file__).parent, Path(__file__).parents[3]
    # Both at once: each takes seconds to import what it needs.
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _SCRIPT, str(here), str(root)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    digests = [process.communicate(timeout=200)[0].strip() for process in started]
    assert len(digests[0]) == 64
    assert digests[0] == digests[1]


@pytest.mark.parametrize("positives", [["0", "1"], "01", [["0"], ["1"]], [0.0, 1.0], [None, None], [True, False]])
def test_positives_that_are_no_row_numbers_are_refused(positives: Any) -> None:
    """FlagEmbedding splits a positive that is a string, and no list, into characters, and trains on these."""
    with pytest.raises(CurationError, match="row numbers"):
        mine_hard_negatives(np.eye(2), np.eye(2), positives)


def test_a_passage_that_the_corpus_has_twice_is_one_passage() -> None:
    """FlagEmbedding's fill may repeat what was mined, and a duplicate of a positive under another id is a negative."""
    rows = small_world()
    copies = [row | {"id": f"{900 + n:032x}", "group": f"copy {n}", "query": f"Copy {n}"} for n, row in enumerate(rows)]
    outcome = mine(rows + copies, num_negatives=5)
    found = by_number(outcome)
    assert len(found) == len(rows + copies)
    for row in found.values():
        assert len(set(row["negatives"])) == 5
        assert row["positive"] not in row["negatives"]
        assert all(int(number, 16) < 900 for number in row["negative_ids"])

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from worlds import Row, ToyTeacher, by_number, record, save_teacher, table

from curation.config.mining import LEXICAL, Mining, TeacherModel
from curation.mining import competence, encoder
from curation.mining.competence import LEAST, find_recalls
from curation.mining.encoder import Encoder
from curation.mining.search.candidates import Vectors
from curation.mining.stage import mine_records

# Twenty-four sentences in each language, from three parts; a query is its sentence without the middle.
PARTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "deu_Latn": (("Der Lotse", "Ein Bäcker", "Die Tante", "Ein Kind"), ("zählte", "malte"), ("Boote", "Obst", "Uhren")),
    "rus_Cyrl": (("Лоцман", "Пекарь", "Моя тётя", "Ребёнок"), ("считал", "рисовал"), ("лодки", "яблоки", "часы")),
    "hin_Deva": (("नाविक ने", "बेकर ने", "मेरी चाची ने", "बच्चे ने"), ("गिनीं", "बनाईं"), ("नावें", "सेब", "घड़ियाँ")),
    "tam_Taml": (("மாலுமி", "பேக்கர்", "என் அத்தை", "குழந்தை"), ("எண்ணினார்", "வரைந்தார்"), ("படகுகள்", "ஆப்பிள்கள்", "கடிகாரங்கள்")),
    "tha_Thai": (("คนขับเรือ", "คนทำขนมปัง", "ป้าของฉัน", "เด็กน้อย"), ("นับ", "วาด"), ("เรือ", "แอปเปิล", "นาฬิกา")),
    "jpn_Jpan": (("船頭は", "パン屋は", "私の叔母は", "子供は"), ("数えた", "描いた"), ("船を", "林檎を", "時計を")),
    "kor_Hang": (("뱃사공은", "빵집주인은", "고모는", "아이는"), ("세었다", "그렸다"), ("배를", "사과를", "시계를")),
    "arb_Arab": (("البحار", "الخباز", "عمتي", "الطفل"), ("عدّ", "رسم"), ("القوارب", "التفاح", "الساعات")),
    "heb_Hebr": (("המלח", "האופה", "הדודה שלי", "הילד"), ("ספר", "צייר"), ("סירות", "תפוחים", "שעונים")),
    "kat_Geor": (("მეზღვაური", "მცხობელი", "დეიდა", "ბავშვი"), ("ითვლის", "ხატავს"), ("ნავებს", "ვაშლებს", "საათებს")),
}  # fmt: skip


def sentences(language: str) -> list[tuple[str, str]]:
    """Return pairs of query and positive."""
    who, does, what = PARTS[language]
    return [(f"{c} {a} {b}?", f"{a} {b} {c}") for a in who for b in does for c in what]


def rows(language: str, pairs: list[tuple[str, str]], first: int = 0, **changes: object) -> list[Row]:
    return [
        record(first + n, query, positive, positive_language=language, language=language, **changes)
        for n, (query, positive) in enumerate(pairs)
    ]


def recalls(some: list[Row], model: str = LEXICAL, seed: int = 0) -> Vectors:
    return find_recalls(table(*some), Encoder(TeacherModel(model=model)), seed)


@pytest.mark.parametrize("language", PARTS)
def test_a_teacher_that_compares_words_finds_a_query_of_the_same_words(language: str) -> None:
    found = recalls(rows(language, sentences(language)))
    assert len(set(found.tolist())) == 1
    assert found[0] == 1.0
    assert found.dtype == np.float32


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a real model that knows German pairs, knows the first half of the Russian ones, and thinks all Thai equal.

    Each text it knows is a token; for Hindi, query n is where positive n + 1 is.
    """
    vectors: dict[str, list[float]] = {}
    random = np.random.default_rng(0)
    for language in ("deu_Latn", "rus_Cyrl", "hin_Deva", "tha_Thai"):
        pairs = sentences(language)
        points = random.standard_normal((len(pairs), 16))
        for n, (query, positive) in enumerate(pairs):
            point = np.ones(16) if language == "tha_Thai" else points[n]
            vectors[positive] = point.tolist()
            asked = {"deu_Latn": point, "tha_Thai": point, "hin_Deva": points[(n + 1) % 24]}.get(language)
            if asked is None:
                asked = point if n < 12 else -point
            vectors[query] = asked.tolist()
    pytest.importorskip("sentence_transformers")
    return save_teacher(Path(tmp_path_factory.mktemp("teacher")) / "known", vectors)


@pytest.mark.parametrize(
    ("language", "expected"),
    [("deu_Latn", 1.0), ("rus_Cyrl", 0.5), ("hin_Deva", 0.0), ("tha_Thai", 0.5)],
)
def test_the_recall_of_a_model_is_the_share_of_pairs_that_it_finds_first(
    model: str, language: str, expected: float
) -> None:
    """A tie counts half: a model that thinks all texts equal finds nothing, and a coin would find half."""
    assert set(recalls(rows(language, sentences(language)), model).tolist()) == {expected}


def test_each_language_has_its_own_and_small_ones_have_none(model: str) -> None:
    some = [*rows("deu_Latn", sentences("deu_Latn")), *rows("hin_Deva", sentences("hin_Deva"), 100)]
    few = rows("rus_Cyrl", sentences("rus_Cyrl")[: LEAST - 1], 200)
    found = recalls(some + few, model)
    assert found[:24].tolist() == [1.0] * 24
    assert found[24:48].tolist() == [0.0] * 24
    assert np.isnan(found[48:]).all()
    enough = rows("rus_Cyrl", sentences("rus_Cyrl")[:LEAST], 200)
    assert not np.isnan(recalls(some + enough, model)).any()


def test_any_right_passage_of_a_query_counts(model: str) -> None:
    pairs = sentences("hin_Deva")
    some = rows("hin_Deva", pairs)
    # In the model's eyes query n is positive n + 1; here that is right as well.
    more = [
        record(100 + n, query, pairs[(n + 1) % 24][1], positive_language="hin_Deva", group=f"g{n}")
        for n, (query, _) in enumerate(pairs)
    ]
    assert set(recalls(some + more, model).tolist()) == {1.0}


@pytest.mark.parametrize(("held_out", "expected"), [("known", 1.0), ("unknown", 0.0)])
def test_held_out_pairs_are_tried_first(
    model: str, monkeypatch: pytest.MonkeyPatch, held_out: str, expected: float
) -> None:
    monkeypatch.setattr(competence, "PAIRS", 12)
    some = rows("rus_Cyrl", sentences("rus_Cyrl"))
    for n, row in enumerate(some):
        row["split"] = "test" if (n < 12) == (held_out == "known") else "train"
    assert set(recalls(some, model).tolist()) == {expected}


def test_the_pairs_that_are_tried_are_a_function_of_ids_and_seed(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(competence, "PAIRS", 9)
    monkeypatch.setattr(competence, "PASSAGES", 15)
    some = rows("rus_Cyrl", sentences("rus_Cyrl"))
    found = {seed: float(recalls(some, model, seed)[0]) for seed in range(12)}
    assert len(set(found.values())) > 2
    order = np.random.default_rng(0).permutation(24)
    shuffled = [some[n] for n in order]
    assert {seed: float(recalls(shuffled, model, seed)[0]) for seed in range(12)} == found
    # Some of the pairs are known, and some not, whatever is drawn.
    assert all(0.0 <= value <= 1.0 for value in found.values())


@pytest.mark.parametrize("side", [0, 1], ids=["queries", "positives"])
def test_a_pair_without_a_vector_is_not_found(monkeypatch: pytest.MonkeyPatch, side: int) -> None:
    pairs = sentences("deu_Latn")
    unknown = {pair[side] for pair in pairs}

    def vector_of(text: str) -> Vectors:
        return np.full(32, np.nan) if text in unknown else np.eye(32)[sum(map(ord, text)) % 32]

    monkeypatch.setattr(encoder, "load_teacher", lambda _: ToyTeacher(vector_of, 32))
    assert set(recalls(rows("deu_Latn", pairs), "blind").tolist()) == {0.0}


def test_weak_languages_are_mined_by_the_fallback(model: str) -> None:
    some = [*rows("deu_Latn", sentences("deu_Latn")), *rows("hin_Deva", sentences("hin_Deva"), 100)]
    some += rows("jpn_Jpan", sentences("jpn_Jpan")[:5], 200)
    options = Mining.model_validate(
        {"teacher": model, "fallback": {"min_recall": 0.5}, "num_negatives": 3, "skip_rank": 0}
    )
    found = by_number(mine_records(table(*some), options, seed=0))
    for row in found.values():
        language, count = row["positive_language"], row["teacher_recall"]
        if language == "hin_Deva":
            assert (row["teacher"], count) == (LEXICAL, 0.0)
            assert set(row["negative_origins"]) <= {"lexical", "random"}
        else:
            assert row["teacher"] != LEXICAL
            assert count == (1.0 if language == "deu_Latn" else None)
            assert set(row["negative_origins"]) <= {"dense", "random"}
    assert {row["positive_language"] for row in found.values()} == {"deu_Latn", "hin_Deva", "jpn_Jpan"}


def test_no_records_have_no_recall() -> None:
    assert recalls([]).tolist() == []


def test_within_a_source_nothing_else_matters(model: str) -> None:
    good = rows("deu_Latn", sentences("deu_Latn"))
    # The queries of the other source stand beside passages of others.
    pairs = sentences("deu_Latn")
    bad = rows("deu_Latn", [(pairs[n - 7][0], positive) for n, (_, positive) in enumerate(pairs)], 500, source="other")
    for n, row in enumerate(bad):
        row["group"] = f"bad{n}"
    encoded = Encoder(TeacherModel(model=model))
    alone = find_recalls(table(*good), encoded, 0)
    within = np.repeat(np.arange(2), [len(good), len(bad)])
    beside = find_recalls(table(*good, *bad), encoded, 0, within=within)
    assert beside[: len(good)].tolist() == alone.tolist()
    assert beside[-1] < alone[0]

from __future__ import annotations

import itertools
import random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.config.mining import Mining
from curation.errors import ConfigError
from curation.ledger import LEDGER_SCHEMA
from curation.mining.assemble import COUNTS_TYPE
from curation.mining.pool import MOST_PARTNERS
from curation.mining.pools import pools_of
from curation.mining.stage import mine_records
from curation.outcome import Outcome
from curation.records import RECORD_SCHEMA
from curation.text import fold

SCHEMA = RECORD_SCHEMA.append(pa.field("split", pa.string(), nullable=False)).append(pa.field("trust", pa.int8()))
ADDED = {
    "negative_ids": pa.list_(pa.string()),
    "negative_scores": pa.list_(pa.float32()),
    "negative_ranks": pa.list_(pa.int32()),
    "negative_origins": pa.list_(pa.string()),
    "negative_languages": pa.list_(pa.string()),
    "mined": pa.int16(),
    "positive_score": pa.float32(),
    "positive_rank": pa.int32(),
    "possible_ids": pa.list_(pa.string()),
    "possible_scores": pa.list_(pa.float32()),
    "candidates": COUNTS_TYPE,
    "shortage": pa.string(),
    "self_match": pa.bool_(),
    "teacher": pa.string(),
    "teacher_recall": pa.float32(),
}
Row = dict[str, Any]

# Who, does what, where: sentences that share more or less with each other.
PARTS = {
    "eng_Latn": (("The pilot", "A baker", "My aunt"), ("watched the boats", "sold bread"), ("at noon", "by the river")),
    "deu_Latn": (("Der Lotse", "Ein Bäcker", "Meine Tante"), ("zählte die Boote", "trank Bier"), ("heute", "am Fluss")),
    "hin_Deva": (("नाविक ने", "मेरी चाची ने", "बच्चों ने"), ("नावें गिनीं", "रोटी खरीदी"), ("दोपहर में", "नदी के किनारे")),
    "tam_Taml": (("மாலுமி", "என் அத்தை", "குழந்தைகள்"), ("படகுகளைப் பார்த்தார்", "ரொட்டி வாங்கினார்"), ("மதியம்", "ஆற்றங்கரையில்")),
    "tha_Thai": (("คนขับเรือ", "ป้าของฉัน", "เด็กๆ"), ("นับเรือทุกลำ", "ซื้อขนมปัง"), ("ตอนเที่ยง", "ริมแม่น้ำ")),
    "mya_Mymr": (("လှေသမား", "ကျွန်မအဒေါ်", "ကလေးများ"), ("လှေတွေကိုရေတွက်တယ်", "ပေါင်မုန့်ဝယ်တယ်"), ("နေ့လယ်မှာ", "မြစ်ကမ်းနားမှာ")),
    "zho_Hans": (("船夫", "我的姑姑", "孩子们"), ("数了数船", "买了面包"), ("中午", "在河边")),
    "jpn_Jpan": (("船頭は", "私の叔母は", "子供たちは"), ("船を数えた", "パンを買った"), ("昼に", "川のそばで")),
    "kor_Hang": (("뱃사공은", "우리 고모는", "아이들은"), ("배를 세었다", "빵을 샀다"), ("정오에", "강가에서")),
    "arb_Arab": (("البحّار", "عمّتي", "الأطفال"), ("يعدّ القوارب", "يشتري الخبز"), ("ظهراً", "على ضفة النهر")),
    "heb_Hebr": (("המלח", "הדודה שלי", "הילדים"), ("ספר את הסירות", "קנה לחם"), ("בצהריים", "על גדת הנהר")),
    "amh_Ethi": (("መርከበኛው", "አክስቴ", "ልጆቹ"), ("ጀልባዎቹን ቆጠረ", "ዳቦ ገዛ"), ("እኩለ ቀን", "በወንዙ ዳር")),
    "kat_Geor": (("მეზღვაური", "ჩემი დეიდა", "ბავშვები"), ("ნავებს ითვლის", "პურს ყიდულობს"), ("დღეს", "მდინარესთან")),
    "rus_Cyrl": (("Лоцман", "Моя тётя", "Дети"), ("считали лодки", "купили хлеб"), ("в полдень", "у реки")),
}  # fmt: skip
CODES = {code: number for number, code in enumerate(sorted(PARTS))}
OPEN = {"skip_rank": 0, "max_score": 2.0, "max_positive_ratio": 1.0}


def sentences(language: str) -> list[str]:
    """Return twelve different sentences."""
    return [" ".join(parts) for parts in itertools.product(*PARTS[language])]


def record(number: int, query: str, positive: str, **changes: object) -> Row:
    values: Row = {
        "id": f"{number:032x}",
        "query": query,
        "positive": positive,
        "negatives": [],
        "query_language": "eng_Latn",
        "positive_language": "deu_Latn",
        "language": "deu_Latn",
        "source": "pairs",
        "licence": "CC-BY-4.0",
        "task": "bitext",
        "label": "",
        "document": "",
        "group": str(fold(pa.array([query]))[0]),
        "file": "pairs.tsv",
        "row": number,
        "split": "train",
        "trust": 60,
    }
    return values | changes


def table(*rows: Row) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=SCHEMA)


def bitext(language: str, *, first: int = 0, **changes: object) -> list[Row]:
    """Return the sentences of a language with English queries."""
    first += 1000 * CODES[language]
    return [
        record(first + number, f"Question {number}", text, positive_language=language, language=language, **changes)
        for number, text in enumerate(sentences(language))
    ]


def mine(rows: list[Row], *, seed: int = 0, **options: object) -> Outcome:
    return mine_records(table(*rows), Mining(**({"num_negatives": 3, "skip_rank": 0} | options)), seed=seed)  # type: ignore[arg-type]


def by_number(outcome: Outcome) -> dict[int, Row]:
    return {int(row["id"], 16): row for row in outcome.records.to_pylist()}


def key(text: str) -> str:
    return str(fold(pa.array([text]))[0])


def near(left: str, right: str) -> bool:
    """Tell whether the sets of character 5-grams overlap by 0.8 or more."""
    one, other = ({text[i : i + 5] for i in range(max(1, len(text) - 4))} for text in (key(left), key(right)))
    return len(one & other) >= 0.8 * len(one | other)


def said(row: Row) -> set[str]:
    return {key(row["query"]), key(row["positive"])}


def linked(row: Row, pool: list[Row]) -> set[str]:
    """Return the folded texts that are paired with a row's texts, or with a text that is paired with these."""
    partners: dict[str, set[str]] = {text: {text} for text in said(row)}
    for other in [other for other in pool if other["task"] in ("bitext", "sts")]:
        for text in said(other):
            partners.setdefault(text, set()).update(said(other))
    plain = {text for text, theirs in partners.items() if len(theirs - {text}) <= MOST_PARTNERS}
    start = said(row) & plain if row["task"] in ("bitext", "sts") else set()
    near = said(row).union(*(partners[text] & plain for text in start))
    if row["task"] not in ("bitext", "sts"):
        return near
    return near.union(*(partners[text] for text in near))


def passages(row: Row, rows: list[Row]) -> list[Row]:
    """Return the records whose positives are the pool of a row."""
    return [
        other
        for other in rows
        if (other["positive_language"], other["split"]) == (row["positive_language"], row["split"])
    ]


def right(row: Row, pool: list[Row]) -> set[str]:
    """Return the folded positives of a row's group and of its query."""
    asked = (row["group"], key(row["query"]))
    return {key(other["positive"]) for other in pool if other["group"] == asked[0] or key(other["query"]) == asked[1]}


def allowed(row: Row, rows: list[Row]) -> set[str]:
    """Return the folded texts that may become a negative of `row`, by the words of the contract."""
    pool = passages(row, rows)
    own = right(row, pool)
    texts = {key(other["positive"]) for other in pool} - own - linked(row, pool)
    return {text for text in texts if not any(near(text, known) for known in [row["query"], *own])}


def kept_given(row: Row, rows: list[Row], count: int) -> list[str]:
    """Return the given negatives that are none of a row's right passages, nor nearly one."""
    pool = passages(row, rows)
    own = right(row, pool)
    never = (own | linked(row, pool)) & {key(other["positive"]) for other in pool} | {key(row["query"])}
    distinct: dict[str, str] = {}
    for text in filter(None, row["negatives"]):
        if key(text) not in never:
            distinct.setdefault(key(text), text)
    first = list(distinct.values())[:count]
    return [text for text in first if not any(near(text, known) for known in [row["query"], *own])]


def check(outcome: Outcome, rows: list[Row], options: Mining) -> None:
    """Hold every promise that does not depend on the teacher against the outcome."""
    before = {row["id"]: row for row in rows}
    ids = outcome.records["id"].to_pylist() + outcome.ledger["id"].to_pylist()
    assert sorted(ids) == sorted(before)
    for row in outcome.records.to_pylist():
        check_record(row, before, options)
    for entry in outcome.ledger.to_pylist():
        assert (entry["stage"], entry["decision"], entry["reason"]) == ("mine", "dropped", "negative_shortage")
        assert 0 <= entry["score"] < entry["threshold"] == options.num_negatives
        if options.on_shortage == "pad":
            row = before[entry["id"]]
            given = {key(text) for text in kept_given(row, list(before.values()), options.num_negatives)}
            assert len(given | allowed(row, rows)) < options.num_negatives


def check_record(row: Row, before: dict[str, Row], options: Mining) -> None:
    origin = before[row["id"]]
    texts, ids, scores = row["negatives"], row["negative_ids"], row["negative_scores"]
    assert len(texts) == len(ids) == len(scores) == options.num_negatives
    assert len({key(text) for text in texts}) == len(texts)
    assert row["mined"] == sum(score is not None for score in scores)
    given = kept_given(origin, list(before.values()), options.num_negatives)
    assert texts[: len(given)] == given
    assert ids[: len(given)] == [""] * len(given)
    assert scores[: len(given)] == [None] * len(given)
    fresh = list(zip(texts, ids, scores, strict=True))[len(given) :]
    possible = allowed(origin, list(before.values()))
    assert all(key(text) in possible and before[number]["positive"] == text for text, number, _ in fresh)
    assert all(
        (before[n]["split"], before[n]["positive_language"]) == (row["split"], row["positive_language"])
        for _, n, _ in fresh
    )
    mined = [score for _, _, score in fresh if score is not None]
    assert [score for _, _, score in fresh] == mined + [None] * (len(fresh) - len(mined))
    assert mined == sorted(mined, reverse=True)
    assert all(score < options.max_score for score in mined)
    assert all(score < options.max_positive_ratio * row["positive_score"] + 1e-6 for score in mined)
    changed = {"negatives", *ADDED}
    assert {name: row[name] for name in row if name not in changed} == {
        name: origin[name] for name in origin if name not in changed
    }


WORDS = st.sampled_from(["boat", "Boat", "river bank", "नाव", "नावें", "河", "船を数えた", "เรือ", "лодка", "قارب", ""])
TEXTS = st.lists(WORDS, min_size=1, max_size=3).map(" ".join).map(str.strip).filter(bool)


@st.composite
def worlds(draw: st.DrawFn) -> list[Row]:
    """Return records of few words, groups, languages and splits, so that everything that can collide does."""
    count = draw(st.integers(0, 14))
    languages = st.sampled_from(["hin_Deva", "zho_Hans"])
    return [
        record(
            number,
            draw(TEXTS),
            draw(TEXTS),
            negatives=draw(st.lists(TEXTS, max_size=4)) if draw(st.booleans()) else [],
            positive_language=draw(languages),
            group=draw(st.sampled_from("abcdefgh")),
            split=draw(st.sampled_from(["train", "train", "test"])),
        )
        for number in range(count)
    ]


@pytest.mark.slow
@settings(max_examples=25)
@given(
    worlds(),
    st.builds(
        Mining,
        num_negatives=st.integers(1, 4),
        top_k=st.integers(3, 12),
        skip_rank=st.integers(0, 2),
        max_score=st.sampled_from([0.3, 0.8, 2.0]),
        max_positive_ratio=st.sampled_from([0.5, 0.95, 1.0]),
        on_shortage=st.sampled_from(["pad", "drop"]),
    ),
    st.integers(0, 3),
    st.randoms(use_true_random=False),
)
def test_every_promise_on_any_records(rows: list[Row], options: Mining, seed: int, shuffler: random.Random) -> None:
    outcome = mine_records(table(*rows), options, seed=seed)
    check(outcome, rows, options)
    shuffled = shuffler.sample(rows, len(rows))
    again = mine_records(table(*shuffled), options, seed=seed)
    assert again.records.sort_by("id").equals(outcome.records.sort_by("id"))
    assert again.ledger.sort_by("id").equals(outcome.ledger.sort_by("id"))


@pytest.mark.parametrize("language", PARTS)
def test_mined_negatives_of_real_sentences(language: str) -> None:
    rows = bitext(language)
    outcome = mine(rows, max_score=0.9)
    check(outcome, rows, Mining(num_negatives=3, skip_rank=0, max_score=0.9))
    records = outcome.records.to_pylist()
    assert len(records) == 12
    assert {row["mined"] for row in records} == {3}
    for row in records:
        number = int(row["id"], 16) - 1000 * CODES[language]
        same = [other % 12 for other in (number ^ 1, number ^ 2, number - 4, number + 4, number - 8, number + 8)]
        hardest = sentences(language).index(row["negatives"][0])
        assert hardest in same, "the nearest differs in one of the three parts"


@pytest.mark.parametrize("rows", [[], bitext("deu_Latn")], ids=["none", "some"])
def test_the_schema_with_and_without_rows(rows: list[Row]) -> None:
    records = mine(rows).records
    assert records.num_rows == len(rows)
    assert records.schema.names == [*SCHEMA.names, *ADDED]
    assert {name: records.schema.field(name).type for name in ADDED} == ADDED
    before = SCHEMA.set(SCHEMA.get_field_index("negatives"), pa.field("negatives", pa.list_(pa.large_string())))
    assert all(records.schema.field(name).type == before.field(name).type for name in SCHEMA.names)
    assert not any(
        records.schema.field(name).nullable for name in ("negatives", "negative_ids", "negative_scores", "mined")
    )
    assert mine(rows).ledger.schema == LEDGER_SCHEMA


def test_both_schemas_are_the_same() -> None:
    assert mine([]).records.schema == mine(bitext("deu_Latn")).records.schema


def test_a_pool_is_of_the_language_of_the_passages() -> None:
    rows = [record(1, "a", "b", query_language="eng_Latn", positive_language="tam_Taml", language="tam_Taml")]
    records = table(*rows, *bitext("hin_Deva")[:2], *rows)
    assert pools_of(records, None, Mining()).tolist() == [0, 1, 1, 0]
    assert pools_of(table(), None, Mining()).tolist() == []


def test_other_languages_in_the_partition_change_nothing() -> None:
    alone = by_number(mine(bitext("tam_Taml"), num_negatives=5, max_score=0.6))
    both = by_number(mine(bitext("zho_Hans") + bitext("tam_Taml") + bitext("amh_Ethi"), num_negatives=5, max_score=0.6))
    assert {number: both[number] for number in alone} == alone
    assert len(both) == 36


def test_splits_are_pools_of_their_own() -> None:
    rows = bitext("rus_Cyrl")
    for row in rows[:5]:
        row["split"] = "test"
    texts = {split: {row["positive"] for row in rows if row["split"] == split} for split in ("train", "test")}
    for row in mine(rows, num_negatives=4, max_score=0.3).records.to_pylist():
        assert set(row["negatives"]) <= texts[row["split"]]


GROUPED = (
    "Die Boote lagen am Abend alle im Hafen",
    "Am Abend lagen alle Boote im Hafen",
    "Abends lagen die Boote im Hafen",
)


def test_no_positive_of_the_same_group_becomes_a_negative() -> None:
    rows = [record(900 + n, "Where were the boats?", text) for n, text in enumerate(GROUPED)]
    by_id = by_number(mine(rows + bitext("deu_Latn"), num_negatives=12, **OPEN))
    assert set(by_id[900]["negatives"]) == set(sentences("deu_Latn"))
    assert by_id[900]["negative_scores"][0] is not None


def retrieval(rows: list[Row]) -> list[Row]:
    """Return the same records with queries in the language of their positives."""
    return [row | {"task": "retrieval", "query_language": row["positive_language"]} for row in rows]


@pytest.mark.parametrize("language", ["deu_Latn", "hin_Deva", "tha_Thai", "zho_Hans", "rus_Cyrl", "kat_Geor"])
def test_the_query_itself_is_no_negative_although_it_is_the_nearest_passage(language: str) -> None:
    rows = retrieval(bitext(language))
    asked = sentences(language)[0]
    rows.append(rows[0] | {"id": "f" * 32, "query": f"{asked.upper()}", "positive": f"{asked} 2024 2024", "group": "x"})
    outcome = mine(rows, num_negatives=10, **OPEN)
    check(outcome, rows, Mining(num_negatives=10, **OPEN))  # type: ignore[arg-type]
    found = by_number(outcome)[16**32 - 1]
    assert asked not in found["negatives"]
    assert found["mined"] > 0


TRAILING = "Der Lotse zählte am späten Nachmittag noch einmal die Boote im kleinen Hafen"


@pytest.mark.parametrize("max_score", [2.0, -1.0], ids=["mined", "random"])
@pytest.mark.parametrize("count", [2, 7, 60])
def test_near_duplicates_of_the_positive_are_neither_mined_nor_drawn(count: int, max_score: float) -> None:
    rows = [record(900 + n, f"Twin {n}", TRAILING + "." * n) for n in range(count)]
    rows += [record(2000, "Other 0", "Der Lotse zählte"), record(2001, "Other 1", "die Boote im Hafen")]
    found = by_number(mine(rows, num_negatives=2, max_score=max_score, max_positive_ratio=2.0))
    assert all(set(found[900 + n]["negatives"]) == {"Der Lotse zählte", "die Boote im Hafen"} for n in range(count))
    assert {found[900 + n]["mined"] for n in range(count)} == ({2} if max_score > 0 else {0})


@pytest.mark.parametrize("max_score", [2.0, -1.0], ids=["mined", "random"])
@pytest.mark.parametrize(("more", "is_near"), [(1, True), (2, True), (3, False)], ids=["8/9", "8/10", "8/11"])
@pytest.mark.parametrize(
    "letters",
    ["abcdefghijklmno", "абвгдежзиклмноп", "कखगघङचछजझञटठडढण", "一二三四五六七八九十百千万上下", "กขฃคฅฆงจฉชซฌญฎฏ"],
)
def test_texts_are_near_duplicates_from_a_jaccard_similarity_of_08(
    letters: str, more: int, is_near: bool, max_score: float
) -> None:
    # Twelve different letters have eight 5-grams, and each further letter adds one.
    rows = [record(1, "One", letters[:12]), record(2, "Two", letters[: 12 + more])]
    options = {"num_negatives": 1, "max_score": max_score, "max_positive_ratio": 2.0}
    assert mine(rows, **options).records.num_rows == (0 if is_near else 2)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], []),
        (["Ein Bäcker schläft"], ["Ein Bäcker schläft"]),
        (["Bäcker", "BÄCKER", "Ｂäcker", "Brot"], ["Bäcker", "Brot"]),
        (["", "Brot"], ["Brot"]),
        (["QUESTION 0", "der lotse ZÄHLTE die boote heute", "Brot"], ["Brot"]),
        (["a", "b", "c", "d", "e"], ["a", "b", "c", "d"]),
    ],
)
@pytest.mark.parametrize("policy", ["pad", "drop"])
def test_given_negatives_come_first_without_repeats(given: list[str], expected: list[str], policy: str) -> None:
    rows = bitext("deu_Latn")
    rows[0]["negatives"] = given
    found = by_number(mine(rows, num_negatives=4, on_shortage=policy, **OPEN))[int(rows[0]["id"], 16)]
    assert found["negatives"][: len(expected)] == expected
    assert found["negative_ids"][: len(expected)] == [""] * len(expected)
    assert found["negative_scores"][: len(expected)] == [None] * len(expected)
    assert found["mined"] == 4 - len(expected)
    assert all(found["negative_ids"][len(expected) :])


@pytest.mark.parametrize("policy", [OPEN, {"max_score": -1.0}], ids=["mined", "random"])
def test_a_given_negative_is_not_added_again_in_other_letters(policy: dict[str, float]) -> None:
    rows = bitext("deu_Latn")
    rows[0]["negatives"] = [text.upper() for text in sentences("deu_Latn")[1:9]]
    found = by_number(mine(rows, num_negatives=11, **policy))[int(rows[0]["id"], 16)]
    assert sorted(map(key, found["negatives"])) == sorted(map(key, sentences("deu_Latn")[1:]))


def test_enough_given_negatives_need_no_pool() -> None:
    found = mine(
        [record(1, "Boats?", "Boote", negatives=["Brot", "Wein", "Käse"])], on_shortage="drop"
    ).records.to_pylist()
    assert [row["negatives"] for row in found] == [["Brot", "Wein", "Käse"]]
    assert found[0]["mined"] == 0


@pytest.mark.parametrize(
    ("options", "kept", "mined"),
    [
        ({"on_shortage": "pad", "max_score": -1.0}, 12, 0),
        ({"on_shortage": "drop", "max_score": -1.0}, 0, 0),
        ({"on_shortage": "pad", "top_k": 2}, 12, 2),
        ({"on_shortage": "drop", "top_k": 2}, 0, 2),
        ({"on_shortage": "drop", "top_k": 3}, 12, 3),
        ({"on_shortage": "drop", "top_k": 3, "skip_rank": 1}, 0, 2),
        ({"on_shortage": "pad", "num_negatives": 12}, 0, 11),
        ({"on_shortage": "drop", "num_negatives": 5}, 12, 5),
    ],
)
def test_shortage(options: dict[str, Any], kept: int, mined: int) -> None:
    settings = {"max_score": 2.0, "max_positive_ratio": 2.0} | options
    outcome = mine(bitext("deu_Latn"), **settings)
    assert (outcome.records.num_rows, outcome.ledger.num_rows) == (kept, 12 - kept)
    assert set(outcome.records["mined"].to_pylist()) <= {mined}
    for entry in outcome.ledger.to_pylist():
        assert (entry["stage"], entry["decision"], entry["reason"]) == ("mine", "dropped", "negative_shortage")
        assert (entry["score"], entry["threshold"]) == (mined, settings.get("num_negatives", 3))
        assert (entry["source"], entry["language"], entry["file"]) == ("pairs", "deu_Latn", "pairs.tsv")
        assert entry["positive"] in sentences("deu_Latn")


def test_a_single_record_has_no_pool() -> None:
    outcome = mine(bitext("deu_Latn")[:1])
    assert outcome.records.num_rows == 0
    assert outcome.ledger.to_pylist()[0]["score"] == 0.0


def random_texts(rows: list[Row], seed: int) -> dict[int, list[str]]:
    outcome = mine(rows, seed=seed, num_negatives=4, max_score=-1.0)
    return {number: row["negatives"] for number, row in by_number(outcome).items()}


def test_padding_is_a_function_of_the_seed() -> None:
    rows = bitext("hin_Deva")
    first = random_texts(rows, seed=5)
    assert first == random_texts(rows[::-1], seed=5)
    assert sum(first[number] != texts for number, texts in random_texts(rows, seed=6).items()) >= 10
    assert len({tuple(texts) for texts in first.values()}) >= 10, "each record draws for itself"


def test_padding_is_uniform() -> None:
    rows = bitext("zho_Hans")
    drawn = [text for seed in range(40) for texts in random_texts(rows, seed).values() for text in texts]
    counts = [drawn.count(text) for text in sentences("zho_Hans")]
    # Each of 11 other records draws a text 4 times in 11: 160 in 40 runs, with a standard deviation of 10.
    assert all(abs(count - 160) < 60 for count in counts)


@pytest.mark.parametrize(
    ("changes", "options", "refused"),
    [
        ({}, {"anchor": "query"}, True),
        ({}, {"anchor": "positive"}, False),
        ({}, {}, False),
        ({"query_language": "deu_Latn"}, {"anchor": "query"}, False),
        ({"query_language": "deu_Latn", "task": "retrieval"}, {}, False),
    ],
)
def test_lexical_scores_do_not_reach_across_languages(
    changes: dict[str, str], options: dict[str, str], refused: bool
) -> None:
    rows = [row | changes for row in bitext("deu_Latn")]
    if not refused:
        assert mine(rows, **options).records.num_rows == 12
        return
    with pytest.raises(ConfigError, match=r"eng_Latn[\s\S]*deu_Latn[\s\S]*mining\.anchor"):
        mine(rows, **options)


def test_the_anchor_decides_whose_neighbours_are_taken() -> None:
    texts = sentences("deu_Latn")
    # Each query is a sentence on another subject than its positive's.
    rows = [
        record(n, f"{texts[(n + 5) % 12]} und doch ganz anders", text, query_language="deu_Latn", group=f"{n}")
        for n, text in enumerate(texts)
    ]
    asked = by_number(mine(rows, num_negatives=1, anchor="query", **(OPEN | {"max_positive_ratio": None})))
    answered = by_number(mine(rows, num_negatives=1, anchor="positive", **OPEN))
    assert all(asked[n]["negatives"] == [texts[(n + 5) % 12]] for n in range(12))
    assert all(answered[n]["negatives"] != [texts[(n + 5) % 12]] for n in range(12))
    assert all(answered[n]["positive_score"] == pytest.approx(1.0) for n in range(12))
    assert all(asked[n]["positive_score"] < 0.9 for n in range(12))


def test_equal_positives_are_one_passage_under_the_first_id() -> None:
    rows = [*bitext("deu_Latn"), *bitext("deu_Latn", first=500)]
    for row in rows[12:]:
        row |= {"positive": row["positive"].upper(), "query": "again " + row["query"], "group": "again " + row["group"]}
    outcome = mine(rows, num_negatives=11, **OPEN)
    check(outcome, rows, Mining(num_negatives=11, **OPEN))  # type: ignore[arg-type]
    firsts = {row["id"] for row in rows[:12]}
    assert all(set(row["negative_ids"]) <= firsts for row in outcome.records.to_pylist())
    assert outcome.records.num_rows == 24


def test_a_text_that_is_everybodys_positive() -> None:
    rows = [record(n, f"Question {n}", "Ja") for n in range(50)] + bitext("deu_Latn")
    outcome = mine(rows, num_negatives=5)
    check(outcome, rows, Mining(num_negatives=5, skip_rank=0))
    assert outcome.records.num_rows == 62


def test_texts_without_words_still_get_random_negatives() -> None:
    rows = [record(n, f"Question {n}", "…" * (n + 1)) for n in range(3)] + bitext("deu_Latn")
    outcome = mine(rows, num_negatives=4)
    check(outcome, rows, Mining(num_negatives=4, skip_rank=0))
    assert by_number(outcome)[0]["mined"] == 0


def test_a_pair_that_ranks_too_low_leaves_although_it_came_with_enough_negatives() -> None:
    texts = sentences("deu_Latn")
    # The query of the last one is another's passage.
    rows = [
        record(n, f"{text} und was dann", text, query_language="deu_Latn", group=str(n), task="retrieval")
        for n, text in enumerate(texts)
    ]
    rows[-1] |= {"query": f"{texts[0]} und was denn", "negatives": ["eins", "zwei", "drei"]}
    options = OPEN | {"max_positive_rank": 3}
    outcome = mine(rows, num_negatives=3, **options)
    [lost] = outcome.ledger.to_pylist()
    assert (lost["reason"], lost["id"]) == ("inconsistent_pair", rows[-1]["id"])
    assert lost["score"] > lost["threshold"] == 3


def test_given_negatives_that_are_right_or_nearly_are_left_out() -> None:
    rows = bitext("deu_Latn")
    rows[0] |= {"negatives": [rows[1]["positive"], f"{rows[0]['positive']}.", "etwas ganz anderes"], "group": "same"}
    rows[1] |= {"group": "same"}
    found = by_number(mine(rows, **OPEN))[int(rows[0]["id"], 16)]
    origins = dict(zip(found["negatives"], found["negative_origins"], strict=True))
    assert [text for text, origin in origins.items() if origin == "given"] == ["etwas ganz anderes"]
    assert rows[1]["positive"] not in origins

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.mining.lexical import portable
from curation.mining.lexical.features import Vectoriser, count_features
from curation.mining.lexical.index import TIERS, Matrix, blocks, tiers_of
from curation.mining.lexical.kernels import CompiledKernels, Kernels, NumpyKernels
from curation.mining.lexical.pairs import pair_scores
from curation.mining.lexical.search import lexical_nearest
from curation.mining.ragged import Exclusions, Ragged
from curation.mining.search.candidates import Candidates, empty_candidates

KERNELS: list[Kernels] = [CompiledKernels(), NumpyKernels(), CompiledKernels(query_block=3, passage_block=16)]

# A sentence, one that speaks of the same things, and others of the same language.
NEIGHBOURS = {
    "hin_Deva": (
        "बच्चे नदी के किनारे खेल रहे हैं।",
        "नदी के किनारे कई बच्चे बैठे थे।",
        "कल दिल्ली में बहुत बारिश हुई।",
        "मेरी बहन अस्पताल में काम करती है।",
        "यह किताब बहुत महंगी है।",
    ),
    "tam_Taml": (
        "குழந்தைகள் ஆற்றங்கரையில் விளையாடுகிறார்கள்.",
        "ஆற்றங்கரையில் குழந்தைகள் அமர்ந்திருந்தனர்.",
        "நேற்று சென்னையில் மழை பெய்தது.",
        "என் அக்கா மருத்துவமனையில் வேலை செய்கிறாள்.",
        "இந்தப் புத்தகம் விலை அதிகம்.",
    ),
    "tha_Thai": (
        "เด็กๆ กำลังเล่นอยู่ริมแม่น้ำ",
        "มีเด็กหลายคนนั่งอยู่ริมแม่น้ำ",
        "เมื่อวานฝนตกหนักที่กรุงเทพ",
        "พี่สาวของฉันทำงานในโรงพยาบาล",
        "หนังสือเล่มนี้ราคาแพงมาก",
    ),
    "mya_Mymr": (
        "ကလေးတွေ မြစ်ကမ်းနားမှာ ကစားနေကြတယ်။",
        "မြစ်ကမ်းနားမှာ ကလေးအများကြီး ထိုင်နေခဲ့တယ်။",
        "မနေ့က ရန်ကုန်မှာ မိုးသည်းထန်စွာ ရွာခဲ့တယ်။",
        "ကျွန်တော့်အစ်မက ဆေးရုံမှာ အလုပ်လုပ်တယ်။",
        "ဒီစာအုပ်က ဈေးအရမ်းကြီးတယ်။",
    ),
    "zho_Hans": (
        "孩子们在河边玩耍。",
        "河边坐着许多孩子。",
        "昨天北京下了大雨。",
        "我姐姐在医院工作。",
        "这本书非常贵。",
    ),
    "jpn_Jpan": (
        "子供たちは川のそばで遊んでいる。",
        "川のそばにたくさんの子供たちが座っていた。",
        "昨日は東京で大雨が降った。",
        "姉は病院に勤めています。",
        "この本はとても高い。",
    ),
    "kor_Hang": (
        "아이들이 강가에서 놀고 있다.",
        "강가에는 많은 아이들이 앉아 있었다.",
        "어제 서울에 비가 많이 왔다.",
        "우리 누나는 병원에서 일한다.",
        "이 책은 너무 비싸다.",
    ),
    "arb_Arab": (
        "يلعب الأطفال على ضفة النهر.",
        "جلس كثير من الأطفال على ضفة النهر.",
        "هطل مطر غزير أمس في القاهرة.",
        "تعمل أختي في المستشفى.",
        "هذا الكتاب باهظ الثمن.",
    ),
    "heb_Hebr": (
        "הילדים משחקים על גדת הנהר.",
        "ילדים רבים ישבו על גדת הנהר.",
        "אתמול ירד גשם חזק בחיפה.",
        "אחותי עובדת בבית חולים.",
        "הספר הזה יקר מאוד.",
    ),
    "amh_Ethi": (
        "ልጆቹ በወንዙ ዳር እየተጫወቱ ነው።",
        "ብዙ ልጆች በወንዙ ዳር ተቀምጠው ነበር።",
        "ትናንት በአዲስ አበባ ከባድ ዝናብ ዘነበ።",
        "እህቴ በሆስፒታል ትሠራለች።",
        "ይህ መጽሐፍ በጣም ውድ ነው።",
    ),
    "kat_Geor": (
        "ბავშვები მდინარის ნაპირზე თამაშობენ.",
        "მდინარის ნაპირზე ბევრი ბავშვი იჯდა.",
        "გუშინ თბილისში ძლიერად წვიმდა.",
        "ჩემი და საავადმყოფოში მუშაობს.",
        "ეს წიგნი ძალიან ძვირია.",
    ),
    "rus_Cyrl": (
        "Дети играют на берегу реки.",
        "На берегу реки сидело много детей.",
        "Вчера в Москве шёл сильный дождь.",
        "Моя сестра работает в больнице.",
        "Эта книга очень дорогая.",
    ),
    "khm_Khmr": (
        "ក្មេងៗកំពុងលេងនៅមាត់ទន្លេ។",
        "មានក្មេងជាច្រើនអង្គុយនៅមាត់ទន្លេ។",
        "ម្សិលមិញភ្លៀងធ្លាក់ខ្លាំងនៅភ្នំពេញ។",
        "បងស្រីរបស់ខ្ញុំធ្វើការនៅមន្ទីរពេទ្យ។",
        "សៀវភៅនេះថ្លៃណាស់។",
    ),
    "ell_Grek": (
        "Τα παιδιά παίζουν στην όχθη του ποταμού.",
        "Στην όχθη του ποταμού κάθονταν πολλά παιδιά.",
        "Χθες έβρεξε δυνατά στην Αθήνα.",
        "Η αδερφή μου δουλεύει σε νοσοκομείο.",
        "Αυτό το βιβλίο είναι πολύ ακριβό.",
    ),
}
WORDS = ("river", "boat", "harbour", "नदी", "नाव", "किनारे", "แม่น้ำ", "เรือ", "河", "船", "река", "лодка", "نهر", "قارب")


def vectors(*texts: str) -> Matrix:
    counts = count_features(pa.array(texts, pa.string()))
    return Vectoriser.fit(counts).transform(counts)


def barring(pairs: list[tuple[int, int]], count: int) -> Exclusions:
    grid = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return Exclusions.from_rows(Ragged.from_pairs(grid[:, 0], grid[:, 1], count))


def itself(count: int) -> Exclusions:
    return barring([(row, row) for row in range(count)], count)


def sentences(count: int, *, length: int, vocabulary: int, seed: int = 0) -> list[str]:
    """Return texts of made-up words, frequent and rare ones as in language (Zipf)."""
    random = np.random.default_rng(seed)
    shares = 1.0 / np.arange(1, vocabulary + 1)
    letters = np.array(list("aeioulnrstkm"))
    words = ["".join(random.choice(letters, random.integers(2, 8))) for _ in range(vocabulary)]
    return [" ".join(random.choice(words, length, p=shares / shares.sum())) for _ in range(count)]


@pytest.mark.parametrize("language", NEIGHBOURS)
def test_the_neighbour_is_the_sentence_on_the_same_subject(language: str) -> None:
    texts = NEIGHBOURS[language]
    found = lexical_nearest(vectors(*texts), vectors(*texts), 3, itself(len(texts)))
    assert (found.rows[0, 0], found.rows[1, 0]) == (1, 0)
    assert found.scores[0, 0] > max(0.1, 1.5 * found.scores[0, 1])


@pytest.mark.parametrize("language", NEIGHBOURS)
def test_the_other_languages_do_not_come_between(language: str) -> None:
    texts = [sentence for sentences in NEIGHBOURS.values() for sentence in sentences]
    anchor = texts.index(NEIGHBOURS[language][0])
    found = lexical_nearest(vectors(*texts), vectors(*texts), 1, itself(len(texts)))
    assert found.rows[anchor, 0] == anchor + 1


@pytest.mark.parametrize(
    ("anchor", "same", "other"),
    [
        ("आज का दिन अच्छा है", "वह दिन याद है", "वह दान याद है"),
        ("கல் மிகவும் கனமானது", "இந்தக் கல் பெரியது", "இந்தக் கால் பெரியது"),
        ("ไม้นี้แข็งมาก", "โต๊ะทำจากไม้", "โต๊ะทำจากไม่"),
        ("כּוֹס מים", "זאת כּוֹס", "זאת כִּיס"),
    ],
)
def test_words_that_differ_in_marks_are_different_words(anchor: str, same: str, other: str) -> None:
    found = lexical_nearest(vectors(anchor, other, same), vectors(anchor, other, same), 2, itself(3))
    assert found.rows[0, 0] == 2
    assert found.scores[0, 0] > found.scores[0, 1] or found.rows[0, 1] == -1


def brute_force(queries: Matrix, passages: Matrix, k: int, barred: set[tuple[int, int]]) -> Candidates:
    """Score all pairs by themselves, sort them all, and keep the first."""
    found = empty_candidates(queries.shape[0], k)
    count = passages.shape[0]
    for query in range(queries.shape[0]):
        scores = pair_scores(queries, passages, np.full(count, query), np.arange(count))
        hits = [(-scores[row], row) for row in range(count) if scores[row] > 0 and (query, row) not in barred]
        for rank, (score, row) in enumerate(sorted(hits)[:k]):
            found.rows[query, rank], found.scores[query, rank] = row, -score
    return found


def assert_same(found: Candidates, expected: Candidates) -> None:
    np.testing.assert_array_equal(found.rows, expected.rows)
    np.testing.assert_array_equal(found.scores, expected.scores)


def assert_like_brute_force(queries: Matrix, passages: Matrix, k: int, barred: set[tuple[int, int]]) -> None:
    expected = brute_force(queries, passages, k, barred)
    for used in KERNELS:
        assert_same(used.nearest(queries, passages, k, barring(sorted(barred), queries.shape[0])), expected)


def narrow(matrix: Matrix, columns: npt.NDArray[np.int32]) -> Matrix:
    return matrix[:, columns].tocsr()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_equals_brute_force_on_the_full_cosine(data: st.DataObject) -> None:
    text = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)
    pool = data.draw(st.lists(text, min_size=1, max_size=30))
    asked = data.draw(st.lists(text, min_size=0, max_size=8))
    k = data.draw(st.integers(1, 12))
    pairs = st.tuples(st.integers(0, max(0, len(asked) - 1)), st.integers(0, len(pool) - 1))
    barred = data.draw(st.sets(pairs, max_size=20)) if asked else set()
    both = vectors(*pool, *asked)
    # The features that no text has say nothing, and would make the dense matrices of the oracle large.
    both = narrow(both, np.unique(both.indices))
    assert_like_brute_force(both[len(pool) :], both[: len(pool)], k, barred)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_equals_brute_force_on_any_weights(data: st.DataObject) -> None:
    shape = (data.draw(st.integers(1, 90)), data.draw(st.integers(1, 40)))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    # Few distinct weights make ties, and a share of zeros that differs by column makes tiers.
    weights = random.integers(0, data.draw(st.integers(2, 9)), shape) * random.choice([0.25, 1e-4, 3.7], shape[1])
    weights *= random.random(shape) < random.random(shape[1])
    passages = sp.csr_array(weights.astype(np.float32))
    queries = passages[random.integers(0, shape[0], data.draw(st.integers(0, 12)))]
    barred = {
        (int(query), int(row))
        for query, row in zip(*np.nonzero(random.random((queries.shape[0], shape[0])) < 0.1), strict=True)
    }
    assert_like_brute_force(queries, passages, data.draw(st.integers(1, 100)), barred)


@pytest.mark.parametrize(("count", "vocabulary", "k"), [(700, 300, 20), (700, 4000, 1), (700, 40, 120)])
def test_equals_brute_force_where_bounds_leave_out_most(count: int, vocabulary: int, k: int) -> None:
    texts = sentences(count, length=30, vocabulary=vocabulary)
    matrix = vectors(*texts)
    assert_like_brute_force(matrix[:30], matrix, k, {(row, row) for row in range(30)})


def test_kernels_agree_on_a_larger_pool() -> None:
    matrix = vectors(*sentences(3000, length=40, vocabulary=2000))
    queries = np.arange(0, 3000, 50)
    excluded = barring([(place, row) for place, row in enumerate(queries)], len(queries))
    compiled, portable, _ = (used.nearest(matrix[queries], matrix, 50, excluded) for used in KERNELS)
    assert_same(compiled, portable)


def test_a_hub_query_whose_nearest_are_all_excluded() -> None:
    both = vectors(*sentences(400, length=8, vocabulary=100))
    both = narrow(both, np.unique(both.indices))
    nearest = np.argsort(-(both[[7]] @ both.T).toarray()[0], kind="stable")[:300]
    assert_like_brute_force(both[:10], both, 6, {(7, int(row)) for row in nearest})


def test_ties_stand_in_order_of_rows_however_many() -> None:
    texts = ["the harbour master"] * 300
    found = lexical_nearest(vectors(*texts), vectors(*texts), 4, itself(300))
    assert found.rows[0].tolist() == [1, 2, 3, 4]
    assert found.rows[299].tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(found.scores, 1.0, rtol=1e-6)


@pytest.mark.parametrize(("query_block", "passage_block"), [(1, 1000), (300, 7), (50, 64), (2000, 333)])
def test_blocks_change_nothing(query_block: int, passage_block: int) -> None:
    matrix = vectors(*sentences(1100, length=12, vocabulary=300))
    matrix = narrow(matrix, np.unique(matrix.indices))
    queries, excluded = matrix[::4], barring([(place, 4 * place) for place in range(275)], 275)
    used = CompiledKernels(query_block=query_block, passage_block=passage_block)
    assert_same(used.nearest(queries, matrix, 5, excluded), lexical_nearest(queries, matrix, 5, excluded))


def test_blocks_of_the_portable_kernels_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = vectors(*sentences(300, length=12, vocabulary=300))
    whole = NumpyKernels.nearest(matrix, matrix, 5, itself(300))
    monkeypatch.setattr(portable, "_TILE", 1000)
    assert_same(NumpyKernels.nearest(matrix, matrix, 5, itself(300)), whole)


def test_a_query_finds_the_same_in_any_company_and_in_threads() -> None:
    matrix = vectors(*sentences(600, length=8, vocabulary=300))
    together = lexical_nearest(matrix, matrix, 5, itself(600))
    with ThreadPoolExecutor(3) as pool:
        alone = list(pool.map(lambda row: lexical_nearest(matrix[[row]], matrix, 5, barring([(0, row)], 1)), range(40)))
    for row, found in enumerate(alone):
        np.testing.assert_array_equal(found.rows[0], together.rows[row])
        np.testing.assert_array_equal(found.scores[0], together.scores[row])


def test_tiers_follow_the_share_of_passages_that_have_a_feature() -> None:
    shares = np.array([1, 1 / 2, 1 / 2 + 1e-3, 1 / 4, 1 / 128, 1 / 64, 1e-3])
    weights = (np.arange(1280)[:, None] < shares * 1280).astype(np.float32)
    assert tiers_of(sp.csr_array(weights)).tolist() == [TIERS - 1, TIERS - 2, TIERS - 1, TIERS - 3, 0, 1, 0]


def test_tails_are_what_lies_beyond_each_tier() -> None:
    matrix = vectors(*sentences(200, length=10, vocabulary=60))
    matrix = narrow(matrix, np.unique(matrix.indices))
    tiers = tiers_of(matrix)
    parts = list(blocks(matrix, tiers, 64))
    assert [part.first_row for part in parts] == [0, 64, 128, 192]
    tails = np.concatenate([part.tails for part in parts], axis=1)
    for tier in range(TIERS):
        beyond = matrix.toarray()[:, tiers > tier].astype(np.float64)
        np.testing.assert_allclose(tails[tier], np.sqrt((beyond**2).sum(axis=1)), rtol=1e-6)


def test_scores_are_symmetric_and_do_not_depend_on_their_company() -> None:
    matrix = vectors(*sentences(150, length=9, vocabulary=120))
    left, right = np.divmod(np.arange(150 * 150), 150)
    scores = pair_scores(matrix, matrix, left, right).reshape(150, 150)
    np.testing.assert_array_equal(scores, scores.T)
    np.testing.assert_allclose(scores, (matrix @ matrix.T).toarray(), atol=2e-6)
    shuffled = np.random.default_rng(0).permutation(len(left))
    np.testing.assert_array_equal(
        pair_scores(matrix, matrix, left[shuffled], right[shuffled]), scores.ravel()[shuffled]
    )


def test_texts_without_words_have_no_neighbours() -> None:
    matrix = vectors("…", "boats", "!!", "boats again")
    found = lexical_nearest(matrix, matrix, 3, itself(4))
    assert found.rows.tolist() == [[-1] * 3, [3, -1, -1], [-1] * 3, [1, -1, -1]]


def test_nothing_to_score_or_to_search() -> None:
    matrix, none = vectors("boats", "harbour"), np.empty(0, dtype=np.int64)
    assert pair_scores(matrix, matrix, none, none).shape == (0,)
    assert lexical_nearest(matrix[:0], matrix, 2, itself(0)).rows.shape == (0, 2)
    assert lexical_nearest(matrix[:1], matrix[:1], 1, itself(1)).rows.tolist() == [[-1]]

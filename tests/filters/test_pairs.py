from __future__ import annotations

import numpy as np
import pytest

from filters import pairs as scores


@pytest.mark.parametrize(
    ("query", "positive", "expected"),
    [
        ("Go!", "Geh!", 24 / 23),
        ("Hi", "ສະບາຍດີ", (21 + 20) / 22),
        ("", "x" * 160, 9.0),
        ("x" * 160, "", 9.0),
        ("Yes.", "はい。", 29 / 24),
    ],
)
def test_length_ratio_is_symmetric_and_smooth(pairs, query, positive, expected):
    assert scores.length_ratio(pairs([(query, positive)])).tolist() == [pytest.approx(expected)]


@pytest.mark.parametrize(
    ("query", "positive"),
    [
        ("OK", "OK"),
        ("Email", "email"),
        ("JSON", "ＪＳＯＮ"),
        ("I live in Tashkent.", "I live in Tashkent."),
        ("МОСКВА", "москва"),
        ("好", "好"),
        ("हिन्दी", "हिन्दी"),
        ("ΑΘΗΝΑ", "αθηνα"),
    ],
)
def test_texts_that_are_equal_when_folded_are_copies(pairs, query, positive):
    assert scores.copy_similarity(pairs([(query, positive)])).tolist() == [1.0]


@pytest.mark.parametrize(
    ("query", "positive", "expected"),
    [
        ("abcd", "abce", 6 / 8),
        ("a", "b", 0.0),
        ("aaaa", "aa", 4 / 6),  # multisets: one `^a`, and one of three `aa`
        ("ab", "ba", 0.0),  # the first character counts with the start
        ("", "", 0.0),
        ("", "x", 0.0),
        ("Привет", "Hello", 0.0),
    ],
)
def test_copy_similarity(pairs, query, positive, expected):
    assert scores.copy_similarity(pairs([(query, positive)])).tolist() == [pytest.approx(expected)]


@pytest.mark.parametrize(
    ("query", "positive"),
    [
        ("Je mange une pomme.", "I eat an apple."),
        ("Tom har et hus i Boston.", "Tom has a house in Boston."),
        ("A água é boa.", "El agua es buena."),
        ("这是一本书。", "這是一本書。"),
        ("Ние сме тук сега.", "Мы сейчас здесь."),
    ],
)
def test_translations_are_not_copies(pairs, query, positive):
    assert scores.copy_similarity(pairs([(query, positive)]))[0] < 0.9


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Hello %(name)s, you have %d of %s", {"%(name)s", "%d", "%s"}),
        ("%1$s was on %2$s", {"%s"}),
        ("%.2f %05d %ld", {"%.2f", "%05d", "%ld"}),
        ("{0} of {1}, {name}, {user.email!r:>10}", {"{0}", "{1}", "{name}", "{user.email!r:>10}"}),
        ("{{ user }} and {{user}}", {"{{user}}"}),
        ("${HOME}/bin", {"${HOME}"}),
        ("%sの%dページ", {"%s", "%d"}),
        ("100% sicher, 100%ige Sicherheit", set()),
        ("%50si, %100'ü", set()),
        ("100%% sure", set()),
        ("{ not one }", set()),
    ],
)
def test_placeholders(text, found):
    assert scores.placeholders(text) == found


@pytest.mark.parametrize(
    ("query", "positive", "expected"),
    [
        ("Save", "Enregistrer", np.nan),
        ("Delete %(name)s?", "%(name)s wirklich löschen?", 1.0),
        ("%s of %s", "%2$s من %1$s", 1.0),
        ("{{ count }} items", "{{count}}件", 1.0),
        ("%(count)d files", "ein einziger Ordner", 1.0),
        ("%d minutes", "একটি মিনিট", 1.0),
        ("%(count)d files in %(folder)s", "plik w %(folder)s", 1.0),
        ("%d of %i", "wszystkie", 0.0),  # two numbers are missing, not one
        ("Delete %(name)s?", "Löschen?", 0.0),
        ("Open", "%dを開く", 0.0),  # only the positive may leave one out
        ("%(name)s", "%(naam)s", 0.0),
        ("%(a)s %(b)s", "%(a)s", 0.5),
        ("{0} {1}", "{0} {2}", 1 / 3),
    ],
)
def test_placeholder_agreement(pairs, query, positive, expected):
    assert np.array_equal(scores.placeholder_agreement(pairs([(query, positive)])), [expected], equal_nan=True)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("In 1969, 3 men and 12 dogs", {"1969", "12"}),
        ("১৯৭১ সালে", {"1971"}),
        ("سنة ١٩٧٣", {"1973"}),
        ("۱۳۵۷", {"1357"}),
        ("ปี ๒๕๓๔", {"2534"}),
        ("२०२४ में", {"2024"}),
        ("၁၉၄၈", {"1948"}),
        ("1,000,000 or 1.000.000 or 1 000 000 or 1’000’000", {"1000000"}),
        ("3.14 at 10:30", {"14", "10", "30"}),
        ("in 2010 100 people", {"2010", "100"}),
        ("2, 3 and 4", set()),
    ],
)
def test_long_numbers(text, numbers):
    assert scores.long_numbers(text) == numbers


@pytest.mark.parametrize(
    ("query", "positive", "expected"),
    [
        ("Born in 1969.", "জন্ম ১৯৬৯ সালে।", 1.0),
        ("1,000 yen", "1000円", 1.0),
        ("100 yen", "1,000 yen", 0.0),
        ("from 1914 to 1918", "de 1914 à 1919", 0.5),
        ("He is 25.", "Er ist fünfundzwanzig.", np.nan),
        ("Room 7", "Zimmer 9", np.nan),
    ],
)
def test_number_agreement(pairs, query, positive, expected):
    assert np.array_equal(scores.number_agreement(pairs([(query, positive)])), [expected], equal_nan=True)


def test_scores_of_many_rows_are_those_of_each_alone(pairs):
    rows = [
        ("", "12"),
        ("34", "12 34"),
        ("%d", ""),
        ("ab1", "1ab"),
        ("9", "1"),
        ("%(x)s", "%(x)s"),
        ("ตัวอย่าง", "ตัวอย่าง"),
        ("x", "x" * 50),
    ]
    for score in (scores.length_ratio, scores.copy_similarity, scores.placeholder_agreement, scores.number_agreement):
        alone = np.concatenate([score(pairs([row])) for row in rows])
        assert np.array_equal(score(pairs(rows)), alone, equal_nan=True)

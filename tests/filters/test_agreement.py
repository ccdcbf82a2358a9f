from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters import agreement as scores


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


@pytest.mark.parametrize(
    ("query", "positive", "expected"),
    [
        ("See https://example.org/a", "Voir https://fr.example.org/b", 1.0),
        ("See https://example.org", "Siehe https://example.net", 0.0),
        ("Mail me@example.org!", "メールは me@example.org まで。", 1.0),
        ("Mail me@example.org", "Напишите you@example.org", 0.0),
        ("https://www.a.org and https://b.org", "https://a.org", 2 / 3),
        ("See the page", "पृष्ठ देखें", np.nan),
        ("See https://example.org", "ดูหน้านี้", 0.0),
        ("and/or", "وأو/أو", np.nan),
        ("@tom", "@том", np.nan),
        ("at HTTPS://EXAMPLE.ORG", "ב-https://example.org", 1.0),
    ],
)
def test_address_agreement(pairs, query, positive, expected):
    assert np.array_equal(scores.address_agreement(pairs([(query, positive)])), [expected], equal_nan=True)


TEXT = st.lists(
    st.sampled_from(["%d", "{x}", "12", "1,000", "http://a.b/", "x@y.zz", " ", "字", "३४"]), max_size=5
).map("".join)


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6))
def test_a_score_depends_on_its_row_alone(pairs, rows):
    for score in (scores.placeholder_agreement, scores.number_agreement, scores.address_agreement):
        alone = np.concatenate([score(pairs([row])) for row in rows])
        assert np.array_equal(score(pairs(rows)), alone, equal_nan=True)

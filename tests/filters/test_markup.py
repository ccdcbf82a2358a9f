from __future__ import annotations

import timeit

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters import markup


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("<b>x</b>", 7),
        ("a<br/>b", 5),
        ('<a href="/x?y=1">Hilfe</a>', 21),
        ("Fish &amp; chips", 5),
        ("&#8217;&#x2019;", 15),
        ("<!-- hidden --> seen", 15),
        ("<!----> <!-- a\n< b <i> -->", 25),
        ("<!--[if IE]><p>x</p><![endif]-->გ", 32),
        ("<!-- never closed", 0),
        ("<!-- <!-- second --> a", 15),
        ("<P ALIGN=left>Текст", 14),
        ("[b]ठीक है[/b]", 4),
        ("[url=https://example.org]здесь[/url]", 31),
        ("[[Αθήνα|η πόλη]]", 10),
        ("{{cite web|title=x}} 見よ", 20),
        ("### عنوان", 4),
        ("**ყველა**", 4),
        ("[ここ](https://example.org)", 22),
        (r"\textbf{x} ደህና", 10),
        (r"\alpha ไทย", 6),
        ("R&D; AT&T", 0),
        ("R&D and AT&T", 0),
        ("List<String> and <enum-cookbook>", 0),
        ("1 < 2 and 3 > 2", 0),
        ("[1] and [sic] and a[i]", 0),
        (r"C:\users\dora", 0),
        ("#hashtag, 2 * 3 * 4, {name}", 0),
        ("[[", 2),
        ("`PEP 8 <pep-0008>`", 0),
    ],
)
def test_markup_share(column, text, inside):
    assert markup.markup_share(column([text])).tolist() == [pytest.approx(inside / len(text))]


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("https://example.org/x", 21),
        ("Siehe https://example.org.", 20),
        ("见https://例子.测试/路径", 16),
        ("write to a.b+c@example.co.uk please", 19),
        ("пишите: x@example.org", 13),
        ("및/또는", 0),
        ("km/h und @handle", 0),
        ("1/2 @ 3", 0),
    ],
)
def test_address_share(column, text, inside):
    assert markup.address_share(column([text])).tolist() == [pytest.approx(inside / len(text))]


@pytest.mark.parametrize("start", ["<!--**", "<!--<!<", "<!--**-- ", "<!", "[[**", "{{|**", "<a **", r"\a{**"])
def test_the_time_grows_as_the_text(column, start):
    def least_seconds(chars: int) -> float:
        texts = column([start * (chars // len(start))])
        return min(timeit.repeat(lambda: markup.markup_share(texts), number=1, repeat=3))

    short, long = least_seconds(200_000), least_seconds(800_000)
    assert long < max(8 * short, 0.5)


@given(st.lists(st.text(alphabet="ab<>&;[]()/\\{}|*#@:. ก", max_size=40), min_size=1, max_size=8))
def test_a_score_depends_on_its_row_alone(column, texts):
    for score in (markup.markup_share, markup.address_share):
        alone = np.concatenate([score(column([text])) for text in texts])
        assert np.array_equal(score(column(texts)), alone, equal_nan=True)

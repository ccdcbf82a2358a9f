"""What is said of a release afterwards: as data, and as text in the card, whoever has written either."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from curation.errors import ReleaseError
from curation.release.notices import (
    Notices,
    Yank,
    checked_reason,
    from_bytes,
    to_bytes,
    with_notices,
    without_notices,
)

MATTER = b"---\nlicense: cc0-1.0\nlanguage: [swh, yor]\n---\n\n"
CARD = MATTER + b"# Weather\n\nText.\n\n---\n\nMore.\n"
REASONS = {
    "amh": "ግማሹ ጽሑፍ የተሳሳተ ነው።",
    "arb": "نصف النصوص بلغة أخرى.",
    "ben": "অর্ধেক বাক্য ভুল।",
    "deu": "Die Hälfte der Sätze ist doppelt.",
    "ell": "Οι μισές προτάσεις είναι λάθος.",
    "fas": "نیمی از متن‌ها نادرست‌اند.",
    "heb": "מחצית המשפטים שגויים.",
    "hin": "आधे वाक्य ग़लत हैं।",
    "hye": "Նախադասությունների կեսը սխալ է։",
    "jpn": "半分の文が誤っている。",
    "kat": "წინადადებების ნახევარი მცდარია.",
    "kor": "문장의 절반이 잘못되었습니다.",
    "sin": "ශ්‍රී ලංකාවේ වාක්‍ය වැරදියි.",
    "tha": "ครึ่งหนึ่งของประโยคผิด",
}
HOSTILE = (
    "<!-- /notices -->\n\n# Mine",
    "<!-- /notices -->",
    "<!-- notices -->",
    "--> <script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "&lt;b&gt; &#60;script&#62;",
    "[click](javascript:alert(1)) ![x](http://example.com/x.png)",
    "[x]: http://example.com 'title'",
    "<http://example.com>",
    "`code` ``` ~~~ **bold** __b__ ~~gone~~ *i*",
    "a | b\n|---|---|\n| c | d |",
    "\n\n---\nlicense: mit\n---\n\n",
    "---",
    "===",
    "# Heading",
    "1. one\n2. two",
    "- item",
    "> quote\n>> more",
    "    code",
    "\\",
    "\\\\*x*",
    "$x^2$ $$y$$",
    "a\u202eb\u2066c\u200fd",
    "a\x00b\x1b[31mc\x85d\u2028e",
    "[^1]: note",
    "\ud800 half a letter",
    "end of line  ",
)

reasons = st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=400)).filter(
    lambda text: any(char.isalnum() for char in text)
)
versions = st.tuples(*[st.integers(0, 999_999_999)] * 3).map(lambda three: "v{}.{}.{}".format(*three))
notices = st.builds(
    Notices,
    published_as=st.one_of(st.just(""), versions),
    override=st.one_of(st.just(""), reasons.map(checked_reason)),
    verdict=st.sampled_from(["", "none", "fail", "error"]),
    yanked=st.lists(st.builds(Yank, versions, reasons.map(checked_reason)), max_size=4).map(tuple),
)
said = Notices("v1.0.0", "we know", "fail", (Yank("v0.9.0", "half of it is another language"),))


@pytest.mark.parametrize("reason", REASONS.values(), ids=REASONS.keys())
def test_a_reason_stays_as_it_is(reason: str) -> None:
    assert checked_reason(reason) == reason
    card = with_notices(CARD, Notices(yanked=(Yank("v1.0.0", reason),))).decode()
    assert f"> **v1.0.0 was yanked: do not use it.** {reason}\n" in card


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  two\n\tlines ", "two lines"),
        ("a\u202eb", "a b"),
        ("a\x1b[31mb\x00", "a [31mb"),
        ("\udcff caf\udce9", "caf"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("x" * 500, "x" * 500),
    ],
)
def test_a_reason_is_one_line_that_can_be_read(text: str, expected: str) -> None:
    assert checked_reason(text) == expected


@pytest.mark.parametrize("text", ["", "  \n", "\u202e", "\x00\x1b", "x" * 501, "字" * 501])
def test_what_is_no_reason(text: str) -> None:
    with pytest.raises(ValueError, match="1 to 500"):
        checked_reason(text)


def test_what_counts_as_a_notice() -> None:
    assert not Notices()
    assert not Notices(verdict="fail")
    assert all((Notices("v1.0.0"), Notices(override="x"), Notices(yanked=(Yank("v1.0.0", "x"),))))
    assert said.yank_of("v0.9.0") == said.yanked[0]
    assert said.yank_of("v1.0.0") is None


@given(notices)
def test_data_comes_back(what: Notices) -> None:
    data = to_bytes(what)
    assert from_bytes(data, where="x") == what
    assert to_bytes(from_bytes(data, where="x")) == data


def changed(**values: Any) -> bytes:
    return json.dumps(json.loads(to_bytes(said)) | values).encode()


def without(name: str) -> bytes:
    value = json.loads(to_bytes(said))
    del value[name]
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"7",
        b'"text"',
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"schema":' * 50_000,
        to_bytes(said) + b" " * (1 << 20),
        b"9" * 5_000,
        changed(schema="release-notices/2"),
        changed(schema=None),
        changed(schema=["release-notices/1"]),
        *(without(name) for name in ("schema", "yanked", "published_as", "override", "verdict")),
        *(changed(override=value) for value in (None, 5, True, ["x"], {"a": "b"}, "x" * 501)),
        changed(published_as=1.0),
        changed(published_as="soon"),
        changed(published_as="v1.0.0 <b>"),
        changed(verdict=["fail"]),
        *(
            changed(yanked=value)
            for value in (None, 5, "v1.0.0", {"version": "v1.0.0"}, ["v1.0.0"], [None], [[]], [{}])
        ),
        *(
            changed(yanked=[{"version": "v1.0.0", "reason": value}])
            for value in (None, 5, True, [], {}, "", " ", "x" * 501)
        ),
        *(
            changed(yanked=[{"version": value, "reason": "x"}])
            for value in (
                None,
                1,
                "",
                "1.0.0",
                "v1.0",
                "v1.0.0\n",
                "v01.0.0",
                "v1.0.0-rc1",
                "v١.٠.٠",
                "v１.0.0",
                "v9999999999.0.0",
            )
        ),
        changed(yanked=[{"version": "v1.0.0"}]),
    ],
    ids=lambda data: repr(data[-60:]),
)
def test_a_strangers_notices_are_understood_or_refused(data: bytes) -> None:
    with pytest.raises(ReleaseError, match=r"notices\.json cannot be understood") as raised:
        from_bytes(data, where="weather/sentences@abc")
    assert raised.value.where == "weather/sentences@abc"
    assert len(raised.value.why) <= 500


def test_what_a_newer_writer_adds_is_left_alone() -> None:
    assert from_bytes(changed(more={"x": 1}), where="x") == said


CARDS = {
    "ours": CARD,
    "no front matter": b"# Weather\n",
    "nothing": b"",
    "one line": b"x",
    "only front matter": b"---\na: 1\n---\n",
    "front matter without an end": b"---\na: 1\n",
    "no blank line": b"---\na: 1\n---\n# Weather\n",
    "blank lines": b"---\na: 1\n---\n\n\n\n# Weather\n",
    "a rule far below": b"---\na: 1\n---\n# Weather\n\n---\n\nMore\n",
    "empty front matter": b"---\n---\n\n# Weather\n",
    "CRLF": CARD.replace(b"\n", b"\r\n"),
    "spaces behind the marks": b"--- \na: 1\n---\t \n\n# Weather\n",
    "a rule first": b"----\n\n# Weather\n\n---\n\n",
    "not UTF-8": b"---\na: 1\n---\n\n\xff\xfe\x00",
    "looks like an end": b"---\na: |\n  ---\n---\n\n# Weather\n",
    "a mark in the text": CARD + b"<!-- /notices -->\n\n<!-- notices -->\n",
    "no final newline": MATTER + b"# Weather",
}


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS.keys())
def test_a_card_comes_back_byte_for_byte(card: bytes) -> None:
    noticed = with_notices(card, said)
    assert noticed != card
    assert without_notices(noticed) == card
    assert with_notices(noticed, said) == noticed
    assert with_notices(noticed, Notices()) == card
    assert with_notices(card, Notices()) == card
    other = Notices(override="another")
    assert with_notices(noticed, other) == with_notices(card, other)


@pytest.mark.parametrize(
    "name",
    [
        "ours",
        "only front matter",
        "no blank line",
        "blank lines",
        "a rule far below",
        "empty front matter",
        "CRLF",
        "spaces behind the marks",
        "looks like an end",
    ],
)
def test_front_matter_stays_in_front(name: str) -> None:
    noticed = with_notices(CARDS[name], said)
    front, mark, rest = noticed.partition(b"<!-- notices -->\n")
    assert mark
    assert CARDS[name].startswith(front)
    lines = front.decode().split("\n")
    assert [line.rstrip() for line in lines].count("---") >= 2
    assert not rest.startswith(b"---")
    assert b"# Weather" not in front


@given(
    notices, st.one_of(st.sampled_from(sorted(CARDS.values())), st.binary(max_size=200)), st.sampled_from([b"", MATTER])
)
def test_every_card_comes_back_byte_for_byte(what: Notices, text: bytes, matter: bytes) -> None:
    # A card that holds notices already loses them; what is left comes back.
    card = without_notices(matter + text)
    noticed = with_notices(card, what)
    if without_notices(card) == card:
        assert without_notices(noticed) == card
        assert with_notices(noticed, what) == noticed


def rendered(card: bytes) -> list[Any]:
    markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    return list(markdown.parse(card.removeprefix(MATTER).decode()))


BANNER = ["html_block", "blockquote_open", "blockquote_close", "html_block", "heading_open", "heading_close"]
PLAIN = {"text", "strong_open", "strong_close", "softbreak", "code_inline", "text_special"}


@pytest.mark.parametrize("reason", HOSTILE)
@pytest.mark.parametrize("kind", ["yank", "override"])
def test_the_banner_is_text_and_nothing_else(reason: str, kind: str) -> None:
    words = checked_reason(reason)
    what = Notices(yanked=(Yank("v1.0.0", words),)) if kind == "yank" else Notices("", words, "fail")
    noticed = with_notices(MATTER + b"# Weather\n", what)
    assert noticed.count(b"<!-- notices -->") == noticed.count(b"<!-- /notices -->") == 1
    tokens = rendered(noticed)
    shown = [token.type for token in tokens]
    quote = ["blockquote_open", "paragraph_open", "inline", "paragraph_close", "blockquote_close"]
    heading = ["heading_open", "inline", "heading_close"]
    assert shown == ["html_block", *quote, "html_block", *heading]
    inline = tokens[3].children
    assert {token.type for token in inline} <= PLAIN
    text = "".join(token.content for token in inline if token.type in ("text", "text_special"))
    assert text.endswith(words)
    # The one code is ours: the word of the verdict.
    assert [token.content for token in inline if token.type == "code_inline"] == (
        ["fail"] if kind == "override" else []
    )


@given(notices.filter(bool))
def test_no_reason_breaks_out(what: Notices) -> None:
    tokens = rendered(with_notices(MATTER + b"# Weather\n", what))
    assert [token.type for token in tokens if token.level == 0] == BANNER
    for token in tokens:
        assert {child.type for child in token.children or []} <= PLAIN


@pytest.mark.parametrize(
    ("what", "lines"),
    [
        (Notices("v2.0.0"), ["Published as v2.0.0."]),
        (Notices("", "a known fault", "fail"), ["**Published with the verdict `fail` of the gate.** a known fault"]),
        (Notices("", "no time", "none"), ["**Published with no verdict of the gate.** no time"]),
        (Notices("", "x", "`evil`"), ["**Published with no verdict of the gate.** x"]),
        (
            Notices("v2.0.0", "x", "error", (Yank("v1.0.0", "bad"), Yank("v1.1.0", "worse"))),
            [
                "**v1.0.0 was yanked: do not use it.** bad",
                "**v1.1.0 was yanked: do not use it.** worse",
                "**Published with the verdict `error` of the gate.** x",
                "Published as v2.0.0.",
            ],
        ),
    ],
)
def test_what_the_banner_says(what: Notices, lines: list[str]) -> None:
    block = "\n>\n".join(f"> {line}" for line in lines)
    expected = (
        MATTER.decode()
        + f"<!-- notices -->\n> [!WARNING]\n{block}\n<!-- /notices -->\n\n"
        + CARD[len(MATTER) :].decode()
    )
    assert with_notices(CARD, what).decode() == expected

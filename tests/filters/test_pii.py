from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curation.config.model import Pii
from filters.pii import handle_pii, mask


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Mail dora.l+x@firma.de, please.", "Mail email@example.com, please."),
        ("Пишите на ivan@yandex.ru!", "Пишите на email@example.com!"),
        ("请联系wang@qq.com谢谢", "请联系email@example.com谢谢"),
        ("お問い合わせはinfo@firma.co.jpまで", "お問い合わせはemail@example.comまで"),
        ("문의: kim@naver.com으로", "문의: email@example.com으로"),
        ("ติดต่อsomchai@mail.co.thครับ", "ติดต่อemail@example.comครับ"),
        ("راسلنا على info@site.org.", "راسلنا على email@example.com."),
        ("לכתוב אל dana@walla.co.il", "לכתוב אל email@example.com"),
        ("ईमेल: ravi@mail.in।", "ईमेल: email@example.com।"),
        ("почта@пример.рф пишите", "email@example.com пишите"),
        ("<a href='mailto:a@b.org'>", "<a href='mailto:email@example.com'>"),
        ("host 93.184.216.34 is up", "host 192.0.2.1 is up"),
        ("الخادم ٩٣٫٢ و ٩٣.١٨٤.٢١٦.٣٤", "الخادم ٩٣٫٢ و 192.0.2.1"),
        ("२०३.११२.४५.६७ से", "192.0.2.1 से"),
        ("Server 85.214.132.117:8080.", "Server 192.0.2.1:8080."),
        ("http://85.214.132.117/x", "http://192.0.2.1/x"),
        ("https://u:p@85.214.132.117:443/", "https://u:p@192.0.2.1:443/"),
        ("85.214.132.117-192.0.2.1", "192.0.2.1-192.0.2.1"),
        ("192.0.2.1-85.214.132.117", "192.0.2.1-192.0.2.1"),
        ("85.214.132.117/24", "192.0.2.1/24"),
        ("见https://qq.com联系wang@qq.com", "见https://qq.com联系email@example.com"),
        ("https://firma.de/?an=ana@firma.de", "https://firma.de/?an=email@example.com"),
        ("https://firma.de\nana@firma.de", "https://firma.de\nemail@example.com"),
        ("ana@firma.de: ja/nein", "email@example.com: ja/nein"),
        ("+12345678901 and +1234567890", "+1 555 0100 and +1234567890"),
        ("ping 2607:f8b0:4005:805::200e now", "ping 2001:db8::1 now"),
        ("Call +49 30 1234567 now", "Call +1 555 0100 now"),
        ("Tel. +1 (212) 736-5000.", "Tel. +1 555 0100."),
        ("電話：+81-3-1234-5678です", "電話：+1 555 0100です"),
        ("هاتف +٩٧١ ٥٠ ١٢٣ ٤٥٦٧", "هاتف +1 555 0100"),
        ("+919876543210 पर", "+1 555 0100 पर"),
        ("โทร ＋66 2 123 4567", "โทร +1 555 0100"),
    ],
)
def test_personal_data_is_masked(text, masked):
    found, count = mask(text)
    assert (found, count) == (masked, 1)


@pytest.mark.parametrize(
    "text",
    [
        "Write to me@example.com or a@b.example or root@localhost",
        "user@host and @handle and 3 @ 4.50",
        "%(user)s@%(host)s",
        "127.0.0.1, 10.1.2.3, 192.168.0.1, 172.16.5.4, 192.0.2.1, 0.0.0.0, 255.255.255.255",
        "zlib 1.2.3.5, version 10.4.11.2 and 8.8.8.8",
        "Chrome 91.0.4472.124, §1.2.3.4.5, v2.30.40.50",
        "v45.33.32.156, 45.33.32.156.7, 7.45.33.32.156, 45.33.32.156rc1, 45.33.32.156-1, lib-45.33.32.156",
        "Browser/45.33.32.156, http://127.0.0.1:80/, 10.0.0.1-10.0.0.9, http://1.2.3.5/, 45.33.32.156:123456",
        "https://user@host.com/x, ftp://user:pass@host.com, ssh://git@github.com/foo",
        "git@github.com:foo/bar.git and root@host.com:/var/log",
        "2001:db8::1, fe80::1, ::1, 12:30:45, std::vector, 2024:01:02",
        "+1 555 0100, +1 212 555 0123",
        "+10 000 000 users, +12345678, +100.000.000",
        "2 + 3 = 5, 1+1234567890, x+4930123456",
        "call 030 1234567",
        "३+४=७ और १२३४५६७८९०",
        "二〇二四年",
    ],
)
def test_what_is_reserved_or_no_personal_data_stays(text):
    assert mask(text) == (text, 0)


PARTS = st.sampled_from(
    [
        "a.b@c.org",
        "@",
        "+",
        "+49 30 123456",
        "93.184.216.34",
        "2607:f8b0::1",
        " ",
        ".",
        "x",
        "字",
        "٣",
        ":",
        "1",
        "example.com",
        "-",
    ]
)


@example("+49192.192.@７.de:")
@given(st.lists(PARTS | st.characters(exclude_categories=["Cs"]), max_size=12).map("".join))
def test_masking_twice_is_masking_once(text):
    once, count = mask(text)
    assert mask(once) == (once, 0)
    assert (count == 0) == (once == text) or count > 0
    assert mask(text) == (once, count)


def test_both_ends_of_a_range_are_masked():
    assert mask("85.214.132.117-85.214.132.120") == ("192.0.2.1-192.0.2.1", 2)


@pytest.mark.parametrize(
    "start",
    [
        "1.1.1.1-",
        "1-",
        "//",
        "://a@b.org",
        "a@b.org:a/",
        "a",
        "@",
        "a@",
        "+1 ",
        "+1",
        "1.",
        "a.b@c.",
        "2001:",
        "ж.",
        "字a@",
    ],
)
@pytest.mark.timeout(20)
def test_hostile_text_takes_no_longer_than_its_length(start):
    mask(start * 50_000 + "@")


def handle(table, options, looked_at=True):
    everything = np.full(table.num_rows, looked_at)
    sides = {"query": everything, "positive": everything}
    return handle_pii(table, options, sides, {side: np.ones_like(everything) for side in sides}, stage="filter")


ROWS = [("clean", "text"), ("a@b.org", "call +49 30 1234567"), ("93.184.216.34", "a@b.org")]


def test_both_sides_and_negatives_are_masked_and_ids_stay(records):
    table = records(ROWS, negatives=["x@y.org or z@y.org", "good"])
    outcome = handle(table, Pii())
    assert outcome.records["query"].to_pylist() == ["clean", "email@example.com", "192.0.2.1"]
    assert outcome.records["positive"].to_pylist() == ["text", "call +1 555 0100", "email@example.com"]
    assert outcome.records["negatives"].to_pylist() == [["email@example.com or email@example.com", "good"]] * 3
    assert outcome.records["pii_masked"].to_pylist() == [2, 4, 4]
    assert outcome.records["id"].equals(table["id"])
    assert outcome.records.drop_columns(["pii_masked"]).schema == table.schema


@pytest.mark.parametrize(
    ("options", "reasons", "queries"),
    [
        (Pii(email="drop"), ["pii_email", "pii_email"], ["clean"]),
        (Pii(phone="drop"), ["pii_phone"], ["clean", "192.0.2.1"]),
        (Pii(ip="drop", phone="drop"), ["pii_phone", "pii_ip"], ["clean"]),
        (Pii(email="keep", ip="keep", phone="keep"), [], ["clean", "a@b.org", "93.184.216.34"]),
        (Pii(ip="keep"), [], ["clean", "email@example.com", "93.184.216.34"]),
    ],
)
def test_what_is_done_is_a_setting_of_each_kind(records, options, reasons, queries):
    outcome = handle(records(ROWS), options)
    assert outcome.ledger["reason"].to_pylist() == reasons
    assert set(outcome.ledger["decision"].to_pylist()) <= {"dropped"}
    assert outcome.records["query"].to_pylist() == queries


def test_what_would_drop_a_record_is_masked_in_its_negatives(records):
    table = records(
        [("clean", "text"), ("me", "a@b.org")], negatives=["x@y.org", "good", "+49 30 1234567", "93.184.216.34"]
    )
    outcome = handle(table, Pii(email="drop", phone="drop", ip="keep"))
    assert outcome.records["query"].to_pylist() == ["clean"]
    assert outcome.records["negatives"].to_pylist() == [["email@example.com", "good", "+1 555 0100", "93.184.216.34"]]
    assert outcome.records["pii_masked"].to_pylist() == [2]
    assert outcome.ledger["reason"].to_pylist() == ["pii_email"]


def test_texts_in_other_roles_are_left_alone(records):
    outcome = handle(records(ROWS, negatives=["x@y.org"]), Pii(email="drop"), looked_at=False)
    assert outcome.records.drop_columns(["pii_masked"]).equals(records(ROWS, negatives=["x@y.org"]))


def test_no_rows_are_no_special_case(records):
    assert handle(records([]), Pii()).records.num_rows == 0

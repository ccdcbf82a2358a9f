from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polib
import pytest

from curation.errors import ConfigError, SourceError
from curation.sources import Rejected, catalogue, list_files
from curation.sources.catalogue import unescaped
from curation.sources.files import MAX_LINE_BYTES

POLISH = "nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : 2);"
TWO = "nplurals=2; plural=(n != 1);"


def _header(language: str = "de", plural: str = TWO, charset: str = "UTF-8") -> str:
    fields = [f"Language: {language}", f"Content-Type: text/plain; charset={charset}", f"Plural-Forms: {plural}"]
    return 'msgid ""\nmsgstr ""\n' + "".join(f'"{line}\\n"\n' for line in fields)


def _entry(msgid: str, msgstr: str) -> str:
    return f'msgid "{msgid}"\nmsgstr "{msgstr}"\n\n'


@pytest.fixture
def read_po(declare: Callable[..., Any], read_whole: Any, tmp_path: Path) -> Callable[..., Any]:
    def read(body: str | bytes, header: str | None = None, name: str = "messages.po", **fields: object) -> Any:
        head = (_header() if header is None else header).encode()
        (tmp_path / name).write_bytes(head + (body.encode() if isinstance(body, str) else body))
        return read_whole(declare("gettext", name, **fields), tmp_path)

    return read


def test_real_sentences(pairs: list[tuple[str, str]], read_po: Any) -> None:
    body = "".join(_entry(polib.escape(query), polib.escape(positive)) for query, positive in pairs)
    whole = read_po(body, _header("pt_BR"))
    assert whole.pairs() == pairs
    assert {(row["query_language"], row["positive_language"]) for row in whole.rows} == {("eng_Latn", "por_Latn")}
    assert [row["row"] for row in whole.rows] == list(range(6, 6 + 3 * len(pairs), 3))


ENTRIES = [
    pytest.param(
        'msgid ""\n"Two "\n"lines\\n"\nmsgstr "Zwei "\n"Zeilen\\n"',
        [("Two lines\n", "Zwei Zeilen\n")],
        [],
        id="continued",
    ),
    pytest.param(
        'msgctxt "month"\nmsgid "May"\nmsgstr "Mai"\n\nmsgctxt "verb"\nmsgid "May"\nmsgstr "Darf"',
        [("May", "Mai"), ("May", "Darf")],
        [],
        id="contexts",
    ),
    pytest.param('msgid "%(n)s of {0}"\nmsgstr "{0}の%(n)s"', [("%(n)s of {0}", "{0}の%(n)s")], [], id="placeholders"),
    pytest.param('msgid "a"\nmsgstr "b"\nmsgid "c"\nmsgstr "d"', [("a", "b"), ("c", "d")], [], id="no blank line"),
    pytest.param('msgid\t"a" \r\nmsgstr"b"\r', [("a", "b")], [], id="odd spaces"),
    pytest.param('msgid "a"\n# note\n#| msgid "old"\nmsgstr "b"', [("a", "b")], [], id="comment inside"),
    pytest.param('#, python-format, fuzzy\nmsgid "a"\nmsgstr "b"', [], [(7, "fuzzy")], id="fuzzy"),
    pytest.param(
        '#, fuzzy\n\n# note\nmsgid "a"\nmsgstr "b"\n#, c-format\nmsgid "c"\nmsgstr "d"',
        [("c", "d")],
        [(9, "fuzzy")],
        id="fuzzy is of one entry",
    ),
    pytest.param('#~ msgid "a"\n#~ msgstr "b"', [], [(6, "obsolete")], id="obsolete"),
    pytest.param(
        '#, fuzzy\n#~| msgid "x"\n#~ msgid "a"\n#~ msgstr ""\n#~ "b"\n\nmsgid "c"\nmsgstr "d"',
        [("c", "d")],
        [(8, "obsolete")],
        id="obsolete and fuzzy",
    ),
    pytest.param(
        'msgid "a"\nmsgstr ""\n\nmsgid "c"\nmsgstr " "',
        [],
        [(6, "untranslated"), (9, "untranslated")],
        id="untranslated",
    ),
    pytest.param(
        'msgid "a"\nmsgstr "Wo \u2028 sind\u0085wir"', [("a", "Wo \u2028 sind\u0085wir")], [], id="other line ends"
    ),
    pytest.param('msgid "a"\nmsgstr "Привет', [], [(6, "bad_syntax")], id="cut inside a string"),
    pytest.param('msgid "a"\n\nmsgid "c"\nmsgstr "d"', [("c", "d")], [(6, "bad_syntax")], id="no msgstr"),
    pytest.param('msgid "a"\n', [], [(6, "bad_syntax")], id="cut before msgstr"),
    pytest.param(
        'msgid "a "quote" b"\nmsgstr "x"\n\nmsgid "c"\nmsgstr "d"', [("c", "d")], [(6, "bad_syntax")], id="bare quote"
    ),
    pytest.param(
        'msgid "a"\nmsgstr x\n\n# note\nmsgid "c"\nmsgstr "d"', [("c", "d")], [(6, "bad_syntax")], id="no quotes"
    ),
    pytest.param('msgid "a"\nmsgstr "b"\nmsgstr "c"', [], [(6, "bad_syntax")], id="two msgstr"),
    pytest.param('# x\nnonsense\n\n# note\nmsgid "c"\nmsgstr "d"', [("c", "d")], [(7, "bad_syntax")], id="nonsense"),
    pytest.param('# x\nmsgstr "b"\n\nmsgid "c"\nmsgstr "d"', [("c", "d")], [(7, "bad_syntax")], id="no msgid"),
    pytest.param('nonsense\n\nmsgid "c"\nmsgstr "d"', [("c", "d")], [(1, "bad_syntax")], id="nonsense in the header"),
    pytest.param('msgstr "b"\n\n#\nmsgid "c"\nmsgstr "d"', [("c", "d")], [(1, "bad_syntax")], id="two in the header"),
    pytest.param('# note\n"b"\nmsgid "c"\nmsgstr "d"', [], [(8, "bad_syntax")], id="string without a keyword"),
    pytest.param('msgid ""\nmsgstr "a second header"', [], [(6, "empty")], id="second header"),
    pytest.param('msgid ""\nmsgid "c"\nmsgstr "d"', [("c", "d")], [(6, "bad_syntax")], id="empty msgid without msgstr"),
    pytest.param(
        b'msgid "a"\nmsgstr "\xff"\n\nmsgid "c"\nmsgstr "d"', [("c", "d")], [(6, "bad_bytes")], id="bad bytes"
    ),
    pytest.param(b"# Fran\xe7ois\n" + b'msgid "c"\nmsgstr "d"', [("c", "d")], [], id="bad bytes in a comment"),
    pytest.param(
        'msgid "a"\nmsgstr "' + "x" * MAX_LINE_BYTES + '"\n\n#.\nmsgid "c"\nmsgstr "d"',
        [("c", "d")],
        [(6, "line_too_long")],
        id="long line",
    ),
    pytest.param(
        'msgid "a"\nmsgstr ""\n' + ('"' + "x" * 999 + '"\n') * 11_000 + '\nmsgid "c"\nmsgstr "d"',
        [("c", "d")],
        [(6, "line_too_long")],
        id="long entry",
    ),
]


@pytest.mark.parametrize(("body", "pairs", "reasons"), ENTRIES)
def test_entries(body: str | bytes, pairs: object, reasons: object, read_po: Any) -> None:
    whole = read_po(body)
    assert whole.pairs() == pairs
    assert whole.reasons() == reasons


@pytest.mark.parametrize("reason", ["fuzzy", "obsolete", "untranslated"])
def test_what_is_not_wanted_is_dropped_even_where_damage_ends_the_run(reason: str, read_po: Any) -> None:
    body = '#, fuzzy\nmsgid "a"\nmsgstr "b"\n\nmsgid "c"\nmsgstr ""\n\n#~ msgid "e"\n#~ msgstr "f"\n'
    whole = read_po(body, on_bad_row="fail")
    [reject] = [reject for reject in whole.rejected if reject.reason == reason]
    assert reject.decision == "dropped"
    with pytest.raises(SourceError, match="bad_syntax") as caught:
        read_po(body + '\nmsgid "g"\nmsgstr "h', on_bad_row="fail")
    assert caught.value.where.endswith("messages.po:16")
    assert "line 17" in caught.value.why


PLURALS = [
    pytest.param(TWO, ["ein Tag", "Tage"], [("day", "ein Tag"), ("days", "Tage")], id="two forms"),
    pytest.param(POLISH, ["dzień", "dni (2)", "dni (5)"], [("day", "dzień"), ("days", "dni (5)")], id="three forms"),
    pytest.param("nplurals=1; plural=0;", ["日"], [("day", "日"), ("days", "日")], id="one form"),
    pytest.param(
        "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n != 0 ? 1 : 2);",
        ["diena", "dienas", "dienu"],
        [("day", "diena"), ("days", "dienas")],
        id="the last form is for zero",
    ),
    pytest.param(
        "nplurals=2; plural=n==1;", ["days!", "day!"], [("day", "day!"), ("days", "days!")], id="singular second"
    ),
    pytest.param("nplurals=2; plural=1/(n-1);", ["a", "b"], [("day", "a"), ("days", "a")], id="division by zero"),
    pytest.param("nplurals=2; plural=n+5;", ["a", "b"], [("day", "a"), ("days", "b")], id="no such form"),
    pytest.param("plural=__import__('os').abort()", ["a", "b"], [("day", "a"), ("days", "b")], id="no expression"),
    pytest.param("plural=" + "(" * 990, ["a", "b"], [("day", "a"), ("days", "b")], id="deep"),
    pytest.param("plural=n" + "+n" * 5000, ["a", "b"], [("day", "a"), ("days", "b")], id="long"),
    pytest.param("", ["a", "b", "c"], [("day", "a"), ("days", "c")], id="not said"),
    pytest.param(TWO, ["", "Tage"], [("days", "Tage")], id="half translated"),
]


@pytest.mark.parametrize(("rule", "forms", "pairs"), PLURALS)
def test_plurals(rule: str, forms: list[str], pairs: object, read_po: Any) -> None:
    translations = "".join(f'msgstr[{number}] "{form}"\n' for number, form in enumerate(forms))
    whole = read_po('msgid "day"\nmsgid_plural "days"\n' + translations, _header(plural=rule))
    assert whole.pairs() == pairs
    assert [row["row"] for row in whole.rows] == [6 if query == "day" else 7 for query, _ in whole.pairs()]


def test_more_than_ten_forms_and_equal_sources(read_po: Any) -> None:
    forms = "".join(f'msgstr[{number}] "f{number}"\n' for number in range(12))
    body = 'msgid "a"\nmsgid_plural "b"\n' + forms + '\nmsgid "same"\nmsgid_plural "same"\n' + forms
    assert read_po(body, _header(plural="plural=n==1?0:11;")).pairs() == [("a", "f0"), ("b", "f11"), ("same", "f0")]


@pytest.mark.parametrize(
    ("path", "language", "expected"),
    [
        ("messages.po", "de", "deu_Latn"),
        ("locale/pt_BR/LC_MESSAGES/app.po", "", "por_Latn"),
        ("locale/pt_BR/LC_MESSAGES/app.po", "jpn", "jpn_Jpan"),
        ("locale/hin/LC_MESSAGES/app.po", "not-a-language", "hin_Deva"),
        ("po/pt_BR.po", "", "por_Latn"),
        ("po/messages.po", "", ""),
    ],
)
def test_language_of_a_catalogue(
    path: str, language: str, expected: str, declare: Callable[..., Any], read_whole: Any, tmp_path: Path
) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(_header(language) + _entry("a", "b"))
    [row] = read_whole(declare("gettext", path), tmp_path).rows
    assert row["positive_language"] == expected
    [row] = read_whole(declare("gettext", path, positive_language="eng", message_language="de"), tmp_path).rows
    assert (row["query_language"], row["positive_language"]) == ("deu_Latn", "eng_Latn")


def test_a_catalogue_without_a_header(read_po: Any) -> None:
    whole = read_po(_entry("a", "ب"), "", "de.po")
    assert [(row["positive"], row["positive_language"]) for row in whole.rows] == [("ب", "deu_Latn")]


def test_an_unknown_language_rejects_its_rows(read_po: Any) -> None:
    whole = read_po(_entry("a", "b"), _header("klingonish"))
    assert whole.reasons() == [(6, "unknown_language")]
    assert "klingonish" in whole.rejected[0].detail


CHARSETS = [
    ("ISO-8859-2", "Zażółć gęślą jaźń"),
    ("KOI8-R", "Сегодня море"),
    ("windows-1256", "مرحبا"),
    ("EUC-JP", "明日は雨"),
    ("Shift_JIS", "表示ソフト"),
    ("GB18030", "這座山很高"),
    ("Big5", "功許"),
    ("EUC-KR", "한국어"),
    ("TIS-620", "รถไฟ"),
    ("CHARSET", "naïve"),
]


@pytest.mark.parametrize(("charset", "text"), CHARSETS)
def test_charsets(charset: str, text: str, read_po: Any) -> None:
    encoding = "utf-8" if charset == "CHARSET" else charset
    assert read_po(_entry("a", text).encode(encoding), _header(charset=charset)).pairs() == [("a", text)]


@pytest.mark.parametrize(
    "charset", ["utf-16", "zlib_codec", "unicode_escape", "idna", "punycode", "rot13", "iso-8859-99", "nonsense"]
)
def test_charsets_that_are_not_read(charset: str, read_po: Any) -> None:
    with pytest.raises(SourceError, match="charset") as caught:
        read_po(_entry("a", "b"), _header(charset=charset))
    assert charset in caught.value.what


@pytest.mark.parametrize("content", ["PK\x03\x04 not a catalogue\n", "just\nlines\nof text\n", '{"query": "a"}\n'])
def test_a_file_that_is_no_catalogue(content: str, read_po: Any) -> None:
    with pytest.raises(SourceError, match="no gettext catalogue") as caught:
        read_po(content, "")
    assert "messages.po" in caught.value.where


@pytest.mark.parametrize("content", ["", "\n\n", "# only a comment\n", _header()])
def test_a_catalogue_without_messages(content: str, read_po: Any) -> None:
    whole = read_po("", content)
    assert whole.rows == []
    assert whole.rejected == []


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (r"a\nb\tc", "a\nb\tc"),
        (r"\"q\"", '"q"'),
        (r"C:\\new", r"C:\new"),
        (r"\d+\.", r"\d+\."),
        (r"\\\n", "\\\n"),
        ("日本", "日本"),
    ],
)
def test_escapes(written: str, text: str) -> None:
    assert unescaped(written) == text


# ---- which files ----


@pytest.fixture
def locales(tmp_path: Path) -> Path:
    for locale in ("de", "pt_BR", "hin"):
        folder = tmp_path / locale / "LC_MESSAGES"
        folder.mkdir(parents=True)
        (folder / "app.po").write_text(_header(locale) + _entry("a", locale))
        polib.pofile(str(folder / "app.po")).save_as_mofile(str(folder / "app.mo"))
    (tmp_path / "de" / "LC_MESSAGES" / "more.mo").write_bytes((tmp_path / "de" / "LC_MESSAGES" / "app.mo").read_bytes())
    return tmp_path


def test_of_po_and_mo_only_the_po_is_read(locales: Path, declare: Callable[..., Any]) -> None:
    displays = [file.display for file in list_files(declare("gettext", "*/LC_MESSAGES/*.[pm]o"), locales)]
    folders = ("de", "hin", "pt_BR")
    assert displays == sorted([*(f"{folder}/LC_MESSAGES/app.po" for folder in folders), "de/LC_MESSAGES/more.mo"])


@pytest.mark.parametrize("wanted", [["pt-br"], ["pt_BR"], ["xx", "pt_BR"]])
def test_locales_by_path(wanted: list[str], locales: Path, declare: Callable[..., Any], read_whole: Any) -> None:
    source = declare("gettext", "*/LC_MESSAGES/*.po", locales=wanted)
    assert [file.display for file in list_files(source, locales)] == ["pt_BR/LC_MESSAGES/app.po"]
    assert read_whole(source, locales).pairs() == [("a", "pt_BR")]


def test_locales_by_header(declare: Callable[..., Any], read_whole: Any, tmp_path: Path) -> None:
    for name, language in (("first", "de"), ("second", "jpn"), ("third", "")):
        (tmp_path / f"{name}.po").write_text(_header(language) + _entry("a", name))
    assert read_whole(declare("gettext", "*.po", locales=["JPN"]), tmp_path).pairs() == [
        ("a", "second"),
        ("a", "third"),
    ]


def test_no_wanted_locale_is_an_error(locales: Path, declare: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match="No catalogue") as caught:
        list_files(declare("gettext", "*/LC_MESSAGES/*.po", locales=["fra"]), locales)
    assert "de, hin, pt_BR" in caught.value.why


def test_a_language_column_is_refused(locales: Path, declare: Callable[..., Any], read_whole: Any) -> None:
    with pytest.raises(ConfigError, match="no language column"):
        read_whole(declare("gettext", "*/LC_MESSAGES/*.po", query_language={"column": "x"}), locales)


# ---- .mo ----


def _mo(messages: list[tuple[bytes, bytes]], order: str = "<", version: int = 0) -> bytes:
    start, tables, strings = 28, [], b""
    base = start + 16 * len(messages)
    for column in (0, 1):
        for message in messages:
            tables.append(struct.pack(f"{order}2I", len(message[column]), base + len(strings)))
            strings += message[column] + b"\0"
    head = struct.pack(f"{order}7I", 0x950412DE, version, len(messages), start, start + 8 * len(messages), 0, 0)
    return head + b"".join(tables) + strings


HEAD = (b"", f"Language: de\nContent-Type: text/plain; charset=UTF-8\nPlural-Forms: {POLISH}\n".encode())
PLURAL = (b"day\0days", "dzień\0dni2\0dni5".encode())


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
def test_mo(
    order: str, pack: Callable[[bytes], bytes], declare: Callable[..., Any], read_whole: Any, tmp_path: Path
) -> None:
    messages = [HEAD, (b"ctx\x04May", "五月".encode()), (b"bad", b"\xff"), PLURAL, (b"open", b"")]
    (tmp_path / "x.mo").write_bytes(pack(_mo(messages, order)))
    whole = read_whole(declare("gettext", "x.mo"), tmp_path)
    assert whole.pairs() == [("May", "五月"), ("day", "dzień"), ("days", "dni5")]
    assert [row["row"] for row in whole.rows] == [2, 4, 4]
    assert {row["positive_language"] for row in whole.rows} == {"deu_Latn"}
    assert whole.reasons() == [(3, "bad_bytes"), (5, "untranslated")]


def _overlapping() -> bytes:
    """Every one of 1,000 messages is the whole file."""
    data = bytearray(_mo([(b"a" * 8, b"b")] * 1000))
    for index in range(1000):
        struct.pack_into("<2I", data, 28 + 8 * index, len(data), 0)
    return bytes(data)


BAD_MO = [
    (b"", "start like one"),
    (b"not a catalogue at all", "start like one"),
    (b"\xde\x12\x04\x95", "unpack"),
    (_mo([HEAD, PLURAL])[:40], "table"),
    (_mo([HEAD, PLURAL])[:-10], "last message"),
    (struct.pack("<7I", 0x950412DE, 0, 0xFFFFFFFF, 28, 28, 0, 0), "table of 4,294,967,295"),
    (_mo([HEAD], version=7 << 16), "version 7"),
    (_overlapping(), "overlap"),
]


@pytest.mark.parametrize(("data", "why"), BAD_MO, ids=[why for _, why in BAD_MO])
def test_bad_mo(data: bytes, why: str, declare: Callable[..., Any], read_whole: Any, tmp_path: Path) -> None:
    (tmp_path / "x.mo").write_bytes(data)
    with pytest.raises(SourceError, match="compiled catalogue") as caught:
        read_whole(declare("gettext", "x.mo"), tmp_path)
    assert why in caught.value.why


def test_a_huge_mo_is_refused(
    declare: Callable[..., Any], read_whole: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "MAX_MO_BYTES", 50)
    (tmp_path / "x.mo").write_bytes(_mo([HEAD]))
    with pytest.raises(SourceError, match="too large"):
        read_whole(declare("gettext", "x.mo"), tmp_path)


# ---- against polib, on real catalogues ----


def _by_polib(path: str) -> set[tuple[str, str]]:
    """The pairs of the entries without plurals, which polib leaves to be told apart by their rule."""
    entries = polib.pofile(path) if path.endswith(".po") else polib.mofile(path)
    sound = [entry for entry in entries if not entry.obsolete and "fuzzy" not in entry.flags and not entry.msgid_plural]
    return {(entry.msgid, entry.msgstr) for entry in sound if entry.msgstr.strip()}


@pytest.mark.parametrize("suffix", ["po", "mo"])
def test_real_catalogues_read_as_polib_reads_them(suffix: str, declare: Callable[..., Any], read_whole: Any) -> None:
    pytest.importorskip("django")
    locales = ["ar", "bn", "el", "he", "hi", "hy", "ja", "ka", "ko", "pl", "ru", "ta", "th", "zh_Hans"]
    patterns = [f"package:django/conf/locale/{locale}/LC_MESSAGES/*.{suffix}" for locale in locales]
    source = declare("gettext", patterns, positive_language="de")
    whole = read_whole(source)
    assert len(whole.rows) > 3_000
    assert not [reject for reject in whole.rejected if reject.decision == "quarantined"]
    found = {(row["file"], row["query"], row["positive"]) for row in whole.rows}
    for file in list_files(source, Path("/")):
        assert {(file.display, *pair) for pair in _by_polib(file.path)} <= found


def test_the_quickstart_catalogues_are_all_read(declare: Callable[..., Any], read_whole: Any) -> None:
    pytest.importorskip("django")
    source = declare("gettext", "package:django/contrib/admin/locale/*/LC_MESSAGES/*.po")
    whole = read_whole(source)
    unknown: list[Rejected] = [reject for reject in whole.rejected if reject.decision == "quarantined"]
    assert unknown == []
    assert len({row["positive_language"] for row in whole.rows}) > 80

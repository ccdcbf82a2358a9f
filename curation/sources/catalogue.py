"""Gettext catalogues, .po and .mo: a msgid is a query, its msgstr the positive.

The formats are read here rather than by polib, because a run must put a broken entry aside and name its line: polib
gives up the file at the first one, cuts the last letter off a string that is not closed, ends lines at U+2028, and
reads `msgstr[10]` as `msgstr[1]`. The tests compare both on sound catalogues.

A row's number is the line of its msgid (or msgid_plural) in a .po, and the position of the message in a .mo, from 1.
"""

from __future__ import annotations

import gettext
import re
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from curation.config.model import GettextSource, LanguageColumn
from curation.errors import ConfigError, SourceError
from curation.sources.files import MAX_LINE_BYTES, Line, SourceFile, open_stream, public_name, read_lines
from curation.sources.locate import locate as locate_files
from curation.sources.rows import (
    TEXT,
    Chunk,
    Layout,
    Rejected,
    Row,
    chunk_rows,
    decoded,
    quarantined,
    resolve_language,
)

MAX_MO_BYTES = 64_000_000
"""A compiled catalogue is read whole; real ones stay below a few MB."""

MANY = 100
"""The count whose form is paired with msgid_plural: in no language is it the singular, dual or paucal."""

_LANGUAGE = "language"
_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:[_-][A-Za-z0-9]{2,8})*(?:@[A-Za-z]+)?")


def locate(source: GettextSource, base: Path) -> list[SourceFile]:
    """Return the catalogues of the wanted locales; of a .po and a .mo of one name only the .po.

    The .po is preferred because it tells fuzzy and obsolete entries. A catalogue outside of `LOCALE/LC_MESSAGES/` is
    kept here whatever `locales` says, as only its header can tell.

    Raises:
        ConfigError: if there are none.
    """
    found = locate_files(source, base)
    names = {file.display for file in found}
    files = [file for file in found if not file.display.endswith(".mo") or f"{file.display[:-3]}.po" not in names]
    wanted = [file for file in files if _is_wanted(source, _folder_locale(file.path))]
    if not wanted:
        raise ConfigError(
            "No catalogue is of a wanted locale",
            where=f"source `{source.name}`",
            why="there are " + ", ".join(sorted({_folder_locale(file.path) for file in files})),
            hint="correct `locales`",
        )
    return wanted


def _is_wanted(source: GettextSource, *locales: str) -> bool:
    """Whether one of `locales` is asked for; a catalogue that names none at all is always read."""
    named = {_locale_key(locale) for locale in locales if locale}
    return not source.locales or not named or not named.isdisjoint(map(_locale_key, source.locales))


def _locale_key(locale: str) -> str:
    return locale.replace("-", "_").lower()


def _folder_locale(path: str) -> str:
    parts = PurePosixPath(path.replace("\\", "/")).parts
    return parts[-3] if len(parts) >= 3 and parts[-2] == "LC_MESSAGES" else ""


def _path_locale(path: str) -> str:
    stem = PurePosixPath(path).name.partition(".")[0]
    return _folder_locale(path) or (stem if _LOCALE.fullmatch(stem) else "")


def layout(source: GettextSource) -> Layout:
    """Return the layout of a catalogue: the language of the positives stands in its header, unless it is declared.

    Raises:
        ConfigError: if a language is said to stand in a column.
    """
    for language in (source.query_language, source.positive_language):
        if isinstance(language, LanguageColumn):
            raise ConfigError(
                "A gettext catalogue has no language column",
                where=f"source `{source.name}`",
                why=f"column {language.column!r}",
                hint="give a code, or leave it out to have it taken from the catalogue",
            )
    query_language = source.query_language or source.message_language
    positive_language = source.positive_language or LanguageColumn(column=_LANGUAGE)
    return Layout(query_language=query_language, positive_language=positive_language)


def read(source: GettextSource, file: SourceFile, layout: Layout, batch_rows: int) -> Iterator[Chunk]:
    """Yield the pairs of a catalogue, chunk by chunk.

    A plural entry gives (msgid, the form for 1) and (msgid_plural, the form for many). `dropped`: `fuzzy`, `obsolete`,
    `untranslated`. `quarantined`: `bad_bytes`, `bad_syntax`, `line_too_long`.

    Raises:
        SourceError: if the file is damaged or is no catalogue.
    """
    schema = {layout.query: TEXT, layout.positive: TEXT, _LANGUAGE: TEXT}
    yield from chunk_rows(_rows(source, file), schema, file, batch_rows)


@dataclass(slots=True)
class _Message:
    """One entry of a catalogue, while it is read and after.

    Attributes:
        row: number of the msgid.
        plural_row: number of the msgid_plural.
        strings: pieces by keyword: `msgctxt`, `msgid`, `msgid_plural`.
        forms: pieces of the translation by the number of its form.
        is_fuzzy: marked as a guess.
        is_obsolete: no longer in the program.
        flaw: reason and detail of the first thing that is wrong with it.
        size: bytes of its strings.
    """

    row: int = 0
    plural_row: int = 0
    strings: dict[str, list[str]] = field(default_factory=dict)
    forms: dict[int, list[str]] = field(default_factory=dict)
    is_fuzzy: bool = False
    is_obsolete: bool = False
    flaw: tuple[str, str] | None = None
    size: int = 0

    def text(self, keyword: str) -> str:
        return "".join(self.strings.get(keyword, ()))

    def form(self, number: int) -> str:
        return "".join(self.forms.get(number, ()))

    def is_header(self) -> bool:
        return "msgid" in self.strings and not self.text("msgid") and "msgctxt" not in self.strings

    def note(self, reason: str, detail: str) -> None:
        self.flaw = self.flaw or (reason, detail)


@dataclass(frozen=True, slots=True)
class _Header:
    """What the header entry says about the catalogue.

    Attributes:
        language: the `Language` field.
        singular: number of the form for 1; None where it is not said.
        many: number of the form for `MANY`; likewise.
    """

    language: str = ""
    singular: int | None = None
    many: int | None = None


def _rows(source: GettextSource, file: SourceFile) -> Iterator[Row | Rejected]:
    messages = _mo_messages(file) if file.display.endswith(".mo") else _po_messages(file)
    header, language = None, ""
    for message in messages:
        is_first_header = header is None and message.is_header()
        if header is None and (is_first_header or not message.flaw):
            header = _parse_header(message.form(0)) if is_first_header else _Header()
            locale = _path_locale(file.path)
            if not _is_wanted(source, header.language, locale):
                return
            language = _first_known(header.language, locale)
        if message.flaw:
            yield quarantined(file, message.row, *message.flaw)
        elif header and not is_first_header:
            yield from _pairs(message, header, language, file)


def _first_known(*languages: str) -> str:
    """Return the first language that is known; without one the first that is named, for the reject to tell."""
    named = [language for language in languages if language]
    return next((language for language in named if resolve_language(language)), named[0] if named else "")


def _parse_header(text: str) -> _Header:
    lines = (line.partition(":") for line in text.split("\n"))
    fields = {name.strip().lower(): value.strip() for name, _, value in lines}
    choose = _plural_rule(fields.get("plural-forms", ""))
    return _Header(fields.get("language", ""), choose(1), choose(MANY))


def _plural_rule(text: str) -> Callable[[int], int | None]:
    """Return the function from a count to the number of its form, as a `Plural-Forms` field says it.

    gettext.c2py parses the C expression itself and admits numbers, `n` and operators only.
    """
    expression = re.search(r"plural\s*=\s*([^;]+)", text)
    try:
        rule = gettext.c2py(expression.group(1).strip()) if expression else None
    except (ValueError, RecursionError):
        rule = None

    def choose(count: int) -> int | None:
        try:
            return int(rule(count)) if rule else None
        except ArithmeticError:
            return None

    return choose


def _pairs(message: _Message, header: _Header, language: str, file: SourceFile) -> Iterator[Row | Rejected]:
    query = message.text("msgid")
    if message.is_obsolete or message.is_fuzzy:
        reason = "obsolete" if message.is_obsolete else "fuzzy"
        yield Rejected(file.display, message.row, "dropped", reason, query[:80])
        return
    yield _pair(message, message.row, query, _form(message, header.singular, min(message.forms)), language, file)
    plural = message.text("msgid_plural")
    if plural and plural != query:
        many = _form(message, header.many, max(message.forms))
        yield _pair(message, message.plural_row, plural, many, language, file)


def _form(message: _Message, number: int | None, otherwise: int) -> str:
    return message.form(number if number in message.forms and number is not None else otherwise)


def _pair(message: _Message, row: int, query: str, positive: str, language: str, file: SourceFile) -> Row | Rejected:
    if not positive.strip():
        return Rejected(file.display, row, "dropped", "untranslated", query[:80])
    return Row(row, message.size, (query, positive, language))


# ---- .po ----------------------------------------------------------------------------------------------------------

_KEYWORD = re.compile(rb"(msgctxt|msgid_plural|msgid|msgstr)(?:\[(\d{1,3})\])?[ \t]*")
_STRING = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_ESCAPE = re.compile(r'\\([ntrabvf\\"])')
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "v": "\v", "f": "\f", "\\": "\\", '"': '"'}
_CHARSET = re.compile(r"charset=([\w.:-]+)", re.ASCII)

# The charsets that gettext knows and whose ASCII bytes are ASCII, so that lines can be found before decoding.
_SAFE_CHARSET = re.compile(
    r"(us-)?ascii|utf-?8|iso-?8859-?\d+|koi8-[rut]|(cp|windows-?)\d+|gb(k|2312|18030)|euc-(jp|kr|tw|cn)|big5(-hkscs)?"
    r"|shift[-_]jis|johab|tis-620|latin-?\d+",
    re.IGNORECASE,
)


def _po_messages(file: SourceFile) -> Iterator[_Message]:
    """Yield the entries of a .po, the header first if it has one."""
    reader = _PoReader(file)
    for line in read_lines(file.path):
        message = reader.feed(line)
        if message:
            yield message
    last = reader.finish()
    if last:
        yield last


class _PoReader:
    """Puts lines together to entries."""

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self._encoding = "utf-8"
        self._message = _Message()
        self._pieces: list[str] | None = None  # where a continuation line goes
        self._has_header = False
        self._has_msgid = False
        self._first_flaw = ""

    def feed(self, line: Line) -> _Message | None:
        """Take one line; return the entry before it if the line starts another."""
        number, data = line
        if data is None:
            self._message.row = self._message.row or number
            self._message.note("line_too_long", f"over {MAX_LINE_BYTES:,} bytes")
            return None
        body = data.strip()
        is_obsolete = body.startswith(b"#~")
        if body.startswith(b"#") and not is_obsolete:
            return self._comment(body)
        if is_obsolete:
            body = body[2:].lstrip()
        if not body or body.startswith(b"|"):  # `#~|`: what an obsolete msgid once was
            return None
        return self._content(number, body, is_obsolete=is_obsolete)

    def finish(self) -> _Message | None:
        """Return the last entry.

        Raises:
            SourceError: if there was text, but no entry at all.
        """
        message = self._end()
        if self._first_flaw and not self._has_msgid:
            raise SourceError(
                "The file is no gettext catalogue: it holds no msgid",
                where=public_name(self._file.path),
                why=self._first_flaw,
            )
        return message

    def _comment(self, body: bytes) -> _Message | None:
        ended = self._end() if self._message.forms or self._message.flaw else None
        if body.startswith(b"#,"):
            flags = [flag.strip() for flag in body[2:].split(b",")]
            self._message.is_fuzzy = self._message.is_fuzzy or b"fuzzy" in flags
        return ended

    def _content(self, number: int, body: bytes, *, is_obsolete: bool) -> _Message | None:
        keyword = None if body.startswith(b'"') else _KEYWORD.match(body)
        ended = self._end() if keyword and self._starts_entry(keyword.group(1)) else None
        message = self._message
        message.row = message.row or number
        message.is_obsolete = message.is_obsolete or is_obsolete
        message.size += len(body)
        if keyword:
            self._open(keyword, number)
            body = body[keyword.end() :]
        self._append(number, body)
        return ended

    def _starts_entry(self, keyword: bytes) -> bool:
        if self._message.forms:
            return keyword != b"msgstr"
        return "msgid" in self._message.strings and keyword in (b"msgid", b"msgctxt")

    def _open(self, keyword: re.Match[bytes], number: int) -> None:
        """Start the string of a keyword."""
        name, index = keyword.group(1).decode(), keyword.group(2)
        message = self._message
        pieces: list[str] = []
        if name == "msgid":
            self._has_msgid = True
            message.row = number
        elif name == "msgid_plural":
            message.plural_row = number
        if name == "msgstr":
            is_new = message.forms.setdefault(int(index or 0), pieces) is pieces
        else:
            is_new = message.strings.setdefault(name, pieces) is pieces
        if not is_new:
            message.note("bad_syntax", f"line {number}: a second {name} in one entry")
        self._pieces = pieces

    def _append(self, number: int, body: bytes) -> None:
        """Take a quoted string as the next piece, or note what is wrong with it."""
        message = self._message
        try:
            quoted = _STRING.fullmatch(body.decode(self._encoding))
        except UnicodeDecodeError:
            message.note("bad_bytes", f"line {number}: {decoded(body, self._encoding)[1]}")
            return
        if quoted is None:
            message.note("bad_syntax", f"line {number}: no keyword and no closed string: {body[:80]!r}")
        elif self._pieces is None:
            message.note("bad_syntax", f"line {number}: a string without a keyword")
        elif message.size > MAX_LINE_BYTES:
            message.note("line_too_long", f"the entry has over {MAX_LINE_BYTES:,} bytes")
        else:
            text = quoted.group(1)
            self._pieces.append(unescaped(text) if "\\" in text else text)

    def _end(self) -> _Message | None:
        """Return the entry that is complete now, if there is one, and start the next."""
        message, self._message, self._pieces = self._message, _Message(), None
        if not message.row:
            return None
        if message.is_header() and not self._has_header:
            self._has_header = True
            self._encoding = _charset(message.form(0), self._file)
            if message.flaw and message.flaw[0] == "bad_bytes":
                message.flaw = None  # a translator's name in another charset harms no message
        elif "msgid" not in message.strings or not message.forms:
            message.note("bad_syntax", "the entry has no msgid or no msgstr")
        self._first_flaw = self._first_flaw or (message.flaw[1] if message.flaw else "")
        return message


def unescaped(text: str) -> str:
    """Return the text of a quoted string of a .po; escapes that gettext does not know stay as they are."""
    return _ESCAPE.sub(lambda match: _ESCAPED[match.group(1)], text)


def _charset(header: str, file: SourceFile) -> str:
    declared = _CHARSET.search(header)
    name = declared.group(1) if declared else "utf-8"
    if name == "CHARSET":  # the placeholder of a template
        return "utf-8"
    try:
        if _SAFE_CHARSET.fullmatch(name):
            "".encode(name)
            return name
    except LookupError:
        pass
    raise SourceError(
        f"The catalogue is in a charset that is not read: {name}",
        where=public_name(file.path),
        hint="convert it: msgconv --to-code=UTF-8",
    )


# ---- .mo ----------------------------------------------------------------------------------------------------------

_MAGIC = {b"\xde\x12\x04\x95": "<", b"\x95\x04\x12\xde": ">"}
_CONTEXT_END = b"\x04"


def _mo_messages(file: SourceFile) -> Iterator[_Message]:
    """Yield the messages of a .mo, the header first if it has one."""
    data = _read_whole(file)
    try:
        spans = _mo_spans(data)
    except (ValueError, struct.error) as error:
        raise SourceError(
            "The file is not whole, or is no compiled catalogue",
            where=public_name(file.path),
            why=str(error),
            hint="compile it again: msgfmt",
        ) from None
    encoding = "utf-8"
    for row, (source, target) in enumerate(spans, start=1):
        original, translation = data[slice(*source)], data[slice(*target)]
        if row == 1 and not original:
            encoding = _charset(translation.decode("utf-8", "replace"), file)
        yield _mo_message(row, original, translation, encoding)


def _read_whole(file: SourceFile) -> bytes:
    with open_stream(file.path) as stream:
        data = stream.read(MAX_MO_BYTES + 1)
    if len(data) > MAX_MO_BYTES:
        raise SourceError(
            "The catalogue is too large", where=public_name(file.path), why=f"over {MAX_MO_BYTES:,} bytes"
        )
    return data


_Span = tuple[int, int]


def _mo_spans(data: bytes) -> list[tuple[_Span, _Span]]:
    """Return where each message and its translation begin and end.

    Raises:
        ValueError: if the tables do not fit the file, or their strings overlap so much that they exceed it.
    """
    order = _MAGIC.get(data[:4])
    if order is None:
        raise ValueError("it does not start like one")
    version, count, sources, targets = struct.unpack_from(f"{order}4I", data, 4)
    if version >> 16 > 1:
        raise ValueError(f"its format has version {version >> 16}")
    tables = [_mo_table(data, order, start, count) for start in (sources, targets)]
    return list(zip(*tables, strict=True))


def _mo_table(data: bytes, order: str, start: int, count: int) -> Sequence[_Span]:
    if start + 8 * count > len(data):
        raise ValueError(f"it ends before its table of {count:,} messages does")
    numbers = struct.unpack_from(f"{order}{2 * count}I", data, start)
    spans = [(offset, offset + length) for length, offset in zip(numbers[::2], numbers[1::2], strict=True)]
    if max((end for _, end in spans), default=0) > len(data):
        raise ValueError("it ends before its last message does")
    if sum(numbers[::2]) > len(data):
        raise ValueError("its messages overlap")
    return spans


def _mo_message(row: int, original: bytes, translation: bytes, encoding: str) -> _Message:
    message = _Message(row=row, plural_row=row, size=len(original) + len(translation))
    context, has_context, texts = original.rpartition(_CONTEXT_END)
    singular, has_plural, plural = texts.partition(b"\0")
    parts = {"msgctxt": context if has_context else None, "msgid": singular, "msgid_plural": plural or None}
    forms = translation.split(b"\0") if has_plural else [translation]
    found = {name: decoded(part, encoding) for name, part in parts.items() if part is not None}
    translated = [decoded(form, encoding) for form in forms]
    _note_all(message, [*found.values(), *translated])
    message.strings = {name: [text] for name, (text, _) in found.items()}
    message.forms = {number: [text] for number, (text, _) in enumerate(translated)}
    return message


def _note_all(message: _Message, found: Iterable[tuple[str, str]]) -> None:
    for _, why in found:
        if why:
            message.note("bad_bytes", why)

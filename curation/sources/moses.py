"""Moses bitext: two plain files, plain or compressed; line n of one is the translation of line n of the other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from curation.config.model import LanguageColumn, MosesSource
from curation.errors import ConfigError, SourceError
from curation.sources.files import Line, SourceFile, public_name, read_lines
from curation.sources.locate import locate_in_order, sorted_by_display
from curation.sources.rows import TEXT, Chunk, Layout, Rejected, Row, chunk_rows, decoded, quarantined, too_long


def locate(source: MosesSource, base: Path) -> list[SourceFile]:
    """Return the pairs of files: the n-th of `path` with the n-th of `positive_path`.

    Raises:
        ConfigError: if there are not as many of the one as of the other.
    """
    queries = locate_in_order(source.path, base, source.name)
    positives = locate_in_order(source.positive_path, base, source.name)
    if len(queries) != len(positives):
        raise ConfigError(
            "The files of a bitext do not pair up",
            where=f"source `{source.name}`",
            why=f"`path` matches {len(queries)} files, `positive_path` {len(positives)}",
            hint="list both in the same order",
        )
    pairs = zip(queries, positives, strict=True)
    return sorted_by_display(SourceFile(source.name, path, display, other) for (display, path), (_, other) in pairs)


def layout(source: MosesSource) -> Layout:
    """Return the layout of a bitext, whose two columns are its files.

    Raises:
        ConfigError: if a language is said to stand in a column.
    """
    for language in (source.query_language, source.positive_language):
        if isinstance(language, LanguageColumn):
            raise ConfigError(
                "A Moses bitext has no language column",
                where=f"source `{source.name}`",
                why=f"column {language.column!r}",
                hint="give a code, or leave the language out to have it identified",
            )
    return Layout(query_language=source.query_language, positive_language=source.positive_language)


def read(source: MosesSource, file: SourceFile, layout: Layout, batch_rows: int) -> Iterator[Chunk]:
    """Yield the pairs of lines, chunk by chunk; every line is a row, blank ones too.

    Rejected lines: `line_too_long`, `bad_bytes`, and `unaligned` for the surplus of the longer file.

    Raises:
        SourceError: if a file is damaged; if one is longer and `on_bad_row` is `fail`.
    """
    schema = {layout.query: TEXT, layout.positive: TEXT}
    yield from chunk_rows(_rows(source, file), schema, file, batch_rows)


def _rows(source: MosesSource, file: SourceFile) -> Iterator[Row | Rejected]:
    queries, positives = read_lines(file.path), read_lines(file.companion)
    for query, positive in itertools.zip_longest(queries, positives):
        if query is None or positive is None:
            yield from _surplus(source, file, query, positive, itertools.chain(queries, positives))
            return
        yield _pair(file, query, positive)


def _pair(file: SourceFile, query: Line, positive: Line) -> Row | Rejected:
    number, size, cells = query[0], 0, []
    for _, data in (query, positive):
        if data is None:
            return too_long(file, number)
        text, why = decoded(data.removesuffix(b"\r"))
        if why:
            return quarantined(file, number, "bad_bytes", why)
        cells.append(text)
        size += len(data)
    return Row(number, size, cells)


def _surplus(
    source: MosesSource, file: SourceFile, query: Line | None, positive: Line | None, rest: Iterator[Line]
) -> Iterator[Rejected]:
    """Yield the lines of the longer file that have no counterpart: its present one, and the `rest`."""
    shorter, first = (file.path, positive) if query is None else (file.companion, query)
    assert first is not None
    common = first[0] - 1
    if source.on_bad_row == "fail":
        total = common + 1 + sum(1 for _ in rest)
        counts = (common, total) if query is None else (total, common)
        raise SourceError(
            "The files of a bitext have different lengths",
            where=f"{public_name(file.path)} and {public_name(file.companion)}",
            why=f"{counts[0]:,} and {counts[1]:,} lines",
            hint="align them again, or set `on_bad_row: quarantine` to put the surplus aside",
        )
    detail = f"{public_name(shorter).rpartition('/')[2]} ends at line {common}"
    for number, _ in itertools.chain([first], rest):
        yield quarantined(file, number, "unaligned", detail)

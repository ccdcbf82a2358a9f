"""Document filters of datatrove, by name and text by text.

Their own word splitters want spaCy and a table of languages, and normalise vowel signs away on the way. They get one
that needs neither and leaves every mark where it is.
"""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import regex

from curation.config.model import DatatroveFilter
from curation.errors import ConfigError
from filters.score import DocumentScore

# Given by this program: nothing else may write files, and words are split in one way.
_OURS = frozenset({"self", "exclusion_writer", "language"})
_SAMPLE = "A text of two words and more. It has a second sentence."

# A character of a script without blanks is a word; in all others a run of letters, marks and digits.
_WORD = regex.compile(
    r"(?V1)[\p{Han}\p{Hiragana}\p{Katakana}]\p{M}*|[\p{L}\p{M}\p{N}--[\p{Han}\p{Hiragana}\p{Katakana}]]+|[^\s\p{L}\p{M}\p{N}]"
)
_SENTENCE = regex.compile(r"[^.!?。！？।॥؟۔།။។።\n]+[.!?。！？।॥؟۔།။។።\n]*")


def document_scores(filters: Sequence[DatatroveFilter]) -> tuple[DocumentScore, ...]:
    """Return what asks the named filters about a text.

    Raises:
        ConfigError: if an option is unknown, or a filter cannot be used on this machine.
    """
    return tuple(
        DocumentScore(
            each.filter,
            _judge(each.filter, json.dumps(each.options, sort_keys=True)),
            frozenset(each.roles),
            frozenset(each.languages),
        )
        for each in filters
    )


@cache
def _judge(name: str, options: str) -> Callable[[str], str | None]:
    """Build a filter once in a process, and try it."""
    from datatrove.data import Document

    found = _build(name, json.loads(options))

    def judge(text: str) -> str | None:
        answer = found.filter(Document(text=text, id=""))
        kept, reason = answer if isinstance(answer, tuple) else (answer, "")
        return None if kept else reason or "rejected"

    try:
        judge(_SAMPLE)
    except Exception as error:
        raise _unusable(name, error) from error
    return judge


def _build(name: str, options: dict[str, Any]) -> Any:
    """Return an instance of the class of that name with these options."""
    known = getattr(importlib.import_module("datatrove.pipeline.filters"), name)
    parameters = inspect.signature(known.__init__).parameters
    unknown = sorted(options.keys() - (parameters.keys() - _OURS))
    if unknown:
        allowed = ", ".join(parameters.keys() - _OURS) or "none"
        why = (
            f"{name} has no option {unknown[0]!r}"
            if unknown[0] not in _OURS
            else f"{unknown[0]!r} is set by the program"
        )
        raise ConfigError(
            "An option of a datatrove filter is not valid",
            where="filters.datatrove",
            why=why,
            hint=f"it has: {allowed}",
        )
    missing = [
        each.name
        for each in parameters.values()
        if each.default is inspect.Parameter.empty and each.name not in {*_OURS, *options}
    ]
    if missing:
        raise ConfigError(
            f"{name} needs an option",
            where="filters.datatrove",
            why=f"{missing[0]!r} is not given",
            hint=f"options: {{{missing[0]}: ...}}",
        )
    _refuse_download(name)
    if "language" in parameters:
        options = options | {"language": _splitter()}
    try:
        return known(**options)
    except Exception as error:
        raise _unusable(name, error) from error


def _refuse_download(name: str) -> None:
    if name != "UnigramLogProbFilter":
        return
    from huggingface_hub import cached_assets_path

    file = Path(
        cached_assets_path("datatrove", namespace="filters", subfolder="unigram_logprob_filter"), "unigram_freq.csv"
    )
    if not file.exists():
        raise ConfigError(
            f"{name} needs a file that is not here",
            where=str(file),
            why="it would be downloaded in the middle of a run",
            hint="put unigram_freq.csv there, or leave the filter out",
        )


def _unusable(name: str, error: Exception) -> ConfigError:
    hint = "correct its options, install what it names, or leave it out"
    return ConfigError(
        f"{name} cannot be used", where="filters.datatrove", why=f"{type(error).__name__}: {error}", hint=hint
    )


@cache
def _splitter() -> Any:
    from datatrove.utils.word_tokenizers import WordTokenizer

    class Splitter(WordTokenizer):  # type: ignore[misc]
        """Words and sentences of any language, by script alone."""

        def word_tokenize(self, text: str) -> list[str]:
            return _WORD.findall(text)

        def sent_tokenize(self, text: str) -> list[str]:
            return [found.strip() for found in _SENTENCE.findall(text) if found.strip()]

        def span_tokenize(self, text: str) -> list[tuple[int, int]]:
            return [found.span() for found in _SENTENCE.finditer(text)]

    return Splitter()

"""Reading a config: YAML with line numbers, strings that stay strings, and errors that help."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

import language_configs
from curation.config import model
from curation.config.training import Training
from curation.errors import ConfigError

_MAX_BYTES = 4 << 20
_SHOWN_CHARS = 120
_BEGIN = "`curate init bitext` prints one to begin with"
_ALL_KEYS = "correct it; `curate config schema` says what each key takes"
# What YAML says of the commonest slips, and what helps.
_MENDING = {
    "'\\t'": "indent with blanks: YAML takes no tabs",
    "aliases": "write out what the alias stands for",
    "constructor for the tag": "write a plain value: tags are not allowed",
    "expected ',' or": "close the bracket, and put texts with brackets, commas or colons into quotes",
}
_Path = tuple[str | int, ...]
# Where a setting may have one of several types, pydantic names the type in the path of an error.
_UNION_TAGS = ("str", "list[str]", "LanguageColumn")


class _Loader(yaml.SafeLoader):
    """YAML 1.2 core schema: `no`, `on`, `1:30` and dates are strings; aliases are refused."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse aliases, which can make a small file huge."""
        if self.check_event(yaml.events.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases are not allowed", event.start_mark)
        return super().compose_node(parent, index)


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?(?:0|[1-9][0-9_]*)$", "-+0123456789"),
    ("float", r"^[-+]?(?:(?:0|[1-9][0-9]*)?\.[0-9]+(?:[eE][-+]?[0-9]+)?|[1-9][0-9]*[eE][-+]?[0-9]+)$", "-+.0123456789"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def load_config(path: Path, overrides: Sequence[str] = ()) -> model.RunConfig:
    """Read and validate a config file.

    Args:
        path: a YAML file.
        overrides: `a.b=value` settings that replace what the file says; values are YAML.

    Raises:
        ConfigError: naming the file, the line and what to write instead.
    """
    try:
        size = path.stat().st_size
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        why = f"byte {error.start:,} is {error.object[error.start]:#x}"
        raise ConfigError("The config is not UTF-8", str(path), why, "save it as UTF-8") from error
    except OSError as error:
        hint = "name a config file; `curate init bitext --out c.yml` writes one to begin with"
        raise ConfigError("The config cannot be read", str(path), error.strerror or str(error), hint) from error
    if size > _MAX_BYTES:
        raise ConfigError("The config is too large", str(path), f"{size:,} bytes; at most {_MAX_BYTES:,}", _BEGIN)
    return parse_config(text, origin=str(path), overrides=overrides)


def parse_config(text: str, *, origin: str = "config", overrides: Sequence[str] = ()) -> model.RunConfig:
    """Validate the text of a config; `origin` is what errors call it. See `load_config`."""
    root = _compose(text, origin)
    values, lines = _construct(root, origin), dict(_lines(root))
    if not isinstance(values, dict):
        raise ConfigError("The config is not a mapping of keys", where=origin, hint=_BEGIN)
    for override in overrides:
        _apply(values, override)
    # Broken language files are no fault of the config, and must not be reported as one.
    language_configs.languages()
    try:
        return model.RunConfig.model_validate(values)
    except ValidationError as error:
        raise _explain(error, origin, lines, len(overrides) > 0) from None


def training_settings(values: Mapping[str, Any], overrides: Sequence[str] = ()) -> Training:
    """Validate the section `training` by itself.

    Args:
        values: the section, for example that of a release.
        overrides: `key=value` settings that replace what it says; values are YAML.

    Raises:
        ConfigError: naming the key and what to write instead.
    """
    merged = dict(values)
    for override in overrides:
        _apply(merged, override)
    try:
        return Training.model_validate(merged)
    except ValidationError as error:
        raise _explain(error, "training", {}, len(overrides) > 0, section=("training",)) from None


def _compose(text: str, origin: str) -> yaml.Node:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        _refuse_repeated_keys(node, origin)
    except yaml.YAMLError as error:
        raise _not_yaml(error, origin) from None
    finally:
        loader.dispose()
    if node is None:
        raise ConfigError("The config is empty", where=origin, hint=_BEGIN)
    return node


def _construct(root: yaml.Node, origin: str) -> Any:
    try:
        return _Loader("").construct_document(root)
    except yaml.YAMLError as error:
        raise _not_yaml(error, origin) from None


def _refuse_repeated_keys(node: yaml.Node | None, origin: str) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                where = f"{origin}:{key.start_mark.line + 1}"
                raise ConfigError(f"The key {key.value!r} stands twice", where, hint="keep one of the two")
            seen.add(key.value)
            _refuse_repeated_keys(value, origin)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_repeated_keys(value, origin)


def _not_yaml(error: yaml.YAMLError, origin: str) -> ConfigError:
    mark = getattr(error, "problem_mark", None)
    where = f"{origin}:{mark.line + 1}" if mark else origin
    why = str(getattr(error, "problem", None) or error)
    hint = next((hint for sign, hint in _MENDING.items() if sign in why), "look at this line and the one before it")
    return ConfigError("The config is not valid YAML", where, why, hint)


def _lines(node: yaml.Node, path: _Path = ()) -> Iterator[tuple[_Path, int]]:
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*path, key.value), key.start_mark.line + 1
            yield from ((p, n) for p, n in _lines(value, (*path, key.value)) if p != (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, (*path, index))


def _apply(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise ConfigError("An override is not of the form KEY=VALUE", where=f"--set {override}", hint="--set seed=7")
    *parents, last = key.split(".")
    try:
        value = yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of SafeLoader
        target: Any = values
        for part in parents:
            target = target[int(part)] if isinstance(target, list) else target.setdefault(part, {})
        if isinstance(target, list):
            target[int(last)] = value
        else:
            target[last] = value
    except (yaml.YAMLError, ValueError, IndexError, TypeError, AttributeError) as error:
        raise ConfigError("An override cannot be applied", where=f"--set {override}", why=str(error)) from None


def _explain(
    error: ValidationError, origin: str, lines: dict[_Path, int], overridden: bool, section: _Path = ()
) -> ConfigError:
    # A misspelt key also shows as a missing one; the misspelling is what helps.
    first, *others = sorted(error.errors(include_url=False), key=lambda problem: problem["type"] != "extra_forbidden")
    path = section + tuple(part for part in first["loc"] if part not in _UNION_TAGS and part not in _formats())
    if first["type"] == "union_tag_invalid":
        path = (*path, "format")
    line = next((lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in lines), None)
    key = ".".join(map(str, path)) or "the config"
    why, hint = _reason(first, path)
    if others:
        hint = f"{hint + '; ' if hint else ''}{len(others)} more problem(s) after this one"
    where = f"{origin}:{line}" if line else origin
    return ConfigError(f"{key} is not valid", where=where + (" (or --set)" if overridden else ""), why=why, hint=hint)


def _reason(problem: Any, path: _Path) -> tuple[str, str]:
    kind, given = problem["type"], problem.get("input")
    if kind == "extra_forbidden":
        known = _known_keys(path[:-1])
        close = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.5)
        return "there is no such key", f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(known)}"
    if kind == "missing":
        return "it is required", f"add `{path[-1]}:`"
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        found = f"; found {given['format']!r:.{_SHOWN_CHARS}}" if isinstance(given, dict) and "format" in given else ""
        return f"every source needs a known format{found}", f"format: one of {', '.join(sorted(_formats()))}"
    if kind == "literal_error":
        known = re.findall("'([^']*)'", problem["msg"])
        close = difflib.get_close_matches(str(given), known, n=1, cutoff=0.5)
        if close:
            return f"{problem['msg']}; found {given!r:.{_SHOWN_CHARS}}", f"did you mean {close[0]!r}?"
    return f"{problem['msg'].removeprefix('Value error, ')}; found {given!r:.{_SHOWN_CHARS}}", _ALL_KEYS


def _formats() -> dict[str, type[BaseModel]]:
    union, _ = get_args(model.Source)
    return {get_args(kind.model_fields["format"].annotation)[0]: kind for kind in get_args(union)}


def _known_keys(path: _Path) -> list[str]:
    """Return the keys of the section at `path`; for a source, those of all formats."""
    if path[:1] == ("sources",):
        if path[2:3] == ("columns",):
            return list(model.Columns.model_fields)
        return sorted({name for kind in _formats().values() for name in kind.model_fields})
    section: Any = model.RunConfig
    for part in path:
        section = _inside(section, str(part))
    return list(section.model_fields) if isinstance(section, type) and issubclass(section, BaseModel) else []


def _inside(kind: Any, part: str) -> Any:
    """Return the type of what stands under a key of a section, or in a list or a mapping."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind.model_fields[part].annotation if part in kind.model_fields else None
    return get_args(kind)[-1] if get_args(kind) else None

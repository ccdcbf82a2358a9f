"""Writing of language files, in the one order and style that all of them have."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from language_configs.files import read_yaml
from language_configs.read import LanguageFileError, read_file, validate
from language_configs.schema import FamilyFile, LanguageFile, Level, RootFile, ScriptFile

# What it is, what it is called elsewhere, how its text is treated.
_ORDER = (
    *("version", "name", "within", "family", "iso639_1", "macrolanguage", "collective", "scripts", "members"),
    *("aliases", "labels", "extensions", "pygments", "spaced", "terminals", "digits", "profile", "filters"),
    *("length_factor", "identification"),
)
_MODELS: Mapping[str, type[Level]] = {"scripts": ScriptFile, "families": FamilyFile, "languages": LanguageFile}
_WIDTH = 120
# What YAML reads as a string without quotes, and the words that it does not.
_PLAIN = re.compile(r"[A-Za-z](?:[\w()'. -]*[\w)'.])?")
_NOT_PLAIN = frozenset({"no", "on", "yes", "off", "n", "y", "null", "true", "false", "nan", "inf"})


def update_language_file(path: Path, values: Mapping[str, Any]) -> None:
    """Set keys of a language file, which need not exist yet, and leave all others as they are.

    A mapping is merged with the one in the file by its first keys (a model of `identification`), the bounds of a role
    of `filters` by their names; `None` takes a key or a first key away. Comments at the head of the file stay, others
    are lost. The file is replaced as a whole or not at all.

    Args:
        path: the file, in a folder `languages`; files in `scripts` and `families`, and `root.yml`, are served alike.
        values: values by key: numbers, strings, booleans, lists, mappings, or models of `schema`.

    Raises:
        LanguageFileError: if what stands there is no such file, or would be none with these values.
    """
    model = _MODELS.get(path.parent.name, RootFile)
    old, head = _as_written(path, model) if path.exists() else ({}, "")
    content = validate(_merged(old, values), str(path), model)
    if not isinstance(content, Level):
        raise LanguageFileError(tuple(content))
    _replace(path, head + render(content))


def render(content: Level) -> str:
    """Return the text of a file: its keys in their order, and only those that are set."""
    data = content.model_dump(mode="json", exclude_unset=True)
    return "".join(_lines(key, data[key], "") for key in _ORDER if key in data)


def _as_written(path: Path, model: type[Level]) -> tuple[dict[str, Any], str]:
    """Return the content of a file and the comments at its head."""
    content = read_file(path, str(path), model)
    if not isinstance(content, Level):
        raise LanguageFileError(tuple(content))
    data = read_yaml(path)
    assert isinstance(data, dict)
    head = re.match(r"(?:#[^\n]*\n)*", path.read_text(encoding="utf-8"))
    return data, head.group() if head else ""


def _merged(old: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {"version": 1, **old}
    for key, value in values.items():
        plain = _plain(value)
        known = merged.get(key)
        if isinstance(plain, dict) and isinstance(known, dict):
            if key == "filters":
                # What is set for a role by hand stays beside what is set now.
                plain = {
                    role: {**known.get(role, {}), **bounds} if bounds else bounds for role, bounds in plain.items()
                }
            plain = {name: item for name, item in {**known, **plain}.items() if item is not None}
        merged[key] = plain
    return {key: value for key, value in merged.items() if value is not None and value != {}}


def _plain(value: Any) -> Any:
    """Return a value without models in it."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_unset=True)
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, Mapping) else value


def _lines(key: str, value: Any, indent: str) -> str:
    """Return a key and its value: on one line where there is room, for all but mappings of mappings."""
    name = f"{indent}{_scalar(key, as_key=True)}:"
    if isinstance(value, dict) and value:
        line = f"{name} {_flow(value)}"
        if len(line) > _WIDTH or any(isinstance(item, dict) for item in value.values()):
            return f"{name}\n" + "".join(_lines(inner, item, f"{indent}  ") for inner, item in value.items())
        return f"{line}\n"
    return f"{name} {_flow(value)}\n"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_scalar(key, as_key=True)}: {_flow(item)}' for key, item in value.items())}}}"
    return f"[{', '.join(map(_scalar, value))}]" if isinstance(value, list) else _scalar(value)


def _scalar(value: Any, *, as_key: bool = False) -> str:
    """Return a scalar as YAML, with quotes only where plain text would be read as something else."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str) or (as_key and re.fullmatch("[0-9]+", value)):
        return str(value)
    plain = _PLAIN.fullmatch(value) is not None and value.lower() not in _NOT_PLAIN
    return value if plain else f'"{"".join(map(_escaped, value))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08X}"


def _replace(path: Path, text: str) -> None:
    """Write a file so that it is never seen half-written, even after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".", delete=False, encoding="utf-8") as file:
        temporary = Path(file.name)
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            temporary.chmod(path.stat().st_mode if path.exists() else 0o644)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

"""The double's check of a card's front matter: YAML that parses, and the types that the Hub asks for."""

from __future__ import annotations

import re
from typing import Any

import yaml

_FRONT_MATTER = re.compile(r"\A\s*---\r?\n(.*?)\r?\n---\s*(?:\n|\Z)", re.DOTALL)
_TEXTS = ("language", "license", "tags", "task_categories", "task_ids", "size_categories", "multilinguality")


def check_card(content: str) -> tuple[list[str], list[str]]:
    """Return the errors and the warnings about a README."""
    match = _FRONT_MATTER.match(content)
    if match is None:
        return [], ["empty or missing yaml metadata in repo card"]
    try:
        # The Hub reads YAML 1.1 as this loader does: `no` is false.
        data = yaml.safe_load(match[1])
    except yaml.YAMLError as error:
        return [f"YAML metadata error: {error}"], []
    if not isinstance(data, dict):
        return ["YAML metadata must be a mapping"], []
    return [*_wrong_texts(data), *_wrong_configs(data)], []


def _wrong_texts(data: dict[str, Any]) -> list[str]:
    found = []
    for key in _TEXTS:
        value = data.get(key, [])
        for number, item in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(item, str):
                found.append(f'"{key}[{number}]" must be a string')
    return found


def _wrong_configs(data: dict[str, Any]) -> list[str]:
    configs = data.get("configs", [])
    if not isinstance(configs, list) or not all(isinstance(config, dict) for config in configs):
        return ['"configs" must be an array of objects']
    return [
        f'"configs[{number}].config_name" must be a string'
        for number, config in enumerate(configs)
        if not isinstance(config.get("config_name"), str)
    ]

"""Reading of the data files beside this package, in which every scalar is a string, `true`, `false` or `null`."""

from __future__ import annotations

from importlib.resources.abc import Traversable

import yaml

# Without the C parser (no libyaml) everything works, only more slowly.
_Base: type = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_PLAIN_TAGS = frozenset({"tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"})


def read_yaml(file: Traversable) -> object:
    """Return the content of a YAML file as strings, booleans, `None`, lists and dictionaries.

    `no` is Norwegian, `on` a word and `1E5` a code point. Such files come from users too, so what could hide
    something or grow without bounds is refused: tags, anchors, and a key that stands twice.

    Raises:
        yaml.YAMLError: if it is no YAML or uses what is refused; the message names the line.
        UnicodeDecodeError: if it is not UTF-8.
    """
    loader = _Base(file.read_bytes().decode("utf-8"))
    try:
        node = loader.get_single_node()
    finally:
        loader.dispose()
    return None if node is None else _plain(node, set())


def _plain(node: yaml.Node, seen: set[int]) -> object:
    """Return the value of a node; an anchor shows itself by a node that is met twice."""
    if id(node) in seen:
        raise _refused(node, "anchors are not allowed: write the value out")
    seen.add(id(node))
    if node.tag not in _PLAIN_TAGS:
        raise _refused(node, f"the tag {node.tag!r} is not allowed")
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, seen) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, seen)
    # A word in quotes is a string whatever it says.
    is_plain = isinstance(node, yaml.ScalarNode) and not node.style
    return _WORDS.get(node.value, node.value) if is_plain else node.value


def _mapping(node: yaml.MappingNode, seen: set[int]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _refused(key, "a key must be a word")
        if key.value in found:
            raise _refused(key, f"the key {key.value!r} stands twice")
        found[key.value] = _plain(value, seen)
    return found


def _refused(node: yaml.Node, problem: str) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)

"""Reading YAML that people write, as JSON with comments: no anchors, no tags, no surprising types.

YAML 1.1 makes `no` a boolean, `1:30` a number of seconds and `010` an eight; here they are strings, and only
what JSON would call a number, a boolean or null is one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import yaml

from kit.strict.json_reader import MAX_DIGITS, Json, RefusedError, utf8
from kit.text import DocumentPath, path_text, plain_text

MAX_YAML_BYTES = 64 * 1024
MAX_YAML_DEPTH = 20


_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Located:
    """The value of a YAML document, and the line on which each of its keys and items stands."""

    value: Json
    lines: Mapping[DocumentPath, int]

    def line(self, path: DocumentPath) -> int:
        """The line (from 1) of the key or item at `path`, or of its nearest known parent."""
        known = (path[:depth] for depth in range(len(path), 0, -1))
        return next((self.lines[place] for place in known if place in self.lines), self.lines.get((), 1))


def read_yaml(data: bytes, where: str) -> Located:
    """The one document in `data`; `StrictError` names the line of whatever is not plain JSON-like YAML."""
    try:
        if len(data) > MAX_YAML_BYTES:
            raise RefusedError(f"{len(data)} bytes are more than the {MAX_YAML_BYTES} allowed")
        lines: dict[DocumentPath, int] = {}
        root = _composed(utf8(data))
        lines[()] = _line(root)
        return Located(_value(root, (), lines), lines)
    except RefusedError as refused:
        raise refused.of_file(where) from None


# --- the tree of nodes ----------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """PyYAML's parser with four resolvers instead of its own, without anchors, aliases and tags."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        peek: Callable[[], yaml.Event] = self.peek_event
        event = peek()
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise RefusedError("anchors and aliases are not allowed", line=line)
        if getattr(event, "tag", None) is not None:
            raise RefusedError("tags are not allowed", line=line)
        if self.depth >= MAX_YAML_DEPTH and isinstance(event, yaml.CollectionStartEvent):
            raise RefusedError(f"nested more than {MAX_YAML_DEPTH} deep", line=line)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _resolve(kind: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(_TAG + kind, re.compile(rf"\A(?:{pattern})\Z"), list(first))


_resolve("bool", "true|false", "tf")
_resolve("null", "null|~", "n~")
_Loader.add_implicit_resolver(_TAG + "null", re.compile(r"\A\Z"), [""])
_resolve("int", "-?(?:0|[1-9][0-9]*)", "-0123456789")
_resolve("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", "-0123456789")


def _composed(text: str) -> yaml.Node:
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise RefusedError("a character that must not stand in YAML", line=line) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = plain_text(error.problem or error.context or "cannot be parsed", 200)
        raise RefusedError(f"not YAML: {message}", line=mark.line + 1 if mark else 0) from None
    except (yaml.YAMLError, ValueError, OverflowError):
        # PyYAML lets these through for escapes beyond Unicode and for absurd version numbers.
        raise RefusedError("not YAML: an escape or directive that cannot be understood") from None
    if node is None:
        raise RefusedError("the file is empty")
    return node


# --- values ---------------------------------------------------------------------------------------------


def _line(node: yaml.Node) -> int:
    line: int = node.start_mark.line
    return line + 1


def _value(node: yaml.Node, path: DocumentPath, lines: dict[DocumentPath, int]) -> Json:
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines)
    if isinstance(node, yaml.SequenceNode):
        return [_item(item, (*path, index), lines) for index, item in enumerate(node.value)]
    return _scalar(node, path)


def _item(node: yaml.Node, path: DocumentPath, lines: dict[DocumentPath, int]) -> Json:
    lines[path] = _line(node)
    return _value(node, path, lines)


def _mapping(node: yaml.MappingNode, path: DocumentPath, lines: dict[DocumentPath, int]) -> Json:
    result: dict[str, Json] = {}
    for key_node, value_node in node.value:
        key = _key(key_node, path)
        if key in result:
            raise RefusedError("the same key twice", path_text((*path, key)), _line(key_node))
        lines[(*path, key)] = _line(key_node)
        result[key] = _value(value_node, (*path, key), lines)
    return result


def _key(node: yaml.Node, path: DocumentPath) -> str:
    key = _scalar(node, path) if isinstance(node, yaml.ScalarNode) else None
    if not isinstance(key, str):
        raise RefusedError("a key that is not a string; put it in quotes", path_text(path), _line(node))
    if key == "<<":
        raise RefusedError("merge keys are not allowed", path_text(path), _line(node))
    return key


def _scalar(node: yaml.Node, path: DocumentPath) -> Json:
    text: str = node.value
    try:
        return _SCALARS[node.tag.removeprefix(_TAG)](text)
    except RefusedError as refused:
        raise RefusedError(refused.message, path_text(path), _line(node)) from None


def _string(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RefusedError("half of a surrogate pair in a string") from None
    return text


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > MAX_DIGITS:
        raise RefusedError(f"an integer of more than {MAX_DIGITS} digits")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise RefusedError("a number too large for a float")
    return value


_SCALARS: dict[str, Callable[[str], Json]] = {
    "str": _string,
    "int": _integer,
    "float": _float,
    "bool": lambda text: text == "true",
    "null": lambda _: None,
}

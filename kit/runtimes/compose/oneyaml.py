"""Words that YAML 1.1 takes for something else than this kit does: `no`, `1:30`, `0x10`, `1_000`, a date.

The kit reads them as strings, programs with a YAML 1.1 reader do not; in a file that both read they are refused.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from kit.strict import Json

_KINDS: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool, "null": type(None)}


def doubtful(text: str, value: Json) -> tuple[int, str] | None:
    """The line and text of the first scalar that YAML 1.1 reads as another type than in `value`, if any.

    `text` must have gone through `kit.strict.read_yaml`, which gave `value`.
    """
    node = yaml.SafeLoader(text).get_single_node()
    first = next(_different(node, value), None) if node is not None else None
    return None if first is None else (first.start_mark.line + 1, first.value)


def _different(node: yaml.Node, value: Json) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.MappingNode) and isinstance(value, dict):
        for key, child in node.value:
            yield from _different(key, key.value)
            yield from _different(child, value[key.value])
    elif isinstance(node, yaml.SequenceNode) and isinstance(value, list):
        for child, item in zip(node.value, value, strict=True):
            yield from _different(child, item)
    elif isinstance(node, yaml.ScalarNode) and type(value) is not _KINDS.get(node.tag.rpartition(":")[2]):
        yield node

"""Where two values of the same kind differ, to the last bit: paths and both values, in the order of the first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from kit.strict import Json, plain
from kit.text import DocumentPath, path_text, value_text


def differences(expected: object, found: object) -> Iterator[str]:
    """One sentence for each place where `found` is not what was `expected`, e.g. "ttft_ms.p50 is 3, not 4"."""
    one, other = plain(expected), plain(found)
    if repr(one) == repr(other):
        return  # nearly always, and far quicker than to walk through both
    for path, wanted, there in _walk(one, other, ()):
        place = path_text(path)
        yield f"{place + ' ' if place else ''}is {_shown(there)}, not {_shown(wanted)}"


class _Absent:
    """Stands for a key or item that one of the two has not."""


_ABSENT = _Absent()
_Side: TypeAlias = "Json | _Absent"


def _walk(expected: _Side, found: _Side, path: DocumentPath) -> Iterator[tuple[DocumentPath, _Side, _Side]]:
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(expected.keys() | found.keys()):
            yield from _walk(expected.get(key, _ABSENT), found.get(key, _ABSENT), (*path, key))
    elif isinstance(expected, list) and isinstance(found, list):
        for index in range(max(len(expected), len(found))):
            yield from _walk(_item(expected, index), _item(found, index), (*path, index))
    elif not _same(expected, found):
        yield path, expected, found


def _item(items: list[Json], index: int) -> _Side:
    return items[index] if index < len(items) else _ABSENT


def _same(one: _Side, other: _Side) -> bool:
    # repr tells apart what == does not: 1 from 1.0 and True, 0.0 from -0.0.
    return type(one) is type(other) and repr(one) == repr(other)


def _shown(value: _Side) -> str:
    return "absent" if isinstance(value, _Absent) else value_text(value)

"""From parsed JSON to the frozen classes of `kit.documents` and back: exact keys, exact types, nothing guessed.

Works for any of them; `record_decoder` is the quick way for the one class of which a bundle holds a million.
"""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import repeat
from typing import Any, Literal, NoReturn, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from kit.documents.chunks import Chunks
from kit.documents.pins import Sparse
from kit.errors import InternalError
from kit.strict.json_reader import Json, StrictError
from kit.text import one_of, path_text, unknown_key, value_text

T = TypeVar("T")
Convert = Callable[[object], object]

_WORDS = {bool: "true or false", int: "an integer", float: "a number", str: "a string", types.NoneType: "null"}


class MismatchError(Exception):
    """What is wrong; every container that it passes on its way up puts its own step before the path."""

    def __init__(self, message: str, *path: str | int) -> None:
        super().__init__(message)
        self.message = message
        self.path = list(path)


def typed(cls: type[T], value: Json, where: str) -> T:
    """The frozen dataclass `cls` that `value` describes; `StrictError` names the place, e.g. `cells[3].lane`."""
    try:
        return cast(T, _converter(cast(Any, cls))(value))
    except MismatchError as wrong:
        raise StrictError(where, path_text(wrong.path), wrong.message) from None


def plain(obj: object) -> Json:
    """What `typed` would read as `obj`: dataclasses and mappings as objects, tuples and lists as lists."""
    kind: Any = type(obj)
    if kind in _AS_THEY_ARE:
        return obj  # type: ignore[return-value]
    if kind is tuple or kind is list:
        return [item if type(item) in _AS_THEY_ARE else plain(item) for item in obj]  # type: ignore[attr-defined]
    if kind is dict:
        return {str(key): plain(item) for key, item in obj.items()}  # type: ignore[attr-defined]
    names = _names_of(kind)
    if names is not None:
        found: dict[str, Json] = {}
        for name in names:
            value = getattr(obj, name)
            found[name] = value if type(value) in _AS_THEY_ARE else plain(value)
        return found
    return _rarely_plain(obj)


_AS_THEY_ARE = frozenset({type(None), bool, int, float, str})


@cache
def _names_of(kind: type) -> tuple[str, ...] | None:
    """The fields of a dataclass of which all are written; None for other types."""
    if not dataclasses.is_dataclass(kind) or issubclass(kind, Sparse | Chunks | Mapping | tuple | list):
        return None
    return tuple(field.name for field in dataclasses.fields(kind))


def _rarely_plain(obj: object) -> Json:
    if isinstance(obj, bool | int | float | str):
        return obj
    if isinstance(obj, Chunks):
        return [list(chunk) for chunk in obj]
    if isinstance(obj, tuple | list):
        return [plain(item) for item in obj]
    if isinstance(obj, Sparse):
        written: dict[str, Json] = {}
        for name, value in obj.written():
            written[name] = value if type(value) in _AS_THEY_ARE else plain(value)  # type: ignore[assignment]
        return written
    if isinstance(obj, Mapping):
        return {str(key): plain(item) for key, item in obj.items()}
    raise InternalError(f"A value of type {type(obj).__name__} has no form in JSON.")


# --- one converter per type -----------------------------------------------------------------------------


def expected(words: str, value: object, *path: str | int) -> NoReturn:
    raise MismatchError(f"expected {words}, found {value_text(value)}", *path)


@cache
def _converter(kind: Any) -> Convert:
    origin, args = get_origin(kind), get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _dataclass(cast(type[Any], kind))
    if kind is float:
        return _float
    if kind is object:
        return lambda value: value  # any JSON: what a user adds to a request is the server's to judge
    if kind in _WORDS:
        return _exact(kind)
    if origin is Literal:
        return _literal(args)
    if origin in (Union, types.UnionType):
        return _union(args)
    if origin is Sequence:
        return _tuple(_converter(args[0]))
    if origin is tuple:
        return _tuple(_converter(args[0])) if args[1:] == (...,) else _fixed(tuple(map(_converter, args)))
    if origin is Mapping and args[0] is str:
        return _mapping(_converter(args[1]))
    raise InternalError(f"No document can hold the type {kind}.")


def _exact(kind: type) -> Convert:
    def convert(value: object) -> object:
        return value if type(value) is kind else expected(_WORDS[kind], value)

    return convert


def _float(value: object) -> float:
    if type(value) is not float and type(value) is not int:
        expected("a number", value)
    try:
        number = float(value)
    except OverflowError:
        expected("a number that fits into a float", value)
    return number if math.isfinite(number) else expected("a finite number", value)


def _literal(members: tuple[object, ...]) -> Convert:
    def convert(value: object) -> object:
        if any(type(value) is type(member) and value == member for member in members):
            return value
        return expected(one_of(members), value)

    return convert


def _union(kinds: tuple[Any, ...]) -> Convert:
    """At most one member may be a container, and it comes alone or with null: so its errors keep their place."""
    members = [kind for kind in kinds if kind is not types.NoneType]
    nullable = len(members) < len(kinds)
    if len(members) == 1:
        only = _converter(members[0])
        return lambda value: None if value is None and nullable else only(value)
    converters = [_converter(member) for member in members]
    words = " or ".join(_described(kind) for kind in kinds)

    def convert(value: object) -> object:
        if value is None and nullable:
            return None
        for each in converters:
            try:
                return each(value)
            except MismatchError:
                continue
        return expected(words, value)

    return convert


def _described(kind: Any) -> str:
    return one_of(get_args(kind)) if get_origin(kind) is Literal else _WORDS.get(kind, str(kind))


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else expected("a list", value)


def _listed(converters: Iterable[Convert], items: list[object]) -> tuple[object, ...]:
    found: list[object] = []
    try:
        for convert, item in zip(converters, items, strict=False):
            found.append(convert(item))
    except MismatchError as wrong:
        wrong.path.insert(0, len(found))
        raise
    return tuple(found)


def _keyed(converters: Mapping[str, Convert] | Convert, items: Mapping[str, object]) -> dict[str, object]:
    found: dict[str, object] = {}
    key = ""
    try:
        for key, item in items.items():
            found[key] = converters(item) if callable(converters) else converters[key](item)
    except MismatchError as wrong:
        wrong.path.insert(0, key)
        raise
    return found


def _tuple(item: Convert) -> Convert:
    return lambda value: _listed(repeat(item), _items(value))


def _fixed(items: tuple[Convert, ...]) -> Convert:
    def convert(value: object) -> object:
        found = _items(value)
        if len(found) != len(items):
            raise MismatchError(f"expected a list of {len(items)}, found {len(found)} items")
        return _listed(items, found)

    return convert


def object_of(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else expected("an object", value)


def _mapping(item: Convert) -> Convert:
    def convert(value: object) -> object:
        return _keyed(item, object_of(value))

    return convert


def _dataclass(cls: type[Any]) -> Convert:
    hints = get_type_hints(cls)
    fields = dataclasses.fields(cls)
    converters = {field.name: _converter(hints[field.name]) for field in fields}
    missing = dataclasses.MISSING
    required = [f.name for f in fields if f.default is missing and f.default_factory is missing]

    def convert(value: object) -> object:
        found = object_of(value)
        check_keys(found, required, converters)
        return cls(**_keyed(converters, found))

    return convert


def check_keys(found: Mapping[str, object], required: Sequence[str], allowed: Mapping[str, object]) -> None:
    for key in found:
        if key not in allowed:
            raise MismatchError(unknown_key(key, allowed), key)
    for name in required:
        if name not in found:
            raise MismatchError(f'missing key "{name}"')

"""A schema as small functions that say of a document that it is good, or that they do not know. Pure.

Nearly every document is good, and jsonschema takes a third of the time of a verdict to say so. What these
functions do not vouch for is judged by jsonschema, which has the words for what is wrong: they can only be too
strict. So a keyword that is not known here, and anything that needs "surely wrong" (`not`), is never vouched for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from kit.strict.json_reader import Json

Vouches = Callable[[Json], bool]

_TYPES: dict[str, tuple[type, ...]] = {
    "array": (list,),
    "boolean": (bool,),
    "integer": (int,),
    "null": (type(None),),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}
_NUMBERS = frozenset({int, float})
_SAYS_NOTHING = frozenset({"$schema", "$id", "$defs", "title", "description", "then", "else", "prefixItems"})


def inlined(
    part: Any,
    whole: Mapping[str, Any],
    named: Callable[[str], Mapping[str, Any]],
    inside: frozenset[str] = frozenset(),
) -> Any:
    """The part with what its `$ref`s name in their place: to look each one up anew takes a third of the time.

    `whole` is the file in which the part stands, `named` gives others by their `$id`, and `inside` is what the
    part is of: a schema that refers to itself (any JSON value) keeps that reference.
    """
    if isinstance(part, list):
        return [inlined(each, whole, named, inside) for each in part]
    if not isinstance(part, dict):
        return part
    found: dict[str, Any] = {}
    for key, value in part.items():
        if key == "$ref":
            file, _, pointer = value.partition("#")
            home = whole if not file else named(file)
            target: Any = home
            for step in filter(None, pointer.split("/")):
                target = target[step]
            place = f"{home['$id']}#{pointer}"
            found |= {"$ref": place} if place in inside else inlined(target, home, named, inside | {place})
        elif key != "$defs":
            found[key] = inlined(value, whole, named, inside)
    return found


def vouching(schema: Any) -> Vouches:
    """What vouches for documents of a schema whose `$ref`s have been replaced."""
    if schema is True:
        return _always
    if not isinstance(schema, dict):
        return _never
    found = [
        _MAKERS[keyword](value, schema) if keyword in _MAKERS else _never
        for keyword, value in schema.items()
        if keyword not in _SAYS_NOTHING and keyword not in _OF_OBJECTS
    ]
    if _OF_OBJECTS & schema.keys():
        found.append(_object(schema))
    if "prefixItems" in schema and "items" not in schema:
        found.append(_items(True, schema))
    return _all(found)


def _always(_: Json) -> bool:
    return True


def _never(_: Json) -> bool:
    return False


def _all(found: list[Vouches]) -> Vouches:
    if len(found) == 1:
        return found[0]
    if len(found) == 2:
        first, second = found
        return lambda value: first(value) and second(value)
    every = tuple(found)
    return lambda value: all(one(value) for one in every)


# --- one keyword ----------------------------------------------------------------------------------------


def _type(names: Any, _: Mapping[str, Any]) -> Vouches:
    kinds = frozenset(kind for name in ([names] if isinstance(names, str) else names) for kind in _TYPES[name])
    return lambda value: type(value) in kinds


def _among(members: Any) -> Vouches:
    if not all(isinstance(member, bool | int | str) or member is None for member in members):
        return _never
    known = frozenset((type(member), member) for member in members)
    return lambda value: not isinstance(value, list | dict) and (type(value), value) in known


def _number(holds: Callable[[float, float], bool]) -> Callable[[Any, Mapping[str, Any]], Vouches]:
    return lambda limit, _: lambda value: type(value) not in _NUMBERS or holds(value, limit)  # type: ignore[arg-type]


def _length(kind: type, holds: Callable[[int, int], bool]) -> Callable[[Any, Mapping[str, Any]], Vouches]:
    return lambda limit, _: lambda value: type(value) is not kind or holds(len(value), limit)  # type: ignore[arg-type]


def _pattern(pattern: Any, _: Mapping[str, Any]) -> Vouches:
    search = re.compile(pattern).search
    return lambda value: not isinstance(value, str) or search(value) is not None


def _items(rest: Any, schema: Mapping[str, Any]) -> Vouches:
    first = tuple(map(vouching, schema.get("prefixItems", ())))
    others, many = vouching(rest), len(first)
    if not many:
        return lambda value: type(value) is not list or all(map(others, value))

    def vouch(value: Json) -> bool:
        if type(value) is not list:
            return True
        return all(one(item) for one, item in zip(first, value, strict=False)) and all(map(others, value[many:]))

    return vouch


def _any_of(schemas: Any, _: Mapping[str, Any]) -> Vouches:
    branches = tuple(map(vouching, schemas))
    return lambda value: any(branch(value) for branch in branches)


def _all_of(schemas: Any, _: Mapping[str, Any]) -> Vouches:
    return _all(list(map(vouching, schemas)) or [_always])


def _if(condition: Any, schema: Mapping[str, Any]) -> Vouches:
    holds = vouching(condition)
    then, otherwise = vouching(schema.get("then", True)), vouching(schema.get("else", True))
    # Where nobody knows whether it holds, both must be good.
    return lambda value: then(value) and (holds(value) or otherwise(value))


_MAKERS: dict[str, Callable[[Any, Mapping[str, Any]], Vouches]] = {
    "type": _type,
    "const": lambda value, _: _among([value]),
    "enum": lambda members, _: _among(members),
    "minimum": _number(lambda value, limit: value >= limit),
    "maximum": _number(lambda value, limit: value <= limit),
    "exclusiveMinimum": _number(lambda value, limit: value > limit),
    "minLength": _length(str, lambda length, limit: length >= limit),
    "maxLength": _length(str, lambda length, limit: length <= limit),
    "minItems": _length(list, lambda length, limit: length >= limit),
    "maxItems": _length(list, lambda length, limit: length <= limit),
    "minProperties": _length(dict, lambda length, limit: length >= limit),
    "maxProperties": _length(dict, lambda length, limit: length <= limit),
    "pattern": _pattern,
    "items": _items,
    "anyOf": _any_of,
    "allOf": _all_of,
    "if": _if,
}


# --- objects --------------------------------------------------------------------------------------------

_OF_OBJECTS = frozenset({"properties", "required", "additionalProperties", "propertyNames"})


def _object(schema: Mapping[str, Any]) -> Vouches:
    known = {key: vouching(value) for key, value in schema.get("properties", {}).items()}
    required = frozenset(schema.get("required", ()))
    others = vouching(schema.get("additionalProperties", True)) if "additionalProperties" in schema else _always
    names = vouching(schema["propertyNames"]) if "propertyNames" in schema else None

    def vouch(value: Json) -> bool:
        if type(value) is not dict:
            return True
        if not required <= value.keys():
            return False
        for key, item in value.items():
            if not known.get(key, others)(item):
                return False
        return names is None or all(map(names, value))

    return vouch

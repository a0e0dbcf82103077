"""What the quick way vouches for, jsonschema finds nothing wrong with; and it vouches for what runs write."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from kit.strict import Json
from kit.strict.quick_schema import vouching
from kit.strict.schema import DOCUMENTS, _validator, _vouches
from tests.support.documents import good

# Of these a verdict has many; the others may well take the long way.
IN_BUNDLES = ("answer", "calibration", "cell", "host", "manifest", "plan", "result")
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 1.0, 0.5, -0.5, 10**17, 1e300, "", "x", "x\n", "\n", "0" * 64, "a/../b", [], [1],
    {}, {"x": 1}, {"schema": "x"}, [[]], [{}],
)  # fmt: skip


def places(value: Json, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of everything within a document."""
    found = [path]
    if isinstance(value, dict):
        found += [place for key, item in value.items() for place in places(item, (*path, key))]
    elif isinstance(value, list):
        found += [place for at, item in enumerate(value) for place in places(item, (*path, at))]
    return found


def changed(document: Json, path: tuple[str | int, ...], value: Any, *, how: str) -> Json:
    """The document with another value there, without it, or with a key beside it."""
    if not path:
        return value  # type: ignore[no-any-return]
    made = copy.deepcopy(document)
    home: Any = made
    for step in path[:-1]:
        home = home[step]
    if how == "gone":
        del home[path[-1]]
    elif how == "beside" and isinstance(home, dict):
        home[f"{path[-1]}x"] = value
    elif how == "again" and isinstance(home, list):
        home += [copy.deepcopy(home[path[-1]])] * 40  # type: ignore[index]
    else:
        home[path[-1]] = value
    return made


@pytest.mark.parametrize("name", IN_BUNDLES)
def test_what_bundles_are_made_of_is_vouched_for(name: str) -> None:
    """Else it would only cost time."""
    assert _vouches(name)(good(name))


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
@settings(max_examples=40)
@given(data=st.data())
def test_what_is_vouched_for_is_good(name: str, data: st.DataObject) -> None:
    """Whatever was changed in a good document: another value, a key less, a key more, forty items more."""
    document = good(name)
    path = data.draw(st.sampled_from(places(document)))
    how = data.draw(st.sampled_from(["other", "gone", "beside", "again"]))
    made = changed(document, path, data.draw(st.sampled_from(VALUES)), how=how)
    if _vouches(name)(made):
        assert list(_validator(name).iter_errors(made)) == []


SCHEMAS: tuple[Any, ...] = (
    True,
    False,
    {"type": ["integer", "null"], "minimum": 0, "maximum": 1},
    {"type": "number", "exclusiveMinimum": 0},
    {"minLength": 1, "maxLength": 2, "pattern": "^x$(?!\n)"},
    {"const": 1},
    {"const": {"x": 1}},
    {"enum": [None, True, "x"]},
    {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 1},
    {"prefixItems": [{"type": "integer"}], "items": False},
    {"prefixItems": [{"type": "integer"}]},
    {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"], "additionalProperties": False},
    {"additionalProperties": {"type": "integer"}, "propertyNames": {"minLength": 2}, "maxProperties": 1},
    {"anyOf": [{"type": "null"}, {"minimum": 1, "type": "integer"}]},
    {"allOf": [{"type": "integer"}, {"minimum": 1}]},
    {"if": {"type": "integer"}, "then": {"minimum": 1}},
    {"if": {"not": {"type": "integer"}}, "then": {"type": "string"}, "else": {"maximum": 0}},
    {"not": {"type": "null"}},
    {"type": "array", "uniqueItems": True},
    {"$ref": "#/nowhere"},
)


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_each_keyword_is_never_more_lenient_than_the_library(schema: Any) -> None:
    """Of all values; a keyword that is not known vouches for nothing."""
    vouch = vouching(schema)
    for value in VALUES:
        if vouch(value):
            assert Draft202012Validator(schema).is_valid(value)
    unknown = isinstance(schema, dict) and schema.keys() & {"not", "uniqueItems", "$ref"}
    assert not unknown or not any(map(vouch, VALUES))

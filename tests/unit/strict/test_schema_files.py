"""The schema files are the public contract: closed, bounded, linear, and of the shape of the classes."""

from __future__ import annotations

import dataclasses
import importlib
import re
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from jsonschema import Draft202012Validator

from kit.assets import asset
from kit.documents import ModelSource, Platform
from kit.strict.schema import DOCUMENTS, SHARED, schema
from tests.support.documents import MODELS

FILES = sorted(DOCUMENTS | {SHARED})


def nodes(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Every object inside a schema that is itself a schema or a map of schemas, with its path."""
    if isinstance(value, dict):
        yield path, value
        for key, item in value.items():
            yield from nodes(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from nodes(item, (*path, index))


def resolved(node: dict[str, Any], root: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The schema that `node` stands for, with the file that its own references are relative to."""
    while "$ref" in node:
        uri, _, fragment = node["$ref"].partition("#")
        root = schema(uri.split(":")[3]) if uri else root
        node = root
        for step in fragment.split("/")[1:]:
            node = node[step]
    return node, root


# --- the files ------------------------------------------------------------------------------------------


def test_the_files_are_exactly_the_registry() -> None:
    """No schema lies about unused, and none is missing."""
    folder = asset("schemas")
    assert {path.name for path in folder.iterdir()} == {f"{name}.v1.json" for name in FILES}


def test_a_document_says_the_name_and_version_of_its_schema_file() -> None:
    """What is written into documents never follows the places of modules: older files say it too."""
    consts = {name: schema(name).get("properties", {}).get("schema", {}).get("const") for name in FILES}

    said = {name: const for name, const in consts.items() if const is not None}

    assert said == {name: f"kit/{name}/1" for name in said}
    assert len(said) == 38


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_a_valid_schema_with_our_id_and_words(name: str) -> None:
    """Draft 2020-12, an urn of ours, a title and a description."""
    contents = schema(name)
    Draft202012Validator.check_schema(contents)
    assert contents["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert contents["$id"] == f"urn:kit:schema:{name}:1"
    assert contents["title"]
    assert contents["description"].endswith(".")


@pytest.mark.parametrize("name", FILES)
def test_every_object_is_closed(name: str) -> None:
    """An object allows no key but its own; a map has a rule for its keys, a type for its values and a limit."""
    for path, node in nodes(schema(name)):
        is_condition = "if" in path or "then" in path
        if "properties" in node and not is_condition and path[-1:] != ("properties",):
            assert node["type"] == "object", path
        if node.get("type") != "object":
            continue
        if "properties" in node:
            assert node["additionalProperties"] is False, path
        else:
            assert node["additionalProperties"], path
            assert node["propertyNames"], path
            assert node["maxProperties"], path


@pytest.mark.parametrize("name", FILES)
def test_no_property_accepts_just_anything(name: str) -> None:
    """Each property and each list item says what it is: a type, members, or a reference."""
    for path, node in nodes(schema(name)):
        inner = list(node.values()) if path[-1:] == ("properties",) else [node.get("items", {"type": "none"})]
        for each in inner:
            assert each is False or each.keys() & {"type", "enum", "const", "anyOf", "$ref"}, path


@pytest.mark.parametrize("name", FILES)
def test_every_value_has_a_range(name: str) -> None:
    """Numbers have both limits, strings and lists a longest length, and nothing asks for unique items."""
    for path, node in nodes(schema(name)):
        kinds = node.get("type", ())
        if not isinstance(kinds, str | list) or path[-1:] == ("properties",):
            continue
        kinds = {kinds} if isinstance(kinds, str) else set(kinds)
        if kinds & {"integer", "number"}:
            assert {"minimum", "exclusiveMinimum"} & node.keys(), path
            assert "maximum" in node, path
        assert not kinds & {"string"} or "maxLength" in node, path
        assert not kinds & {"array"} or "maxItems" in node, path
        assert "uniqueItems" not in node, path


def unbounded_inside_unbounded(parsed: Any, inside: bool = False) -> bool:
    """Whether a parsed pattern repeats without limit something that repeats without limit itself."""
    for operation, argument in parsed:
        repeats = str(operation) in ("MAX_REPEAT", "MIN_REPEAT") and str(argument[1]) == "MAXREPEAT"
        if repeats and inside:
            return True
        parts = argument if isinstance(argument, tuple | list) else ()
        for part in parts:
            branches = part if isinstance(part, list) else [part]
            for branch in branches:
                if hasattr(branch, "getwidth") and unbounded_inside_unbounded(branch, inside or repeats):
                    return True
    return False


PATTERN_PARSER: Any = importlib.import_module("re._parser")


def test_the_search_for_nested_quantifiers_finds_them() -> None:
    """The search itself is not blind: it sees nests in groups and branches, and passes flat patterns."""
    for bad in (r"^(a+)+$", r"^(a*b)*$", r"^(x|(y+z){2,})*$"):
        assert unbounded_inside_unbounded(PATTERN_PARSER.parse(bad)), bad
    for flat in (r"^a+b*$", r"^(a+)?$", r"^(ab)+c{3}$"):
        assert not unbounded_inside_unbounded(PATTERN_PARSER.parse(flat)), flat


@pytest.mark.parametrize("name", FILES)
def test_every_pattern_is_linear_and_anchored_at_both_ends(name: str) -> None:
    """`$` alone matches before a final newline, `\\d` takes Arabic digits, nested quantifiers explode."""
    for path, node in nodes(schema(name)):
        pattern = node.get("pattern")
        if not isinstance(pattern, str):
            continue
        assert pattern.startswith("^"), path
        assert pattern.endswith(r"$(?!\n)"), path
        assert "|" not in re.sub(r"\[[^]]*\]|\([^()]*\)", "", pattern), path
        assert not re.search(r"\\[dDwWsSbBZA]", pattern), path
        assert not unbounded_inside_unbounded(PATTERN_PARSER.parse(pattern)), path


@pytest.mark.parametrize("name", FILES)
def test_references_stay_among_our_schemas(name: str) -> None:
    """Every `$ref` is local or one of our urns, and can be resolved."""
    contents = schema(name)
    for _, node in nodes(contents):
        if "$ref" in node:
            assert resolved(node, contents)[0]


# --- schemas and classes --------------------------------------------------------------------------------


# Blocks in place of a model's name: the file has them there, the class beside (kit.plan.sources).
NOT_IN_FILES = {(Platform, "sources")}
NAME_OR_BLOCK = "#/$defs/model_source"


def assert_mirrors(kind: Any, node: dict[str, Any], root: dict[str, Any]) -> None:
    """The schema accepts exactly the shape of the Python type `kind`."""
    node, root = resolved(node, root)
    if {"$ref": NAME_OR_BLOCK} in node.get("anyOf", ()):
        assert_mirrors(ModelSource, {"$ref": NAME_OR_BLOCK}, root)
        rest = [each for each in node["anyOf"] if each != {"$ref": NAME_OR_BLOCK}]
        node, root = resolved({"anyOf": rest} if len(rest) > 1 else rest[0], root)
    if dataclasses.is_dataclass(kind):
        hints = {name: hint for name, hint in get_type_hints(kind).items() if (kind, name) not in NOT_IN_FILES}
        missing = dataclasses.MISSING
        required = {
            f.name for f in dataclasses.fields(kind) if f.default is missing and f.default_factory is missing
        }
        assert set(node["properties"]) == set(hints), kind
        assert set(node.get("required", ())) == required, kind
        for name, hint in hints.items():
            assert_mirrors(hint, node["properties"][name], root)
        return
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        assert set(node.get("enum", [node.get("const")])) == set(args)
    elif origin in (Union, types.UnionType):
        assert_union(args, node, root)
    elif origin is Sequence or (origin is tuple and args[1:] == (...,)):
        assert node["type"] == "array"
        assert_mirrors(args[0], node["items"], root)
    elif origin is tuple:
        assert node["minItems"] == node["maxItems"] == len(node["prefixItems"]) == len(args)
        for each, item in zip(args, node["prefixItems"], strict=True):
            assert_mirrors(each, item, root)
    elif origin is Mapping:
        assert_mirrors(args[1], node["additionalProperties"], root)
    elif kind is object:
        assert set(node["type"]) == {"null", "boolean", "number", "string", "array", "object"}
    else:
        assert node["type"] == {int: "integer", float: "number", str: "string", bool: "boolean"}[kind]


def assert_union(args: tuple[Any, ...], node: dict[str, Any], root: dict[str, Any]) -> None:
    others = [arg for arg in args if arg is not types.NoneType]
    if "anyOf" in node and types.NoneType not in args:
        assert len(node["anyOf"]) == len(others)
        for kind, each in zip(others, node["anyOf"], strict=True):
            assert_mirrors(kind, each, root)
    elif "anyOf" in node:
        assert types.NoneType in args
        assert node["anyOf"][1] == {"type": "null"}
        assert_mirrors(Union[tuple(others)], node["anyOf"][0], root)  # noqa: UP007
    elif "enum" in node:
        expected = {member for arg in others for member in get_args(arg)}
        assert set(node["enum"]) == expected | ({None} if types.NoneType in args else set())
    elif len(others) == 1:
        kinds = set(node["type"])
        assert len(kinds) == 2
        assert "null" in kinds
        assert_mirrors(others[0], {**node, "type": (kinds - {"null"}).pop()}, root)
    else:
        assert set(node["type"]) == {{int: "integer", str: "string", bool: "boolean"}[arg] for arg in others}


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_schema_has_the_shape_of_its_class(name: str) -> None:
    """Same keys, same required keys, same types, same members, same nulls."""
    contents = schema(name)
    assert_mirrors(type(MODELS[name]), contents, contents)

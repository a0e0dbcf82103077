"""The shape of every document, as JSON Schema files under schemas/; a closed registry, nothing is ever fetched.

A document is judged by the schema that this kit has under the document's name. What a document says of its own
schema is only data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn

from kit.assets import asset
from kit.errors import InputError, InternalError
from kit.strict.json_reader import Json, read_json
from kit.strict.quick_schema import Vouches, inlined, vouching
from kit.strict.schema_words import Problem, message, worded
from kit.text import DocumentPath, path_text, plain_text, unknown_key

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator
    from referencing import Registry


# What other schemas refer to, and no document: it accepts nothing.
SHARED = "common"
DOCUMENTS = frozenset(
    {
        "answer",
        "calibrated",
        "calibration",
        "cell",
        "claims",
        "comparison",
        "contract",
        "correctness",
        "differences",
        "eval",
        "eval-answer",
        "eval-task",
        "eval-verdict",
        "examination",
        "finding",
        "folders",
        "host",
        "images",
        "index",
        "builds",
        "inputs",
        "load",
        "manifest",
        "metrics",
        "models",
        "nightly",
        "plan",
        "platform",
        "probador-load",
        "prompts",
        "published",
        "quality",
        "record",
        "reference-answers",
        "reproduction",
        "result",
        "runs",
        "runtime",
        "scorecard",
        "selftest",
        "statement",
        "status",
        "study",
        "suite",
        "sweep",
        "telemetry",
        "text",
        "truth",
        "users",
        "verdict",
        "verdicts",
        "witness",
    }
)


def problems(document: Json, name: str, limit: int = 20) -> list[Problem]:
    """At most `limit` problems of `document` under the schema `name`; an empty list means that it is good.

    A name that is none of `DOCUMENTS` is an `InternalError`: names come from the kit, never from a document.
    """
    if _vouches(name)(document):
        return []
    errors = _validator(name).iter_errors(document)
    return list(islice((problem for error in errors for problem in worded(error)), limit))


def check(document: Json, name: str, where: str, line: Callable[[DocumentPath], int] | None = None) -> None:
    """Raise `InputError` with file, line, place and message of the first problem, the others as its detail.

    `line` gives the line of a path in the file, as `kit.strict.yaml_reader.Located.line` does.
    """
    # A mistyped key is also a missing one: the unknown key says more, so it comes first.
    ordered = sorted(problems(document, name), key=lambda problem: not problem.message.startswith("unknown key"))
    found = [_sentence(problem, where, line) for problem in ordered]
    if found:
        remedy = f"Correct this place; {_DESCRIBED.get(name, f'schemas/{name}.v1.json describes the format')}."
        raise InputError(found[0], remedy, tuple(found[1:]))


def _sentence(problem: Problem, where: str, line: Callable[[DocumentPath], int] | None) -> str:
    spots = (where, f"line {line(problem.path)}" if line else "", plain_text(path_text(problem.path), 400))
    end = "" if problem.message.endswith("?") else "."
    return ": ".join([spot for spot in spots if spot] + [problem.message]) + end


# --- the registry ---------------------------------------------------------------------------------------


def _refuse(uri: str) -> NoReturn:
    raise InternalError(f"A schema refers to {plain_text(uri)}, which is none of the kit's schemas.")


def schema(name: str) -> dict[str, Any]:
    """The schema file `name` as it lies under schemas/."""
    value = read_json(asset("schemas", f"{name}.v1.json").read_bytes(), f"schemas/{name}.v1.json")
    if not isinstance(value, dict):
        raise InternalError(f"The schema {name} is not an object.")
    return value


@cache
def registry() -> Registry[Any]:
    """All schemas of the kit, by their `$id`; whatever else a `$ref` names is refused, not fetched."""
    import referencing
    from referencing.jsonschema import DRAFT202012

    # The stubs of referencing know its values, but not how they are made.
    make: Any = referencing.Registry
    everything = map(schema, sorted(DOCUMENTS | {SHARED}))
    pairs = [(contents["$id"], DRAFT202012.create_resource(contents)) for contents in everything]
    closed: Registry[Any] = make(retrieve=_refuse).with_resources(pairs)
    return closed


@cache
def _validator(name: str) -> Validator:
    from jsonschema import Draft202012Validator, validators

    with_ours: Callable[..., Any] = validators.extend
    kind = with_ours(Draft202012Validator, _OURS)
    validator: Validator = kind(_whole(name), registry=registry())
    return validator


@cache
def _vouches(name: str) -> Vouches:
    return vouching(_whole(name))


@cache
def _whole(name: str) -> Any:
    """The schema of a document, with what its `$ref`s name in their place."""
    if name not in DOCUMENTS:
        raise InternalError(f"There is no document called {plain_text(name)}.")
    home = schema(name)
    return inlined(home, home, _named)


@cache
def _named(uri: str) -> dict[str, Any]:
    """The schema with this `$id`."""
    names = (name for name in DOCUMENTS | {SHARED} if uri == f"urn:kit:schema:{name}:1")
    name = next(names, None)
    return _refuse(uri) if name is None else schema(name)


# --- three keywords of our own: one error for each key, in the order of the document -----------------------


def _other_keys(
    validator: Any, allowed: Any, instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    known = schema.get("properties", {})
    for key in instance if isinstance(instance, dict) else ():
        if key in known:
            continue
        if allowed is False:
            yield ValidationError(unknown_key(key, known), path=[key])
        else:
            yield from validator.descend(instance[key], allowed, path=key)


def _key_names(validator: Any, names: Any, instance: Any, _: Mapping[str, Any]) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    for key in instance if isinstance(instance, dict) else ():
        for error in validator.descend(key, names):
            yield ValidationError(f"as a key: {message(error)}", path=[key])


def _required(_: Any, names: Any, instance: Any, __: Mapping[str, Any]) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    for name in names if isinstance(instance, dict) else ():
        if name not in instance:
            yield ValidationError(f'missing key "{name}"')


_DESCRIBED = {"platform": "docs/platforms.md describes the format, kit init writes such a file"}
_OURS = {"additionalProperties": _other_keys, "propertyNames": _key_names, "required": _required}

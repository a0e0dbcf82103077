"""The shape of every document, as JSON Schema files under schemas/; a closed registry, nothing is ever fetched.

A document is judged by the schema that this kit has under the document's name. What a document says of its own
schema is only data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn

from kit.assets import asset
from kit.errors import InputError, InternalError
from kit.strict.json_reader import Json, read_json
from kit.strict.quick_schema import Vouches, inlined, vouching
from kit.text import DocumentPath, did_you_mean, one_of, path_text, plain_text, unknown_key, value_text

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


@dataclass(frozen=True, slots=True)
class Problem:
    """One place where a document is not as its schema wants it; the message is safe to print."""

    path: DocumentPath
    message: str


def problems(document: Json, name: str, limit: int = 20) -> list[Problem]:
    """At most `limit` problems of `document` under the schema `name`; an empty list means that it is good.

    A name that is none of `DOCUMENTS` is an `InternalError`: names come from the kit, never from a document.
    """
    if _vouches(name)(document):
        return []
    errors = _validator(name).iter_errors(document)
    return list(islice((problem for error in errors for problem in _worded(error)), limit))


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
            yield ValidationError(f"as a key: {_message(error)}", path=[key])


def _required(_: Any, names: Any, instance: Any, __: Mapping[str, Any]) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    for name in names if isinstance(instance, dict) else ():
        if name not in instance:
            yield ValidationError(f'missing key "{name}"')


# --- errors in words ------------------------------------------------------------------------------------


def _worded(error: ValidationError) -> Iterator[Problem]:
    if error.validator != "anyOf":
        yield Problem(tuple(error.absolute_path), _message(error))
        return
    # We write "this or null", and "a name or an object": what matters is why it is not that of its own kind.
    branches = [branch for branch in error.context or () if branch.validator_value != "null"]
    fitting = [
        branch for branch in branches if branch.validator != "type" or branch.absolute_path != error.absolute_path
    ]
    for branch in fitting or branches[:1]:
        yield from _worded(branch)


def _message(error: ValidationError) -> str:
    if error.validator in _OURS:
        return error.message
    word = _WORDS.get(str(error.validator))
    # The library's own messages quote the document, whatever its length and characters.
    return word(error.validator_value, error.instance) if word else "not allowed here"


def _type(kinds: Any, value: Any) -> str:
    words = [_KINDS[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds)]
    return f"expected {' or '.join(words)}, found {value_text(value)}"


def _enum(members: list[Any], value: Any) -> str:
    hint = did_you_mean(value, [m for m in members if m is not None]) if isinstance(value, str) else ""
    return f"expected {one_of(members)}, found {value_text(value)}{hint}"


def _pattern(pattern: str, value: Any) -> str:
    form = pattern.replace(_END, "$")
    known = _FORMS.get(form)
    return f"{value_text(value)} does not have the form {f'of {known}' if known else form}"


def _limit(words: str) -> Callable[[Any, Any], str]:
    return lambda limit, value: f"{words} {limit}, found {_size_text(value)}"


def _size_text(value: Any) -> str:
    return f"{len(value)}" if isinstance(value, str | list | dict) else value_text(value)


_DESCRIBED = {"platform": "docs/platforms.md describes the format, kit init writes such a file"}
# What the patterns of the schemas that people meet ask for, in words.
_FORMS = {
    "^[a-z0-9][a-z0-9._-]*$": "a name of a-z, 0-9, dots, hyphens and underscores",
    "^[A-Za-z0-9][A-Za-z0-9._-]*$": "a name of letters, digits, dots, hyphens and underscores",
    "^[A-Za-z_][A-Za-z0-9_]*$": "the name of a variable: letters, digits and underscores",
    "^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$": "a repository like ORG/REPO",
    r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+){0,2}$": "a figure like ttft_ms.p50",
    "^[0-9a-f]{64}$": "a sha256: 64 digits of 0-9 and a-f",
    "^https://[!-~]+$": "an address that begins with https://",
    "^https?://[!-~]+$": "an address that begins with http:// or https://",
}
_OURS = {"additionalProperties": _other_keys, "propertyNames": _key_names, "required": _required}
_END = r"$(?!\n)"
_KINDS = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "an integer",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a string",
}
_WORDS: dict[str, Callable[[Any, Any], str]] = {
    "const": lambda only, value: _enum([only], value),
    "enum": _enum,
    "exclusiveMinimum": _limit("must be more than"),
    "items": lambda _, value: f"too many items, found {len(value)}",
    "maxItems": _limit("the number of items must be at most"),
    "maxLength": _limit("the number of characters must be at most"),
    "maxProperties": _limit("the number of keys must be at most"),
    "maximum": _limit("must be at most"),
    "minItems": _limit("the number of items must be at least"),
    "minLength": _limit("the number of characters must be at least"),
    "minimum": _limit("must be at least"),
    "pattern": _pattern,
    "type": _type,
}

"""What a document does wrong by its schema, in words of ours: no quote is longer than a line. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kit.text import DocumentPath, did_you_mean, one_of, value_text

if TYPE_CHECKING:
    from jsonschema import ValidationError


@dataclass(frozen=True, slots=True)
class Problem:
    """One place where a document is not as its schema wants it; the message is safe to print."""

    path: DocumentPath
    message: str


def worded(error: ValidationError) -> Iterator[Problem]:
    if error.validator != "anyOf":
        yield Problem(tuple(error.absolute_path), message(error))
        return
    # We write "this or null", and "a name or an object": what matters is why it is not that of its own kind.
    branches = [branch for branch in error.context or () if branch.validator_value != "null"]
    fitting = [
        branch for branch in branches if branch.validator != "type" or branch.absolute_path != error.absolute_path
    ]
    for branch in fitting or branches[:1]:
        yield from worded(branch)


def message(error: ValidationError) -> str:
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
    form = pattern.replace(END, "$")
    known = _FORMS.get(form)
    return f"{value_text(value)} does not have the form {f'of {known}' if known else form}"


def _limit(words: str) -> Callable[[Any, Any], str]:
    return lambda limit, value: f"{words} {limit}, found {_size_text(value)}"


def _size_text(value: Any) -> str:
    return f"{len(value)}" if isinstance(value, str | list | dict) else value_text(value)


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
_OURS = frozenset({"additionalProperties", "propertyNames", "required"})  # those have messages of ours
END = r"$(?!\n)"  # what a "$" of a pattern is while Python reads it
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

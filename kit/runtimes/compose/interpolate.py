"""Variables in strings as the Compose specification has them: `$NAME`, `${NAME}`, defaults, errors, `$$`.

Two things are stricter than in Compose, both to keep a value from being lost in silence: a variable that is not
set and has no default is an error (Compose warns and takes the empty string), and so is whatever different
releases of Compose read differently (a lone dollar sign, a brace inside a default).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kit.text import plain_text

# Far more than any setting needs; a file cannot make the kit build strings without end.
MAX_DEPTH = 8
MAX_CHARS = 64 * 1024

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")
_TEXT = re.compile(r"[^$]+")
_TEXT_IN_BRACES = re.compile(r"[^${}]+")


class TemplateError(ValueError):
    """A string that cannot be filled in: what is wrong and what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Reference:
    """One variable: its name, what stands after it (`""`, `:-`, `-`, `:?`, `?`, `:+` or `+`), and the word."""

    name: str
    operator: str
    word: Template


Template = tuple[str | Reference, ...]


def parse(text: str) -> Template:
    """The parts of a string; `TemplateError` if its dollar signs and braces make no sense."""
    parts, _ = _parse(text, 0, 0)
    return parts


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """`text` with every variable filled in; `TemplateError` as `parse`, and for a variable that is not there."""
    return fill(parse(text), variables)


def fill(template: Template, variables: Mapping[str, str]) -> str:
    """The parts put together; only the words that are needed are looked at."""
    pieces: list[str] = []
    room = MAX_CHARS
    for part in template:
        piece = part if isinstance(part, str) else _value(part, variables)
        room -= len(piece)
        if room < 0:
            raise TemplateError(f"filled in it is longer than {MAX_CHARS} characters", "Shorten it.")
        pieces.append(piece)
    return "".join(pieces)


def _value(reference: Reference, variables: Mapping[str, str]) -> str:
    value = variables.get(reference.name)
    # A colon before the operator makes the empty string count as not set.
    if value is not None and (value or not reference.operator.startswith(":")):
        return fill(reference.word, variables) if reference.operator.endswith("+") else value
    if reference.operator.endswith("-"):
        return fill(reference.word, variables)
    if reference.operator.endswith("+"):
        return ""
    if reference.operator.endswith("?"):
        words = plain_text(fill(reference.word, variables), 200)
        raise TemplateError(
            f"{reference.name} is required" + (f": {words}" if words else ""),
            f"Set {reference.name} to a value that is not empty."
            if reference.operator == ":?"
            else f"Set {reference.name}.",
        )
    raise TemplateError(
        f"the variable {reference.name} is not set and has no default",
        f"Set {reference.name}, or give a default: ${{{reference.name}:-value}}.",
    )


# --- from text to parts ---------------------------------------------------------------------------------


def _parse(text: str, at: int, depth: int) -> tuple[Template, int]:
    """The parts from `at` to the end of the text or, inside braces, to the closing one; and where that is."""
    parts: list[str | Reference] = []
    plain = _TEXT_IN_BRACES if depth else _TEXT
    while at < len(text):
        if run := plain.match(text, at):
            parts.append(run.group())
            at = run.end()
        elif text.startswith("$$", at):
            parts.append("$")
            at += 2
        elif text[at] == "$":
            reference, at = _reference(text, at + 1, depth)
            parts.append(reference)
        elif text[at] == "}":
            break
        else:
            raise TemplateError(
                'a "{" inside a default, which releases of Compose read differently',
                "Put the whole value into a variable, or write the default without braces.",
            )
    return _joined(parts), at


def _joined(parts: Sequence[str | Reference]) -> Template:
    """Neighbouring strings as one, so that equal templates are equal values."""
    joined: list[str | Reference] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(part, str) and isinstance(last, str):
            joined[-1] = last + part
        else:
            joined.append(part)
    return tuple(joined)


def _reference(text: str, at: int, depth: int) -> tuple[Reference, int]:
    """The variable whose dollar sign stands just before `at`, and where it ends."""
    if name := _NAME.match(text, at):
        return Reference(name.group(), "", ()), name.end()
    if not text.startswith("{", at):
        raise TemplateError("a dollar sign that begins no variable", "Write $$ for a dollar sign.")
    if depth >= MAX_DEPTH:
        raise TemplateError(f"variables nested more than {MAX_DEPTH} deep", "Write it with fewer defaults.")
    name = _NAME.match(text, at + 1)
    if name is None:
        raise TemplateError("${ without the name of a variable", "Write ${NAME}, or $${ for the two characters.")
    operator, end = "", name.end()
    word: Template = ()
    if sign := _OPERATOR.match(text, end):
        operator = sign.group()
        word, end = _parse(text, sign.end(), depth + 1)
    if end >= len(text):
        raise TemplateError(f"${{{name.group()} is never closed", 'Add the "}".')
    if text[end] != "}":
        raise TemplateError(
            f"{plain_text(text[end : end + 2], 2)!r} after ${{{name.group()}",
            'Only "}", ":-", "-", ":?", "?", ":+" and "+" are allowed there.',
        )
    return Reference(name.group(), operator, word), end + 1

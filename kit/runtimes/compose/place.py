"""A value in a compose file together with where it stands, and the ways to look at it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NoReturn

from kit.errors import InputError
from kit.strict import Json, Located
from kit.text import DocumentPath, did_you_mean, path_text, value_text

DOCS = "What is supported is in docs/compose.md."


@dataclass(frozen=True, slots=True)
class Place:
    """A value, its path in the document, and the document that knows the lines.

    Every method raises `InputError` with file, line, place and remedy for a value that is not what is asked for.
    """

    value: Json
    path: DocumentPath
    where: str
    document: Located

    def refuse(self, what: str, remedy: str = DOCS) -> NoReturn:
        """Raise the error about this place."""
        spot = path_text(self.path)
        end = "" if what.endswith("?") else "."
        line = f"{self.where}, line {self.document.line(self.path)}: "
        raise InputError(f"{line}{spot}{': ' if spot else ''}{what}{end}", remedy)

    def wrong(self, expected: str) -> NoReturn:
        """Refuse the value because it is something else than expected."""
        self.refuse(f"expected {expected}, found {value_text(self.value)}")

    def fields(self) -> dict[str, Place]:
        """The values of a mapping, by key."""
        if not isinstance(self.value, dict):
            self.wrong("keys with values")
        return {key: self._at(value, key) for key, value in self.value.items()}

    def items(self) -> list[Place]:
        """The values of a list."""
        if not isinstance(self.value, list):
            self.wrong("a list")
        return [self._at(value, index) for index, value in enumerate(self.value)]

    def _at(self, value: Json, step: str | int) -> Place:
        return Place(value, (*self.path, step), self.where, self.document)

    def holding(self, value: Json) -> Place:
        """The same place with another value."""
        return Place(value, self.path, self.where, self.document)

    def text(self) -> str:
        """A string, or a whole number as one. Fractions are refused: nobody knows how 1.10 will be written."""
        whole = isinstance(self.value, int) and not isinstance(self.value, bool)
        return str(self.value) if whole else self.string()

    def string(self) -> str:
        """A string that an engine can take."""
        if isinstance(self.value, bool | int | float):
            self.refuse(f"expected a string, found {value_text(self.value)}", "Put it in quotes.")
        if not isinstance(self.value, str):
            self.wrong("a string")
        if "\0" in self.value:
            self.refuse("a NUL character in a string", "Take it out.")
        return self.value

    def form(self, pattern: re.Pattern[str], expected: str) -> str:
        """A text of that form."""
        text = self.text()
        if not pattern.fullmatch(text):
            self.wrong(expected)
        return text

    def flag(self) -> bool:
        """true or false, also as the string that a variable leaves."""
        if isinstance(self.value, bool):
            return self.value
        if self.value not in ("true", "false"):
            self.wrong("true or false")
        return self.value == "true"

    def whole(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, also as the string that a variable leaves."""
        value = self.value
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(high)):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            self.wrong(f"a whole number from {low} to {high}")
        if not low <= value <= high:
            self.wrong(f"a whole number from {low} to {high}")
        return value

    def choice(self, choices: Iterable[str]) -> str:
        """One of the strings."""
        choices = tuple(choices)
        text = self.text()
        if text not in choices:
            what = f"expected {' or '.join(choices)}, found {value_text(text)}"
            self.refuse(what + did_you_mean(text, choices))
        return text

    def made(self, make: Callable[[str], int], expected: str) -> int:
        """What `make` makes of the text; its ValueError says that the text is not `expected`."""
        try:
            return make(self.text())
        except ValueError:
            self.wrong(expected)

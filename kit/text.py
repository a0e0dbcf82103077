"""Words and numbers for people: what comes from files or servers is made harmless, figures get one form.

Nothing read from a file, a server or a bundle is printed or put into a report unless it went through
`plain_text` (terminals, error messages) or `cell` (Markdown).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Literal

NO_DATA = "–"  # noqa: RUF001
ELLIPSIS = "…"
UNPRINTABLE = "\ufffd"

# Canonical composition makes at most one character out of four, so this many times the limit always suffices.
_COMPOSE_FACTOR = 8
# Comparing words takes quadratic time, and a mistyped name is never this long.
_NEAREST_MAX_CHARS = 64
# Python refuses to print integers of thousands of digits.
_LONG_INTEGER = 10**18

# Who somebody is at a server, in an address: up to the last @ before its path. The user of an ssh is no secret.
_USER_INFO = re.compile(r"(?<!ssh://)(?<=://)[^/\s]*@|(?<=ssh://)[^/\s:@]*:[^/\s]*@")
_MARKDOWN = re.compile(r"[\\`*_{}\[\]()<>#+!|~&:@-]")
# A leading "=" is a formula in a spreadsheet and underlines a heading in Markdown.
_LEADING_EQUALS = re.compile(r"^( *)=")
_BARE_WWW = re.compile(r"(www)\.", re.IGNORECASE)
_BYTE_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
DocumentPath = tuple[str | int, ...]  # a place inside a document: keys and indices from the top


def plain_text(s: str, limit: int = 80) -> str:
    """`s` on one line for a terminal: NFC, non-printables as U+FFFD, at most `limit` (>= 1) characters."""
    composed = unicodedata.normalize("NFC", s[: limit * _COMPOSE_FACTOR])
    shown = "".join(c if c.isprintable() else UNPRINTABLE for c in composed[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + ELLIPSIS


def cell(s: str, limit: int = 80) -> str:
    """`s` for a cell of a Markdown table: `plain_text`, with every character that means something escaped."""
    escaped = _MARKDOWN.sub(r"\\\g<0>", plain_text(s, limit))
    return _BARE_WWW.sub(r"\1\\.", _LEADING_EQUALS.sub(r"\1\\=", escaped))


def without_password(text: str) -> str:
    """`text` with *** for the user and password of every address in it."""
    return _USER_INFO.sub("***@", text)


def path_text(path: Iterable[str | int]) -> str:
    """A place inside a document in words: `("cells", 3, "lane")` gives `cells[3].lane`."""
    parts = (f"[{step}]" if isinstance(step, int) else f".{plain_text(step, 60)}" for step in path)
    return "".join(parts).removeprefix(".")


def value_text(value: object) -> str:
    """A value of a document in an error message: a scalar itself, cut to 60 characters, or what kind it is."""
    if isinstance(value, str):
        return f'"{plain_text(value, 58)}"'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and abs(value) >= _LONG_INTEGER:
        return "a very long integer"
    if isinstance(value, int | float):
        return str(value)
    return "a list" if isinstance(value, list) else "an object"


def one_of(values: Sequence[object]) -> str:
    """The allowed values in an error message: `"a", "b" or null`."""
    return listed(map(value_text, values), "or")


def listed(words: Iterable[str], last: Literal["and", "or"] = "and") -> str:
    """Words as English lists them: `a`, `a and b`, `a, b and c`."""
    *first, final = [*words] or [""]
    return f"{', '.join(first)} {last} {final}" if first else final


def unknown_key(key: str, allowed: Iterable[str]) -> str:
    """The complaint about a key that is not allowed, with the one that was probably meant."""
    return f'unknown key "{plain_text(key, 60)}"' + did_you_mean(key, allowed)


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """A question to append to a complaint, empty where nothing is near."""
    near = nearest(word, choices)
    return f'; did you mean "{near}"?' if near else ""


def hint(word: str, choices: Iterable[str], otherwise: str = "", *, also: str = "") -> str:
    """What to do about a name that nobody knows: take the near one, else `otherwise`; and `also` in any case."""
    near = nearest(word, choices)
    return f"{f'Did you mean {plain_text(near)!r}?' if near else otherwise} {also}".strip()


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that `word` was probably meant to be, or None."""
    if len(word) > _NEAREST_MAX_CHARS:
        return None
    return next(iter(get_close_matches(word, list(choices), n=1)), None)


def number(x: float | None, digits: int) -> str:
    """`x` with exactly `digits` decimals and commas at the thousands; a dash for None, NaN and infinity."""
    if x is None or not math.isfinite(x):
        return NO_DATA
    shown = f"{x:,.{digits}f}"
    return shown if any(c in "123456789" for c in shown) else shown.removeprefix("-")


def seconds(ns: int | None, digits: int = 1) -> str:
    """Nanoseconds as seconds with their unit, e.g. `1,234.5 s`; a dash for None."""
    return NO_DATA if ns is None else f"{number(ns / 1_000_000_000, digits)} s"


def bytes_text(n: int | None) -> str:
    """A count of bytes in decimal units with one decimal, e.g. `1.1 GB`; a dash for None."""
    if n is None:
        return NO_DATA
    if abs(n) < 1000:
        return f"{n} B"
    value, unit = float(n), 0
    # 999.95 would be printed as 1,000.0, so it belongs to the next unit.
    while abs(value) >= 999.95 and unit < len(_BYTE_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{number(value, 1)} {_BYTE_UNITS[unit]}"

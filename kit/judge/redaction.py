"""Takes out of a program's words what names people, machines and places, before strangers read them. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kit.text import plain_text

MAX_WORDS = 400
MIN_NAME_CHARS = 3  # a shorter one stands inside too many words
_LOCAL = r"(?:127\.0\.0\.1|localhost|0\.0\.0\.0|server)"
# In this order: an address holds a path, a path may hold a name.
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"\b[a-z][a-z0-9+.-]{{0,20}}://(?!{_LOCAL}\b)[^\s'\"<>]+", re.IGNORECASE), "(address)"),
    (re.compile(r"\b(?:bearer|basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE), "(secret)"),
    (re.compile(r"\b[\w-]{0,40}(?:key|token|secret|password)\s?[=:]\s?[^\s,;]+", re.IGNORECASE), "(secret)"),
    (re.compile(r"\b(?:sk|hf|ghp|glpat)[-_][\w-]{8,}"), "(secret)"),
    (re.compile(r"[\w.+-]+@(?!sha256\b)[\w.-]+"), "(address)"),
    (re.compile(r"(?<![\w.:/])~?/[^\s'\"():;,<>]+"), "(path)"),
    (re.compile(r"\b[A-Za-z]:\\[^\s'\"()<>]+"), "(path)"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE), "(id)"),
    (re.compile(rf"\b(?!{_LOCAL})\d{{1,3}}(?:\.\d{{1,3}}){{3}}\b"), "(address)"),
    (re.compile(r"(?<![\w:])(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}(?![\w:])", re.IGNORECASE), "(address)"),
)


def without_names(words: str, private: Sequence[str]) -> str:
    """The first line of some words, made safe; `private` are names of this machine and its user."""
    line = plain_text(words.partition("\n")[0], MAX_WORDS)
    for pattern, instead in _RULES:
        line = pattern.sub(instead, line)
    for name in private:
        if len(name) >= MIN_NAME_CHARS:
            line = re.sub(
                rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", "(name)", line, flags=re.IGNORECASE
            )
    return line

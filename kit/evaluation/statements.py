"""Python cut into statements by its lines alone, the same with every version of Python.

`ast` reads with the grammar of the Python that runs it: a program that is extracted with one version would be
another with the next, and `kit verify` extracts again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_MARK = re.compile(r"#|\"\"\"|'''|[\"'(){}\[\]\\]")
_ENDS = {
    '"': re.compile(r'(?:[^"\\]|\\.)*"'),
    "'": re.compile(r"(?:[^'\\]|\\.)*'"),
    '"""': re.compile(r'(?:[^\\]|\\.)*?"""'),
    "'''": re.compile(r"(?:[^\\]|\\.)*?'''"),
}
# Begins at the left margin also where a bracket before it never closes: in words around code, mostly.
_AFRESH = re.compile(r"(?:(?:async[ \t]+)?def|class)[ \t]+[A-Za-z_]")
_CLAUSE = re.compile(r"(?:else|elif|except|finally)\b")


@dataclass(frozen=True, slots=True)
class Logical:
    """A logical line: from line `first` to line `last`, and what stands there without the indentation."""

    first: int
    last: int
    indent: int
    text: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement at the left margin with all that belongs to it, decorators included; `head` is its first line.

    The head of what is decorated is that of the function or class.
    """

    first: int
    last: int
    head: str
    inner: tuple[Logical, ...]


def indent_of(line: str) -> int:
    """How many blanks and tabs a line begins with."""
    return len(line) - len(line.lstrip(" \t"))


def logical_lines(lines: Sequence[str]) -> list[Logical]:
    """The logical lines of a program, without blank lines and comments; strings and brackets join lines."""
    found: list[Logical] = []
    first: int | None = None
    quote, depth = "", 0
    for at, line in enumerate(lines):
        if first is not None and depth and not quote and _AFRESH.match(line):
            found.append(_logical(lines, first, at - 1))
            first, depth = None, 0
        if first is None:
            if not line.strip() or line.lstrip(" \t").startswith("#"):
                continue
            first = at
        quote, depth, goes_on = _through(line, quote, depth)
        if not quote and not depth and not goes_on:
            found.append(_logical(lines, first, at))
            first = None
    if first is not None:
        found.append(_logical(lines, first, len(lines) - 1))
    return found


def _logical(lines: Sequence[str], first: int, last: int) -> Logical:
    return Logical(first, last, indent_of(lines[first]), "\n".join(lines[first : last + 1]).strip())


def _through(line: str, quote: str, depth: int) -> tuple[str, int, bool]:
    """The open triple quote, the open brackets, and whether a backslash goes on, after this line."""
    at = 0
    while at < len(line):
        if quote:
            end = _ENDS[quote].match(line, at)
            if end is None:
                return quote, depth, False
            at, quote = end.end(), ""
            continue
        mark = _MARK.search(line, at)
        if mark is None or mark.group() == "#":
            break
        at = mark.end()
        if len(mark.group()) == 3:
            quote = mark.group()
        elif mark.group() in "\"'":
            end = _ENDS[mark.group()].match(line, at)
            at = len(line) if end is None else end.end()  # one that never ends, ends with its line
        elif mark.group() in "([{":
            depth += 1
        elif mark.group() in ")]}":
            depth = max(0, depth - 1)
        elif at == len(line):
            return quote, depth, True
    return quote, depth, False


def statements(lines: Sequence[str]) -> list[Statement]:
    """The statements at the left margin; what is indented before the first of them belongs to none."""
    groups: list[list[Logical]] = []
    for each in logical_lines(lines):
        if not groups:
            if not each.indent:
                groups.append([each])
        elif each.indent or _CLAUSE.match(each.text) or _decorates(groups[-1]):
            groups[-1].append(each)
        else:
            groups.append([each])
    return [_statement(group) for group in groups]


def _decorates(group: Sequence[Logical]) -> bool:
    """Whether all there is so far are decorators: at the left margin they stand nowhere else."""
    return not group[-1].indent and group[-1].text.startswith("@")


def _statement(group: Sequence[Logical]) -> Statement:
    bare = [each for each in group if not each.text.startswith("@") or each.indent]
    head, inner = (bare[0].text, tuple(bare[1:])) if bare else (group[0].text, ())
    return Statement(group[0].first, group[-1].last, head, inner)

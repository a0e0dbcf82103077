"""Marked blocks in anybody's Markdown, and what stands between their marks. Pure.

<!-- kit:table results/demo.tar.gz --metric throughput_tok_s -->
... made by `kit table results/demo.tar.gz --into README.md`; a line of Markdown that somebody adds is lost
<!-- kit:end -->
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from kit.errors import InputError
from kit.text import plain_text

END = "<!-- kit:end -->"
_BEGIN = re.compile(r"[ \t]{0,3}<!-- kit:table ([^\r\n]{1,1000}?) -->[ \t]*")
_END = re.compile(r"[ \t]{0,3}<!-- kit:end -->[ \t]*")
_FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})")
METRIC = "--metric"
MAX_BLOCKS = 1000


@dataclass(frozen=True, slots=True)
class Mark:
    """The first line of a block: which run it is of, and the metrics that it shows (all for none)."""

    run: str
    metrics: tuple[str, ...]
    line: int


def begin_line(run: str, metrics: Sequence[str] = ()) -> str:
    """The line that begins a block."""
    words = [shlex.quote(run), *(word for metric in metrics for word in (METRIC, metric))]
    return f"<!-- kit:table {' '.join(words)} -->"


def refreshed(text: str, where: str, is_of: Callable[[str], bool], made: Callable[[Mark], str]) -> str | None:
    """The text with its blocks of one run made anew; everything else stays, to the last byte.

    `is_of` says whether a block names the run, `made` gives what stands in it. `InputError` if a block has no end,
    no form that is known; None if there is none of this run.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.split("\n")
    parts: list[str] = []
    copied, found = 0, 0
    for mark, end in _blocks(lines, where):
        if not is_of(mark.run):
            continue
        found += 1
        body = made(mark).strip("\n").replace("\n", newline)
        parts += ["\n".join(lines[copied : mark.line]), f"{body}{newline}{lines[end]}"]
        copied = end + 1
    if not found:
        return None
    return "\n".join([*parts, *(["\n".join(lines[copied:])] if copied < len(lines) else [])])


def _blocks(lines: Sequence[str], where: str) -> Iterator[tuple[Mark, int]]:
    """Each block: its mark, with the number of the line behind it, and the place of its last line."""
    fence, mark, count = "", None, 0
    for at, line in enumerate(lines):
        bare = line.rstrip("\r")
        fenced = _FENCE.match(bare)
        if fenced and mark is None:
            if not fence:
                fence = fenced[1]
            elif fenced[1].startswith(fence) and not bare[fenced.end() :].strip():
                fence = ""
            continue
        if fence:
            continue
        begins = _BEGIN.fullmatch(bare)
        if begins:
            if mark is not None:
                raise _broken(where, mark.line, "has no end before the next block")
            mark = _mark(begins[1], at + 1, where)
        elif mark is not None and _END.fullmatch(bare):
            count += 1
            if count > MAX_BLOCKS:
                raise InputError(f"{plain_text(where, 200)} has more than {MAX_BLOCKS} blocks.", "Use fewer.")
            yield mark, at
            mark = None
    if mark is not None:
        raise _broken(where, mark.line, "has no end")


def _mark(words: str, line: int, where: str) -> Mark:
    try:
        parts = shlex.split(words)
    except ValueError:
        raise _broken(where, line, "has a quotation mark too many") from None
    if not parts or parts[0].startswith("-") or len(parts) % 2 == 0 or set(parts[1::2]) - {METRIC}:
        raise _broken(where, line, f"is not of the form {begin_line('RUN', ('PATH',))}")
    return Mark(parts[0], tuple(parts[2::2]), line)


def _broken(where: str, line: int, words: str) -> InputError:
    return InputError(f"{plain_text(where, 200)}, line {line}: the block {words}.", f"End it with a line: {END}")

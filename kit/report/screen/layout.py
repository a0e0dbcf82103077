"""A screen as lines that fit: at most so many, and each as wide as the terminal at most. Pure.

What there is no room for is counted, with the command that shows it; commands and paths are never cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from textwrap import wrap

from kit.report.screen.values import Caution, Door, Row, Said, Screen, Step, Table, Tone
from kit.text import ELLIPSIS, plain_text

MAX_LINES, MIN_WIDTH, MAX_PROSE = 30, 30, 100
MAX_NAME, GAP = 26, 2
# How many lines verdicts and warnings may have: the first of these that leaves room for the whole table.
ROOM = ((14, 12), (10, 8), (9, 5), (8, 3))
ABOUT_LINES = 2


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line."""

    text: str
    tone: Tone = "plain"
    link: str = ""


Line = tuple[Span, ...]


def laid_out(screen: Screen, width: int, height: int = MAX_LINES) -> tuple[Line, ...]:
    """The lines of a screen."""
    width = max(MIN_WIDTH, width)
    top = [*_wrapped(screen.title, width, "title")[:2], *_about(screen.about, width)]
    surer = [line for step in screen.surer for line in _step(step, width)]
    doors = [*map(_door, screen.doors), *_wrapped(screen.end, width, "quiet", "  ")]
    fixed = len(top) + sum(-(-len(plain_line(line)) // width) for line in (*surer, *doors))
    fixed += 1 + bool(screen.cautions) + 2 * bool(screen.table)
    verdict: list[Line] = []
    cautions: list[Line] = []
    left = 0
    for most_said, most_cautions in ROOM:
        verdict = _capped([_said(each, width) for each in screen.verdict], most_said, screen.more)
        cautions = _capped([_caution(each, width) for each in screen.cautions], most_cautions, screen.more)
        left = height - fixed - len(verdict) - len(cautions)
        if screen.table is None or left >= _lines_of(screen.table):
            break
    table = _table(screen.table, width, left) if screen.table else []
    room = len(cautions) + max(0, left - len(table))  # what a shorter table leaves
    cautions = _capped([_caution(each, width) for each in screen.cautions], room, screen.more)
    blocks = [top, table, [*verdict, *surer], cautions, doors]
    return tuple(line for at, block in enumerate(each for each in blocks if each) for line in _apart(at, block))


def plain_line(line: Line) -> str:
    """Its text alone."""
    return "".join(span.text for span in line).rstrip()


def plain_screen(screen: Screen, width: int) -> str:
    """The screen without colours and links, for terminals that have none."""
    return "\n".join(plain_line(line) for line in laid_out(screen, width))


def _apart(at: int, block: Sequence[Line]) -> list[Line]:
    """A blank line before every block but the first."""
    return [*([()] if at else []), *block]


def _wrapped(text: str, width: int, tone: Tone, indent: str = "") -> list[Line]:
    lines = wrap(text, min(width, MAX_PROSE), subsequent_indent=indent, break_on_hyphens=False)
    return [(Span(line, tone),) for line in lines]


def _about(parts: Sequence[str], width: int) -> list[Line]:
    """As many of them as two lines hold, each whole on its line where that can be."""
    lines: list[str] = []
    for part in parts:
        if lines and len(f"{lines[-1]} · {part}") <= min(width, MAX_PROSE):
            lines[-1] += f" · {part}"
        else:
            lines += wrap(part, min(width, MAX_PROSE), break_on_hyphens=False)
    return [(Span(line, "quiet"),) for line in lines[:ABOUT_LINES]]


def _step(step: Step, width: int) -> list[Line]:
    if not step.command:
        return _wrapped(step.words, width, "plain", "  ")
    if len(f"{step.words}: {step.command}") <= width:
        return [(Span(f"{step.words}: {step.command}"),)]
    return [*_wrapped(f"{step.words}:", width, "plain", "  "), (Span(f"  {step.command}"),)]


def _said(said: Said, width: int) -> list[Line]:
    return _wrapped(said.text, width, said.tone, "  ")


def _caution(caution: Caution, width: int) -> list[Line]:
    """What is wrong in its colour, what that does in none."""
    words = f"! {caution.what}{f': {caution.effect}' if caution.effect else ''}"
    lines: list[Line] = []
    coloured = len(f"! {caution.what}")
    for (span,) in _wrapped(words, width, "plain", "  "):
        part = span.text.strip()
        indent = len(span.text) - len(span.text.lstrip())
        here = max(0, min(len(part), coloured))
        lines.append((Span(" " * indent + part[:here], "doubt"), Span(part[here:])))
        coloured -= len(part) + 1
    return lines


def _door(door: Door) -> Line:
    return (Span(f"{door.name:<9}", "quiet"), Span(door.text, "plain", door.link))


def _capped(blocks: Iterable[Sequence[Line]], most: int, more: str) -> list[Line]:
    """As many whole blocks as fit, and how many more there are."""
    kept = list(blocks)
    whole = sum(map(len, kept))
    if whole <= most:
        return [line for block in kept for line in block]
    found: list[Line] = []
    for at, block in enumerate(kept):
        if at and len(found) + len(block) > most - 1:
            return [*found, (Span(f"{ELLIPSIS} and {len(kept) - at} more: {more}", "quiet"),)]
        found += block
    return found[:most]


# --- the table --------------------------------------------------------------------------------------------


def _groups(table: Table) -> list[str]:
    return list(dict.fromkeys(row.group for row in table.rows))


def _lines_of(table: Table) -> int:
    """How many lines the whole table takes."""
    return len(table.rows) + 1 + bool(table.above)


def _table(table: Table, width: int, height: int) -> list[Line]:
    names = {row.name: row.rank for row in table.rows}
    kept_names = set(names)
    if _lines_of(table) > height:
        count = max(1, (height - 2 - bool(table.above)) // len(_groups(table)))
        kept_names = set(sorted(names, key=lambda name: names[name])[:count])
    rows = [row for row in table.rows if row.name in kept_names]
    group_width = max(len(group) for group in _groups(table))
    name_width = max(min(MAX_NAME, len(row.name)) for row in rows)
    before = GAP + group_width + GAP * bool(group_width) + name_width
    columns = _columns(table, rows, width - before)
    widths = {at: _width(table, rows, at) for at in columns}
    lines = [*_heads(table, columns, widths, before)]
    last = ""
    for row in rows:
        group = row.group if row.group != last else ""
        last = row.group
        name = Span(f"{'':{GAP}}{group:<{group_width}}{'':{GAP * bool(group_width)}}")
        spans = [name, Span(f"{plain_text(row.name, MAX_NAME):<{name_width}}")]
        for at in columns:
            spans.append(Span(f"{'':{GAP}}{row.figures[at].text:>{widths[at]}}", row.figures[at].tone))
        lines.append(tuple(spans))
    return [*lines, *_left_out(table, len(names) - len(kept_names), len(table.heads) - len(columns))]


def _width(table: Table, rows: Sequence[Row], at: int) -> int:
    return max(len(table.heads[at]), *(len(row.figures[at].text) for row in rows))


def _columns(table: Table, rows: Sequence[Row], room: int) -> list[int]:
    """Those that fit, at least one, in the order in which they stand."""
    found: list[int] = []
    for at in table.priority:
        room -= GAP + _width(table, rows, at)
        if found and room < 0:
            break
        found.append(at)
    return sorted(found)


def _heads(table: Table, columns: Sequence[int], widths: dict[int, int], before: int) -> list[Line]:
    lines: list[Line] = []
    if table.above:
        words = " " * before
        for above, run in groupby(columns, key=lambda at: table.above[at]):
            wide = sum(widths[at] + GAP for at in run) - GAP
            words += f"{'':{GAP}}{plain_text(above, wide):<{wide}}"
        lines.append((Span(words.rstrip(), "quiet"),))
    words = " " * before + "".join(f"{'':{GAP}}{table.heads[at]:>{widths[at]}}" for at in columns)
    return [*lines, (Span(words, "quiet"),)]


def _left_out(table: Table, rows: int, columns: int) -> list[Line]:
    pairs = ((rows, table.rows_are), (columns, table.columns_are))
    counted = [f"{count} {are[count != 1]}" for count, are in pairs if count]
    if not counted:
        return []
    return [(Span(f"  {ELLIPSIS} and {' and '.join(counted)} more: {table.more}", "quiet"),)]

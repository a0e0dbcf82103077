"""What the last screen says, whoever draws it: plain values, all of their text printable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# What a piece is, not how it looks: `best` leads surely, `doubt` is not to be relied on, `bad` is no result.
Tone = Literal["plain", "title", "quiet", "best", "good", "doubt", "bad"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number with its unit and mark, as it is shown."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of `name` in the block `group` (a metric); the lower its `rank`, the longer it stays."""

    group: str
    name: str
    figures: tuple[Figure, ...]
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """Blocks of rows. `heads` stand over the columns, `above` over those where it changes (empty: nowhere).

    `priority` lists the columns, those first that stay where there is no room. What is left out is counted as
    `rows_are` and `columns_are` (one, several), and `more` is the command that shows it.
    """

    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    priority: tuple[int, ...]
    more: str
    above: tuple[str, ...] = ()
    rows_are: tuple[str, str] = ("entry", "entries")
    columns_are: tuple[str, str] = ("level", "levels")


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence or more."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Step:
    """What would help, and the command that does it: it stands on a line of its own where it would be broken."""

    words: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Caution:
    """A warning, and what it does to the figures."""

    what: str
    effect: str = ""


@dataclass(frozen=True, slots=True)
class Door:
    """What to do next: a command or a file. `link` is the address of the file, for terminals with links."""

    name: str
    text: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Screen:
    """The last screen, from top to bottom. `more` is the command that shows verdicts and warnings left out.

    Of `about` as many parts are shown as two lines hold; `end` is who checked all this.
    """

    title: str
    about: tuple[str, ...]
    table: Table | None
    verdict: tuple[Said, ...]
    surer: tuple[Step, ...]
    cautions: tuple[Caution, ...]
    doors: tuple[Door, ...]
    more: str
    end: str = ""

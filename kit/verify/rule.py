"""What a rule is: a generator over the evidence that says what it looked at and what it found wrong.

A rule yields an `int` for so many things looked at, and an `Issue` for each thing that is wrong. Looking and
judging are one act: a rule that yields nothing has checked nothing, and the report shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from kit.verify.evidence import Evidence

Level = Literal["reject", "flag", "note"]


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong: where, and what."""

    where: str
    message: str


Steps = Iterator[Issue | int]
Body = Callable[[Evidence], Steps]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its id, its level, what it demands, what it counts, and the generator that checks it.

    `bundles_only`: a run folder has no such thing, so there the rule is not applicable (and says so).
    """

    id: str
    level: Level
    demand: str
    counts: str
    check: Body
    bundles_only: bool = False


def rule(
    id_: str, level: Level, counts: str, demand: str, *, bundles_only: bool = False
) -> Callable[[Body], Rule]:
    """Make the decorated generator a `Rule`."""
    return lambda body: Rule(id_, level, demand, counts, body, bundles_only)

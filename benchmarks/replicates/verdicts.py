"""Whole tables: five runtimes at three numbers of users, and what is said of the best at each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from math import log
from random import Random
from statistics import median

from benchmarks.replicates.methods import Values, bootstrap
from benchmarks.replicates.noise import Logs, Model
from benchmarks.replicates.student import p_value, rough_limit
from kit.metrics.intervals import holm
from kit.metrics.limits import AHEAD_ERROR, EQUIVALENT_PERCENT, TIED_ERROR

LEVELS, RUNTIMES = 3, 5
MARGIN = log(1 + EQUIVALENT_PERCENT / 100)
Estimate = tuple[float, float, float]
Difference = Callable[[Values, Values], Estimate]


@dataclass(frozen=True, slots=True)
class Said:
    """What a table says at one number of users: who is first, whether surely so, and who equals it."""

    leader: int
    is_ahead: bool
    tied: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """How fast five runtimes really are."""

    name: str
    true: tuple[float, ...]

    def is_false(self, said: Said) -> bool:
        """Whether what is said is not so."""
        mine, best = self.true[said.leader], max(self.true)
        if said.is_ahead and (mine < best or self.true.count(best) > 1):
            return True
        return any(abs(log(mine / self.true[who])) >= MARGIN - 1e-12 for who in said.tied)


SCENARIOS = (
    Scenario("five equal", (1.0,) * RUNTIMES),
    Scenario("two equal, three at 0.7 x", (1.0, 1.0, 0.7, 0.7, 0.7)),
    Scenario("one ahead by just the margin", (1 + EQUIVALENT_PERCENT / 100, 1.0, 1.0, 1.0, 1.0)),
    Scenario("two equal, three just the margin behind", (1 + EQUIVALENT_PERCENT / 100,) * 2 + (1.0,) * 3),
)


def tables(model: Model, true: Sequence[float], n: int, count: int) -> list[list[Logs]]:
    """So many tables: at each level the logarithms of five runtimes."""
    rng = Random(f"{model.name}/{true}/{n}")
    made = []
    for _ in range(count):
        levels = [model.make(rng, len(true), n) for _ in range(LEVELS)]
        made.append([[[x + log(r) for x in row] for row, r in zip(level, true, strict=True)] for level in levels])
    return made


# --- ways to a verdict ------------------------------------------------------------------------------------


def _found(level: Logs, difference: Difference) -> tuple[int, dict[int, Estimate]]:
    """The leader, and the estimates of its lead on each other."""
    leader = max(range(len(level)), key=lambda who: median(level[who]))
    return leader, {who: difference(level[leader], row) for who, row in enumerate(level) if who != leader}


def _p_equivalent(found: Estimate) -> float:
    middle, error, df = found
    room = (MARGIN - abs(middle)) / error
    return p_value(room, df) / 2 if room > 0 else 1.0


def by_kit(table: Sequence[Logs], difference: Difference) -> list[Said]:
    """The kit's: Holm over the numbers of users for who is ahead of all, over all comparisons for ties."""
    levels = [_found(level, difference) for level in table]
    least = [max(p_value(each[0] / each[1], each[2]) for each in found.values()) for _, found in levels]
    ahead = holm(least, AHEAD_ERROR)
    alike = [_p_equivalent(each) for _, found in levels for each in found.values()]
    errors = iter(zip(alike, holm(alike, TIED_ERROR), strict=True))
    said = []
    for (leader, found), error in zip(levels, ahead, strict=True):
        tied = [who for who, (p, most) in zip(found, islice(errors, len(found)), strict=True) if p < most]
        beaten = [
            who for who, (middle, spread, df) in found.items() if middle > rough_limit(df, 1 - error) * spread
        ]
        done = len({*tied, *beaten}) == len(found)
        said.append(Said(leader, done and not tied, tuple(tied) if done else ()))
    return said


def each_alone(table: Sequence[Logs], difference: Difference) -> list[Said]:
    """Each comparison by itself, at 95 %; tied is whose interval lies within the margin."""
    said = []
    for level in table:
        leader, found = _found(level, difference)
        spans = {who: (middle, rough_limit(df, 0.95) * error) for who, (middle, error, df) in found.items()}
        tied = tuple(who for who, (middle, reach) in spans.items() if abs(middle) + reach <= MARGIN)
        beaten = [who for who, (middle, reach) in spans.items() if middle > reach]
        done = len({*tied, *beaten}) == len(found)
        said.append(Said(leader, done and not tied, tied if done else ()))
    return said


def before(table: Sequence[Logs], _: Difference) -> list[Said]:
    """The kit until method 2: the bootstrap; ahead is who is outside of every interval, and tied all others."""
    said = []
    for level in table:
        leader = max(range(len(level)), key=lambda who: median(level[who]))
        spans = {who: bootstrap(level[leader], row) for who, row in enumerate(level) if who != leader}
        tied = tuple(who for who, span in spans.items() if span and span[0] <= 0)
        said.append(Said(leader, not tied, tied))
    return said


def any_pair(level: Logs, difference: Difference) -> bool:
    """Whether any two runtimes are called different if each pair is looked at by itself."""
    for a, b in combinations(level, 2):
        middle, spread, df = difference(a, b)
        if abs(middle) > rough_limit(df, 0.95) * spread:
            return True
    return False

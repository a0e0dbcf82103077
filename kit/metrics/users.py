"""How many users a server carries within limits: levels, the search over them (kit-search-1), brackets. Pure.

A level is kept where the median over its replicates of the share of requests within the limits reaches what is
asked: of one limit and 950 per mille that is a p95 within it. The search climbs by CLIMB from the first level to
one that is not kept, then bisects the levels between; maker and verifier run these very lines.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from kit.metrics.stats import median

RULE: Literal["kit-search-1"] = "kit-search-1"
# Of the requests of a window: the share that must be within the limits, where nobody asks for another. With 990 a
# window of hundreds of requests is decided by two or three of them: benchmarks/users.py.
SHARE_MILLI = 950
MOST_USERS = 64  # where nobody says up to how many are looked for
CLIMB = 4  # doubling would need two more levels for each sixteen-fold, and no rule would be righter
FINE = 8  # levels an octave, from eight users on: a step of 6 to 12 %


@dataclass(frozen=True, slots=True)
class Bracket:
    """Between which measured levels the largest number of users lies.

    `kept` is the last level that was kept, with all measured ones below it; None where the lowest was not.
    `missed` is the first that was not; None where all were kept: nothing is known above. `again` are levels above
    `missed` that were kept all the same: what is not steady is not counted.
    """

    kept: int | None
    missed: int | None
    again: tuple[int, ...] = ()


def levels_between(first: int, most: int) -> tuple[int, ...]:
    """The levels of a search: every number up to 16, then eight an octave, and both ends."""
    found, base = {first, most, *range(1, FINE)}, FINE
    while base <= most:
        found |= {base + step * (base // FINE) for step in range(FINE)}
        base *= 2
    return tuple(sorted(level for level in found if first <= level <= most))


def next_level(levels: Sequence[int], kept: Mapping[int, bool]) -> int | None:
    """The level that the search measures next, by what became of those before; None at its end.

    Levels ascend. A climb that would reach the last one bisects what is left instead, as if one above it failed.
    """
    held = max((level for level, is_kept in kept.items() if is_kept), default=None)
    missed = min((level for level, is_kept in kept.items() if not is_kept), default=None)
    if held is None:
        return levels[0] if missed is None else None
    low = levels.index(held)
    if missed is None and held * CLIMB < levels[-1]:
        return levels[max(low + 1, bisect_right(levels, held * CLIMB) - 1)]
    high = len(levels) if missed is None else levels.index(missed)
    return levels[(low + high) // 2] if high - low > 1 else None


def path(levels: Sequence[int], most: int) -> tuple[int, ...]:
    """The levels that a search measures one after the other where all up to `most` are kept and no other."""
    kept: dict[int, bool] = {}
    while (level := next_level(levels, kept)) is not None:
        kept[level] = level <= most
    return tuple(kept)


def most_steps(levels: Sequence[int]) -> int:
    """How many levels a search measures at most: up to log2(most - first + 1) + 3."""
    return max(len(path(levels, most)) for most in (0, *levels))


def climb(levels: Sequence[int]) -> tuple[int, ...]:
    """The first level, those of the climb, and the last."""
    found = [levels[0]]
    while found[-1] * CLIMB < levels[-1]:
        found.append(levels[max(levels.index(found[-1]) + 1, bisect_right(levels, found[-1] * CLIMB) - 1)])
    return tuple(dict.fromkeys((*found, levels[-1])))


def median_share(shares: Sequence[float | None]) -> float | None:
    """The median over replicates; None without any, and where one has no data."""
    known = [share for share in shares if share is not None]
    return median(known) if known and len(known) == len(shares) else None


def is_kept(shares: Sequence[float | None], share_milli: int) -> bool:
    """Whether a level is kept, by the shares of its replicates."""
    found = median_share(shares)
    return found is not None and found * 1000 >= share_milli


def bracket(kept: Mapping[int, bool]) -> Bracket:
    """The bracket of measured levels, in whatever order they were measured."""
    missed = min((level for level, is_kept in kept.items() if not is_kept), default=None)
    below = [level for level, is_kept in kept.items() if is_kept and (missed is None or level < missed)]
    again = sorted(level for level, is_kept in kept.items() if is_kept and missed is not None and level > missed)
    return Bracket(max(below, default=None), missed, tuple(again))

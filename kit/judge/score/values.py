"""The figure of a subject for kit-1 and kit-2: what is not there counts as the worst that could be. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from kit.documents.study import Subject, Trial
from kit.judge.score.contract import Better
from kit.judge.study import suspicions_of, value_of
from kit.metrics.intervals import log_ratio_interval
from kit.metrics.limits import AHEAD_ERROR, MIN_REPLICATES_FOR_INTERVAL
from kit.metrics.stats import bootstrap_interval

Beyond: TypeAlias = Callable[[tuple[float, ...], tuple[float, ...], Better], bool]
WORST: dict[Better, float] = {"higher": -math.inf, "lower": math.inf}


@dataclass(frozen=True, slots=True)
class PessimisticMedian:
    """A pessimistic median; infinite where there is no data. `lacking`: trials without it, of `trials`."""

    value: float
    is_fallback: bool
    lacking: int
    trials: int

    @property
    def is_missing(self) -> bool:
        """Whether so many trials lack it that nobody can say what it is."""
        return math.isinf(self.value)


def _of_trial(trial: Trial, path: str) -> float | None:
    """The figure of a measured trial. None of what is scored can be below 0, so such a number is no data."""
    value = value_of(trial, path) if trial.status == "measured" else None
    return value if value is not None and math.isfinite(value) and value >= 0 else None


def pessimistic(subject: Subject, path: str, fallback: str | None, better: Better) -> PessimisticMedian:
    """Median over all planned trials, those without the figure counting as the worst possible.

    Taking data away can then only make it worse: every trial keeps its value or falls to the worst.
    """
    found: list[float] = []
    uses_fallback, lacking = False, 0
    for trial in subject.trials:
        value = _of_trial(trial, path)
        if value is None and fallback is not None:
            value = _of_trial(trial, fallback)
            uses_fallback |= value is not None
        lacking += value is None
        found.append(WORST[better] if value is None else value)
    return PessimisticMedian(_median(found), uses_fallback, lacking, len(found))


def _median(values: list[float]) -> float:
    """The middle value, or halfway between the two in the middle; infinite if one of these is."""
    ordered = sorted(values)
    half = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[half]
    low, high = ordered[half - 1], ordered[half]
    return low + high if math.isinf(low) or math.isinf(high) else low / 2 + high / 2


def replicates_of(subject: Subject, path: str) -> tuple[float, ...] | None:
    """The figure of every planned trial, if there are three at least, all have it, and none is suspect."""
    values = [_of_trial(trial, path) for trial in subject.trials]
    present = tuple(value for value in values if value is not None)
    complete = len(present) == len(values) >= MIN_REPLICATES_FOR_INTERVAL
    return present if complete and not suspicions_of(subject) else None


def lies_beyond(mine: tuple[float, ...], theirs: tuple[float, ...], better: Better) -> bool:
    """kit-1: whether the bootstrap interval of the one lies wholly on the better side of the other's.

    Intervals of a median stay within their values, so most pairs are told apart without one.
    """
    low, high = (theirs, mine) if better == "higher" else (mine, theirs)
    if max(low) < min(high):
        return True
    return min(low) < max(high) and bootstrap_interval(low)[1] < bootstrap_interval(high)[0]


def surely_better(mine: tuple[float, ...], theirs: tuple[float, ...], better: Better, claims: int) -> bool:
    """kit-2: whether the one is better, by more than what counts as a tie.

    There are so many `claims` of this kind in a study, of which no more than 5 % of studies may hold a false one.
    Each gets an equal share, and not Holm's: else what is taken away from one entry could lend a bonus to another.
    """
    found = log_ratio_interval(mine, theirs, 1 - AHEAD_ERROR / claims)
    if found is None or found.is_equivalent:
        return False
    return found.low > 1 if better == "higher" else found.high < 1


def all_failed(subject: Subject) -> bool:
    """Whether every planned trial failed and says why."""
    return all(trial.status == "failed" and trial.reason for trial in subject.trials)

"""What several comparisons say together, each held to so much that all of them err in at most 5 %. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kit.documents.study import Looks
from kit.judge.compare.ratio import Ratio, Relation, is_always_equal, ratio_of
from kit.metrics.intervals import difference_p, equivalence_p, holm
from kit.metrics.limits import AHEAD_ERROR, EQUIVALENT_PERCENT, TIED_ERROR
from kit.metrics.sequential import look_share

Figures = tuple[Sequence[float], Sequence[float]]  # of two entries, by replicate


@dataclass(frozen=True, slots=True)
class Judged:
    """One comparison. Tied: surely alike within the margin; apart: surely different, and not tied; open: else."""

    ratio: Ratio
    relation: Relation


def judged(
    statements: Sequence[Sequence[Figures]], looks: Looks | None = None, within_percent: float = EQUIVALENT_PERCENT
) -> list[list[Judged]]:
    """Every comparison of every statement of one verdict.

    A statement is true or false as a whole: one entry against another, or one against all others that it may lead.
    That it leads is as sure as the least sure of its comparisons, so Holm's steps go over the statements; ties are
    claimed one by one, so there they go over all comparisons. benchmarks/intervals.py counts the false ones.

    In a run that decided each comparison has the share of the error that belongs to its look of `looks`.
    Tied are those that differ by less than `within_percent`.
    """
    apart = _held([_least_sure(pairs, looks) for pairs in statements], AHEAD_ERROR)
    alike = [[_spent(equivalence_p(*pair, within_percent), pair, looks) for pair in pairs] for pairs in statements]
    tied = iter(_held([p for row in alike for p in row], TIED_ERROR))
    return [
        [
            _judged(pair, error * _share(pair, looks), next(tied) * _share(pair, looks), within_percent)
            for pair in pairs
        ]
        for pairs, error in zip(statements, apart, strict=True)
    ]


def _share(pair: Figures, looks: Looks | None) -> float:
    """The part of the error that a comparison may spend: all of it where there was one look."""
    share = 1 if looks is None else look_share(looks.first, looks.most, min(map(len, pair)))
    return float(share) or 1.0  # before the first look nothing is decided, and nothing was spent


def _spent(p: float | None, pair: Figures, looks: Looks | None) -> float | None:
    return None if p is None else min(1.0, p / _share(pair, looks))


def _least_sure(pairs: Sequence[Figures], looks: Looks | None) -> float | None:
    """None where no comparison can be tested at all; one that cannot be leaves the statement unproven."""
    found = [_spent(difference_p(*pair), pair, looks) for pair in pairs]
    known = [p for p in found if p is not None]
    return None if not known else 1.0 if len(known) < len(found) else max(known)


def _held(p_values: Sequence[float | None], error: float) -> list[float]:
    """The error that each is held to; what nobody can test takes none from the others."""
    steps = iter(holm([p for p in p_values if p is not None], error))
    return [error if p is None else next(steps) for p in p_values]


def _judged(pair: Figures, apart: float, tied: float, within_percent: float) -> Judged:
    if is_always_equal(*pair):
        return Judged(ratio_of(*pair, 1 - apart), "tied")
    # Both sides of the margin are tested at this error, so an interval of twice as much decides.
    alike = ratio_of(*pair, 1 - 2 * tied)
    if alike.interval is not None and alike.interval.lies_within(within_percent):
        return Judged(alike, "tied")
    found = ratio_of(*pair, 1 - apart)
    if found.interval is not None and found.interval.excludes_one:
        return Judged(found, "apart")
    # What is open is shown with the wider interval: it reaches over 1, and out of the margin.
    return Judged(max(found, alike, key=lambda each: each.confidence or 0), "open")

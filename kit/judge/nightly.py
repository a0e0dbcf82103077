"""A run against the last accepted one, as one word: same, faster, slower or undecided. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from kit.documents.nightly import NightlyLine, NightVerdict
from kit.documents.study import Study
from kit.judge.compare.comparison import Comparison, Line
from kit.judge.compare.quantity import quantity
from kit.judge.compare.standing import find
from kit.judge.compare.studies import CHOSEN, compare_studies

LineVerdict = Literal["same", "faster", "slower", "undecided", "new", "gone"]
# Two windows of one load on one machine differ by about 2 % (kit.metrics.limits), two nights by a little more:
# what the interval proves but is smaller than this wakes nobody up.
TOLERANCE = 0.05
_BETTER, _WORSE = ("faster", "better"), ("slower", "worse")


def night_lines(new: Study, accepted: Study, tolerance: float = TOLERANCE) -> tuple[NightlyLine, ...]:
    """Each figure of the new run against the accepted one.

    Faster or slower is what `kit compare` calls so, if it is by more than `tolerance`; what only one of the runs
    has is new or gone.
    """
    comparison: Comparison = compare_studies(new, accepted, None, CHOSEN)
    return tuple(_line(new, accepted, line, tolerance) for line in comparison.lines)


def night_verdict(lines: Iterable[NightlyLine]) -> NightVerdict:
    """Slower if one figure is, else undecided if one is, else faster if one is. Nothing in common is undecided."""
    found = {line.verdict for line in lines}
    for verdict in ("slower", "undecided", "faster", "same"):
        if verdict in found:
            return verdict
    return "undecided"


def slower_at_most(lines: Sequence[NightlyLine]) -> float | None:
    """The largest slowdown that an interval leaves possible; None where there is no interval."""
    possible = [
        1 - line.low if quantity(line.metric).better == "higher" else line.high - 1
        for line in lines
        if line.low is not None and line.high is not None
    ]
    return max(0.0, *possible) if possible else None


def _line(new: Study, accepted: Study, line: Line, tolerance: float) -> NightlyLine:
    level, ratio = line.concurrency or 0, line.ratio
    here, there = (find(study, line.entry_a, level) is not None for study in (new, accepted))
    return NightlyLine(
        entry=line.entry_a,
        concurrency=level,
        metric=line.metric,
        verdict=_verdict(line, here=here, there=there, tolerance=tolerance),
        ratio=ratio.value if ratio else None,
        low=ratio.low if ratio else None,
        high=ratio.high if ratio else None,
        reason=line.reason,
    )


def _verdict(line: Line, *, here: bool, there: bool, tolerance: float) -> LineVerdict:
    if not there:
        return "new"
    if not here:
        return "gone"
    if line.verdict not in (*_BETTER, *_WORSE, "tied"):
        return "undecided"
    small = line.ratio is None or line.ratio.value is None or abs(line.ratio.value - 1) < tolerance
    if line.verdict == "tied" or small:
        return "same"
    return "faster" if line.verdict in _BETTER else "slower"

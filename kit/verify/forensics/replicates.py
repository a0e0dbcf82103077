"""Whether replicates differ as much as the requests within them say that they should. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kit.verify.forensics.chance import chi2_below


@dataclass(frozen=True, slots=True)
class Alike:
    """The variance between means of runs, over that which the requests within them predict."""

    freedom: int
    ratio: float

    @property
    def chance(self) -> float:
        """How likely independent runs lie so near to each other."""
        return chi2_below(self.ratio * self.freedom, self.freedom)


def alike(runs: Sequence[Sequence[float]]) -> Alike | None:
    """The comparison of some runs, one figure for each request; None if nothing can be said."""
    means = [sum(run) / len(run) for run in runs]
    errors = [
        sum((value - mean) ** 2 for value in run) / (len(run) - 1) / len(run)
        for run, mean in zip(runs, means, strict=True)
    ]
    predicted = sum(errors) / len(errors)
    if len(runs) < 2 or not predicted:
        return None
    middle = sum(means) / len(means)
    between = sum((mean - middle) ** 2 for mean in means) / (len(means) - 1)
    return Alike(len(runs) - 1, between / predicted)


def pooled(found: Sequence[Alike]) -> Alike | None:
    """All comparisons as one."""
    freedom = sum(each.freedom for each in found)
    if not freedom:
        return None
    return Alike(freedom, sum(each.ratio * each.freedom for each in found) / freedom)

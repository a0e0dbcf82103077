"""Which points of a plot no other beats. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from operator import ge

Standing = tuple[float, float, float | None]


def front_of(points: Sequence[Standing], *, low: bool) -> set[Standing]:
    """The (x, y, pace) that no other is at least as good as in all and better in one; high y and pace, x by `low`.

    A pace that nobody knows is as good as none.
    """
    sign = -1 if low else 1
    ranked = {each: (sign * each[0], each[1], each[2] or 0.0) for each in points}
    return {
        each
        for each, mine in ranked.items()
        if not any(other != mine and all(map(ge, other, mine)) for other in ranked.values())
    }

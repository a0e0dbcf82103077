"""Medians with intervals, each computed once: a page shows the same figure in tables, plots and descriptions."""

from __future__ import annotations

from functools import lru_cache

from kit.model import Spread
from kit.model.judged import Subject
from kit.stats import spread
from kit.study import values_of

# More than a hundred runs have figures; a bootstrap takes milliseconds.
REMEMBERED = 1 << 16


@lru_cache(maxsize=REMEMBERED)
def _spread(values: tuple[float, ...]) -> Spread:
    return spread(values)


def spread_at(subject: Subject, path: str) -> Spread:
    """What `kit.study.spread_of` gives, remembered."""
    return _spread(tuple(values_of(subject, path)))

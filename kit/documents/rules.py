"""Limits, and the rules of runs that choose what they measure: until decided, or the largest number of users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kit.documents.pins import Sparse


@dataclass(frozen=True, slots=True)
class Slo:
    """What one request must keep to be good, in ns; None is no limit. What each means: kit.metrics.goodput."""

    ttft_ns: int | None = None
    tpot_ns: int | None = None
    itl_ns: int | None = None
    e2e_ns: int | None = None


@dataclass(frozen=True, slots=True)
class SearchWish:
    """A search for the largest number of users, as people write it: limits like `ttft=300ms,tpot=50ms`.

    `share` is the part of the requests that must be within them; None is the kit's own.
    """

    slo: str
    max_users: int
    first: int = 1
    share: float | None = None


@dataclass(frozen=True, slots=True)
class SequentialRule:
    """When a comparison is decided: looks after `first` and each further replicate, `alpha_milli` / 1000 in all.

    `name` is that of the rule with its boundaries (kit.metrics.sequential); `metric` the figure that is compared;
    `budget_ns` ends the run even if something is still open, None is no limit.
    """

    name: Literal["kit-sequential-1"]
    metric: str
    first: int
    alpha_milli: int
    budget_ns: int | None


@dataclass(frozen=True, slots=True)
class SearchRule(Sparse):
    """How the largest number of users is looked for, for each entry: from `first` up to `most` users.

    `name` is that of the rule (kit.metrics.users); a level is kept where `share_milli` / 1000 of the requests are
    within `slo`. `budget_ns` ends the run between two levels, None is no limit.
    """

    name: Literal["kit-search-1"]
    slo: Slo
    share_milli: int
    first: int
    most: int
    budget_ns: int | None = None

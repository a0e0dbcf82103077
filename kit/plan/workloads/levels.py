"""The levels of a workload, of its calibration, and how many cells a plan measures at most. Pure."""

from __future__ import annotations

from kit.documents import Entry, Plan, SearchRule, SearchWish, Workload
from kit.metrics.goodput import parse_slo
from kit.metrics.users import RULE, SHARE_MILLI, climb, levels_between, most_steps


def levels_of(workload: Workload) -> tuple[int, ...]:
    """The concurrencies that may be measured: those of its search, if it has one."""
    wish = workload.search
    return workload.concurrencies if wish is None else levels_between(wish.first, wish.max_users)


def search_rule(wish: SearchWish | None, budget_ns: int | None = None) -> SearchRule | None:
    """The rule of a search as it stands in a plan; `InputError` names a limit that is none."""
    if wish is None:
        return None
    share_milli = SHARE_MILLI if wish.share is None else max(1, round(wish.share * 1000))
    return SearchRule(RULE, parse_slo(wish.slo), share_milli, wish.first, wish.max_users, budget_ns)


def calibrated_levels(plan: Plan) -> tuple[int, ...]:
    """The concurrencies at which the load generator is calibrated: all, or those of the climb of a search."""
    levels = plan.workload.concurrencies
    return levels if plan.search is None or not levels else climb(levels)


def most_cells(plan: Plan) -> int:
    """How many cells the run has at most; a search measures few of those that it may call for."""
    if plan.search is None:
        return len(plan.cells)
    return sum(_steps(plan, entry) for entry in plan.entries) * plan.workload.replicates


def _steps(plan: Plan, entry: Entry) -> int:
    most = entry.max_concurrency
    levels = [level for level in plan.workload.concurrencies if most is None or level <= most]
    return most_steps(levels) if levels else 0

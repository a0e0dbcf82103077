"""Rules about runs that look for the largest number of users: every choice of a level again, step by step."""

from __future__ import annotations

from collections.abc import Iterator

from kit.documents import Plan, SearchRule
from kit.metrics.results import search_of
from kit.metrics.users import levels_between
from kit.storage.names import PLAN, RESULT, cell_file
from kit.verify.evidence import Evidence
from kit.verify.rule import Issue, Steps, rule
from kit.verify.views import counting_cells


@rule(
    "plan.search",
    "reject",
    "cells",
    "A run that looks for the largest number of users measured the levels that its rule called for, and no others",
)
def plan_search(evidence: Evidence) -> Steps:
    plan = evidence.plan
    if plan is None or plan.search is None:
        return
    faults = list(_rule_faults(plan, plan.search))
    yield from (Issue(f"{PLAN}: search", why) for why in faults)
    if faults:
        return
    cells = {found.planned.id: found.cell for found in counting_cells(evidence)}
    found = search_of(plan, cells, evidence.calibration)
    assert found is not None
    yield len(plan.cells)
    lines = evidence.result.cells if evidence.result else ()
    passed_over = {line.id for line in lines if line.status == "not needed"}
    for planned in plan.cells:
        status = found.status_of(planned)
        if planned.id in cells and status != "called":
            when = (
                "the search did not call for it" if status == "not needed" else "before the search called for it"
            )
            yield Issue(cell_file(planned.id), f"was measured: {when}")
        if planned.id in passed_over and status != "not needed":
            yield Issue(f"{RESULT}: {planned.id}", "is not needed, but the search called for it")


def _rule_faults(plan: Plan, wish: SearchRule) -> Iterator[str]:
    if wish.first > wish.most:
        yield "begins above its end"
    elif plan.workload.concurrencies != levels_between(wish.first, wish.most):
        yield "has other levels than those between its ends"
    if not any((wish.slo.ttft_ns, wish.slo.tpot_ns, wish.slo.itl_ns, wish.slo.e2e_ns)):
        yield "has no limits"
    if plan.sequential is not None:
        yield "stands beside another rule that chooses what is measured"
    if plan.extended:
        yield "has replicates that were added after results were known"


RULES = (plan_search,)

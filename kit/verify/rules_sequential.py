"""Rules about runs that decide, and about replicates that were added: the decisions again, step by step."""

from __future__ import annotations

from collections.abc import Iterator

from kit.documents import Plan
from kit.metrics.results import SPREAD_METRICS, course_of
from kit.metrics.sequential import planned_most
from kit.storage.names import PLAN, RESULT, cell_file
from kit.verify.evidence import Evidence
from kit.verify.rule import Issue, Steps, rule
from kit.verify.views import found_cells


@rule(
    "plan.sequential",
    "reject",
    "cells",
    "A run that decides measured the cells that its rule called for, and no others",
)
def plan_sequential(evidence: Evidence) -> Steps:
    plan = evidence.plan
    if plan is None:
        return
    lines = evidence.result.cells if evidence.result else ()
    passed_over = {line.id for line in lines if line.status == "not needed"}
    if plan.sequential is None:
        if plan.search is not None:
            return  # another rule's to say: plan.search
        yield from (Issue(f"{RESULT}: {name}", "is not needed, by no rule of the plan") for name in passed_over)
        return
    faults = list(_rule_faults(plan))
    yield from (Issue(f"{PLAN}: sequential", why) for why in faults)
    if faults:
        return
    cells = {found.planned.id: found.cell for found in found_cells(evidence)}
    found = course_of(plan, cells, evidence.calibration)
    assert found is not None
    yield len(plan.cells)
    for planned in plan.cells:
        status = found.status_of(planned)
        if planned.id in cells and status != "called":
            when = "the rule did not call for it" if status == "not needed" else "before the rule called for it"
            yield Issue(cell_file(planned.id), f"was measured: {when}")
        if planned.id in passed_over and status != "not needed":
            yield Issue(f"{RESULT}: {planned.id}", "is not needed, but the rule called for it")


def _rule_faults(plan: Plan) -> Iterator[str]:
    rule_ = plan.sequential
    if rule_ is None:
        return
    if rule_.metric not in SPREAD_METRICS:
        yield "compares a figure that a run is not compared by"
    if rule_.first > planned_most(plan):
        yield "looks for the first time after the last replicate"


@rule("plan.extended", "flag", "plans", "No replicates were added after results were known")
def plan_extended(evidence: Evidence) -> Steps:
    plan = evidence.plan
    if plan is None:
        return
    yield 1
    if plan.extended:
        counts = ", ".join(str(count) for count in (*plan.extended, plan.workload.replicates))
        words = "replicates were added when results were known, so intervals are of another look"
        yield Issue(f"{PLAN}: extended", f"{words} ({counts})")


RULES = (plan_sequential, plan_extended)

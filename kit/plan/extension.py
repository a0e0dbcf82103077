"""Plans that grow: a rule that decides when enough is measured, and further replicates of a run. Pure."""

from __future__ import annotations

from dataclasses import replace

from kit.documents import Plan
from kit.errors import InputError
from kit.metrics.sequential import default_rule
from kit.plan.plan import cell_order, limits
from kit.plan.workloads.shapes import shape_names

UNCALIBRATED = "A search for the largest number of users believes no level of an uncalibrated load generator."
CALIBRATE = "Leave out --no-calibrate."


def deciding(plan: Plan, budget_ns: int | None) -> Plan:
    """The plan with the rule of runs that decide; `InputError` if there is nothing to decide or to look at."""
    rule = default_rule(budget_ns)
    if plan.search is not None:
        raise InputError(
            "A run either looks for the largest number of users or goes on until it is decided.",
            "Leave out --until-decided, or the limits of the search.",
        )
    if len(plan.entries) < 2:
        raise InputError(
            "A run until decided compares entries, and there is only one.", "Leave out --until-decided."
        )
    if len(plan.workload.shapes) > 1:
        raise InputError(
            "A run until decided compares entries under one kind of request, and this plan has several.",
            "Leave out --until-decided, or give one length and one rate.",
        )
    if plan.workload.replicates < rule.first:
        raise InputError(
            f"A run until decided looks at its figures after {rule.first} replicates.",
            f"Allow at least so many: --replicates {rule.first}",
        )
    return replace(plan, sequential=rule)


def searching(plan: Plan, budget_ns: int | None) -> Plan:
    """A plan with a search with its budget; `InputError` where its levels could not be told apart from noise."""
    if plan.search is None:
        return plan
    if not plan.calibrate:
        raise InputError(UNCALIBRATED, CALIBRATE)
    return replace(plan, search=replace(plan.search, budget_ns=budget_ns))


def extended(plan: Plan, replicates: int, budget_ns: int | None = None) -> Plan:
    """The plan of a run that goes on up to so many replicates; what it had before stays as it was.

    A run that decides may keep its number, with another budget. `InputError` if there is nothing to add.
    """
    had = plan.workload.replicates
    if plan.search is not None:
        raise InputError(
            "A search for the largest number of users chose its levels by its replicates: it gets no more.",
            "Start a new run.",
        )
    if replicates < had or (replicates == had and plan.sequential is None):
        raise InputError(f"The run has {had} replicates already.", f"Give more: --replicates {had + 1}")
    workload = replace(plan.workload, replicates=replicates)
    names = tuple(entry.name for entry in plan.entries)
    return replace(
        plan,
        workload=workload,
        cells=cell_order(names, workload.concurrencies, replicates, limits(plan.entries), shape_names(workload)),
        sequential=plan.sequential and replace(plan.sequential, budget_ns=budget_ns),
        extended=(*plan.extended, had),
    )


def is_extension(plan: Plan, kept: Plan) -> bool:
    """Whether a plan is that of a run, kept, with replicates added."""
    had, replicates = kept.workload.replicates, plan.workload.replicates
    if kept.search is not None or replicates < had or (replicates == had and kept.sequential is None):
        return False
    return plan == extended(kept, replicates, plan.sequential.budget_ns if plan.sequential else None)

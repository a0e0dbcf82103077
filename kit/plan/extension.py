"""Plans that grow: a rule that decides when enough is measured, and further replicates of a run. Pure."""

from __future__ import annotations

from dataclasses import replace

from kit.documents import Plan
from kit.errors import InputError
from kit.metrics.sequential import default_rule
from kit.plan.plan import cell_order, limits
from kit.plan.shapes import shape_names


def deciding(plan: Plan, budget_ns: int | None) -> Plan:
    """The plan with the rule of runs that decide; `InputError` if there is nothing to decide or to look at."""
    rule = default_rule(budget_ns)
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


def extended(plan: Plan, replicates: int, budget_ns: int | None = None) -> Plan:
    """The plan of a run that goes on up to so many replicates; what it had before stays as it was.

    A run that decides may keep its number, with another budget. `InputError` if there is nothing to add.
    """
    had = plan.workload.replicates
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
    if replicates < had or (replicates == had and kept.sequential is None):
        return False
    return plan == extended(kept, replicates, plan.sequential.budget_ns if plan.sequential else None)

"""Rules about cells that were measured again: the decision is made once more, from telemetry alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kit.documents import Plan
from kit.metrics.disturbance import cell_disturbances, was_disturbed, was_tried
from kit.storage.names import ATTEMPTS, CELLS
from kit.storage.run_folder import METHOD_OF_ATTEMPTS
from kit.verify.evidence import CellFiles, Evidence
from kit.verify.rule import Issue, Steps, rule
from kit.verify.views import Found, found_cells


@rule(
    "attempts.replayed",
    "reject",
    "cells and attempts",
    "Disturbed cells, and no others, were measured again, as often as planned; every attempt is there",
)
def attempts_replayed(evidence: Evidence) -> Steps:
    plan = evidence.plan
    if plan is None:
        return
    for found in found_cells(evidence):
        yield 1
        facts = found.cell.telemetry
        if facts is None and found.measured and allowed_attempts(plan) > 1:
            yield Issue(found.where, "has no telemetry, so nobody can tell whether it was to be measured again")
        if facts is not None and facts.disturbed != cell_disturbances(facts):
            made = "; ".join(cell_disturbances(facts)) or "none"
            yield Issue(f"{found.where}: telemetry.disturbed", f"are not the reasons that telemetry gives: {made}")
    for planned in plan.cells:
        attempts = evidence.attempts.get(planned.id, {})
        last = evidence.cells.get(planned.id)
        yield from _numbering(planned.id, attempts, last)
        yield from _decisions(plan, planned.id, attempts, last)


def _numbering(cell_id: str, attempts: Mapping[int, CellFiles], last: CellFiles | None) -> Iterator[Issue]:
    """From 1 on without a hole; each cell.json counts itself."""
    if list(attempts) != list(range(1, len(attempts) + 1)):
        yield Issue(f"{ATTEMPTS}/{cell_id}", f"has the attempts {', '.join(map(str, attempts))}: one is missing")
    counted = [*attempts.items(), *([(len(attempts) + 1, last)] if last else [])]
    for number, files in counted:
        if files.cell is not None and files.cell.attempt != number:
            yield Issue(f"{files.folder}: attempt", f"is {files.cell.attempt}, but it lies where {number} should")


def _decisions(
    plan: Plan, cell_id: str, attempts: Mapping[int, CellFiles], last: CellFiles | None
) -> Iterator[Issue]:
    """Set aside is what was interrupted, or tried and disturbed; what counts is undisturbed or the last try."""
    allowed = allowed_attempts(plan)
    measured = 0
    for files in attempts.values():
        if files.cell is None or files.cell.status == "interrupted":
            continue
        measured += was_tried(files.cell)
        if not was_disturbed(files.cell):
            yield Issue(files.folder, f"was set aside, although it {_ended(files)}")
    if measured + (last is not None and last.cell is not None and last.cell.status != "interrupted") > allowed:
        yield Issue(f"{CELLS}/{cell_id}", f"was measured more than {allowed} times, which the plan does not allow")
    cell = last.cell if last is not None else None
    if cell is not None and was_disturbed(cell) and measured + 1 < allowed:
        yield Issue(
            f"{CELLS}/{cell_id}", f"was disturbed and not measured again, {measured + 1} of {allowed} times"
        )


def allowed_attempts(plan: Plan) -> int:
    """How often a cell may be measured; before method 3 it was once."""
    return plan.attempts if plan.method >= METHOD_OF_ATTEMPTS else 1


def _ended(files: CellFiles) -> str:
    return "failed" if files.cell is not None and not was_tried(files.cell) else "was not disturbed"


def superseded(evidence: Evidence) -> Sequence[Found]:
    """The attempts that were set aside."""
    return [found for found in found_cells(evidence) if found.attempt is not None]


@rule("attempts.interrupted", "flag", "attempts", "No cell was interrupted by hand and measured again")
def attempts_interrupted(evidence: Evidence) -> Steps:
    for found in superseded(evidence):
        yield 1
        if found.cell.status == "interrupted":
            yield Issue(found.where, "was interrupted, and the cell was measured again")


RULES = (attempts_replayed, attempts_interrupted)

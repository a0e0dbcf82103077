"""What a report says of a machine that was not quiet: cells that were measured again, and why. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kit.documents import Cell, Plan
from kit.metrics.disturbance import cell_disturbances, look_disturbances
from kit.text import cell as safe
from kit.text import listed
from kit.verify.evidence import Evidence

MAX_REASON_CHARS = 300


def disturbance_of(plan: Plan, evidence: Evidence) -> list[str]:
    """`disturbance_lines` of a run or bundle that was opened."""
    cells = {name: files.cell for name, files in evidence.cells.items() if files.cell is not None}
    attempts = {
        name: [files.cell for files in numbered.values() if files.cell is not None]
        for name, numbered in evidence.attempts.items()
    }
    cpus = evidence.host.cpus if evidence.host is not None else 1
    return disturbance_lines(plan, cells, attempts, look_disturbances(plan, evidence.look or (), cpus))


def disturbance_lines(
    plan: Plan, cells: Mapping[str, Cell], attempts: Mapping[str, Sequence[Cell]], unquiet: Sequence[str]
) -> list[str]:
    """Markdown: sentences, and below them each attempt with its reasons; nothing where all was quiet.

    `cells` are those that count and `attempts` those before them, by id; `unquiet` is why the machine was
    not quiet before the start.
    """
    again = [(cell, number) for each in plan.cells for number, cell in enumerate(attempts.get(each.id, ()), 1)]
    disturbed = {cell.id for cell, _ in again if cell.status == "measured"}
    interrupted = {cell.id for cell, _ in again if cell.status == "interrupted"}
    still = [cell for cell in cells.values() if cell_disturbances(cell.telemetry)]
    count = len(plan.cells)
    lines = [f"The machine was not quiet before the start: {_reasons(unquiet)}."] if unquiet else []
    if disturbed:
        lines.append(f"{_cells(len(disturbed), count)} disturbed and measured again.")
    if interrupted:
        lines.append(f"{_cells(len(interrupted), count)} interrupted and measured again.")
    if still:
        lines.append(f"{_cells(len(still), count)} still disturbed at the last attempt: no verdict.")
    return [*lines, *([""] if lines and (again or still) else []), *_attempts(again), *_still(still)]


def _attempts(again: Sequence[tuple[Cell, int]]) -> Iterator[str]:
    for cell, number in again:
        reasons = _reasons(cell_disturbances(cell.telemetry))
        yield f"- {safe(cell.id)}, attempt {number}: {reasons if cell.status == 'measured' else cell.status}"


def _still(still: Sequence[Cell]) -> Iterator[str]:
    for cell in still:
        yield f"- {safe(cell.id)}, attempt {cell.attempt}, the last: {_reasons(cell_disturbances(cell.telemetry))}"


def _cells(some: int, count: int) -> str:
    return f"{some} of {count} cells {'was' if some == 1 else 'were'}"


def _reasons(reasons: Sequence[str]) -> str:
    return safe(listed(reasons), MAX_REASON_CHARS)

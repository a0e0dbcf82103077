"""A cell that was disturbed is measured again, as often as the plan allows; what it left is set aside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from kit.documents import Cell, Plan
from kit.metrics.disturbance import cell_disturbances, to_be_measured_again, was_disturbed
from kit.run.cell import measure_cell
from kit.run.phases import CellInputs
from kit.storage.attempts import attempts_made, read_attempts, set_aside
from kit.storage.run_folder import METHOD_OF_ATTEMPTS, read_cells


class AttemptObserver(Protocol):
    """Who wants to know that a cell is measured again."""

    def disturbed(self, cell: Cell, reasons: tuple[str, ...], *, again: bool) -> None: ...


def measure_undisturbed(
    inputs: CellInputs, run: Path, wait_for_quiet: Callable[[], object], observer: AttemptObserver
) -> Cell:
    """Measure a cell of a run until it is undisturbed or the plan's attempts are used up; the one that counts."""
    while True:
        cell = measure_cell(replace(inputs, attempt=attempts_made(run, inputs.cell.id) + 1))
        again = set_aside_disturbed(inputs.plan, run, cell)
        if reasons := cell_disturbances(cell.telemetry):
            observer.disturbed(cell, reasons, again=again)
        if not again:
            return cell
        wait_for_quiet()


def set_aside_disturbed(plan: Plan, run: Path, cell: Cell) -> bool:
    """Set a cell aside if it is to be measured again; whether it was."""
    if plan.method < METHOD_OF_ATTEMPTS or not was_disturbed(cell):
        return False
    again = to_be_measured_again(plan, read_attempts(run, plan).get(cell.id, ()), cell)
    if again:
        set_aside(run, cell.id)
    return again


def set_aside_all_disturbed(plan: Plan, run: Path) -> None:
    """Set aside what a run left that was killed or interrupted before it came to that."""
    for cell in read_cells(run, plan).values():
        set_aside_disturbed(plan, run, cell)

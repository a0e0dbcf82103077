"""What is left of cells that were measured again: each attempt in a folder of its own, as it was."""

from __future__ import annotations

from pathlib import Path

from kit.documents import Cell, Plan
from kit.errors import InputError
from kit.storage.names import ATTEMPTS, CELL, CELLS, attempt_folder, attempt_name
from kit.storage.run_folder import read_document

MAX_ATTEMPTS = 100  # of one cell, interrupted ones included: what cell.json can count


def set_aside(folder: Path, cell_id: str) -> int:
    """Move a cell's folder, as it is, among the attempts, so that the cell can be measured again; its number.

    `InputError` when it was measured too often, `OSError` when the disk refuses.
    """
    number = attempts_made(folder, cell_id) + 1
    if number >= MAX_ATTEMPTS:
        raise InputError(f"The cell {cell_id} was begun {number} times in {folder}.", "Start a new run.")
    (folder / ATTEMPTS).mkdir(exist_ok=True)
    (folder / CELLS / cell_id).rename(folder / attempt_folder(cell_id, number))
    return number


def attempts_made(folder: Path, cell_id: str) -> int:
    """How many attempts of a cell were set aside."""
    return max(_numbers(folder).get(cell_id, [0]))


def read_attempts(folder: Path, plan: Plan) -> dict[str, tuple[Cell, ...]]:
    """What was set aside, by the id of the cell and in the order of the attempts; strictly read."""
    numbers = _numbers(folder)
    found: dict[str, tuple[Cell, ...]] = {}
    for planned in plan.cells:
        paths = [folder / attempt_folder(planned.id, n) / CELL for n in sorted(numbers.get(planned.id, []))]
        if paths:
            found[planned.id] = tuple(
                read_document(path.read_bytes(), Cell, "cell", str(path)) for path in paths if path.is_file()
            )
    return found


def _numbers(folder: Path) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    if (folder / ATTEMPTS).is_dir():
        for path in (folder / ATTEMPTS).iterdir():
            named = attempt_name(path.name)
            if named is not None and path.is_dir():
                found.setdefault(named[0], []).append(named[1])
    return found

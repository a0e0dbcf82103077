"""The folders of `kit load` and `kit sweep`, read as runs: cells at the top, or in a folder of each level.

They lie there for people and their scripts; a bundle has them where every run has them.
"""

from __future__ import annotations

from collections.abc import Mapping

from kit.documents import CellPlan, Plan
from kit.storage.names import (
    CELL,
    CELLS,
    LOADGEN_LOG,
    PLAN,
    PROMPTS_SOURCE,
    RECORDS,
    SWEEP,
    TEXTS,
    TRACE,
    cell_file,
)
from kit.strict import StrictError, read_json

_OF_CELLS = (CELL, RECORDS, TEXTS)
_BESIDE = (SWEEP, TRACE, PROMPTS_SOURCE, LOADGEN_LOG)  # no evidence of the run


def place_of(plan: Plan, cell: CellPlan) -> str:
    """The folder of a cell in the folder of its run: "" is the top."""
    if not plan.loads:
        return f"{CELLS}/{cell.id}"
    return "" if len(plan.cells) == 1 and plan.platform != "sweep" else f"c{cell.concurrency}"


def as_run(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The files of a folder by the names that they have in a run; as they are where it is none by hand."""
    cells = _cells_by_hand(files)
    if cells is None:
        return files
    names = {
        f"{folder}/{name}" if folder else name: cell_file(cell, name)
        for folder, cell in cells.items()
        for name in _OF_CELLS
    }
    return {names.get(name, name): data for name, data in files.items() if name not in _BESIDE}


def _cells_by_hand(files: Mapping[str, bytes]) -> dict[str, str] | None:
    """The id of each cell by its folder; None where the plan has no loads by hand or cannot be read."""
    try:
        plan = read_json(files.get(PLAN, b""), PLAN)
    except StrictError:
        return None  # the reader of the run says so
    if not isinstance(plan, dict) or not plan.get("loads"):
        return None
    rows = plan.get("cells")
    found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    if plan.get("platform") != "sweep":
        return {"": str(found[0].get("id"))} if found else {}
    return {f"c{row.get('concurrency')}": str(row.get("id")) for row in found}

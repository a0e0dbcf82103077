"""Every number again, from the records of a run or bundle alone: what stands in its result is not looked at."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from kit.documents import Cell, Plan, Result, Slo
from kit.errors import InputError
from kit.metrics.aggregate import cell_metrics
from kit.metrics.results import make_result
from kit.storage.run_folder import CELLS, PLAN
from kit.verify.evidence import CellFiles, Evidence


def remade_result(evidence: Evidence, slo: Slo | None = None) -> tuple[Plan, Result]:
    """Plan and result, recomputed, with goodput if there is an `slo`; `InputError` names what cannot be read."""
    if evidence.problems:
        first = evidence.problems[0]
        raise InputError(
            f"{first.where}: {first.message}.",
            "`kit verify` lists all findings.",
            tuple(f"{problem.where}: {problem.message}" for problem in evidence.problems[1:10]),
        )
    if evidence.plan is None:
        raise InputError(f"There is no {PLAN}.", "Give a run folder or a bundle made from one.")
    cells = {name: cell for name, files in evidence.cells.items() if (cell := _remade_cell(files, slo))}
    digest = sha256(evidence.files[PLAN]).hexdigest()
    return evidence.plan, make_result(evidence.plan, digest, cells, evidence.calibration)


def _remade_cell(files: CellFiles, slo: Slo | None) -> Cell | None:
    """The cell with numbers from its records; without numbers where there are no records or no window."""
    cell = files.cell
    if cell is None or cell.facts is None or cell.facts.window is None or files.records is None:
        return cell and replace(cell, metrics=None)
    open_loop = cell.load is not None and cell.load.loop.kind == "open"
    try:
        metrics = cell_metrics(files.records, cell.facts.window, open_loop=open_loop, slo=slo)
    except (ArithmeticError, LookupError):
        raise InputError(
            f"{CELLS}/{files.id}: no numbers can be made from these records.", "`kit verify` lists all findings."
        ) from None
    return replace(cell, metrics=metrics)

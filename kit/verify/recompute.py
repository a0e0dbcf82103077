"""Every number again, from the records of a run or bundle alone: what stands in its result is not looked at."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from kit.documents import Cell, Failures, Metrics, Plan, Result, Slo
from kit.errors import InputError
from kit.metrics.aggregate import cell_metrics
from kit.metrics.failures import failures
from kit.metrics.results import course_of, make_result, search_of
from kit.metrics.search import Search
from kit.metrics.sequential import Course
from kit.storage.names import CELLS, PLAN
from kit.verify.evidence import CellFiles, Evidence


def recomputed_result(evidence: Evidence, slo: Slo | None = None) -> tuple[Plan, Result]:
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
    digest = sha256(evidence.files[PLAN]).hexdigest()
    result = make_result(evidence.plan, digest, _recomputed_cells(evidence, slo), evidence.calibration)
    return evidence.plan, result if slo is None else _within(result, evidence, slo)


def _recomputed_cells(evidence: Evidence, slo: Slo | None = None) -> dict[str, Cell]:
    return {name: cell for name, files in evidence.cells.items() if (cell := _recomputed_cell(files, slo))}


def _within(result: Result, evidence: Evidence, slo: Slo) -> Result:
    """The result with the goodput of these limits; what a run measured was chosen by its own."""
    lines = tuple(
        replace(line, metrics=recomputed_metrics(evidence.cells[line.id], slo))
        if line.metrics is not None and line.id in evidence.cells
        else line
        for line in result.cells
    )
    return replace(result, cells=lines)


def recomputed_course(evidence: Evidence, plan: Plan) -> Course | None:
    """How far a run that decides has come, from its cells; None for other runs."""
    return course_of(plan, _recomputed_cells(evidence), evidence.calibration)


def recomputed_search(evidence: Evidence, plan: Plan) -> Search | None:
    """How far a run that looks for the largest number of users has come, from its cells; None for other runs."""
    return search_of(plan, _recomputed_cells(evidence), evidence.calibration)


def _recomputed_cell(files: CellFiles, slo: Slo | None) -> Cell | None:
    """The cell with its numbers by the limits of its own load; those by `slo` are made first, in the same pass.

    A cell that was not measured, and has none by its maker, gets none: records of an empty window, or of a load
    that was given up, would give figures that stand in no result.json.
    """
    if files.cell is not None and files.cell.metrics is None and files.cell.status != "measured":
        return _with_its_failures(files.cell, files)
    try:
        if slo is not None:
            recomputed_metrics(files, slo)
        cell = files.cell and replace(files.cell, metrics=recomputed_metrics(files))
    except (ArithmeticError, LookupError):
        raise InputError(
            f"{CELLS}/{files.id}: no numbers can be made from these records.", "`kit verify` lists all findings."
        ) from None
    return None if cell is None else _with_its_failures(cell, files)


def _with_its_failures(cell: Cell, files: CellFiles) -> Cell:
    """A run from before reasons were kept shows what it has always shown."""
    if cell.facts is None or cell.facts.failures is None:
        return cell
    return replace(cell, facts=replace(cell.facts, failures=recomputed_failures(files)))


def recomputed_failures(files: CellFiles) -> Failures | None:
    """Why requests of a cell failed, from its records; None without records or failures."""
    if files.cell is None or files.cell.facts is None or files.records is None:
        return None
    return failures(files.records, files.cell.facts.window)


def recomputed_metrics(files: CellFiles, slo: Slo | None = None) -> Metrics | None:
    """A cell's numbers from its records, made in one pass and remembered; None without records or a window.

    Without `slo` the limits are those of the load, where it has some. `ArithmeticError` or `LookupError` where
    records break the rules so that no numbers can be made.
    """
    cell, records = files.cell, files.records
    if cell is None or cell.facts is None or cell.facts.window is None or records is None:
        return None
    if slo is None and cell.load is not None:
        slo = cell.load.slo
    if slo not in files.computed:
        open_loop = cell.load is not None and cell.load.loop.kind == "open"
        method = cell.load.method if cell.load is not None else 1
        prefill = cell.load is not None and cell.load.prefill
        found = cell_metrics(
            records, cell.facts.window, open_loop=open_loop, slo=slo, method=method, prefill=prefill
        )
        # limits change nothing but goodput, so the numbers without them need no second pass
        files.computed[None] = replace(found, goodput_req_s=None, goodput_share=None)
        files.computed[slo] = found
    return files.computed[slo]

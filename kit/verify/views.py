"""What rules look at: the cells of the plan that have something to be judged, side by side with their plan."""

from __future__ import annotations

from dataclasses import dataclass

from kit.documents import Cell, CellPlan, Load, LoadFacts, Plan, Record, ServerFacts, Window
from kit.metrics.limits import MAX_RESOLUTION_NS, STAMP_SLACK_NS
from kit.storage.names import RECORDS, cell_file
from kit.verify.evidence import CellFiles, Evidence


@dataclass(frozen=True, slots=True)
class Found:
    """A planned cell that has a readable cell.json."""

    plan: Plan
    planned: CellPlan
    cell: Cell
    files: CellFiles

    @property
    def where(self) -> str:
        return cell_file(self.planned.id)

    @property
    def measured(self) -> bool:
        return self.cell.status == "measured"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A planned cell whose load ran to its end: it has a load, facts and readable records."""

    found: Found
    load: Load
    facts: LoadFacts
    records: tuple[Record, ...]

    @property
    def where(self) -> str:
        return self.found.where

    @property
    def cell(self) -> Cell:
        return self.found.cell

    @property
    def plan(self) -> Plan:
        return self.found.plan

    @property
    def concurrency(self) -> int:
        return self.found.planned.concurrency

    @property
    def window(self) -> Window | None:
        """The window, if it is one: it ends after it starts."""
        window = self.facts.window
        return window if window and window.end_ns > window.start_ns else None

    def of(self, record: Record) -> str:
        """The place of one record, for findings."""
        return f"{cell_file(self.found.planned.id, RECORDS)}: request {record.id}"


def eps_ns(loaded: Loaded) -> int:
    """How far stamps may stand in the wrong order: the slack, or the declared resolution of the clock."""
    return max(STAMP_SLACK_NS, min(loaded.facts.clock_resolution_ns, MAX_RESOLUTION_NS))


def found_cells(evidence: Evidence) -> list[Found]:
    """The cells of the plan that have a cell.json, in the order of the plan."""
    plan = evidence.plan
    if plan is None:
        return []
    pairs = [(planned, evidence.cells.get(planned.id)) for planned in plan.cells]
    return [
        Found(plan, planned, files.cell, files) for planned, files in pairs if files and files.cell is not None
    ]


def loaded_cells(evidence: Evidence) -> list[Loaded]:
    """The cells whose load ran, in the order of the plan."""
    return [
        Loaded(found, found.cell.load, found.cell.facts, found.files.records)
        for found in found_cells(evidence)
        if found.cell.load and found.cell.facts and found.files.records is not None
    ]


def with_server(evidence: Evidence) -> list[tuple[Found, ServerFacts]]:
    """The cells whose server was started, in the order of the plan."""
    return [(found, found.cell.server) for found in found_cells(evidence) if found.cell.server]

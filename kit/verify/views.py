"""What rules look at: the cells of the plan that have something to be judged, side by side with their plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from kit.documents import Cell, CellPlan, Load, LoadFacts, Plan, Record, ServerFacts, Shape, Window
from kit.metrics.clients import client_of, facts_of_client, request_ids, users_of
from kit.metrics.limits import MAX_RESOLUTION_NS, STAMP_SLACK_NS
from kit.metrics.results import in_order, search_of
from kit.plan.workloads.shapes import shape_of
from kit.storage.names import CELL, RECORDS
from kit.verify.evidence import CellFiles, Evidence


@dataclass(frozen=True, slots=True)
class Found:
    """A planned cell, or an attempt at one, that has a readable cell.json.

    `attempt` is the number of an attempt that was superseded; None for the one that counts.
    """

    plan: Plan
    planned: CellPlan
    cell: Cell
    files: CellFiles
    attempt: int | None = None

    @property
    def where(self) -> str:
        return self.file(CELL)

    @property
    def name(self) -> str:
        """The id of the cell, or what an attempt at it is called."""
        return self.planned.id if self.attempt is None else self.files.folder

    def file(self, name: str) -> str:
        """The place of one of its files."""
        return f"{self.files.folder}/{name}"

    @property
    def measured(self) -> bool:
        return self.cell.status == "measured"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A planned cell whose load ran to its end: it has a load, facts and readable records.

    Of a load by several clients it may be the part of one `client`, counted from 1.
    """

    found: Found
    load: Load
    facts: LoadFacts
    records: tuple[Record, ...]
    client: int = 0

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
    def users(self) -> range:
        """The numbers of the users that its records are of."""
        return users_of(self.load, self.client) if self.client else range(self.concurrency)

    @property
    def request_ids(self) -> Iterator[int]:
        """The ids that its requests have, in their order; those of several clients have holes near the end."""
        counts = [client.requests for client in self.facts.clients]
        return request_ids(counts) if counts else count()

    @property
    def closed(self) -> bool:
        """Whether users wait for their answers before they ask again."""
        return self.plan.workload.loop == "closed"

    @property
    def shape(self) -> Shape | None:
        """What its requests are like; None where the plan does not say (`plan.consistent` refuses that)."""
        try:
            return shape_of(self.plan, self.found.planned)
        except KeyError:
            return None

    @property
    def window(self) -> Window | None:
        """The window, if it is one: it ends after it starts."""
        window = self.facts.window
        return window if window and window.end_ns > window.start_ns else None

    def of(self, record: Record) -> str:
        """The place of one record, for findings."""
        return f"{self.found.file(RECORDS)}: request {record.id}"


def eps_ns(loaded: Loaded) -> int:
    """How far stamps may stand in the wrong order: the slack, or the declared resolution of the clock."""
    return max(STAMP_SLACK_NS, min(loaded.facts.clock_resolution_ns, MAX_RESOLUTION_NS))


def possible_retries(loaded: Loaded) -> int:
    """How often requests may have been sent again: each once, where it had a new connection."""
    connected = sum(record.connect_ns is not None for record in loaded.records)
    return min(max(0, loaded.facts.stale_retries), connected)


def found_cells(evidence: Evidence) -> list[Found]:
    """The cells that have a cell.json, in the order of measurement, each after the attempts it superseded."""
    plan = evidence.plan
    if plan is None:
        return []
    return [found for planned in _in_order(evidence, plan) for found in _found(evidence, plan, planned)]


def _in_order(evidence: Evidence, plan: Plan) -> tuple[CellPlan, ...]:
    """The order of the plan; in a run with a search that of its rounds."""
    if plan.search is None:
        return plan.cells
    cells = {name: files.cell for name, files in evidence.cells.items() if files.cell is not None}
    return in_order(plan, search_of(plan, cells, evidence.calibration))


def _found(evidence: Evidence, plan: Plan, planned: CellPlan) -> Iterator[Found]:
    for number, files in evidence.attempts.get(planned.id, {}).items():
        if files.cell is not None:
            yield Found(plan, planned, files.cell, files, number)
    last = evidence.cells.get(planned.id)
    if last is not None and last.cell is not None:
        yield Found(plan, planned, last.cell, last)


def counting_cells(evidence: Evidence) -> list[Found]:
    """The cells that the result is made of, in the order of the plan."""
    return [found for found in found_cells(evidence) if found.attempt is None]


def loaded_cells(evidence: Evidence) -> list[Loaded]:
    """The cells and attempts whose load ran, in their order."""
    return [
        Loaded(found, found.cell.load, found.cell.facts, found.files.records)
        for found in found_cells(evidence)
        if found.cell.load and found.cell.facts and found.files.records is not None
    ]


def client_loads(evidence: Evidence) -> Iterator[Loaded]:
    """The cells and attempts whose load ran; one of several clients once for each, with its records and times."""
    for loaded in loaded_cells(evidence):
        clients = len(loaded.facts.clients)
        if not clients:
            yield loaded
        for number in range(1, clients + 1):
            mine = tuple(record for record in loaded.records if client_of(record.id, clients) == number)
            yield Loaded(loaded.found, loaded.load, facts_of_client(loaded.facts, number), mine, number)


def with_server(evidence: Evidence) -> list[tuple[Found, ServerFacts]]:
    """The cells and attempts whose server was started, in their order."""
    return [(found, found.cell.server) for found in found_cells(evidence) if found.cell.server]

"""How long cells will take, from the plan and from the cells that were measured before. Pure.

Warm-up and window are known from the plan. What comes before them (start, weights, correctness prompts) and after
them (the last answers, records, stop) is taken from the cell most like it: of the same entry at the same
concurrency, else of the same entry at the nearest, else of the same runtime, else of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from statistics import fmean

from kit.documents import Cell, CellPlan, Plan
from kit.documents.phases import COLLECT, STOP, WARM_UP, WINDOW
from kit.plan.plan import NS_PER_S, OVERHEADS_S

# From start to load, of runtimes that take much longer than others, until one was seen: recorded with 2 CPUs.
SLOW_STARTS_S: Mapping[str, float] = {"vllm": 85.0}


@dataclass(frozen=True, slots=True)
class CellTime:
    """The parts of a cell's duration: before its load, warm-up and window, and after them."""

    before_ns: int
    load_ns: int
    after_ns: int

    @property
    def whole_ns(self) -> int:
        return self.before_ns + self.load_ns + self.after_ns


@dataclass(frozen=True, slots=True)
class Underway:
    """A cell that is being measured: its phase, and how long both have lasted."""

    cell: str
    phase: str
    phase_ns: int
    cell_ns: int


def time_of(plan: Plan, cell: Cell) -> CellTime | None:
    """The parts that a measured cell took; None where it has none."""
    began = next((phase.started_ns for phase in cell.phases if phase.name == WARM_UP), None)
    if cell.status != "measured" or began is None:
        return None
    load_ns = plan.workload.warmup_ns + plan.workload.window_ns
    return CellTime(began, load_ns, max(0, cell.duration_ns - began - load_ns))


def predicted(plan: Plan, planned: CellPlan, done: Iterable[Cell]) -> CellTime:
    """How long a cell will take, as far as can be told from those that are `done`."""
    load_ns = plan.workload.warmup_ns + plan.workload.window_ns
    cells = list(done)
    failed = [cell.duration_ns for cell in cells if cell.entry == planned.entry and cell.status == "failed"]
    times = [(cell, found) for cell in cells if (found := time_of(plan, cell))]
    if failed and not any(cell.entry == planned.entry for cell, _ in times):
        return CellTime(round(fmean(failed)), 0, 0)  # it will fail as it did before
    runtime = next((entry.runtime for entry in plan.entries if entry.name == planned.entry), "")
    nearest = _nearest(planned, runtime, times)
    if not nearest:
        return CellTime(round(OVERHEADS_S[plan.engine] * NS_PER_S), load_ns, 0)
    seen = any(cell.runtime == runtime for cell, _ in times)
    slowly_ns = 0 if seen else round(SLOW_STARTS_S.get(runtime, 0.0) * NS_PER_S)
    return CellTime(
        max(slowly_ns, round(fmean(found.before_ns for found in nearest))),
        load_ns,
        round(fmean(found.after_ns for found in nearest)),
    )


def _nearest(planned: CellPlan, runtime: str, times: Sequence[tuple[Cell, CellTime]]) -> list[CellTime]:
    """The times of the cells that are most like a planned one."""
    tests: tuple[Callable[[Cell], bool], ...] = (
        lambda cell: (cell.entry, cell.concurrency) == (planned.entry, planned.concurrency),
        lambda cell: cell.entry == planned.entry,
        lambda cell: cell.runtime == runtime,
        lambda _: True,
    )
    for test in tests:
        alike = [(cell, found) for cell, found in times if test(cell)]
        if alike:
            least = min(_distance(cell, planned) for cell, _ in alike)
            return [found for cell, found in alike if _distance(cell, planned) == least]
    return []


def _distance(cell: Cell, planned: CellPlan) -> float:
    return abs(log((cell.concurrency or 1) / planned.concurrency))


def left_ns(
    plan: Plan, ahead: Iterable[CellPlan], done: Mapping[str, Cell], underway: Underway | None = None
) -> int:
    """How long the cells `ahead` will take, of which one may be underway."""
    cells = list(done.values())
    whole_ns = 0
    for planned in ahead:
        found = predicted(plan, planned, cells)
        if underway is not None and underway.cell == planned.id:
            whole_ns += rest_ns(found, underway)
        else:
            whole_ns += found.whole_ns
    return whole_ns


def rest_ns(found: CellTime, underway: Underway) -> int:
    """What is left of a cell, by its phase: a start that takes longer than others did says nothing of the rest."""
    if underway.phase in (COLLECT, STOP):
        return max(0, found.after_ns - underway.phase_ns)
    if underway.phase == WINDOW:
        return max(0, found.whole_ns - underway.cell_ns)
    if underway.phase == WARM_UP:
        return max(0, found.load_ns - underway.phase_ns) + found.after_ns
    return max(0, found.before_ns - underway.cell_ns) + found.load_ns + found.after_ns

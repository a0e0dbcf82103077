"""From measured cells to result.json: one line a cell, one row for each entry, shape and concurrency. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from kit.documents import (
    Calibration,
    Cell,
    CellPlan,
    CellResult,
    Distribution,
    MedianInterval,
    Metrics,
    Plan,
    Result,
    Row,
    SweepLevel,
)
from kit.metrics.disturbance import DISTURBED, cell_disturbances
from kit.metrics.intervals import median_over_replicates
from kit.metrics.limits import MAX_STALL_NS
from kit.metrics.registry import ARRIVAL_PATHS, DECODE, ERROR_RATE, PREFILL_PATHS, SESSIONS, THROUGHPUT
from kit.metrics.saturation import reason_to_stop
from kit.metrics.search import Search, search
from kit.metrics.sequential import Course, course
from kit.metrics.stats import median_interval
from kit.metrics.suspicion import NOT_CALIBRATED, doubts

METHOD_OF_ATTEMPTS = 3  # the first whose cells may be measured again
OverReplicates: TypeAlias = Callable[[Sequence[float | None]], MedianInterval]
# The numbers of a cell that are taken over replicates, by their place in the metrics document.
SPREAD_METRICS = (
    THROUGHPUT, DECODE, "request_rate_s", ERROR_RATE,
    *(f"{name}.{part}" for name in ("ttft_ms", "itl_ms") for part in ("p50", "p99", "max")),
    "tpot_ms.p50", "e2e_ms.p50", "e2e_ms.p99",
)  # fmt: skip


def spread_paths(plan: Plan) -> tuple[str, ...]:
    """The numbers that the rows of a plan have: more with lengths of prompts, a clock that sends, or sessions."""
    work = plan.workload
    prefill = PREFILL_PATHS if any(shape.input_tokens is not None for shape in work.shapes) else ()
    talks = () if work.sessions is None else SESSIONS
    return (*SPREAD_METRICS, *prefill, *(ARRIVAL_PATHS if work.loop == "open" else ()), *talks)


def value_at(metrics: Metrics, path: str) -> float | None:
    """One number of a cell by its path, e.g. "ttft_ms.p50"; None where there is no data."""
    name, _, part = path.partition(".")
    value = getattr(metrics.sessions, name, None) if path in SESSIONS else getattr(metrics, name)
    if part:
        value = getattr(value, part) if isinstance(value, Distribution) else None
    return None if value is None else float(value)


def cell_result(
    planned: CellPlan, cell: Cell | None, calibration: Calibration | None, method: int, *, by_hand: bool = False
) -> CellResult:
    """The line of one planned cell; "missing" when it was never measured. `method` is that of its plan.

    Nobody calibrates for a load `by_hand`: that is said of the run, and makes no cell of it SUSPECT by itself.
    """
    metrics = cell.metrics if cell else None
    closed = cell is None or cell.load is None or cell.load.loop.kind == "closed"
    found = doubts(planned.concurrency, metrics, calibration, method, closed=closed) if metrics else ()
    if by_hand:
        found = tuple(doubt for doubt in found if doubt.words != NOT_CALIBRATED)
    suspect = (*(doubt.words for doubt in found), *_stalled(cell), *_disturbed(cell)) if metrics else ()
    return CellResult(
        id=planned.id,
        entry=planned.entry,
        concurrency=planned.concurrency,
        replicate=planned.replicate,
        status=cell.status if cell else "missing",
        failure=cell.failure if cell else None,
        metrics=metrics,
        suspect=suspect,
        failures=cell.facts.failures if cell and cell.facts else None,
        attempts=cell.attempt if cell else 1,
        at_least=bool(suspect) and set(suspect) <= {doubt.words for doubt in found if doubt.lowers},
        shape=planned.shape,
        witness=cell.witness if cell else None,
    )


def _stalled(cell: Cell | None) -> Iterator[str]:
    """Whether the load generator itself stood still: what came meanwhile has a stamp of later."""
    stalled_ns = cell.facts.longest_stall_ns if cell and cell.facts else 0
    if stalled_ns > MAX_STALL_NS:
        yield f"the load generator stood still for {stalled_ns / 1e9:.1f} s, limit {MAX_STALL_NS / 1e9:g} s"


def course_of(plan: Plan, cells: Mapping[str, Cell], calibration: Calibration | None) -> Course | None:
    """How far a run that decides has come with these cells, by id; None where the plan has no such rule."""
    return _course(plan, _lines(plan, cells, calibration), cells, calibration)


def search_of(plan: Plan, cells: Mapping[str, Cell], calibration: Calibration | None) -> Search | None:
    """How far a run that looks for the largest number of users has come; None where the plan has no such rule."""
    return _search(plan, _lines(plan, cells, calibration), cells, calibration)


def _search(
    plan: Plan, lines: Sequence[CellResult], cells: Mapping[str, Cell], calibration: Calibration | None
) -> Search | None:
    if plan.search is None:
        return None
    return search(plan, {line.id: line for line in lines}, _spent_ns(cells), _before_ns(calibration))


def progress_of(plan: Plan, cells: Mapping[str, Cell], calibration: Calibration | None) -> Course | Search | None:
    """How far the plan's rule has come, whichever it has; None for plans without one."""
    return search_of(plan, cells, calibration) or course_of(plan, cells, calibration)


def cells_ahead(plan: Plan, cells: Mapping[str, Cell], calibration: Calibration | None) -> tuple[CellPlan, ...]:
    """The cells that are still to be measured, in their order, as far as the plan's rule tells by now."""
    found = progress_of(plan, cells, calibration)
    return tuple(
        planned
        for planned in in_order(plan, found)
        if is_ahead(plan, cells.get(planned.id)) and (found is None or planned.id in found.called)
    )


def in_order(plan: Plan, found: Course | Search | None) -> tuple[CellPlan, ...]:
    """The cells in the order in which they are measured: that of the plan, or of the rounds of its search."""
    if not isinstance(found, Search):
        return plan.cells
    place = {name: at for at, name in enumerate(found.called)}
    return tuple(sorted(plan.cells, key=lambda cell: (place.get(cell.id, len(place)), cell.order)))


def is_ahead(plan: Plan, cell: Cell | None) -> bool:
    """Whether a planned cell is still to be measured, if it is needed; before method 3 none was taken again."""
    return cell is None or (cell.status == "interrupted" and plan.method >= METHOD_OF_ATTEMPTS)


def _lines(plan: Plan, cells: Mapping[str, Cell], calibration: Calibration | None) -> tuple[CellResult, ...]:
    by_hand = bool(plan.loads)
    return tuple(
        cell_result(planned, cells.get(planned.id), calibration, plan.method, by_hand=by_hand)
        for planned in plan.cells
    )


def _course(
    plan: Plan, lines: Sequence[CellResult], cells: Mapping[str, Cell], calibration: Calibration | None
) -> Course | None:
    rule = plan.sequential
    if rule is None or rule.metric not in SPREAD_METRICS:  # kit verify refuses such a rule
        return None
    return course(
        plan,
        {line.id: line for line in lines},
        _spent_ns(cells),
        _before_ns(calibration),
        lambda line: value_at(line.metrics, rule.metric) if line.metrics else None,
    )


def _spent_ns(cells: Mapping[str, Cell]) -> dict[str, int]:
    """What each cell took; attempts that were set aside took about as long as the one that counts."""
    return {name: cell.duration_ns * cell.attempt for name, cell in cells.items()}


def _before_ns(calibration: Calibration | None) -> int:
    return calibration.duration_ns if calibration else 0


def _disturbed(cell: Cell | None) -> Iterator[str]:
    """The reasons why a cell that counts was disturbed to the last attempt."""
    reasons = cell_disturbances(cell.telemetry) if cell else ()
    return (f"{DISTURBED}{reason}" for reason in reasons)


def shown_rows(result: Result) -> tuple[Row, ...]:
    """The rows of a result with today's intervals: those of method 1 and 2 keep the bootstrap in result.json."""
    lines = _by_row(result.cells)
    return tuple(_row(place_of(row), lines, median_over_replicates, tuple(row.spreads)) for row in result.rows)


Place: TypeAlias = tuple[str, str, int]  # entry, shape, concurrency: what a row, a subject and their cells share
_ByRow: TypeAlias = Mapping[Place, Sequence[CellResult]]


def place_of(of: CellPlan | CellResult | Row) -> Place:
    """Of which row a cell is, or which this row is."""
    return of.entry, of.shape, of.concurrency


def _by_row(results: Sequence[CellResult]) -> _ByRow:
    """The lines of each row, in their order; those that were not needed are of none."""
    found: dict[Place, list[CellResult]] = {}
    for result in results:
        if result.status != "not needed":
            found.setdefault(place_of(result), []).append(result)
    return found


def _row(place: Place, lines: _ByRow, over_replicates: OverReplicates, paths: Sequence[str]) -> Row:
    mine = lines.get(place, ())
    measured = [result.metrics for result in mine if result.status == "measured" and result.metrics]
    doubtful = [result for result in mine if result.status == "measured" and result.suspect]
    return Row(
        entry=place[0],
        concurrency=place[2],
        replicates=len(mine),
        measured=len(measured),
        spreads={path: over_replicates([value_at(metrics, path) for metrics in measured]) for path in paths},
        suspect=tuple(dict.fromkeys(reason for each in doubtful for reason in each.suspect)),
        at_least=bool(doubtful) and all(each.at_least for each in doubtful),
        shape=place[1],
    )


def _until_saturated(lines: Sequence[CellResult]) -> tuple[CellResult, ...]:
    """The lines of a sweep: levels that were not measured after it was saturated were not needed."""
    levels: list[SweepLevel] = []
    for line in lines:
        if line.status == "missing":
            break
        levels.append(SweepLevel(line.id, line.concurrency, None, "", line.metrics))
    stopped = bool(levels) and reason_to_stop(levels) is not None
    return tuple(
        replace(line, status="not needed") if stopped and at >= len(levels) and line.status == "missing" else line
        for at, line in enumerate(lines)
    )


def make_result(
    plan: Plan, plan_sha256: str, cells: Mapping[str, Cell], calibration: Calibration | None
) -> Result:
    """result.json of a plan from the cells there are, by id; without a calibration every cell is suspect."""
    results = _lines(plan, cells, calibration)
    found = _search(plan, results, cells, calibration) or _course(plan, results, cells, calibration)
    if found is not None:
        results = tuple(
            replace(line, status="not needed")
            if line.status == "missing" and found.status_of(planned) == "not needed"
            else line
            for planned, line in zip(plan.cells, results, strict=True)
        )
    if plan.stop_at_saturation:
        results = _until_saturated(results)
    lines, paths = _by_row(results), spread_paths(plan)
    over_replicates = median_over_replicates if plan.method >= 3 else median_interval
    return Result(
        schema="kit/result/1",
        kit_version=plan.kit_version,
        plan_sha256=plan_sha256,
        complete=all(result.status in ("measured", "failed", "not needed") for result in results),
        cells=results,
        rows=tuple(
            _row((entry.name, shape, concurrency), lines, over_replicates, paths)
            for entry in plan.entries
            for shape in [shape.name for shape in plan.workload.shapes] or [""]
            for concurrency in plan.workload.concurrencies
        ),
    )

"""From measured cells to result.json: one line a cell, one row for each entry and concurrency. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
)
from kit.metrics.accuracy import suspicions
from kit.metrics.intervals import median_over_replicates
from kit.metrics.registry import DECODE, ERROR_RATE, THROUGHPUT
from kit.metrics.stats import median_interval

OverReplicates: TypeAlias = Callable[[Sequence[float | None]], MedianInterval]
# The numbers of a cell that are taken over replicates, by their place in the metrics document.
SPREAD_METRICS = (
    THROUGHPUT, DECODE, "request_rate_s", ERROR_RATE,
    *(f"{name}.{part}" for name in ("ttft_ms", "itl_ms") for part in ("p50", "p99", "max")),
    "tpot_ms.p50", "e2e_ms.p50", "e2e_ms.p99",
)  # fmt: skip


def value_at(metrics: Metrics, path: str) -> float | None:
    """One number of a cell by its path, e.g. "ttft_ms.p50"; None where there is no data."""
    name, _, part = path.partition(".")
    value = getattr(metrics, name)
    if part:
        value = getattr(value, part) if isinstance(value, Distribution) else None
    return None if value is None else float(value)


def cell_result(planned: CellPlan, cell: Cell | None, calibration: Calibration | None) -> CellResult:
    """The line of one planned cell; "missing" when it was never measured."""
    metrics = cell.metrics if cell else None
    return CellResult(
        id=planned.id,
        entry=planned.entry,
        concurrency=planned.concurrency,
        replicate=planned.replicate,
        status=cell.status if cell else "missing",
        failure=cell.failure if cell else None,
        metrics=metrics,
        suspect=suspicions(planned.concurrency, metrics, calibration) if metrics else (),
        failures=cell.facts.failures if cell and cell.facts else None,
    )


def shown_rows(result: Result) -> tuple[Row, ...]:
    """The rows of a result with today's intervals: those of method 1 and 2 keep the bootstrap in result.json."""
    return tuple(_row(row.entry, row.concurrency, result.cells, median_over_replicates) for row in result.rows)


def _row(entry: str, concurrency: int, results: Sequence[CellResult], over_replicates: OverReplicates) -> Row:
    mine = [result for result in results if result.entry == entry and result.concurrency == concurrency]
    measured = [result.metrics for result in mine if result.status == "measured" and result.metrics]
    return Row(
        entry=entry,
        concurrency=concurrency,
        replicates=len(mine),
        measured=len(measured),
        spreads={
            path: over_replicates([value_at(metrics, path) for metrics in measured]) for path in SPREAD_METRICS
        },
        suspect=tuple(
            dict.fromkeys(reason for each in mine if each.status == "measured" for reason in each.suspect)
        ),
    )


def make_result(
    plan: Plan, plan_sha256: str, cells: Mapping[str, Cell], calibration: Calibration | None
) -> Result:
    """result.json of a plan from the cells there are, by id; without a calibration every cell is suspect."""
    results = tuple(cell_result(planned, cells.get(planned.id), calibration) for planned in plan.cells)
    over_replicates = median_over_replicates if plan.method >= 3 else median_interval
    return Result(
        schema="kit/result/1",
        kit_version=plan.kit_version,
        plan_sha256=plan_sha256,
        complete=all(result.status in ("measured", "failed") for result in results),
        cells=results,
        rows=tuple(
            _row(entry.name, concurrency, results, over_replicates)
            for entry in plan.entries
            for concurrency in plan.workload.concurrencies
        ),
    )

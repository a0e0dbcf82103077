"""From measured cells to result.json: one line a cell, one row for each entry and concurrency. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kit.documents import (
    Calibration,
    Cell,
    CellPlan,
    CellResult,
    Distribution,
    Metrics,
    Plan,
    Result,
    Row,
)
from kit.metrics.registry import DECODE, ERROR_RATE, THROUGHPUT
from kit.metrics.stats import median_interval
from kit.metrics.suspicion import doubts

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


def cell_result(planned: CellPlan, cell: Cell | None, calibration: Calibration | None, method: int) -> CellResult:
    """The line of one planned cell; "missing" when it was never measured. `method` is that of its plan."""
    metrics = cell.metrics if cell else None
    found = doubts(planned.concurrency, metrics, calibration, method) if metrics else ()
    suspect = tuple(doubt.words for doubt in found)
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
        at_least=bool(suspect) and set(suspect) <= {doubt.words for doubt in found if doubt.lowers},
    )


def _row(entry: str, concurrency: int, results: Sequence[CellResult]) -> Row:
    mine = [result for result in results if result.entry == entry and result.concurrency == concurrency]
    measured = [result.metrics for result in mine if result.status == "measured" and result.metrics]
    doubtful = [result for result in mine if result.status == "measured" and result.suspect]
    return Row(
        entry=entry,
        concurrency=concurrency,
        replicates=len(mine),
        measured=len(measured),
        spreads={
            path: median_interval([value_at(metrics, path) for metrics in measured]) for path in SPREAD_METRICS
        },
        suspect=tuple(dict.fromkeys(reason for each in doubtful for reason in each.suspect)),
        at_least=bool(doubtful) and all(each.at_least for each in doubtful),
    )


def make_result(
    plan: Plan, plan_sha256: str, cells: Mapping[str, Cell], calibration: Calibration | None
) -> Result:
    """result.json of a plan from the cells there are, by id; without a calibration every cell is suspect."""
    results = tuple(
        cell_result(planned, cells.get(planned.id), calibration, plan.method) for planned in plan.cells
    )
    return Result(
        schema="kit/result/1",
        kit_version=plan.kit_version,
        plan_sha256=plan_sha256,
        complete=all(result.status in ("measured", "failed") for result in results),
        cells=results,
        rows=tuple(
            _row(entry.name, concurrency, results)
            for entry in plan.entries
            for concurrency in plan.workload.concurrencies
        ),
    )

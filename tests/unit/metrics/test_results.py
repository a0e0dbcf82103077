"""result.json from cells: a line for each planned one, a row for each entry and concurrency."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest

from kit.documents import Cell, CellFailure, CellPlan, CellStatus, Metrics, Window
from kit.metrics.accuracy import NOT_CALIBRATED
from kit.metrics.aggregate import cell_metrics
from kit.metrics.intervals import median_over_replicates
from kit.metrics.results import make_result, shown_rows, value_at
from kit.metrics.stats import median_interval
from tests.support.calibrations import good_calibration
from tests.support.fakes import demo_plan
from tests.support.forge import FIRST, path, read
from tests.support.good_bundle import good_files
from tests.support.records import MS, make_record

FAILURE = CellFailure("ready", "EngineError", "No.")


def metrics(throughput: float | None = 4.0, in_flight: float = 9.0) -> Metrics:
    found = cell_metrics([make_record()], Window(0, 1000 * MS), open_loop=False)
    return replace(found, throughput_tok_s=throughput, mean_in_flight=in_flight)


def cell(planned: CellPlan, found: Metrics | None = None, failure: CellFailure | None = None) -> Cell:
    whole = read(dict(good_files()), path(FIRST), Cell)
    status: CellStatus = "failed" if failure else "measured"
    return replace(whole, id=planned.id, entry=planned.entry, status=status, metrics=found, failure=failure)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("throughput_tok_s", 4.0),
        ("ttft_ms.p50", 50.0),
        ("ttft_ms.p99", None),
        ("ttft_ms.n", 1.0),
        ("replayed", 0.0),
    ],
)
def test_a_number_is_found_by_its_place_in_the_document(where: str, value: float | None) -> None:
    """A float, whatever it is there; None where there is none."""
    found = value_at(metrics(), where)
    assert found == value
    assert found is None or isinstance(found, float)


def test_a_number_of_what_has_no_parts_is_none() -> None:
    """An open loop's distribution in a closed one, and a part of a plain number."""
    assert value_at(metrics(), "ttft_from_intended_ms.p50") is None
    assert value_at(metrics(), "throughput_tok_s.p50") is None


def test_every_planned_cell_has_a_line_and_what_was_never_measured_is_missing() -> None:
    """Measured, failed and missing; the run is complete only without the last."""
    plan = demo_plan()
    first, second, *others = plan.cells
    cells = {first.id: cell(first, metrics()), second.id: cell(second, None, FAILURE)}
    found = make_result(plan, "f" * 64, cells, good_calibration())
    assert [line.id for line in found.cells] == [planned.id for planned in plan.cells]
    assert [line.status for line in found.cells] == ["measured", "failed", *["missing"] * len(others)]
    assert (found.cells[0].metrics, found.cells[0].failure) == (metrics(), None)
    assert (found.cells[1].metrics, found.cells[1].failure) == (None, FAILURE)
    line, planned = found.cells[2], others[0]
    assert (line.entry, line.concurrency, line.replicate, line.metrics) == (
        planned.entry, planned.concurrency, planned.replicate, None,
    )  # fmt: skip
    assert not found.complete
    assert (found.schema, found.kit_version, found.plan_sha256) == ("kit/result/1", plan.kit_version, "f" * 64)
    everything = {planned.id: cell(planned, metrics()) for planned in plan.cells}
    assert make_result(plan, "f" * 64, everything, None).complete
    failed = {**everything, second.id: cells[second.id]}
    assert make_result(plan, "f" * 64, failed, None).complete
    interrupted = {**everything, second.id: replace(cells[second.id], status="interrupted")}
    assert not make_result(plan, "f" * 64, interrupted, None).complete


def test_a_row_is_over_the_measured_replicates_of_its_entry_and_concurrency() -> None:
    """Their spread, how many of how many, and each reason for doubt once; others play no part."""
    plan = demo_plan()
    row = plan.cells[0]
    mine = [each for each in plan.cells if (each.entry, each.concurrency) == (row.entry, row.concurrency)]
    assert len(mine) == 2
    cells = {each.id: cell(each, metrics(1000.0)) for each in plan.cells}
    cells |= {each.id: cell(each, metrics(float(at))) for at, each in enumerate(mine)}
    found = make_result(plan, "f" * 64, cells, None)
    rows = {(each.entry, each.concurrency): each for each in found.rows}
    assert list(rows) == [(one.name, level) for one in plan.entries for level in plan.workload.concurrencies]
    here = rows[row.entry, row.concurrency]
    assert (here.replicates, here.measured) == (2, 2)
    assert (here.spreads["throughput_tok_s"].n, here.spreads["throughput_tok_s"].median) == (2, 0.5)
    assert here.spreads["ttft_ms.p99"].n == 0
    assert here.suspect == (NOT_CALIBRATED,)
    assert {name for each in found.rows for name in each.spreads} == set(here.spreads)


@pytest.mark.parametrize("method", [1, 2, 3])
def test_results_of_before_keep_the_bootstrap_and_are_shown_with_the_interval_of_today(
    method: Literal[1, 2, 3],
) -> None:
    """So that their bundles are recomputed bit for bit, and no table shows an interval that does not hold."""
    plan = replace(demo_plan(), method=method)
    one = plan.cells[0]
    planned = tuple(replace(one, id=f"r{at}", replicate=at) for at in (1, 2, 3))
    plan = replace(plan, cells=planned)
    figures = [90.0, 100.0, 120.0]
    cells = {each.id: cell(each, metrics(value)) for each, value in zip(planned, figures, strict=True)}
    found = make_result(plan, "f" * 64, cells, None)
    here = next(row for row in found.rows if row.measured)
    old, new = median_interval(figures), median_over_replicates(figures)
    assert old != new
    assert here.spreads["throughput_tok_s"] == (new if method == 3 else old)
    shown = shown_rows(found)
    assert [(row.entry, row.concurrency, row.suspect) for row in shown] == [
        (row.entry, row.concurrency, row.suspect) for row in found.rows
    ]
    assert next(row for row in shown if row.measured).spreads["throughput_tok_s"] == new


def test_a_failed_cell_casts_no_doubt_on_its_row() -> None:
    """Its numbers are in no spread either."""
    plan = demo_plan()
    first = plan.cells[0]
    found = make_result(plan, "f" * 64, {first.id: cell(first, metrics(), FAILURE)}, None)
    assert found.cells[0].suspect == (NOT_CALIBRATED,)
    row = next(each for each in found.rows if (each.entry, each.concurrency) == (first.entry, first.concurrency))
    assert (row.suspect, row.replicates, row.measured) == ((), 2, 0)
    assert row.spreads["throughput_tok_s"].n == 0

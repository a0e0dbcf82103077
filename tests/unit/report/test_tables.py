"""Tables: numbers in one form, dashes for no data, nothing foreign unescaped."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from kit.documents import (
    Calibration,
    Cell,
    CellFailure,
    CellPlan,
    FailureReason,
    Failures,
    Metrics,
    Plan,
    Result,
    Window,
)
from kit.documents.pins import ImagePin
from kit.metrics.aggregate import cell_metrics
from kit.metrics.registry import TABLES
from kit.metrics.results import make_result, value_at
from kit.report.failure_text import WHY
from kit.report.method_text import method_lines
from kit.report.tables import failures, metric_table, metrics_table, report, tables
from tests.support.calibrations import good_calibration
from tests.support.fakes import demo_plan
from tests.support.records import MS, make_record

PLAN: Plan = demo_plan()
SHA = sha256(b"").hexdigest()
CALIBRATION = good_calibration((1, 2, 4))
THROUGHPUT = TABLES[0]


def metrics_with(tokens: int, step_ms: float = 10) -> Metrics:
    """Numbers of one request with this many tokens in a window of one second."""
    record = make_record(chunks_ms=tuple(50 + i * step_ms for i in range(tokens)))
    return replace(cell_metrics([record], Window(0, 1000 * MS), open_loop=False), mean_in_flight=64.0)


def cell(planned: CellPlan, metrics: Metrics | None, failure: CellFailure | None = None) -> Cell:
    return Cell(
        schema="kit/cell/1",
        id=planned.id,
        entry=planned.entry,
        runtime="llamacpp",
        variant="embedded",
        concurrency=planned.concurrency,
        replicate=planned.replicate,
        status="failed" if failure else "measured",
        failure=failure,
        started_utc="2026-01-01T00:00:00.000000Z",
        ended_utc="2026-01-01T00:00:01.000000Z",
        duration_ns=10**9,
        phases=(),
        load=None,
        facts=None,
        server=None,
        metrics=metrics,
    )


def result_of(
    tokens: dict[str, int],
    failed: dict[str, CellFailure] | None = None,
    calibration: Calibration | None = CALIBRATION,
) -> Result:
    """A result in which the cells named have so many tokens per second; the rest is missing."""
    cells = {}
    for planned in PLAN.cells:
        if planned.id in tokens:
            cells[planned.id] = cell(planned, metrics_with(tokens[planned.id]))
        elif failed and planned.id in failed:
            cells[planned.id] = cell(planned, None, failed[planned.id])
    return make_result(PLAN, SHA, cells, calibration)


def row(table: str, entry: str) -> list[str]:
    line = next(line for line in table.splitlines() if line.startswith(f"| {entry} "))
    return [part.strip() for part in line.strip("|").split("|")][1:]


def test_a_row_is_the_median_over_replicates() -> None:
    """20 and 30 tokens per second."""
    result = result_of({"r1-c1-llamacpp-serial": 20, "r2-c1-llamacpp-serial": 30})
    assert row(metric_table(result, THROUGHPUT), "llamacpp-serial")[0] == "25.0"


def test_a_row_says_how_many_replicates_it_has() -> None:
    """One of two is missing."""
    result = result_of({"r1-c1-llamacpp-serial": 20})
    assert row(metric_table(result, THROUGHPUT), "llamacpp-serial") == ["20.0 (1 of 2)", "no result", "no result"]


def test_below_the_floor_a_percentile_is_a_dash_with_the_largest_beside_it() -> None:
    """One request is no p99."""
    result = result_of({"r1-c1-llamacpp-serial": 20, "r2-c1-llamacpp-serial": 20})
    p99 = next(metric for metric in TABLES if metric.path == "ttft_ms.p99")
    assert row(metric_table(result, p99), "llamacpp-serial")[0] == "– (max 50.0)"  # noqa: RUF001


def test_three_replicates_have_an_interval() -> None:
    """Median and bounds."""
    plan = replace(PLAN, workload=replace(PLAN.workload, replicates=3))
    planned = [replace(PLAN.cells[0], id=f"r{i}", replicate=i) for i in (1, 2, 3)]
    plan = replace(plan, cells=tuple(planned))
    cells = {p.id: cell(p, metrics_with(10 * p.replicate)) for p in planned}
    table = metric_table(make_result(plan, SHA, cells, CALIBRATION), THROUGHPUT)
    assert row(table, "llamacpp-serial")[0] == "20.0 [4.6, 72.2]"


def test_failed_and_missing_cells_are_listed_with_their_reason() -> None:
    """A hostile log line cannot leave its place."""
    bad = CellFailure("ready", "RuntimeNotReadyError", "It ended.\n| a | b |\x1b[2J <script>")
    lines = failures(result_of({}, {"r1-c1-llamacpp-serial": bad}))
    assert len(lines) == 12
    first = next(line for line in lines if "r1-c1-llamacpp-serial" in line)
    assert first.startswith("- r1-c1-llamacpp-serial: failed in ready: It ended")
    assert "\n" not in first
    assert "\x1b" not in first
    assert "<script>" not in first
    assert "| a" not in first.replace("\\|", "")


def test_a_result_is_complete_only_when_every_cell_ended() -> None:
    """Missing cells make it incomplete; failed ones do not."""
    everything = {planned.id: 20 for planned in PLAN.cells}
    assert result_of(everything).complete
    assert not result_of({"r1-c1-llamacpp-serial": 20}).complete


def test_the_method_stands_in_two_lines() -> None:
    """Windows, warm-up, lengths, prompts, formulas and what a dash means."""
    first, second = method_lines(PLAN)
    for word in ("2 interleaved replicates", "2 s warm-up", "8 s window", "'short'", "16-64", "temperature 0"):
        assert word in first
    for word in ("TTFT = first text - send", "nearest-rank", "459"):
        assert word in second


def test_a_program_that_was_compiled_elsewhere_is_named() -> None:
    """With its hash; a run of compiled images says nothing."""
    result = result_of({"r1-c1-llamacpp-serial": 20})
    ready = ImagePin("llamacpp-serial", "source", "kit/llamacpp:cpu-source", ready_made=SHA)
    text = tables(replace(PLAN, images=(ready, replace(ready, entry="other", ready_made=None))), result, None)
    assert f"compiled elsewhere, not by the kit's recipe: llamacpp-serial (sha256 {SHA})." in text
    assert "compiled elsewhere" not in tables(PLAN, result, None)


def test_a_report_holds_model_host_plan_and_tables() -> None:
    """Everything a reader needs to begin to believe it."""
    result = result_of({"r1-c1-llamacpp-serial": 20})
    text = report(PLAN, result, CALIBRATION, ("CPU: x",), SHA)
    for word in (PLAN.model.sha256, "- CPU: x", SHA, "kit verify", tables(PLAN, result, CALIBRATION)):
        assert word in text
    assert "not confirmed" in report(
        replace(PLAN, model=replace(PLAN.model, confirmed=False)), result, None, (), SHA
    )


def test_a_report_says_that_weights_are_of_no_catalogue() -> None:
    """And where they are from, with nothing of it taken for Markdown."""
    mine = replace(PLAN.model, name="mine", catalogue=False, origin="hf:Org/Repo:*a*.gguf@0")
    text = report(replace(PLAN, model=mine), result_of({"r1-c1-llamacpp-serial": 20}), None, (), SHA)
    assert r"not of the catalogue (from hf\:Org/Repo\:\*a\*.gguf\@0)." in text
    assert "of the catalogue" not in report(PLAN, result_of({"r1-c1-llamacpp-serial": 20}), None, (), SHA)


def test_the_numbers_of_one_cell_are_shown_with_their_counts() -> None:
    """Scalars, failures by kind, distributions."""
    records = [make_record(), make_record(1, outcome="failed", error="http_status", chunks_ms=())]
    text = metrics_table(cell_metrics(records, Window(0, 1000 * MS), open_loop=True))
    for word in ("failed: http_status", "1 / 1 / 0", "50.0", "TTFT from intended", "| window 1 s"):
        assert word in text


@pytest.mark.parametrize(
    ("path", "value"), [("ttft_ms.p50", 50.0), ("throughput_tok_s", 4.0), ("ttft_ms.p99", None)]
)
def test_numbers_are_found_by_their_path(path: str, value: float | None) -> None:
    """As results name them."""
    assert value_at(metrics_with(4), path) == value


def test_why_requests_failed_stands_below_the_tables() -> None:
    """By entry, each reason once, in Markdown that the server's words cannot leave."""
    result = make_result(PLAN, SHA, {}, CALIBRATION)
    busy = Failures(2, (FailureReason("http_status", 503, "busy | **now**", 2),))
    first, *others = result.cells
    text = tables(PLAN, replace(result, cells=(replace(first, failures=busy), *others)), CALIBRATION)
    assert WHY in text
    assert f"- HTTP 503, 2 requests ({first.entry}): busy \\| \\*\\*now\\*\\*" in text
    assert WHY not in tables(PLAN, result, CALIBRATION)


def test_a_rate_that_can_only_be_too_low_says_so_and_other_figures_do_not() -> None:
    """No interval then: its upper end would be as wrong as the figure."""
    result = result_of({f"r1-c1-{name}": 30 for name in ("llamacpp-serial", "llamacpp-batched")})
    lowered = replace(
        result,
        cells=tuple(
            replace(line, at_least=True, suspect=("late",)) if line.entry == "llamacpp-serial" else line
            for line in result.cells
        ),
        rows=tuple(
            replace(row, at_least=True, suspect=("late",)) if row.entry == "llamacpp-serial" else row
            for row in result.rows
        ),
    )
    serial, batched = metric_table(lowered, THROUGHPUT).splitlines()[2:4]
    assert "| ≥ 30.0 (1 of 2) † |" in serial
    assert "≥" not in batched
    decode = metric_table(lowered, TABLES[1]).splitlines()[2]
    assert "≥" not in decode
    assert "†" in decode
    text = tables(PLAN, lowered, CALIBRATION)
    assert "late; its throughput can only be higher (≥)" in text

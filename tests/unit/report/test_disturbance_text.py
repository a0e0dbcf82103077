"""What a report says of disturbed cells: how many, which, why; nothing where all was quiet."""

from __future__ import annotations

from dataclasses import replace

from kit.documents import Cell
from kit.metrics.results import make_result
from kit.report.disturbance_text import disturbance_lines
from kit.report.tables import tables
from tests.support.calibrations import good_calibration
from tests.support.disturbed import telemetry
from tests.support.forge import BATCHED, CELL_NAMES, SERIAL, path, read
from tests.support.good_bundle import good_files, good_plan

PLAN = good_plan()
CELLS = {name: read(dict(good_files()), path(name), Cell) for name in CELL_NAMES}
BAD = telemetry(other_share=0.3)


def test_a_quiet_run_says_nothing() -> None:
    """No line at all."""
    assert disturbance_lines(PLAN, CELLS, {}, ()) == []
    result = make_result(PLAN, "0" * 64, CELLS, good_calibration())
    assert "disturbed" not in tables(PLAN, result, good_calibration())


def test_each_attempt_is_listed_with_its_reasons() -> None:
    """Cells are counted once, however often they were disturbed."""
    bad = [replace(CELLS[SERIAL], telemetry=BAD, attempt=number) for number in (1, 2)]
    cut = replace(CELLS[BATCHED], status="interrupted", telemetry=None, attempt=1)
    lines = disturbance_lines(PLAN, CELLS, {SERIAL: bad, BATCHED: [cut]}, ())
    reason = r"other programs used 30 % of the CPU time, limit 3 %, no CPU to spare"
    assert lines == [
        "1 of 4 cells was disturbed and measured again.",
        "1 of 4 cells was interrupted and measured again.",
        "",
        rf"- r1\-c2\-llamacpp\-serial, attempt 1: {reason}",
        rf"- r1\-c2\-llamacpp\-serial, attempt 2: {reason}",
        r"- r1\-c2\-llamacpp\-batched, attempt 1: interrupted",
    ]


def test_a_cell_without_a_verdict_is_told_in_the_tables() -> None:
    """With a sentence, and among the SUSPECT ones, whose title says who it may have been."""
    cells = CELLS | {SERIAL: replace(CELLS[SERIAL], telemetry=BAD, attempt=3)}
    lines = disturbance_lines(PLAN, cells, {}, ("other programs use 30 % of the CPU time, limit 3 %",))
    assert lines[:2] == [
        "The machine was not quiet before the start: other programs use 30 % of the CPU time, limit 3 %.",
        "1 of 4 cells was still disturbed at the last attempt: no verdict.",
    ]
    result = make_result(PLAN, "0" * 64, cells, good_calibration())
    text = tables(PLAN, result, good_calibration(), disturbance=lines)
    assert "\n".join(lines) in text
    assert "SUSPECT: other programs or the load generator may have distorted these numbers:" in text
    assert "at concurrency 2: disturbed\\: other programs used 30 %" in text

"""What a report says of disturbed cells: how many, which, why; nothing where all was quiet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kit import cli
from kit.documents import Cell
from kit.metrics.results import make_result
from kit.report.disturbance_text import DisturbanceText, disturbance_text
from kit.report.tables import tables
from tests.support.calibrations import good_calibration
from tests.support.disturbed import telemetry
from tests.support.forge import BATCHED, CELL_NAMES, SERIAL, archive_of, path, read
from tests.support.good_attempts import tried_files
from tests.support.good_bundle import good_files, good_plan

PLAN = good_plan()
CELLS = {name: read(dict(good_files()), path(name), Cell) for name in CELL_NAMES}
BAD = telemetry(other_share=0.3)


def test_a_quiet_run_says_nothing() -> None:
    """No line at all."""
    assert disturbance_text(PLAN, CELLS, {}, ()) == DisturbanceText()
    result = make_result(PLAN, "0" * 64, CELLS, good_calibration())
    assert "disturbed" not in tables(PLAN, result, good_calibration())


def test_each_attempt_is_listed_with_its_reasons() -> None:
    """Cells are counted once, however often they were disturbed."""
    bad = [replace(CELLS[SERIAL], telemetry=BAD, attempt=number) for number in (1, 2)]
    cut = replace(CELLS[BATCHED], status="interrupted", telemetry=None, attempt=1)
    lines = disturbance_text(PLAN, CELLS, {SERIAL: bad, BATCHED: [cut]}, ()).markdown()
    reason = "other programs used 30 % of the CPU time, limit 3 %, no CPU to spare"
    assert lines == [
        "1 of 4 cells was disturbed and measured again.",
        "1 of 4 cells was interrupted and measured again.",
        "",
        f"- r1-c2-llamacpp-serial, attempt 1: {reason}",
        f"- r1-c2-llamacpp-serial, attempt 2: {reason}",
        "- r1-c2-llamacpp-batched, attempt 1: interrupted",
    ]


def test_cells_are_listed_in_the_order_of_the_plan() -> None:
    """Whatever order they came in: a run prints them as measured, and a folder gives them by name."""
    bad = {name: replace(cell, telemetry=BAD) for name, cell in CELLS.items()}
    one, other = (
        disturbance_text(PLAN, dict(sorted(bad.items(), reverse=back)), {}, ()) for back in (True, False)
    )
    assert one == other
    assert [line.partition(",")[0] for line in one.attempts] == [cell.id for cell in PLAN.cells]


def test_a_cell_without_a_verdict_is_told_in_the_tables() -> None:
    """With a sentence, and among the SUSPECT ones, whose title says who it may have been."""
    cells = CELLS | {SERIAL: replace(CELLS[SERIAL], telemetry=BAD, attempt=3)}
    lines = disturbance_text(PLAN, cells, {}, ("other programs use 30 % of the CPU time, limit 3 %",)).markdown()
    assert lines[:2] == [
        "The machine was not quiet before the start: other programs use 30 % of the CPU time, limit 3 %.",
        "1 of 4 cells was still disturbed at the last attempt: no verdict.",
    ]
    result = make_result(PLAN, "0" * 64, cells, good_calibration())
    text = tables(PLAN, result, good_calibration(), disturbance=lines)
    assert "\n".join(lines) in text
    assert "SUSPECT: other programs or the load generator may have distorted these numbers:" in text
    assert "at concurrency 2: disturbed\\: other programs used 30 %" in text


def test_a_page_and_a_table_of_a_bundle_say_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`kit table` below its tables, `kit report` among the cautions; from the records of the bundle."""
    bundle = tmp_path / "run.tar.gz"
    bundle.write_bytes(archive_of(dict(tried_files())))
    assert cli.run(["table", str(bundle)]) == 0
    assert "2 of 4 cells were disturbed and measured again." in capsys.readouterr().out
    assert cli.run(["report", str(bundle), "-o", str(tmp_path / "page")]) == 0
    for name in ("REPORT.md", "report.html"):
        text = (tmp_path / "page" / name).read_text()
        assert "2 of 4 cells were disturbed and measured again." in text
        assert "attempt 2: other programs used 50" in text

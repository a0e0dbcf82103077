"""A calibration in words, and how suspect rows are shown."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from kit.documents import Ceiling, ErrorSpread, Fault, SearchEnd
from kit.metrics.accuracy import FAULT_WORDS
from kit.metrics.registry import TABLES
from kit.report.calibration_text import END_WORDS, calibration_line, calibration_table
from kit.report.tables import metric_table, suspect_lines, tables
from kit.text import cell as safe
from tests.support.calibrations import good_calibration, good_point
from tests.unit.report.test_tables import CALIBRATION, PLAN, result_of


def test_one_line_says_how_right_and_how_far() -> None:
    """At the largest concurrency."""
    assert calibration_line(CALIBRATION) == (
        "Load generator: TTFT error p99 0.20 ms, gap error p99 0.02 ms at 4 streams; "
        "proven to 2,560 tokens/s and 4 streams."
    )
    assert calibration_line(None) == "Load generator: not calibrated in this run."
    assert "nothing proven" in calibration_line(replace(CALIBRATION, ceiling=None))


def test_the_table_has_a_line_for_each_point_and_step() -> None:
    """Verdicts in words, the ceiling and why the search ended, the method."""
    lost = replace(good_point(4, 1600.0), ok=False, faults=("lost", "pace"))
    text = calibration_table(replace(good_calibration((1, 4)), steps=(lost,), ended_by="lost"))
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + 3
    cells = [part.strip() for part in rows[1].strip("|").split("|")]
    assert cells == ["1", "200", "160", "0.10 / 0.20 / 0.25", "0.00 / 0.02 / 0.40", "0.40", "ok"]
    assert "lost chunks or requests and streams slower than asked for" in rows[3]
    assert "Ceiling: proven to 2,560 tokens/s and 4 streams (lost chunks or requests)." in text
    for word in ("2 shared CPUs", "stamps: kernel", "1 ms", "98%", "retried once"):
        assert word in text


@pytest.mark.parametrize(
    ("ended_by", "processes", "cpus", "said"),
    [
        ("pace", 1, 2, True),
        ("largest_point", 1, 2, True),
        ("steps", 1, 2, False),
        ("time", 1, 2, False),
        ("pace", 2, 2, False),
        ("pace", 1, 1, False),
    ],
)
def test_where_one_process_gave_in_more_are_advised(
    ended_by: SearchEnd, processes: int, cpus: int, said: bool
) -> None:
    """Only after a fault, and where there is a CPU for a second."""
    text = calibration_table(replace(CALIBRATION, ended_by=ended_by, cpus=cpus), processes)
    assert ("try more: kit calibrate --processes 2" in text) is said


def test_no_data_is_a_dash_in_the_table() -> None:
    """A load of which nothing came back."""
    none = ErrorSpread(0, None, None, None)
    point = good_point(1)
    empty = replace(point, ok=False, faults=("lost",), accuracy=replace(point.accuracy, ttft_error_ms=none))
    assert "–" in calibration_table(replace(CALIBRATION, points=(empty,)))  # noqa: RUF001


def test_there_are_words_for_every_fault() -> None:
    """And for every end of the search; none that Markdown or a terminal would change."""
    assert set(FAULT_WORDS) == set(get_args(Fault))
    assert set(END_WORDS) == set(get_args(SearchEnd))
    assert all(safe(words) == words for words in FAULT_WORDS.values())


def test_a_suspect_row_bears_a_mark_and_its_reason() -> None:
    """In every table, with the word and the reasons below; a good one bears none."""
    points = tuple(replace(point, tok_s=25.0) for point in CALIBRATION.points)
    slow = replace(CALIBRATION, points=points, steps=(), ceiling=Ceiling(25.0, 4))
    cells = {"r1-c1-llamacpp-serial": 20, "r2-c1-llamacpp-serial": 30, "r1-c1-llamacpp-batched": 20}
    result = result_of(cells, calibration=slow)
    (line,) = suspect_lines(result)
    assert line.startswith("- llamacpp-serial at concurrency 1: 30 chunks/s, proven to 25")
    lines = metric_table(result, TABLES[0]).splitlines()
    assert "25.0 †" in next(line for line in lines if "llamacpp-serial" in line)
    assert "†" not in next(line for line in lines if "llamacpp-batched" in line)
    text = tables(PLAN, result, slow)
    assert "† SUSPECT: the load generator may have distorted" in text
    assert "SUSPECT" not in tables(PLAN, result_of(cells), CALIBRATION)


def test_without_a_calibration_all_that_was_measured_is_suspect() -> None:
    """Cells that failed or are missing have no number to suspect."""
    result = result_of({"r1-c1-llamacpp-serial": 20}, calibration=None)
    assert suspect_lines(result) == ["- llamacpp-serial at concurrency 1: not calibrated"]

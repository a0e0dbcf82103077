"""Real time and monotonic time of a cell: what differs costs the cell its place, whatever it says itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.documents import Cell
from kit.documents.telemetry import TelemetryFacts, TelemetrySummary
from kit.metrics.clocks import CLOCK_SET, clock_was_set, with_its_clock_checked
from kit.metrics.limits import UTC_SLACK_NS
from kit.timestamps import utc_ns, utc_text
from kit.verify.evidence import open_run
from kit.verify.rules_time import time_clock, time_one_at_a_time, time_order, time_steps
from tests.support.good_bundle import good_files

HOUR_NS = 3600 * 10**9
EVIDENCE = open_run(good_files())
CELL = next(files.cell for files in EVIDENCE.cells.values() if files.cell)


def set_by(step_ns: int, cell: Cell = CELL) -> Cell:
    """The cell as it is when somebody sets the clock in its window: what comes later bears the new time."""
    assert cell.facts is not None
    assert cell.server is not None
    assert cell.server.stopped_utc is not None
    return replace(
        cell,
        ended_utc=later(cell.ended_utc, step_ns),
        facts=replace(cell.facts, ended_utc=later(cell.facts.ended_utc, step_ns)),
        server=replace(cell.server, stopped_utc=later(cell.server.stopped_utc, step_ns)),
    )


def later(utc: str, by_ns: int) -> str:
    return utc_text(utc_ns(utc) + by_ns)


@pytest.mark.parametrize("step_ns", [HOUR_NS, -HOUR_NS, 2 * UTC_SLACK_NS])
def test_a_cell_whose_clock_was_set_fails_with_the_reason(step_ns: int) -> None:
    """Its numbers stay with it, and count for nothing."""
    found = with_its_clock_checked(set_by(step_ns))
    assert found.status == "failed"
    assert found.failure is not None
    assert found.failure.kind == CLOCK_SET
    assert f"{step_ns / 1e9:+.3f} s" in found.failure.message
    assert clock_was_set(found)


@pytest.mark.parametrize("step_ns", [0, UTC_SLACK_NS // 2, -UTC_SLACK_NS // 2])
def test_a_clock_that_is_slewed_a_little_is_a_clock(step_ns: int) -> None:
    """NTP does that all day."""
    assert with_its_clock_checked(set_by(step_ns)) == set_by(step_ns)


def test_a_cell_that_failed_keeps_its_own_reason() -> None:
    """The clock is not why."""
    failed = replace(set_by(HOUR_NS), status="interrupted")
    assert with_its_clock_checked(failed) == failed


def test_a_step_that_telemetry_saw_is_left_to_telemetry() -> None:
    """That cell is disturbed, and measured again."""
    summary = TelemetrySummary(20, 100_000_000, clock_step_ns=-HOUR_NS)
    facts = TelemetryFacts("a" * 64, 100_000_000, 2, {}, "stopped", summary)
    seen = replace(set_by(HOUR_NS), telemetry=facts)
    assert clock_was_set(seen)
    assert with_its_clock_checked(seen) == seen
    assert not clock_was_set(replace(CELL, telemetry=replace(facts, summary=replace(summary, clock_step_ns=None))))


@pytest.mark.parametrize("step_ns", [HOUR_NS, -HOUR_NS])
def test_a_clock_that_is_set_in_one_cell_refuses_no_other(step_ns: int) -> None:
    """The rules of time hold before and after it; a flag says what happened. Unmarked it is refused as before."""
    names = list(EVIDENCE.cells)
    for marked in (True, False):
        cells = dict(EVIDENCE.cells)
        plan_order = [planned.id for planned in EVIDENCE.plan.cells] if EVIDENCE.plan else names
        for number, name in enumerate(plan_order):
            cell = cells[name].cell
            assert cell is not None
            if number == 1:
                stepped = set_by(step_ns, cell)
                cells[name] = replace(cells[name], cell=with_its_clock_checked(stepped) if marked else stepped)
            elif number > 1:
                assert cell.server is not None
                moved = replace(
                    set_by(step_ns, cell),
                    started_utc=later(cell.started_utc, step_ns),
                    facts=None,
                    server=replace(
                        cell.server,
                        started_utc=later(cell.server.started_utc, step_ns),
                        stopped_utc=later(cell.server.stopped_utc or "", step_ns),
                    ),
                )
                cells[name] = replace(cells[name], cell=moved)
        evidence = replace(EVIDENCE, cells=cells)
        refused = [
            step
            for rule in (time_clock, time_order, time_one_at_a_time)
            for step in rule.check(evidence)
            if not isinstance(step, int)
        ]
        flags = [step for step in time_steps.check(evidence) if not isinstance(step, int)]
        assert (bool(refused), len(flags)) == (not marked, int(marked))

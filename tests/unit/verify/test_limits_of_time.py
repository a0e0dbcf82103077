"""The limits of rules about time: what is just inside of each is no finding, what is just outside is one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.documents import Calibration, Cell, Record
from kit.metrics.limits import (
    MAX_RESOLUTION_NS,
    READING_SLACK_NS,
    STAMP_SLACK_NS,
    UTC_DRIFT_PER_MILLION,
    UTC_SLACK_NS,
)
from kit.timestamps import utc_ns, utc_text
from tests.support.forge import (
    FIRST,
    SECOND,
    in_calibration,
    in_cell,
    in_server,
)
from tests.support.issues import cell_of, facts, issues, only, record, records

US = 1_000  # real time is written in microseconds


# --- real time against monotonic time ---------------------------------------------------------------------


def span_slack_ns(duration_ns: int) -> int:
    """How far real time may be off over a span, in whole microseconds as it is written."""
    return (UTC_SLACK_NS + duration_ns * UTC_DRIFT_PER_MILLION // 1_000_000) // US * US


@pytest.mark.parametrize("duration_ns", [10**9, 3600 * 10**9], ids=["second", "hour"])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("more_ns", "found"), [(0, False), (US, True)])
def test_real_time_may_differ_from_the_clock_by_its_slack_and_drift(
    duration_ns: int, sign: int, more_ns: int, found: bool
) -> None:
    """A fixed part, and a part that grows with the span: longer or shorter alike."""

    def spanned(cell: Cell) -> Cell:
        ended_ns = utc_ns(cell.started_utc) + duration_ns + sign * (span_slack_ns(duration_ns) + more_ns)
        return replace(
            cell, duration_ns=duration_ns, ended_utc=utc_text(ended_ns), facts=None, server=None, status="failed"
        )

    assert bool(issues("time.clock", only(spanned))) is found


def test_the_clock_rule_holds_the_load_to_the_same_slack() -> None:
    """It has a clock of its own."""
    load = cell_of().facts
    assert load is not None
    edge_ns = utc_ns(load.origin_utc) + load.duration_ns + span_slack_ns(load.duration_ns)
    bare = only(lambda cell: replace(cell, server=None))
    for ended_ns, found in ((edge_ns, False), (edge_ns + 2 * US, True)):
        words = issues("time.clock", bare, facts(ended_utc=utc_text(ended_ns)))
        assert any("differ" in each for each in words) is found


@pytest.mark.parametrize(("more_ns", "found"), [(0, False), (US, True)])
def test_moments_may_be_noted_in_the_wrong_order_by_the_slack_of_real_time(more_ns: int, found: bool) -> None:
    """The server begins before its cell, by the slack and a little more."""
    started_ns = utc_ns(cell_of().started_utc) - UTC_SLACK_NS - more_ns
    assert bool(issues("time.clock", in_server(started_utc=utc_text(started_ns)))) is found


@pytest.mark.parametrize(("more_ns", "found"), [(0, False), (US, True)])
def test_two_servers_may_overlap_by_the_slack_of_real_time(more_ns: int, found: bool) -> None:
    """The second is started before the first has stopped, by as much."""
    server = cell_of(FIRST).server
    assert server is not None
    assert server.stopped_utc is not None
    started_ns = utc_ns(server.stopped_utc) - UTC_SLACK_NS - more_ns
    assert bool(issues("time.one_at_a_time", in_server(SECOND, started_utc=utc_text(started_ns)))) is found


@pytest.mark.parametrize(("more_ns", "found"), [(0, False), (US, True)])
def test_cells_may_overlap_by_the_slack_of_real_time(more_ns: int, found: bool) -> None:
    """The later cell begins before the earlier one has ended, by as much."""
    started_ns = utc_ns(cell_of(FIRST).ended_utc) - UTC_SLACK_NS - more_ns
    change = only(lambda cell: replace(cell, started_utc=utc_text(started_ns)), SECOND)
    assert bool(issues("time.order", change)) is found


@pytest.mark.parametrize(("more_ns", "found"), [(0, False), (US, True)])
def test_a_calibration_may_end_a_reading_after_the_first_cell_began(more_ns: int, found: bool) -> None:
    """It is timed by the two clocks, one read after the other."""
    began_ns = utc_ns(cell_of(FIRST).started_utc)

    def later(calibration: Calibration) -> Calibration:
        end_ns = began_ns + READING_SLACK_NS + more_ns
        return replace(calibration, duration_ns=end_ns - utc_ns(calibration.started_utc))

    found_words = issues("calibration.consistent", in_calibration(later))
    assert found_words == (["was not over when the first cell started"] if found else [])


@pytest.mark.parametrize(("more_ns", "found"), [(0, False), (1, True)])
def test_the_last_phase_may_end_a_reading_after_the_cell(more_ns: int, found: bool) -> None:
    """The log of phases begins a moment before the clock of the cell does."""

    def later(cell: Cell) -> Cell:
        *phases, last = cell.phases
        end_ns = cell.duration_ns + READING_SLACK_NS + more_ns
        return replace(cell, phases=(*phases, replace(last, ended_ns=end_ns)))

    assert issues("time.phases", in_cell(later)) == (["end after the cell"] if found else [])


def test_phases_may_touch_and_not_overlap() -> None:
    """By a nanosecond is too much."""

    def overlapping(cell: Cell) -> Cell:
        first, second, *rest = cell.phases
        assert first.ended_ns == second.started_ns
        return replace(cell, phases=(first, replace(second, started_ns=first.ended_ns - 1), *rest))

    assert issues("time.phases", in_cell(overlapping)) == ["overlap or go backwards"]


# --- stamps -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("more_ns", "found"), [(0, False), (1, True)])
@pytest.mark.parametrize("resolution_ns", [1, 50_000, MAX_RESOLUTION_NS])
def test_stamps_may_stand_in_the_wrong_order_by_their_slack(resolution_ns: int, more_ns: int, found: bool) -> None:
    """That of the kernel's stamps, or the resolution of a coarser clock."""
    slack_ns = max(STAMP_SLACK_NS, resolution_ns)

    def early(record: Record) -> Record:
        assert record.sent_ns is not None
        return replace(record, headers_ns=record.sent_ns - slack_ns - more_ns)

    rule = "time.monotonic"
    assert bool(issues(rule, facts(clock_resolution_ns=resolution_ns), record(early))) is found


@pytest.mark.parametrize(("more_ns", "found"), [(0, False), (1, True)])
def test_a_request_ends_before_its_load_does(more_ns: int, found: bool) -> None:
    """Or after it by the slack of stamps."""
    load = cell_of().facts
    assert load is not None
    end_ns = load.duration_ns + STAMP_SLACK_NS + more_ns
    assert bool(issues("time.monotonic", record(lambda each: replace(each, done_ns=end_ns)))) is found


@pytest.mark.parametrize(("more_ns", "found"), [(0, False), (1, True)])
def test_a_connection_is_made_between_the_intended_time_and_the_sending(more_ns: int, found: bool) -> None:
    """Earlier or later by the slack of stamps, and no more."""

    def early(record: Record) -> Record:
        return replace(record, connect_ns=record.intended_ns - STAMP_SLACK_NS - more_ns)

    def late(record: Record) -> Record:
        assert record.sent_ns is not None
        return replace(record, connect_ns=record.sent_ns + STAMP_SLACK_NS + more_ns)

    for change in (early, late):
        assert bool(issues("time.monotonic", record(change))) is found


@pytest.mark.parametrize(("resolution_ns", "count"), [(MAX_RESOLUTION_NS, 0), (MAX_RESOLUTION_NS + 1, 1)])
def test_a_clock_may_be_so_coarse(resolution_ns: int, count: int) -> None:
    """Tokens come every few milliseconds."""
    assert len(issues("time.monotonic", facts(clock_resolution_ns=resolution_ns))) == count


@pytest.mark.parametrize(("more_ns", "found"), [(0, False), (1, True)])
def test_a_worker_may_send_before_its_last_answer_ended_by_the_slack_of_stamps(more_ns: int, found: bool) -> None:
    """And before that it has two requests at once."""

    def touching(found: list[Record]) -> list[Record]:
        before, after = [each for each in found if each.worker == 0][3:5]
        moved = replace(after, sent_ns=before.done_ns - STAMP_SLACK_NS - more_ns)
        return [moved if each.id == after.id else each for each in found]

    assert bool(issues("load.concurrency", records(touching))) is found


def test_the_load_lasts_at_least_as_long_as_its_window() -> None:
    """Just as long is enough."""
    window = cell_of().facts
    assert window is not None
    assert window.window is not None
    end_ns = window.window.end_ns
    assert issues("time.window", facts(duration_ns=end_ns)) == []
    assert issues("time.window", facts(duration_ns=end_ns - 1)) == ["ends after the load itself"]

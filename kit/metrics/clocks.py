"""Whether real time and monotonic time agree over a cell, and what becomes of one where they do not. Pure."""

from __future__ import annotations

from dataclasses import replace

from kit.documents import Cell, CellFailure
from kit.documents.phases import STOP
from kit.metrics.limits import MAX_CLOCK_STEP_NS, UTC_DRIFT_PER_MILLION, UTC_SLACK_NS
from kit.timestamps import utc_ns

CLOCK_SET = "ClockSet"  # the kind of failure of a cell in which somebody set the clock, or the machine slept


def clock_slack_ns(duration_ns: int) -> int:
    """By how much the two clocks may differ over so long a time."""
    return UTC_SLACK_NS + duration_ns * UTC_DRIFT_PER_MILLION // 1_000_000


def clock_difference_ns(started_utc: str, ended_utc: str, duration_ns: int) -> int:
    """Real time minus monotonic time over a span; `ValueError` for a time that does not exist."""
    return utc_ns(ended_utc) - utc_ns(started_utc) - duration_ns


def clock_was_set(cell: Cell) -> bool:
    """Whether a cell says itself that the real-time clock was set in it: then it is in no verdict."""
    if cell.failure is not None and cell.failure.kind == CLOCK_SET:
        return True
    summary = cell.telemetry.summary if cell.telemetry else None
    step_ns = summary.clock_step_ns if summary else None
    return step_ns is not None and abs(step_ns) > MAX_CLOCK_STEP_NS


def with_its_clock_checked(cell: Cell) -> Cell:
    """The cell, failed if its times cannot be checked and it does not say so yet.

    Its stamps are monotonic and right, but nobody else could tell them from invented ones.
    """
    spans = [(cell.started_utc, cell.ended_utc, cell.duration_ns)]
    if cell.facts is not None:
        spans.append((cell.facts.origin_utc, cell.facts.ended_utc, cell.facts.duration_ns))
    off_ns = max((clock_difference_ns(*span) for span in spans), key=abs)
    if cell.status != "measured" or clock_was_set(cell) or abs(off_ns) <= clock_slack_ns(cell.duration_ns):
        return cell
    words = f"The real-time clock was set by {off_ns / 1e9:+.3f} s, or the machine slept: times cannot be checked."
    return replace(cell, status="failed", failure=CellFailure(STOP, CLOCK_SET, words))

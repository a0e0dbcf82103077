"""What to say of a load in whose window no request began: why, and which window would do."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

from kit.documents import CellFailure, Load, Metrics, Record
from kit.documents.phases import WINDOW
from kit.metrics.disturbance import EMPTY_WINDOW

ROOM = 2  # a window twice as long as the longest answer sees each worker begin at least once


def empty_window(
    load: Load, metrics: Metrics, records: Iterable[Record], option: str = "--duration"
) -> CellFailure | None:
    """The failure, in two sentences that name the `option` for a longer window; None where a request began in it.

    Also None for a window that is not one of time.
    """
    counts = metrics.requests
    if load.window_ns is None or counts.ok + counts.failed + counts.unfinished:
        return None
    words = f"No request began in the window of {load.window_ns / 1e9:g} s: {_why(load, records, option)}"
    return CellFailure(WINDOW, EMPTY_WINDOW, words)


def _why(load: Load, records: Iterable[Record], option: str) -> str:
    if load.loop.rate_milli_per_s is not None:
        needed_s = max(1, ceil(ROOM * 1000 / load.loop.rate_milli_per_s))
        return f"none was due at this rate. {_would_do(needed_s, option)}"
    seen = [record for record in records if record.sent_ns is not None]
    longest_ns = max(map(_taken_ns, seen), default=0)
    if load.window_ns is None or longest_ns < load.window_ns:
        did = "thinking, or pausing after failures" if load.sessions else "pausing after failures"
        return f"every user was {did}. A longer {option} may do."
    cut = any(record.outcome == "unfinished" for record in seen)
    takes = f"an answer takes {'more than' if cut else 'up to'} {longest_ns / 1e9:.1f} s, which is longer"
    return f"{takes}. {_would_do(ceil(ROOM * max(map(_whole_ns, seen)) / 1e9), option)}"


def _would_do(needed_s: int, option: str) -> str:
    return f"A window of {needed_s} s would do: {option} {needed_s}s."


def _taken_ns(record: Record) -> int:
    return 0 if record.sent_ns is None else record.done_ns - record.sent_ns


def _whole_ns(record: Record) -> int:
    """How long the answer took, or at its pace would have taken up to its limit if the end of the load cut it."""
    taken_ns = _taken_ns(record)
    if record.outcome != "unfinished" or len(record.chunks) < 2:
        return taken_ns
    gap_ns = (record.chunks[-1][0] - record.chunks[0][0]) // (len(record.chunks) - 1)
    return taken_ns + gap_ns * max(0, record.max_tokens - len(record.chunks))

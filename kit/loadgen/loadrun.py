"""What a load says while it runs, and what it leaves."""

from __future__ import annotations

from dataclasses import dataclass

from kit.documents import Exchange, Load, StampSource, Window
from kit.documents.phases import WARM_UP, WINDOW
from kit.loadgen.spool import Exchanges


@dataclass(frozen=True, slots=True)
class Progress:
    """What can be said while the load runs; `pieces` counts reads of answers, about one per token."""

    phase: str
    at_ns: int
    pieces: int
    ok: int
    failed: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class LoadRun:
    """What a load left: exchanges, to be read in the order of their ids. `window` is None when it never closed.

    `origin_ns` is the origin of all stamps as a reading of the monotonic clock. `broken` says which of several
    processes was lost, with what it had seen. `longest_stall_ns` is the longest time that one did not run.
    """

    exchanges: Exchanges
    origin_ns: int
    window: Window | None
    interrupted: bool
    aborted: bool
    stamp_source: StampSource
    origin_utc_ns: int
    ended_utc_ns: int
    duration_ns: int
    cpu_ns: int
    stale_retries: int
    processes: int = 1
    broken: str = ""
    longest_stall_ns: int = 0


def phase_of(load: Load, now_ns: int) -> str:
    """What a load does at a time of its clock, as long as it runs."""
    if now_ns < load.warmup_ns:
        return WARM_UP
    return WINDOW if load.window_ns is None or now_ns < load.warmup_ns + load.window_ns else "drain"


def unsent(request: int, intended_ns: int, worker: int, now_ns: int) -> Exchange:
    """A request that was still to be sent when the load ended."""
    return Exchange(
        id=request,
        worker=worker,
        intended_ns=intended_ns,
        connect_ns=None,
        sent_ns=None,
        headers_ns=None,
        done_ns=now_ns,
        status=None,
        pieces=(),
        complete=False,
        unfinished=True,
    )

"""One load by several processes: one clock, one ledger, a spool each, and what each leaves put together.

The parent forks them, gives all the same origin when all are ready, says what they do together, tells all when
one has ended the load, and collects what they leave. It sends no request. A process and its parent hold the two
ends of a socket: whoever is left alone notices, however the other went.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kit.documents import Load
from kit.loadgen.counters import ABORTED, INTERRUPTED, RUNNING, Ledger, Share, shared_ledger
from kit.loadgen.loadrun import LoadRun, Progress, phase_of
from kit.loadgen.shard import ORIGIN_BYTES, OVER, READY, Report, SessionOf, live, report_of
from kit.loadgen.spool import Spool, Spools

LEAD_NS = 2_000_000  # from the last process that is ready to the origin: enough to tell all
TICK_MS = 50
START_S = 30.0  # to fork, to look up what TLS needs, to build a first request
LEAVE_S = 60.0  # to cut what is in flight and write the rest of a spool, once the load is over
READ_BYTES = 1 << 20


@dataclass(slots=True)
class _Shard:
    """One process, as its parent sees it."""

    number: int
    pid: int
    link: socket.socket
    said: bytearray = field(default_factory=bytearray)
    ended: bool = False
    killed: bool = False
    status: int = 0

    @property
    def ready(self) -> bool:
        return self.said.startswith(READY)


def run_shards(
    load: Load,
    spools: Sequence[Spool],
    session_of: SessionOf,
    on_progress: Callable[[Progress], None],
    interrupted: Callable[[], bool],
) -> LoadRun:
    """Carry a load out by as many processes as there are spools; none is left when this returns or raises.

    `interrupted` is asked a few times a second whether to end the load now. Raises what a process could not do
    (`KitError`, `OSError`); one that just disappears ends the load, and stands in `LoadRun.broken`.
    """
    cpu = time.process_time_ns()
    with shared_ledger(load, len(spools)) as ledger:
        group = _Group(load, ledger, spools, on_progress, interrupted)
        try:
            group.fork(session_of)
            if group.start():
                group.follow()
        finally:
            group.end()
        return group.run(cpu)


class _Group:
    """All the processes of one load."""

    def __init__(
        self,
        load: Load,
        ledger: Ledger,
        spools: Sequence[Spool],
        on_progress: Callable[[Progress], None],
        interrupted: Callable[[], bool],
    ) -> None:
        self._load = load
        self._ledger = ledger
        self._spools = spools
        self._on_progress = on_progress
        self._interrupted = interrupted
        self._shards: list[_Shard] = []
        self._told = False
        self._origin_ns = time.monotonic_ns()
        self._origin_utc_ns = time.time_ns()

    def fork(self, session_of: SessionOf) -> None:
        sys.stdout.flush()
        for number, spool in enumerate(self._spools):
            here, there = socket.socketpair()
            pid = os.fork()
            if not pid:
                for older in self._shards:
                    older.link.close()
                here.close()
                live(there, self._ledger.of(Share(number, len(self._spools))), spool, session_of)
            there.close()
            self._shards.append(_Shard(number, pid, here))

    def start(self) -> bool:
        """Give the origin as soon as all are ready, so that none begins late. False: one never is."""
        limit = time.monotonic() + START_S
        while not all(shard.ready for shard in self._shards):
            if any(shard.ended for shard in self._shards) or time.monotonic() > limit:
                return False
            self._listen()
        self._origin_ns = time.monotonic_ns() + LEAD_NS
        self._origin_utc_ns = time.time_ns() + LEAD_NS
        for shard in self._shards:
            self._tell(shard, self._origin_ns.to_bytes(ORIGIN_BYTES, "big"))
        return True

    def follow(self) -> None:
        """Listen, and say how it goes, until all have left."""
        next_ns, leave_ns = self._now(), None
        while not all(shard.ended for shard in self._shards):
            now = self._now()
            if self._interrupted() or any(shard.ended for shard in self._shards):
                self._ledger.end(INTERRUPTED, self._now)
            if self._ledger.how == RUNNING:
                if now >= next_ns:
                    next_ns = now + TICK_MS * 1_000_000
                    self._say(now)
            else:
                leave_ns = leave_ns or now + round(LEAVE_S * 1e9)
                if now > leave_ns:
                    return
                self._tell_all()
            self._listen()

    def _now(self) -> int:
        return time.monotonic_ns() - self._origin_ns

    def _say(self, now: int) -> None:
        counts = self._ledger.counts()
        self._on_progress(
            Progress(
                phase=phase_of(self._load, now),
                at_ns=max(0, now),
                pieces=counts.pieces,
                ok=counts.ok,
                failed=counts.failed,
                in_flight=counts.in_flight,
            )
        )

    def _tell_all(self) -> None:
        if not self._told:
            self._told = True
            for shard in self._shards:
                self._tell(shard, OVER)

    def _tell(self, shard: _Shard, data: bytes) -> None:
        with contextlib.suppress(OSError):  # it has gone, which is seen when it is listened to
            shard.link.sendall(data)

    def _listen(self) -> None:
        """Take what the processes say, for a moment at most."""
        poll = select.poll()
        open_ = {shard.link.fileno(): shard for shard in self._shards if not shard.ended}
        for fd in open_:
            poll.register(fd, select.POLLIN)
        for fd, _ in poll.poll(TICK_MS):
            shard = open_[fd]
            try:
                data = shard.link.recv(READ_BYTES)
            except ConnectionError:
                data = b""
            shard.said += data
            shard.ended = not data

    def end(self) -> None:
        """No process is left: one that has not left by itself is killed."""
        for shard in self._shards:
            shard.link.close()
            if not shard.ended:
                shard.killed = True  # not yet waited for, so its number is still its own
                os.kill(shard.pid, signal.SIGKILL)
        for shard in self._shards:
            shard.status = os.waitpid(shard.pid, 0)[1]

    # --- what they left ---------------------------------------------------------------------------------

    def run(self, cpu: int) -> LoadRun:
        """All together; raises what one could not do."""
        now, now_utc_ns = self._now(), time.time_ns()
        reports: list[Report] = []
        lost: list[_Shard] = []
        for shard in self._shards:
            report = report_of(bytes(shard.said))
            if report is None:
                lost.append(shard)
            else:
                self._spools[shard.number].adopt(report.index)
                reports.append(report)
        last = max(((each.duration_ns, each.ended_utc_ns) for each in reports), default=(now, now_utc_ns))
        how = self._ledger.how
        return LoadRun(
            exchanges=Spools(self._spools),
            origin_ns=self._origin_ns,
            window=None if lost else self._ledger.window(),
            interrupted=bool(lost) or how == INTERRUPTED,
            aborted=how == ABORTED,
            stamp_source=reports[0].stamp_source if reports else "user",
            origin_utc_ns=self._origin_utc_ns,
            ended_utc_ns=last[1],
            duration_ns=last[0],
            cpu_ns=time.process_time_ns() - cpu + sum(each.cpu_ns for each in reports),
            stale_retries=sum(each.stale_retries for each in reports),
            processes=len(self._shards),
            broken=_losses(lost),
            longest_stall_ns=max((each.longest_stall_ns for each in reports), default=0),
        )


def _losses(lost: Sequence[_Shard]) -> str:
    """Which processes were lost, and how: of those that had to be killed only where no other was lost first."""
    first = [shard for shard in lost if not shard.killed] or lost
    return " ".join(f"Process {shard.number + 1} of the load generator {_how(shard)}." for shard in first)


def _how(shard: _Shard) -> str:
    if shard.killed:
        return "did not answer and was killed"
    code = os.waitstatus_to_exitcode(shard.status)
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"

"""One load from its first request to its last: warm-up, window, drain. Gives exchanges, parses nothing.

The load goes on at full concurrency through the drain, until every request sent in the window has ended (or
the drain bound is reached): the last requests of the window meet the same load as the first.
"""

from __future__ import annotations

import gc
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kit.loadgen.client import Client
from kit.loadgen.clock import Clock, kernel_stamps_available
from kit.loadgen.dial import resolve
from kit.loadgen.linger import linger_ns
from kit.loadgen.spool import Spool
from kit.loadgen.target import Target
from kit.model import Exchange, Load, StampSource, Window
from kit.reactor import Reactor
from kit.traces import start_offsets_ns

TICK_NS = 50_000_000  # time-outs, progress and the clock offset are looked at this often
# A worker whose request failed at once waits before the next: 10 ms, doubling to 1 s, so that a dead server
# is not hammered.
BACKOFF_FIRST_NS = 10_000_000
BACKOFF_MAX_NS = 1_000_000_000
ABORT_FROM_REQUESTS = 20  # of fewer that have ended, nobody can say which share fails

BodyOf = Callable[[int], bytes]


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

    `origin_ns` is the origin of all stamps as a reading of the monotonic clock.
    """

    exchanges: Spool
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


class Session:
    """Runs one load. `body_of(id)` gives the bytes of a whole HTTP request; `arrivals` offsets of an open loop."""

    def __init__(
        self,
        load: Load,
        target: Target,
        body_of: BodyOf,
        on_progress: Callable[[Progress], None],
        arrivals: Iterator[int] | None = None,
        spool: Spool | None = None,
    ) -> None:
        self._load = load
        self._body_of = body_of
        self._on_progress = on_progress
        self._arrivals = arrivals
        self._target = target
        self._address = resolve(target)
        self._tls = ssl.create_default_context() if target.tls else None
        self._reactor = Reactor()
        kernel = kernel_stamps_available() and not target.tls and target.unix is None
        self._clock = Clock(use_kernel=kernel)
        self._stamp_source: StampSource = "kernel" if kernel else "user"
        self._clients: list[Client] = []
        self._idle: list[Client] = []
        self._exchanges = Spool() if spool is None else spool
        self._failures: dict[int, int] = {}
        self._next_id = 0
        self._next_body = b""
        self._ok = self._failed = 0
        self._counted = 0  # requests begun since the warm-up
        self._window_end_ns = None if load.window_ns is None else load.warmup_ns + load.window_ns
        self._due_ns: int | None = None  # the next arrival of an open loop; None after the end of a trace
        self._seen = 0, 0  # pieces read until the last tick, and when that was
        self._interrupted = self._aborted = False
        self._over = False

    def interrupt(self) -> None:
        """End the load now (for signal handlers)."""
        self._interrupted = True

    def run(self) -> LoadRun:
        """Carry the load out; blocks until it is over."""
        gc.collect()
        gc.disable()
        cpu = time.process_time_ns()
        self._clock = Clock(use_kernel=self._clock.use_kernel)
        origin_utc_ns = time.time_ns()
        try:
            self._next_body = self._body_of(0)
            self._begin()
            self._tick()
            self._reactor.run()
        finally:
            gc.enable()
            for client in self._clients:
                client.close()
            self._reactor.close()
        return LoadRun(
            exchanges=self._exchanges,
            origin_ns=self._clock.origin_ns,
            window=self._window(),
            interrupted=self._interrupted,
            aborted=self._aborted,
            stamp_source=self._stamp_source,
            origin_utc_ns=origin_utc_ns,
            ended_utc_ns=time.time_ns(),
            duration_ns=self._clock.now(),
            cpu_ns=time.process_time_ns() - cpu,
            stale_retries=sum(client.stale_retries for client in self._clients),
        )

    # --- sending ----------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._load.loop.kind == "open":
            self._schedule_arrival()
            return
        starts = start_offsets_ns(self._load.loop.concurrency or 1, self._load.ramp_ns)
        for worker, due_ns in enumerate(starts):
            self._send_at(self._new_client(worker), due_ns)

    def _send_at(self, client: Client, due_ns: int) -> None:
        """Send at a time of the load's clock; what is due at once is sent at once."""
        if due_ns <= 0:
            self._send(client, due_ns)
        else:
            self._reactor.at(self._clock.origin_ns + due_ns, lambda: self._send(client, due_ns))

    def _new_client(self, worker: int) -> Client:
        client = Client(
            worker,
            self._target,
            self._address,
            self._load.timeouts,
            self._clock,
            self._reactor,
            self._done,
            self._tls,
        )
        self._clients.append(client)
        return client

    def _send(self, client: Client, intended_ns: int) -> None:
        if self._over or not self._wants_more():
            return
        request, body = self._next_id, self._next_body
        self._next_id += 1
        # An arrival belongs where it was meant to be, however late it is sent.
        at_ns = intended_ns if self._load.loop.kind == "open" else self._clock.now()
        self._counted += at_ns >= self._load.warmup_ns
        client.start(request, intended_ns, body)
        self._next_body = self._body_of(self._next_id)  # built after the send: the next one is ready in time

    def _wants_more(self) -> bool:
        return self._load.requests is None or self._counted < self._load.requests

    def _all_sent(self) -> bool:
        """Whether a load by number has begun all its requests: as many as asked for, or the whole trace."""
        exhausted = self._load.loop.kind == "open" and self._due_ns is None
        return exhausted or not self._wants_more()

    def _schedule_arrival(self) -> None:
        assert self._arrivals is not None
        self._due_ns = next(self._arrivals, None)
        if self._due_ns is not None:
            self._reactor.at(self._clock.origin_ns + self._due_ns, self._arrive)

    def _arrive(self) -> None:
        """Send all that is due: a client that lags must not send one a round and fall ever further behind."""
        now = self._clock.now()
        while self._due_ns is not None and self._due_ns <= now and not self._over and self._wants_more():
            client = self._idle.pop() if self._idle else self._new_client(len(self._clients))
            self._send(client, self._due_ns)
            self._due_ns = next(self._arrivals, None) if self._arrivals is not None else None
        if self._due_ns is not None and not self._over and self._wants_more():
            self._reactor.at(self._clock.origin_ns + self._due_ns, self._arrive)

    # --- receiving --------------------------------------------------------------------------------------

    def _done(self, client: Client, exchange: Exchange) -> None:
        self._exchanges.add(exchange)
        good = exchange.failure is None and exchange.status == 200
        self._ok += good
        self._failed += not good and not exchange.unfinished
        if self._over:
            return
        self._aborted = self._fails_too_often()
        if self._load.loop.kind == "open":
            self._idle.append(client)
        else:
            self._again(client, exchange, good=good)
        self._maybe_finish()

    def _fails_too_often(self) -> bool:
        """By what can be known before answers are parsed: HTTP status, connections, time-outs."""
        limit, ended = self._load.max_error_milli, self._ok + self._failed
        return limit is not None and ended >= ABORT_FROM_REQUESTS and self._failed * 1000 > limit * ended

    def _again(self, client: Client, exchange: Exchange, *, good: bool) -> None:
        """The closed loop: the same worker sends again, after a pause if it has just failed."""
        due_ns = exchange.done_ns
        if good:
            self._failures.pop(client.worker, None)
        else:
            failures = self._failures.get(client.worker, 0)
            self._failures[client.worker] = failures + 1
            due_ns += min(BACKOFF_MAX_NS, BACKOFF_FIRST_NS << min(failures, 10))
        self._send_at(client, due_ns)

    # --- time -------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        if self._over:
            return
        now = self._clock.now()
        self._clock.remeasure()
        for client in self._clients:
            client.check_timeouts(now)
        self._maybe_finish()
        progress = self._progress(now)
        if self._clock.use_kernel:
            read, span_ns = progress.pieces - self._seen[0], now - self._seen[1]
            self._reactor.linger_ns = linger_ns(read, progress.in_flight, span_ns)
            self._seen = progress.pieces, now
        self._on_progress(progress)
        if not self._over:
            self._reactor.at(time.monotonic_ns() + TICK_NS, self._tick)

    def _progress(self, now: int) -> Progress:
        return Progress(
            phase=self._phase(now),
            at_ns=now,
            pieces=sum(client.pieces for client in self._clients),
            ok=self._ok,
            failed=self._failed,
            in_flight=sum(client.busy for client in self._clients),
        )

    def _phase(self, now: int) -> str:
        if now < self._load.warmup_ns:
            return "warm-up"
        return "window" if self._window_end_ns is None or now < self._window_end_ns else "drain"

    def _maybe_finish(self) -> None:
        now = self._clock.now()
        if self._interrupted or self._aborted:
            self._finish()
        elif self._load.requests is not None:
            if self._all_sent() and not any(client.busy for client in self._clients):
                self._window_end_ns = now
                self._finish()
        elif self._window_end_ns is not None and now >= self._window_end_ns:
            owed = self._due_ns is not None and self._due_ns < self._window_end_ns
            drained = not owed and not any(self._holds_window(client) for client in self._clients)
            if drained or now >= self._window_end_ns + self._load.drain_ns:
                self._finish()

    def _holds_window(self, client: Client) -> bool:
        """Whether a client is busy with a request of the window, be it still to be sent."""
        end_ns = self._window_end_ns
        return client.busy and end_ns is not None and (client.sent_ns is None or client.sent_ns < end_ns)

    def _finish(self) -> None:
        self._over = True
        for client in self._clients:
            client.cancel()
        self._reactor.stop()

    def _window(self) -> Window | None:
        end_ns, cut = self._window_end_ns, self._interrupted or self._aborted
        if cut or end_ns is None or end_ns <= self._load.warmup_ns:
            return None
        return Window(self._load.warmup_ns, end_ns)

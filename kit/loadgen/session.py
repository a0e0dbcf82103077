"""One load from its first request to its last: warm-up, window, drain. Gives exchanges, parses nothing.

The load goes on at full concurrency through the drain, until every request sent in the window has ended (or
the drain bound is reached): the last requests of the window meet the same load as the first.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from itertools import zip_longest

from kit.documents import Exchange, Load, StampSource
from kit.loadgen.client import Client
from kit.loadgen.clock import Clock, kernel_stamps_available
from kit.loadgen.coalesce import Pace
from kit.loadgen.connector import Address, access_of, resolve, tls_context
from kit.loadgen.counters import ABORTED, DONE, INTERRUPTED, RUNNING, Ledger, due_requests
from kit.loadgen.loadrun import LoadRun, Progress, phase_of, unsent
from kit.loadgen.spool import Spool
from kit.plan.schedule import pause_ns
from kit.plan.target import Target
from kit.plan.traces import start_offsets_ns
from kit.reactor import READ, Reactor
from kit.stream.record import is_success

TICK_NS = 50_000_000  # time-outs, progress and the clock offset are looked at this often
STALL_NS = 2 * TICK_NS  # later than this a tick comes only where this process did not run

BodyOf = Callable[[int], bytes]


class Session:
    """Runs one load, or one process's share of it.

    `body_of(id)` gives the bytes of a whole HTTP request; `arrivals` the offsets of an open loop. Where several
    processes share a load, each has its own form of one `ledger`, and `alarm` is a descriptor that becomes
    readable when the others have ended it.
    """

    def __init__(
        self,
        load: Load,
        target: Target,
        body_of: BodyOf,
        on_progress: Callable[[Progress], None],
        arrivals: Iterator[int] | None = None,
        spool: Spool | None = None,
        *,
        ledger: Ledger | None = None,
        address: Address | None = None,
        alarm: int | None = None,
    ) -> None:
        self._load = load
        self._ledger = Ledger(load) if ledger is None else ledger
        self._share = self._ledger.share
        self._body_of = body_of
        self._on_progress = on_progress
        self._arrivals = due_requests(load, iter(()) if arrivals is None else arrivals, self._share)
        self._target = target
        self._address = resolve(target) if address is None else address
        self._alarm = alarm
        self._tls = tls_context(access_of(load)) if target.tls else None
        self._reactor = Reactor()
        kernel = kernel_stamps_available() and not target.tls and target.unix is None
        self._clock = Clock(use_kernel=kernel)
        self._stamp_source: StampSource = "kernel" if kernel else "user"
        self._clients: list[Client] = []
        self._idle: list[Client] = []
        self._exchanges = Spool() if spool is None else spool
        self._failures: dict[int, int] = {}
        self._ahead = -1, b""  # the body of the request that comes next, with its id
        self._window_end_ns = None if load.window_ns is None else load.warmup_ns + load.window_ns
        self._due: tuple[int, int] | None = None  # the next arrival of an open loop; None after its last
        self._pace = Pace()
        self._seen: tuple[list[int], int] = [], 0  # pieces read by each until the last tick, and when that was
        self._stall_ns = 0
        self.interrupted = False
        self._begun = self._over = False

    def interrupt(self) -> None:
        """End the load now (for signal handlers)."""
        self.interrupted = True

    def run(self, origin: Callable[[], int] = time.monotonic_ns) -> LoadRun:
        """Carry the load out; blocks until it is over. `origin` is asked once, when all is ready."""
        gc.collect()
        gc.disable()
        self._prepare(self._share.number)
        if self._alarm is not None:
            self._reactor.register(self._alarm, READ, self._alarmed)
        cpu = time.process_time_ns()
        self._clock = Clock(self._clock.use_kernel, origin())
        origin_utc_ns = time.time_ns()
        try:
            self._begin()
            self._tick()
            self._reactor.run()
            self._keep_unsent()
        finally:
            gc.enable()
            for client in self._clients:
                client.close()
            self._reactor.close()
        return LoadRun(
            exchanges=self._exchanges,
            origin_ns=self._clock.origin_ns,
            window=self._ledger.window(),
            interrupted=self._ledger.how == INTERRUPTED,
            aborted=self._ledger.how == ABORTED,
            stamp_source=self._stamp_source,
            origin_utc_ns=origin_utc_ns,
            ended_utc_ns=time.time_ns(),
            duration_ns=self._clock.now(),
            cpu_ns=time.process_time_ns() - cpu,
            stale_retries=sum(client.stale_retries for client in self._clients),
            longest_stall_ns=self._stall_ns,
        )

    # --- sending ----------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._load.loop.kind == "open":
            self._next_arrival()
        else:
            starts = start_offsets_ns(self._load.loop.concurrency or 1, self._load.ramp_ns)
            for worker in self._share.below(len(starts)):
                client = self._new_client(worker)
                if worker < self._ledger.firsts:
                    self._start(client, worker, 0)
                    self._prepare(worker + self._share.of)
                elif not self._ledger.firsts:
                    self._send_at(client, starts[worker])
        self._begun = True

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
        request = self._ledger.take(self._clock.now())
        if request is not None:
            self._start(client, request, intended_ns)
            following = self._ledger.next_id()
            if following is not None:
                self._prepare(following)

    def _start(self, client: Client, request: int, intended_ns: int) -> None:
        ahead, body = self._ahead
        client.start(request, intended_ns, body if ahead == request else self._body_of(request))

    def _prepare(self, request: int) -> None:
        """Build a body after a send: so the next one is ready in time."""
        self._ahead = request, self._body_of(request)

    def _next_arrival(self) -> None:
        """Look at the next arrival that is to come, and be there."""
        self._due = next(self._arrivals, None)
        if self._due is not None:
            self._reactor.at(self._clock.origin_ns + self._due[1], self._arrive)

    def _arrive(self) -> None:
        """Send all that is due: a client that lags must not send one a round and fall ever further behind."""
        now = self._clock.now()
        while self._due is not None and self._due[1] <= now and not self._over and self._ledger.arrive():
            client = self._idle.pop() if self._idle else self._new_client(self._next_worker())
            self._start(client, *self._due)
            self._due = next(self._arrivals, None)
            if self._due is not None:
                self._prepare(self._due[0])
        if self._due is not None and self._ledger.how == RUNNING:
            self._reactor.at(self._clock.origin_ns + self._due[1], self._arrive)

    def _next_worker(self) -> int:
        return self._share.number + self._share.of * len(self._clients)

    # --- receiving --------------------------------------------------------------------------------------

    def _done(self, client: Client, exchange: Exchange) -> None:
        self._exchanges.add(exchange)
        good = exchange.failure is None and is_success(exchange.status)
        self._ledger.ended(good=good, failed=not good and not exchange.unfinished)
        if self._over:
            return
        if self._load.loop.kind == "open":
            self._idle.append(client)
        else:
            self._again(client, exchange, good=good)
        if self._begun:  # until then requests are missing that count as begun
            self._maybe_finish()

    def _again(self, client: Client, exchange: Exchange, *, good: bool) -> None:
        """The closed loop: the same worker sends again, after a pause if it has just failed."""
        due_ns = exchange.done_ns
        if good:
            self._failures.pop(client.worker, None)
        else:
            failures = self._failures.get(client.worker, 0)
            self._failures[client.worker] = failures + 1
            due_ns += pause_ns(failures)
        self._send_at(client, due_ns)

    # --- time -------------------------------------------------------------------------------------------

    def _tick(self, due_ns: int | None = None) -> None:
        if self._over:
            return
        now = self._clock.now()
        late_ns = 0 if due_ns is None else now - due_ns
        if late_ns > STALL_NS and now > self._load.warmup_ns:
            self._stall_ns = max(self._stall_ns, late_ns)
        self._clock.remeasure()
        for client in self._clients:
            client.check_timeouts(now)
        self._maybe_finish()
        progress = self._progress(now)
        if self._clock.use_kernel:
            counts = [client.pieces for client in self._clients]
            read = [count - before for count, before in zip_longest(counts, self._seen[0], fillvalue=0)]
            self._reactor.linger_ns = self._pace.linger_ns(read, now - self._seen[1])
            self._seen = counts, now
        self._on_progress(progress)
        if not self._over:
            next_ns = self._clock.now() + TICK_NS
            self._reactor.at(self._clock.origin_ns + next_ns, lambda: self._tick(next_ns))

    def _progress(self, now: int) -> Progress:
        """Counts of the load; pieces and requests in flight those of this process."""
        counts = self._ledger.counts()
        return Progress(
            phase=phase_of(self._load, now),
            at_ns=now,
            pieces=sum(client.pieces for client in self._clients),
            ok=counts.ok,
            failed=counts.failed,
            in_flight=sum(client.busy for client in self._clients),
        )

    def _maybe_finish(self) -> None:
        ledger, now = self._ledger, self._clock.now()
        if self.interrupted:
            ledger.end(INTERRUPTED, self._clock.now)
        elif ledger.fails_too_often():
            ledger.end(ABORTED, self._clock.now)
        elif self._load.requests is not None:
            if self._due is None:
                ledger.settle()
            if ledger.all_ended():
                ledger.end(DONE, self._clock.now)
        elif self._window_end_ns is not None and now >= self._window_end_ns:
            owed = self._due is not None and self._due[1] < self._window_end_ns
            if not owed and not any(self._holds_window(client) for client in self._clients):
                ledger.settle()
            if ledger.all_settled() or now >= self._window_end_ns + self._load.drain_ns:
                ledger.end(DONE, self._clock.now)
        if ledger.how != RUNNING:
            self._finish()

    def _holds_window(self, client: Client) -> bool:
        """Whether a client is busy with a request of the window, be it still to be sent."""
        end_ns = self._window_end_ns
        return client.busy and end_ns is not None and (client.sent_ns is None or client.sent_ns < end_ns)

    def _alarmed(self, _events: int) -> None:
        """The other processes have ended the load, or nobody is left who could want it."""
        self._ledger.end(INTERRUPTED, self._clock.now)
        self._finish()

    def _finish(self) -> None:
        if not self._over:
            self._over = True
            for client in self._clients:
                client.cancel()
            self._reactor.stop()

    def _keep_unsent(self) -> None:
        """What was due before the end and could not be sent any more belongs to the load: ids have no holes."""
        while self._due is not None and self._due[1] <= self._ledger.end_ns:
            self._exchanges.add(unsent(*self._due, self._next_worker(), self._clock.now()))
            self._due = next(self._arrivals, None)

"""Questions in place of a load: each asked once, so many at a time, by the load generator's own client.

What came back is told as it comes, an event for each answer; nothing is parsed here.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from functools import partial

from kit.documents import Exchange, Timeouts
from kit.documents.quality.asked import Question, Questions
from kit.loadgen.asking import TICK_NS, is_own_fault, own_fault, question
from kit.loadgen.client import Client
from kit.loadgen.clock import Clock
from kit.loadgen.connector import tls_context
from kit.loadgen.descriptors import need_descriptors
from kit.loadgen.reach import reach
from kit.plan.target import Access, Target, parse_target
from kit.reactor import Reactor
from kit.timestamps import utc_now

CONNECT_NS = 5_000_000_000
MAX_BODY_BYTES = 128 << 10  # an event with it, every character escaped, is a line that each engine passes on
MAX_PIECES = 16 << 10
# A server that is gone refuses at once: the rest of the tasks would be refused within a moment.
MAX_UNREACHED = 3

Emit = Callable[[dict[str, object]], None]


class Asking:
    """Carries the questions out; `emit` gets "begun", and an "answer" for each that ended."""

    def __init__(self, asked: Questions, access: Access, emit: Emit) -> None:
        need_descriptors(asked.at_once)
        target = parse_target(asked.url)
        address = reach(target, access)
        tls = tls_context(access) if target.tls else None
        limit = asked.answer_ns
        timeouts = Timeouts(connect_ns=CONNECT_NS, first_ns=limit, idle_ns=limit, total_ns=limit)
        self._emit = emit
        self._at_once = asked.at_once
        self._waiting = deque(asked.questions)
        self._payload = partial(_payload, target, access, asked)
        self._reactor = Reactor()
        self._clock = Clock(use_kernel=False)
        self._unreached = 0
        self._over = False
        caps = MAX_BODY_BYTES, MAX_PIECES
        self._clients = [
            Client(worker, target, address, timeouts, self._clock, self._reactor, self._done, tls, caps)
            for worker in range(min(asked.at_once, len(asked.questions)))
        ]

    def run(self) -> bool:
        """Ask them all; whether all were asked."""
        self._emit({"event": "begun", "utc": utc_now(), "at_ns": self._clock.now()})
        try:
            for client in self._clients:
                self._next(client)
            self._tick()
            self._reactor.run()
        finally:
            for client in self._clients:
                client.close()
            self._reactor.close()
        return not self._waiting and not self._over

    def interrupt(self) -> None:
        """Stop: what was answered is told already."""
        self._over = True
        self._reactor.stop()

    def _next(self, client: Client) -> None:
        if self._waiting and self._unreached < MAX_UNREACHED:
            asked = self._waiting.popleft()
            client.start(asked.number, self._clock.now(), self._payload(asked))
        elif not any(each.busy for each in self._clients):
            self._reactor.stop()

    def _tick(self) -> None:
        now = self._clock.now()
        for client in self._clients:
            client.check_timeouts(now)
        self._reactor.at(time.monotonic_ns() + TICK_NS, self._tick)

    def _done(self, client: Client, exchange: Exchange) -> None:
        if exchange.failure is not None and is_own_fault(exchange.failure_detail, self._at_once):
            raise own_fault(exchange.failure_detail, self._at_once)
        self._unreached = self._unreached + 1 if exchange.failure == "connect" else 0
        self._emit(_event(exchange))
        self._reactor.at(
            time.monotonic_ns(), partial(self._next, client)
        )  # later: answers may come within `start`


def _payload(target: Target, access: Access, asked: Questions, one: Question) -> bytes:
    return question(target, access, target.path_of(asked.api), one.body.encode())


def _event(exchange: Exchange) -> dict[str, object]:
    body = b"".join([data for _, data in exchange.pieces])[:MAX_BODY_BYTES]
    return {
        "event": "answer",
        "number": exchange.id,
        "sent_ns": exchange.intended_ns if exchange.sent_ns is None else exchange.sent_ns,
        "done_ns": exchange.done_ns,
        "status": exchange.status,
        "complete": exchange.complete,
        "failure": exchange.failure,
        "detail": exchange.failure_detail,
        "body": body.decode("utf-8", "replace"),
    }

"""Questions beside the load, by the load generator's own client: any number at once, no threads, none without end.

Each question has a cap on the bytes of its answer and a total deadline, both kept whatever a server sends. What
fails on this side of the connection is never an answer of the server.
"""

from __future__ import annotations

import errno
import os
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from kit.documents import ErrorKind, Exchange, Timeouts
from kit.errors import InputError, InternalError, UnreachableError
from kit.loadgen.client import Client
from kit.loadgen.clock import Clock
from kit.loadgen.connector import Address, reason_of, resolve, tls_context
from kit.loadgen.descriptors import need_descriptors
from kit.plan.target import Access, Target, head_lines
from kit.reactor import Reactor

MAX_AT_ONCE = 4096
TOGETHER_BYTES = 256 << 20  # what the unfinished answers of all questions at once may hold
BYTES_PER_PIECE = 64  # an answer in smaller pieces than that, on average, costs more memory than its bytes
TICK_NS = 20_000_000
_NS_PER_S = 1_000_000_000
# Errors of this machine. They come as the words of the system, and would else look like faults of a server.
_OWN_FAULTS = frozenset(
    os.strerror(code) for code in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EBADF)
)
_NO_ADDRESS_LEFT = os.strerror(errno.EADDRNOTAVAIL)  # of one connection: an address that this machine cannot reach


@dataclass(frozen=True, slots=True)
class Limits:
    """What one question may cost; reaching the server counts in the total, and may have a limit of its own."""

    total_s: float
    answer_bytes: int = 4 << 20
    connect_s: float = 3600.0

    @property
    def timeouts(self) -> Timeouts:
        """Only the connection is the client's business: the total counts from the start, not from the sending."""
        never = 1 << 62
        return Timeouts(round(min(self.connect_s, self.total_s) * _NS_PER_S), never, never, never)


def question(target: Target, access: Access, path: str, body: bytes | None = None) -> bytes:
    """The bytes of a GET, or of a POST where there is a JSON body. No answer is to be compressed."""
    more = {"Accept": "application/json, text/plain, */*", "Accept-Encoding": "identity"}
    if body is None:
        return "\r\n".join([*head_lines(target, access, f"GET {path} HTTP/1.1", more), "", ""]).encode("ascii")
    more |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = head_lines(target, access, f"POST {path} HTTP/1.1", more)
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def ask(target: Target, access: Access, one: bytes, limits: Limits) -> Exchange:
    """The exchange of one question, however it went."""
    exchanges: list[Exchange] = []
    ask_all(target, access, [one], limits, exchanges.append)
    return exchanges[0]


def ask_all(
    target: Target,
    access: Access,
    questions: Sequence[bytes],
    limits: Limits,
    on_answer: Callable[[Exchange], None],
) -> None:
    """Ask all of them at the same time, each over a connection of its own; their ids are their places.

    `on_answer` gets each exchange when it ends: complete, or with a `failure` in words. `InputError` if so many
    connections cannot be opened, or an authority's file is wrong; `InternalError` for what fails on this side.
    """
    if len(questions) > MAX_AT_ONCE:
        raise InputError(
            f"{len(questions)} questions at once are too many.", f"At most {MAX_AT_ONCE} are possible."
        )
    need_descriptors(len(questions))
    tls = tls_context(access) if target.tls else None
    began_s = time.monotonic()
    address = _resolved(target, limits)
    if isinstance(address, str):
        for number in range(len(questions)):
            on_answer(_unreached(number, address))
        return
    left_s = max(0.0, limits.total_s - (time.monotonic() - began_s))
    _Asking(target, address, tls, questions, replace(limits, total_s=left_s), limits.total_s, on_answer).run()


class _Asking:
    """One round of questions."""

    def __init__(
        self,
        target: Target,
        address: Address,
        tls: ssl.SSLContext | None,
        questions: Sequence[bytes],
        limits: Limits,
        told_s: float,
        on_answer: Callable[[Exchange], None],
    ) -> None:
        self._questions = questions
        self._limits = limits
        self._told_s = told_s
        self._on_answer = on_answer
        self._left = len(questions)
        self._reactor = Reactor()
        self._clock = Clock(use_kernel=False)
        most = min(limits.answer_bytes, TOGETHER_BYTES // max(1, len(questions)))
        caps = most, max(1, most // BYTES_PER_PIECE)
        self._clients = [
            Client(number, target, address, limits.timeouts, self._clock, self._reactor, self._done, tls, caps)
            for number in range(len(questions))
        ]

    def run(self) -> None:
        try:
            for number, client in enumerate(self._clients):
                client.start(number, 0, self._questions[number])
            self._tick()
            self._reactor.run()
        finally:
            for client in self._clients:
                client.close()
            self._reactor.close()

    def _tick(self) -> None:
        now = self._clock.now()
        late = now >= self._limits.total_s * _NS_PER_S
        for client in self._clients:
            if late:
                client.cancel()
            else:
                client.check_timeouts(now)
        if self._left:
            self._reactor.at(time.monotonic_ns() + TICK_NS, self._tick)
        else:
            self._reactor.stop()

    def _done(self, client: Client, exchange: Exchange) -> None:
        self._left -= 1
        if exchange.failure is not None and is_own_fault(exchange.failure_detail, len(self._questions)):
            raise own_fault(exchange.failure_detail, len(self._questions))
        if exchange.unfinished:
            kind: ErrorKind = "connect" if exchange.sent_ns is None else "timeout_total"
            words = f"no {'connection' if kind == 'connect' else 'whole answer'} within {self._told_s:g} s"
            exchange = replace(exchange, unfinished=False, failure=kind, failure_detail=words)
        elif coding := _coding(client.headers):
            words = f"the answer is compressed ({coding}), though nobody asked for that"
            exchange = replace(exchange, failure="protocol", failure_detail=words)
        self._on_answer(exchange)
        if not self._left:
            self._reactor.stop()


def is_own_fault(words: str, connections: int) -> bool:
    """Whether the system's words about a connection are about this machine, where so many are open at once."""
    return words in _OWN_FAULTS or (words == _NO_ADDRESS_LEFT and connections > 1)


def own_fault(words: str, connections: int) -> InternalError:
    """The error for what this machine refused, which says nothing about the server."""
    return InternalError(
        f"The kit could not ask {connections} at once: {words}.",
        "This is a limit of the machine that asks, not of the server: raise it, or ask for fewer at once.",
    )


def _coding(headers: Mapping[str, str]) -> str:
    """The coding of a body that is not as it is; empty for one that is."""
    coding = headers.get("content-encoding", "").strip().lower()
    return "" if coding == "identity" else coding[:40]


def _unreached(number: int, words: str) -> Exchange:
    return Exchange(
        id=number,
        worker=number,
        intended_ns=0,
        connect_ns=None,
        sent_ns=None,
        headers_ns=None,
        done_ns=0,
        status=None,
        pieces=(),
        complete=False,
        failure="connect",
        failure_detail=words,
    )


def _resolved(target: Target, limits: Limits) -> Address | str:
    """The address of the server, or why there is none."""
    limit_s = min(limits.connect_s, limits.total_s)
    try:
        return resolve(target, limit_s)
    except InputError as error:
        return error.what.rstrip(".")
    except UnreachableError:
        return f"no connection within {limit_s:g} s"
    except OSError as error:
        raise own_fault(reason_of(error), 1) from None

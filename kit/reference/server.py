"""The reference endpoint: accepts connections, gives requests their number, their fault and their place."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Mapping
from functools import partial
from typing import Literal

from kit.documents.shape import Api
from kit.reactor import READ, Reactor
from kit.reference.behaviour import Behaviour
from kit.reference.connection import Connection
from kit.reference.documents import document, error_body, health_body, models_body
from kit.reference.faults import Fault, fault_of
from kit.reference.listening import url_of
from kit.reference.prefix_cache import PrefixCache
from kit.reference.requests import Ask, BadRequestError, Request, parse_ask
from kit.reference.response_plan import response_plan
from kit.reference.response_sender import ResponseSender
from kit.reference.shapes import Shape, script, text_of
from kit.reference.timing import CommonPace, OwnPace, Pace, Slots, Steps, drawn_ns
from kit.reference.truth import Truth, TruthLog

SEND_BYTES = 64 << 10
ACCEPTS_AT_ONCE = 64
# Out of descriptors: the listener would report the same connection again at once.
ACCEPT_PAUSE_NS = 50_000_000
# The truth is written only when nobody has asked for anything in so long: the write would delay an answer.
QUIET_NS = 100_000_000
# Faults after which no prompt was read.
_COMPUTE_NOTHING: frozenset[Fault | None] = frozenset({"status-500", "status-429", "no-answer"})


_APIS: Mapping[str, Api] = {"/v1/chat/completions": "chat", "/v1/completions": "completions"}


class Exchange:
    """One request for a completion and its answer."""

    __slots__ = ("ask", "cached_tokens", "connection", "fault", "number", "received_ns", "sender", "state")

    def __init__(
        self, number: int, ask: Ask, fault: Fault | None, connection: Connection, received_ns: int
    ) -> None:
        self.number = number
        self.ask = ask
        self.fault = fault
        self.connection = connection
        self.received_ns = received_ns
        self.cached_tokens: int | None = None
        self.sender: ResponseSender | None = None
        self.state: Literal["placeless", "queued", "placed"] = "placeless"


class Server:
    """Serves a listening socket until `stop`, which any thread and any signal handler may call."""

    def __init__(self, behaviour: Behaviour, listener: socket.socket, truth: TruthLog | None = None) -> None:
        self.reactor = Reactor()
        self.shape: Shape = behaviour.shape
        self._behaviour = behaviour
        self._listener = listener
        self._truth = truth
        size = behaviour.tokens_per_chunk
        self._scripts = {api: script(behaviour.shape, size, SEND_BYTES, api) for api in _APIS.values()}
        self._slots: Slots[Exchange] = Slots(behaviour.places)
        self._steps = Steps(lambda step: drawn_ns(behaviour.itl, behaviour.seed, "step", step))
        self._cache = None if behaviour.cache is None else PrefixCache(behaviour.cache)
        self._exchanges: dict[Connection, Exchange] = {}
        self._connections: set[Connection] = set()
        self._requests = 0
        self._waker, self._sleeper = socket.socketpair()

    @property
    def url(self) -> str:
        """The base URL to give to a client."""
        return url_of(self._listener)

    def run(self) -> None:
        """Serve; returns after `stop`, with the truth written and everything closed."""
        self._listener.setblocking(False)
        self.reactor.register(self._listener.fileno(), READ, self._accept)
        self.reactor.register(self._sleeper.fileno(), READ, lambda _: self.reactor.stop())
        try:
            self.reactor.run()
        finally:
            self._close()

    def stop(self) -> None:
        """End `run` soon."""
        with contextlib.suppress(OSError):
            self._waker.send(b".")

    def _close(self) -> None:
        for connection in list(self._connections):
            connection.close()
        for each in (self._listener, self._waker, self._sleeper):
            each.close()
        self.reactor.close()
        if self._truth is not None:
            self._truth.close()

    def _accept(self, _events: int) -> None:
        for _ in range(ACCEPTS_AT_ONCE):
            try:
                sock, _ = self._listener.accept()
            except BlockingIOError:
                return
            except OSError:
                self.reactor.unregister(self._listener.fileno())
                self.reactor.at(time.monotonic_ns() + ACCEPT_PAUSE_NS, self._listen_again)
                return
            sock.setblocking(False)
            if sock.family != getattr(socket, "AF_UNIX", None):
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.add(Connection(sock, self))

    def _listen_again(self) -> None:
        self.reactor.register(self._listener.fileno(), READ, self._accept)

    # --- requests ---------------------------------------------------------------------------------------

    def handle(self, connection: Connection, request: Request, received_ns: int) -> None:
        """Answer one request; a chat completion becomes an exchange, everything else is answered here."""
        api = _APIS.get(request.path)
        if api is not None and request.method == "POST":
            self._complete(connection, request, received_ns, api)
            return
        bodies = {"/health": health_body(self.shape), "/v1/models": models_body()}
        if request.path in bodies and request.method == "GET":
            answer = document(200, bodies[request.path], close=request.close)
        else:
            known = request.path in bodies or api is not None
            status, words = (405, "not by this method") if known else (404, "nothing is here")
            answer = document(status, error_body(self.shape, status, words), close=request.close)
        connection.send(answer)
        connection.answered(keep=not request.close)

    def _complete(self, connection: Connection, request: Request, received_ns: int, api: Api) -> None:
        try:
            ask = parse_ask(request.body, api)
        except BadRequestError as error:
            body = error_body(self.shape, error.status, error.message)
            connection.send(document(error.status, body, close=request.close))
            connection.answered(keep=not request.close)
            return
        self._requests += 1
        number = self._requests
        fault = fault_of(self._behaviour.faults, number)
        exchange = Exchange(number, ask, fault, connection, received_ns)
        self._exchanges[connection] = exchange
        if self._cache is not None and fault not in _COMPUTE_NOTHING:
            exchange.cached_tokens = self._cache.take(ask.prompt)
        plan = response_plan(
            self._behaviour, ask, number, fault, close=request.close, cached_tokens=exchange.cached_tokens
        )
        if plan is None:
            return
        exchange.sender = connection.sender = ResponseSender(
            plan,
            self._scripts[api],
            self._pace(number),
            connection,
            self.reactor,
            lambda _: self._over(exchange),
            keep_stamps=self._truth is not None,
        )
        exchange.sender.begin(received_ns)
        if not exchange.sender.over:
            self._place(exchange, self._slots.arrive(exchange, received_ns))

    def _pace(self, number: int) -> Pace:
        if self._behaviour.batching == "continuous":
            return CommonPace(self._steps)
        return OwnPace(self._behaviour.itl, self._behaviour.seed, number)

    # --- places -----------------------------------------------------------------------------------------

    def _place(self, exchange: Exchange, start_ns: int | None) -> None:
        if start_ns is None:
            exchange.state = "queued"
            return
        exchange.state = "placed"
        assert exchange.sender is not None
        ttft_ns = drawn_ns(self._behaviour.ttft, self._behaviour.seed, "ttft", exchange.number)
        computed = exchange.ask.prompt_tokens - (exchange.cached_tokens or 0)
        prefill_ns = computed * self._behaviour.prefill_ns_per_token
        exchange.sender.start(start_ns + ttft_ns + prefill_ns, exchange.received_ns)

    def _leave(self, exchange: Exchange, at_ns: int) -> None:
        """Give the place back, and to the next in the queue."""
        if exchange.state == "queued":
            self._slots.give_up(exchange)
        elif exchange.state == "placed":
            following = self._slots.leave(at_ns)
            if following is not None:
                self._place(*following)
        exchange.state = "placeless"

    def _over(self, exchange: Exchange) -> None:
        """An answer has sent all it will send."""
        sender, connection = exchange.sender, exchange.connection
        assert sender is not None
        self._leave(exchange, sender.free_ns)
        if self._cache is not None and exchange.cached_tokens is not None:
            self._cache.add(exchange.ask.prompt, text_of(0, exchange.ask.tokens).encode())
        if sender.after == "hang":
            return  # told when the peer goes
        self._tell(exchange)
        if sender.after == "reset":
            connection.reset()
        else:
            keep = sender.after == "keep" and not self._behaviour.close_after_answer
            connection.answered(keep=keep)

    def closed(self, connection: Connection) -> None:
        """A connection is gone, perhaps in the middle of an answer."""
        self._connections.discard(connection)
        exchange = self._exchanges.get(connection)
        if exchange is not None:
            if exchange.sender is not None:
                exchange.sender.stop()
            self._leave(exchange, time.monotonic_ns())
            self._tell(exchange)

    # --- truth ------------------------------------------------------------------------------------------

    def _tell(self, exchange: Exchange) -> None:
        del self._exchanges[exchange.connection]
        if self._truth is None:
            return
        sender = exchange.sender
        truth = Truth(
            id=exchange.number,
            salt=exchange.ask.salt,
            received_ns=exchange.received_ns,
            fault=exchange.fault,
            due_ns=sender.due_ns if sender else None,
            sent=(),
            finished_ns=sender.finished_ns if sender else None,
            tokens=0,
            prompt_tokens=None if exchange.cached_tokens is None else exchange.ask.prompt_tokens,
            cached_tokens=exchange.cached_tokens,
        )
        self._truth.add(truth, sender.stamps if sender else None, sender.plan if sender else None)
        if self._truth.full:
            self._truth.flush()
        elif not self._exchanges:
            self.reactor.at(time.monotonic_ns() + QUIET_NS, partial(self._flush_if_quiet, self._requests))

    def _flush_if_quiet(self, requests: int) -> None:
        if self._truth is not None and not self._exchanges and requests == self._requests:
            self._truth.flush()

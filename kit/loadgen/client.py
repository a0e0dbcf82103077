"""One client of the load generator: sends a request, stamps what comes back, keeps the bytes. Parses no answer."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping

from kit.documents import ErrorKind, Exchange, Timeouts
from kit.loadgen.clock import READ_BYTES, SHORT_READ_BYTES, Clock
from kit.loadgen.connector import Address, Dial, reason_of
from kit.loadgen.http1 import ResponseFramer
from kit.plan.target import Target
from kit.reactor import READ, WRITE, Reactor
from kit.stream.answer import parse

FIRST_PIECES = 16
_PEEK = socket.MSG_PEEK | getattr(socket, "MSG_DONTWAIT", 0)

OnDone = Callable[["Client", Exchange], None]


class Client:
    """A worker's connection: idle, or busy with exactly one exchange. All times are ns of the load's clock."""

    __slots__ = (
        "_address", "_clock", "_connect_ns", "_dial", "_framer", "_id", "_intended_ns", "_last_ns", "_limits",
        "_looked", "_much", "_on_done", "_out", "_payload", "_reactor", "_retried", "_reused", "_sent_ns", "_sock",
        "_started_ns", "_state", "_target", "_texted", "_timeouts", "_tls", "pieces", "stale_retries", "worker",
    )  # fmt: skip

    def __init__(
        self,
        worker: int,
        target: Target,
        address: Address,
        timeouts: Timeouts,
        clock: Clock,
        reactor: Reactor,
        on_done: OnDone,
        tls: ssl.SSLContext | None = None,
        limits: tuple[int | None, int | None] = (None, None),
    ) -> None:
        self.worker = worker
        self.pieces = 0
        self.stale_retries = 0
        self._target = target
        self._address = address
        self._dial: Dial | None = None
        self._timeouts = timeouts
        self._clock = clock
        self._reactor = reactor
        self._on_done = on_done
        self._tls = tls
        self._limits = limits  # bytes and pieces of an answer; those of a load where there are none
        self._much = False  # whether the last read was as long as a short one can be
        self._sock: socket.socket | None = None
        self._state = "idle"
        self._reset(-1, 0, b"")

    def _reset(self, request: int, intended_ns: int, payload: bytes) -> None:
        self._id = request
        self._intended_ns = intended_ns
        self._payload = payload
        self._out = memoryview(payload)
        self._framer = ResponseFramer(*self._limits)
        self._connect_ns: int | None = None
        self._sent_ns: int | None = None
        self._started_ns = self._last_ns = self._clock.now()
        self._retried = False
        self._reused = False
        self._texted = False
        self._looked = 0

    @property
    def busy(self) -> bool:
        return self._state != "idle"

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the last answer, names in lower case; what nobody asks for during a load."""
        return self._framer.headers

    @property
    def sent_ns(self) -> int | None:
        """When the current request was sent, if it was."""
        return self._sent_ns

    def start(self, request: int, intended_ns: int, payload: bytes) -> None:
        """Begin an exchange; the client must be idle. Ends in one call of `on_done`, perhaps before returning."""
        self._reset(request, intended_ns, payload)
        if self._sock is not None and not self._went_stale():
            self._reused = True
            self._begin_send()
        else:
            self._connect()

    # --- connecting -------------------------------------------------------------------------------------

    def _went_stale(self) -> bool:
        """Whether the server closed the kept-alive connection meanwhile (or sent what nobody asked for)."""
        assert self._sock is not None
        if isinstance(self._sock, ssl.SSLSocket):
            return False
        try:
            self._sock.recv(1, _PEEK)
        except BlockingIOError:
            return False
        except OSError:
            pass
        self._disconnect()
        return True

    def _connect(self) -> None:
        self._disconnect()
        self._state = "connecting"
        self._connect_ns = self._last_ns = self._clock.now()
        self._dial = Dial(
            self._clock, self._reactor, self._tls, self._target.host, self._connected, self._not_connected
        )
        self._dial.start(self._address)

    def _connected(self, sock: socket.socket) -> None:
        self._dial = None
        self._sock = sock
        self._begin_send()

    def _not_connected(self, reason: str) -> None:
        self._dial = None
        self._fail("connect", reason)

    # --- sending ----------------------------------------------------------------------------------------

    def _begin_send(self) -> None:
        assert self._sock is not None
        self._state = "sending"
        self._sent_ns = self._last_ns = self._clock.now()
        self._send(0)

    def _send(self, events: int) -> None:
        assert self._sock is not None
        try:
            while self._out:
                self._out = self._out[self._sock.send(self._out) :]
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            self._reactor.register(self._sock.fileno(), READ | WRITE, self._send)
            if events & ~WRITE:
                self._receive(events)  # a server may answer (413, 500) before it has read everything
            return
        except OSError as error:
            self._broken(error)
            return
        self._state = "receiving"
        self._reactor.register(self._sock.fileno(), READ, self._receive)

    # --- receiving: the hot path ------------------------------------------------------------------------

    def _receive(self, _events: int) -> None:
        sock = self._sock
        if sock is None:
            return
        try:
            if self._tls is None:
                data, self._last_ns = self._clock.receive(sock, self._last_ns, much=self._much)
            else:
                data, self._last_ns = sock.recv(READ_BYTES), self._clock.now()
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError as error:
            self._broken(error)
            return
        if not data:
            self._closed(self._last_ns)
            return
        self.pieces += 1
        self._much = len(data) >= SHORT_READ_BYTES
        if self._framer.feed(self._last_ns, data):
            self._finish(self._last_ns)
        elif self._tls is not None and isinstance(sock, ssl.SSLSocket) and sock.pending():
            self._receive(0)

    def _closed(self, stamp: int) -> None:
        if self._may_retry():
            self._retry()
            return
        self._framer.eof(stamp)
        if self._framer.status is None and self._framer.error is None:
            self._fail("protocol", "the server closed the connection without an answer")
        else:
            self._finish(stamp)

    def _may_retry(self) -> bool:
        """A kept-alive connection that closes before one byte of answer was closed before our request came."""
        return (
            self._reused and not self._retried and self._framer.status is None and self._framer.headers_ns is None
        )

    def _retry(self) -> None:
        self._retried = True
        self._sent_ns = None
        self._started_ns = self._clock.now()
        self.stale_retries += 1
        self._out = memoryview(self._payload)
        self._connect()

    def _broken(self, error: OSError) -> None:
        if self._may_retry():
            self._retry()
        else:
            self._framer.eof(self._clock.now())
            self._fail("protocol", reason_of(error))

    # --- ending -----------------------------------------------------------------------------------------

    def check_timeouts(self, now: int) -> None:
        """End the exchange if it passed one of its limits."""
        if self._state == "idle":
            return
        limits = self._timeouts
        if self._sent_ns is None:
            if now - self._started_ns > limits.connect_ns:
                self._fail("connect", f"no connection within {limits.connect_ns / 1e9:g} s")
        elif now - self._sent_ns > limits.total_ns:
            self._fail("timeout_total", f"not finished within {limits.total_ns / 1e9:g} s")
        elif now - self._sent_ns > limits.first_ns and not self._has_text():
            words = "no text" if self._framer.pieces else "nothing"
            self._fail("timeout_first", f"{words} within {limits.first_ns / 1e9:g} s")
        elif now - self._last_ns > limits.idle_ns and self._has_text():
            self._fail("timeout_idle", f"silent for {limits.idle_ns / 1e9:g} s")

    def _has_text(self) -> bool:
        """Whether text has come: a role or a heartbeat is none. Looked at only where a limit has passed."""
        pieces = self._framer.pieces
        while not self._texted and self._looked < len(pieces):
            # Text mostly comes early: a long answer need not be read whole to see that it has begun.
            self._looked = min(len(pieces), max(FIRST_PIECES, 2 * self._looked))
            self._texted = bool(parse(tuple(pieces[: self._looked])).chunks)
        return self._texted

    def cancel(self) -> None:
        """End the exchange as unfinished: the load is over."""
        if self.busy:
            self._deliver(self._exchange(self._clock.now(), None, "", unfinished=True), keep=False)

    def close(self) -> None:
        self._disconnect()

    def _finish(self, stamp: int) -> None:
        framer = self._framer
        kind: ErrorKind | None = "protocol" if framer.error else None
        exchange = self._exchange(stamp, kind, framer.error or "")
        self._deliver(exchange, keep=framer.keep_alive and framer.complete and not framer.error and not self._out)

    def _fail(self, kind: ErrorKind, detail: str) -> None:
        self._deliver(self._exchange(self._clock.now(), kind, detail), keep=False)

    def _exchange(
        self, done_ns: int, kind: ErrorKind | None, detail: str, *, unfinished: bool = False
    ) -> Exchange:
        framer = self._framer
        return Exchange(
            id=self._id,
            worker=self.worker,
            intended_ns=self._intended_ns,
            connect_ns=self._connect_ns,
            sent_ns=self._sent_ns,
            headers_ns=framer.headers_ns,
            done_ns=done_ns,
            status=framer.status,
            pieces=tuple(framer.pieces),
            complete=framer.complete,
            failure=kind,
            failure_detail=detail,
            unfinished=unfinished,
        )

    def _deliver(self, exchange: Exchange, *, keep: bool) -> None:
        if self._sock is not None:
            self._reactor.unregister(self._sock.fileno())
        if not keep:
            self._disconnect()
        self._state = "idle"
        self._on_done(self, exchange)

    def _disconnect(self) -> None:
        if self._dial is not None:
            self._dial.abandon()
            self._dial = None
        if self._sock is not None:
            self._reactor.unregister(self._sock.fileno())
            self._sock.close()
            self._sock = None

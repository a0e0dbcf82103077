"""One accepted connection: reads requests one after another, writes answers in order."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from typing import Protocol

from kit.reactor import READ, WRITE, Reactor
from kit.reference.documents import document, error_body
from kit.reference.requests import BadRequestError, Request, RequestReader
from kit.reference.response_sender import ResponseSender
from kit.reference.shapes import Shape

READ_BYTES = 64 << 10
# A refused peer may still be sending; closing at once would make the kernel throw our words away.
LINGER_NS = 1_000_000_000
LINGER_BYTES = 64 << 20
_RESET = struct.pack("ii", 1, 0)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Service(Protocol):
    """Who answers: `handle` is called for each request in turn, and ends in one call of `Connection.answered`."""

    reactor: Reactor
    shape: Shape

    def handle(self, connection: Connection, request: Request, received_ns: int) -> None: ...
    def closed(self, connection: Connection) -> None: ...


class Connection:
    """Busy with at most one request; further ones wait in the reader. Closes itself when the peer goes."""

    __slots__ = (
        "_after", "_busy", "_fd", "_left", "_lingering", "_reader", "_service", "_sock", "sender",
    )  # fmt: skip

    def __init__(self, sock: socket.socket, service: Service) -> None:
        self.sender: ResponseSender | None = None
        self._sock = sock
        self._fd = sock.fileno()
        self._service = service
        self._reader = RequestReader()
        self._left = b""  # of what was sent: not yet taken by the kernel
        self._busy = False
        self._after: bool | None = None  # what to do when all is with the kernel: True keeps the connection
        self._lingering = 0
        service.reactor.register(self._fd, READ, self._on_event)

    @property
    def open(self) -> bool:
        return self._fd >= 0

    # --- writing ----------------------------------------------------------------------------------------

    def send(self, data: bytes) -> bool:
        """Send in order; False if some of it waits for the peer to read."""
        if self._left:
            self._left += data
            return False
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return False
        if sent == len(data):
            return True
        self._left = data[sent:]
        self._service.reactor.register(self._fd, READ | WRITE, self._on_event)
        return False

    def _flush(self) -> None:
        left, self._left = self._left, b""
        if not self.send(left):
            return
        self._service.reactor.register(self._fd, READ, self._on_event)
        if self._after is not None:
            self._finish(keep=self._after)
        elif self.sender is not None:
            self.sender.drained()

    # --- reading ----------------------------------------------------------------------------------------

    def _on_event(self, events: int) -> None:
        if events & WRITE and self._left:
            self._flush()
        if events & ~WRITE and self.open:
            self._read()

    def _read(self) -> None:
        try:
            data = self._sock.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        received_ns = time.monotonic_ns()
        if self._lingering:
            self._lingering -= len(data)
            if not data or self._lingering <= 0:
                self.close()
        elif not data:
            self._ended()
        else:
            self._take(data, received_ns)

    def _take(self, data: bytes, received_ns: int) -> None:
        try:
            self._reader.feed(data)
        except BadRequestError as error:
            self.close() if self._busy else self._refuse(error)
            return
        if not self._busy:
            self._next(received_ns)

    def _next(self, received_ns: int) -> None:
        try:
            request = self._reader.take()
        except BadRequestError as error:
            self._refuse(error)
            return
        if request is not None:
            self._busy = True
            self._service.handle(self, request, received_ns)
        elif self._reader.wants_continue():
            self.send(_CONTINUE)

    def _ended(self) -> None:
        """The peer sends no more: half a request gets its answer, an answer under way is of no use now."""
        if self._reader.pending and not self._busy:
            self._refuse(BadRequestError(400, "the request has no end"))
        else:
            self.close()

    def _refuse(self, error: BadRequestError) -> None:
        self._busy = True
        body = error_body(self._service.shape, error.status, error.message)
        self.send(document(error.status, body, close=True))
        self._linger()

    def _linger(self) -> None:
        if not self.open:
            return
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
        self._lingering = LINGER_BYTES
        self._service.reactor.at(time.monotonic_ns() + LINGER_NS, self.close)

    # --- ending -----------------------------------------------------------------------------------------

    def answered(self, *, keep: bool) -> None:
        """The answer is sent as far as `send` took it: go on with the next request, or close."""
        self.sender = None
        if self._left:
            self._after = keep
        else:
            self._finish(keep=keep)

    def _finish(self, *, keep: bool) -> None:
        self._after = None
        if not keep:
            self.close()
            return
        self._busy = False
        if self._reader.pending:
            # From the loop, so that a thousand requests in one read are not a thousand calls deep.
            self._service.reactor.at(0, self._go_on)

    def _go_on(self) -> None:
        if self.open and not self._busy:
            self._next(time.monotonic_ns())

    def reset(self) -> None:
        """Close so that the peer sees a reset."""
        if self.open:
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.close()

    def close(self) -> None:
        """Close the socket; does nothing the second time."""
        if not self.open:
            return
        self._service.reactor.unregister(self._fd)
        self._fd = -1
        self._sock.close()
        self._service.closed(self)

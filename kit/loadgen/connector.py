"""Opens one connection without blocking: TCP or a Unix socket, and the TLS handshake where the target wants it."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kit.documents import Load
from kit.errors import InputError, UnreachableError
from kit.loadgen.clock import Clock
from kit.plan.target import CA_VARIABLE, Access, Target
from kit.reactor import READ, WRITE, Reactor

RECEIVE_BUFFER_BYTES = 1 << 20  # so that a burst never makes the server wait for us
LOOKUP_S = 10.0
PROBE_S = 2.0
OWN_SHORTAGE = frozenset({errno.EMFILE, errno.ENFILE})  # says nothing about the server, so it is no failed request

Address = tuple[socket.AddressFamily, Any]


def reason_of(error: Exception) -> str:
    """An error of the system in its own words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def too_few_files(error: OSError) -> InputError:
    """The error for a load that has more connections than this process may have open files."""
    return InputError(
        f"The load generator cannot have so many open files: {reason_of(error)}.",
        "Raise the hard limit (ulimit -Hn), or give fewer users or a lower rate.",
    )


def addresses(target: Target, limit_s: float = LOOKUP_S) -> list[Address]:
    """All addresses of a target; `InputError` if its name has none, `UnreachableError` if nobody tells in time.

    The system may look a name up for as long as it likes, so a thread asks it and is left behind.
    """
    if target.unix is not None:
        return [(socket.AF_UNIX, target.unix)]
    found: list[list[Address] | Exception] = []

    def look() -> None:
        try:
            rows = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
            found.append([(family, address) for family, _, _, _, address in rows])
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(limit_s)
    if not found:
        raise UnreachableError(
            f"The name {target.host!r} was not looked up within {limit_s:g} s.", "Check the network, or its DNS."
        )
    answer = found[0]
    if isinstance(answer, OSError | UnicodeError):
        raise InputError(
            f"The host {target.host!r} has no address: {reason_of(answer)}.", "Check the name in the URL."
        )
    if isinstance(answer, Exception):
        raise answer
    return answer


def resolve(target: Target, limit_s: float = LOOKUP_S) -> Address:
    """The address of a target, looked up once before the load; raises what `addresses` does.

    A name may stand for several addresses (localhost: ::1 and 127.0.0.1): the first that accepts is taken.
    """
    deadline = time.monotonic() + limit_s
    found = addresses(target, limit_s)
    if len(found) > 1:
        for family, address in found:
            left_s = min(PROBE_S, deadline - time.monotonic())
            if left_s <= 0:
                break
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.settimeout(left_s)
                if probe.connect_ex(address) == 0:
                    return family, address
    return found[0]


def access_of(load: Load) -> Access:
    """What lets a load in: the environment, but whether any certificate is trusted says its record."""
    return replace(Access.from_environment(), insecure=load.insecure)


def tls_context(access: Access) -> ssl.SSLContext:
    """Whom to trust, as `access` says; `InputError` if its file has no certificates."""
    try:
        context = ssl.create_default_context(cafile=access.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise InputError(
            f"The certificates in {access.ca_file} cannot be read: {reason_of(error)}.",
            f"Name a file with certificates in PEM form: --cacert or {CA_VARIABLE}.",
        ) from None
    if access.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class Dial:
    """One attempt to connect. Calls `on_ready(socket)` or `on_failed(reason)`, once, unless abandoned."""

    __slots__ = ("_clock", "_name", "_on_failed", "_on_ready", "_reactor", "_sock", "_tls")

    def __init__(
        self,
        clock: Clock,
        reactor: Reactor,
        tls: ssl.SSLContext | None,
        name: str,
        on_ready: Callable[[socket.socket], None],
        on_failed: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._reactor = reactor
        self._tls = tls
        self._name = name
        self._on_ready = on_ready
        self._on_failed = on_failed
        self._sock: socket.socket | None = None

    def start(self, address: Address) -> None:
        try:
            self._sock = sock = socket.socket(address[0], socket.SOCK_STREAM)
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            if address[0] != getattr(socket, "AF_UNIX", None):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._clock.prepare(sock)
            with contextlib.suppress(BlockingIOError):
                sock.connect(address[1])
        except OSError as error:
            if error.errno in OWN_SHORTAGE:
                raise too_few_files(error) from None
            self._fail(reason_of(error))
            return
        self._reactor.register(sock.fileno(), WRITE, self._connected)

    def abandon(self) -> None:
        """Forget the attempt; nothing is called any more."""
        if self._sock is not None:
            self._reactor.unregister(self._sock.fileno())
            self._sock.close()
            self._sock = None

    def _fail(self, reason: str) -> None:
        self.abandon()
        self._on_failed(reason)

    def _connected(self, _events: int) -> None:
        assert self._sock is not None
        code = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._fail(os.strerror(code))
            return
        if self._tls is not None:
            self._reactor.unregister(self._sock.fileno())
            try:
                self._sock = self._tls.wrap_socket(
                    self._sock, server_hostname=self._name, do_handshake_on_connect=False
                )
            except (OSError, ValueError) as error:
                self._fail(reason_of(error))
                return
            self._handshake(0)
        else:
            self._ready()

    def _handshake(self, _events: int) -> None:
        assert isinstance(self._sock, ssl.SSLSocket)
        try:
            self._sock.do_handshake()
        except ssl.SSLWantReadError:
            self._reactor.register(self._sock.fileno(), READ, self._handshake)
        except ssl.SSLWantWriteError:
            self._reactor.register(self._sock.fileno(), WRITE, self._handshake)
        except OSError as error:
            self._fail(reason_of(error))
        else:
            self._ready()

    def _ready(self) -> None:
        assert self._sock is not None
        sock, self._sock = self._sock, None
        self._reactor.unregister(sock.fileno())
        self._on_ready(sock)

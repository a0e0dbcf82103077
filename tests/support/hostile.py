"""Servers that answer by script, byte by byte, and loads against them: for tests of the load generator.

def play(peer):
    while peer.request():                    # one whole request; b"" when the client has gone
        peer.send(ANSWER)

with serving(play) as server:                # each connection in a thread of its own
    ran = carried_out(asked(server.url, requests=3))
server.requests, server.connections, ran.records
"""

from __future__ import annotations

import contextlib
import gc
import json
import shutil
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kit.documents import Exchange, Load, Loop, OutputTokens, PlannedRequest, Record, Timeouts
from kit.loadgen.loadrun import LoadRun, Progress
from kit.loadgen.session import Session
from kit.plan.chat_body import body
from kit.plan.schedule import arrivals_ns, planned_request
from kit.plan.target import parse_target, payload, request_head
from kit.reference.listening import url_of
from kit.stream.record import record
from tests.support.framing import CHUNKED, END, chunked
from tests.support.scripted import MS, PROMPTS, load_of
from tests.support.streams import vllm

PATIENCE_S = 10.0
WORDS = (" one", " two", " three", " four")
STREAM = vllm(WORDS)  # what a good body holds
ANSWER = CHUNKED + chunked(STREAM) + END
TEXT = b'data: {"choices":[{"index":0,"delta":{"content":" x"}}]}\n\n'
ENDLESS = CHUNKED + chunked(TEXT)  # and then nothing: a request that only a cut ends

Play = Callable[["Peer"], None]


class Peer:
    """The server's end of one connection; `number` counts connections from 0."""

    def __init__(self, number: int, sock: socket.socket, server: Hostile) -> None:
        self.number = number
        self.sock = sock
        self.server = server
        self._ahead = b""

    def head(self) -> bytes:
        """Read up to the end of a request's head; b"" when the client has gone. The rest stays unread."""
        while b"\r\n\r\n" not in self._ahead:
            data = self.sock.recv(4096)
            if not data:
                return b""
            if len(self._ahead) > 100_000:
                raise ConnectionError("this is no request")
            self._ahead += data
        head, _, self._ahead = self._ahead.partition(b"\r\n\r\n")
        return head

    def request(self) -> bytes:
        """Read a whole request and keep it in `Hostile.requests`; b"" when the client has gone."""
        head = self.head()
        if not head:
            return b""
        content = self.read(int(head.rpartition(b"Content-Length: ")[2]))
        self.server.requests.append(head + b"\r\n\r\n" + content)
        return self.server.requests[-1]

    def read(self, size: int) -> bytes:
        """So many bytes of what follows the head."""
        while len(self._ahead) < size:
            data = self.sock.recv(65536)
            if not data:
                raise ConnectionError("the client has gone")
            self._ahead += data
        taken, self._ahead = self._ahead[:size], self._ahead[size:]
        return taken

    def send(self, *parts: bytes, pause_s: float = 0.003) -> None:
        """Send each part by itself, with a pause between, so that the client reads them apart."""
        for place, part in enumerate(parts):
            if place:
                self.wait(pause_s)
            self.sock.sendall(part)

    def wait(self, seconds: float = PATIENCE_S) -> None:
        """Wait, at most until the server ends."""
        self.server.over.wait(seconds)

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Hostile:
    """A listening server; `errors` are those of a script that is wrong itself."""

    def __init__(self, play: Play, tls: ssl.SSLContext | None) -> None:
        self.over = threading.Event()
        self.requests: list[bytes] = []
        self.connections = 0
        self.errors: list[Exception] = []
        self._play = play
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._socks: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        plain = url_of(self._listener)
        return plain.replace("http:", "https:") if self._tls else plain

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self.over.is_set():
                sock.close()
                return
            sock.settimeout(PATIENCE_S)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socks.append(sock)
            self._threads.append(threading.Thread(target=self._serve, args=(self.connections, sock)))
            self.connections += 1
            self._threads[-1].start()

    def _serve(self, number: int, sock: socket.socket) -> None:
        try:
            with sock if self._tls is None else self._tls.wrap_socket(sock, server_side=True) as wrapped:
                self._play(Peer(number, wrapped, self))
        except OSError:
            pass  # the client has gone, or does not trust us
        except Exception as error:
            self.errors.append(error)

    def close(self) -> None:
        self.over.set()
        socket.create_connection(self._listener.getsockname()[:2]).close()
        self._threads[0].join(PATIENCE_S)
        self._listener.close()
        for sock in self._socks:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
        for sock in self._socks:
            sock.close()


@contextmanager
def serving(play: Play, *, tls: ssl.SSLContext | None = None) -> Iterator[Hostile]:
    """A server that plays the script on each connection, and ends with the block."""
    server = Hostile(play, tls)
    try:
        yield server
    finally:
        server.close()
    assert server.errors == []


def answering(*parts: bytes, close: bool = False, pause_s: float = 0.003) -> Play:
    """A script that sends these parts for each request."""

    def play(peer: Peer) -> None:
        while peer.request():
            peer.send(*parts, pause_s=pause_s)
            if close:
                return

    return play


def certificate(folder: Path, names: str = "IP:127.0.0.1") -> tuple[Path, ssl.SSLContext]:
    """A new self-signed certificate by the openssl program: its file, and a server's context."""
    program = shutil.which("openssl")
    assert program is not None
    key, cert = folder / "key.pem", folder / "cert.pem"
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=test"]
    files = ["-keyout", str(key), "-out", str(cert), "-addext", f"subjectAltName={names}"]
    subprocess.run([program, "req", *kind, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context


# --- loads ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ran:
    """A load carried out: what it left, and the records of its exchanges, both in the order of ids."""

    run: LoadRun
    exchanges: list[Exchange]
    records: list[Record]


def limits(
    *, connect_ms: int = 5_000, first_ms: int = 5_000, idle_ms: int = 5_000, total_ms: int = 10_000
) -> Timeouts:
    return Timeouts(connect_ms * MS, first_ms * MS, idle_ms * MS, total_ms * MS)


def asked(url: str, *, tokens: tuple[int, int] = (8, 8), **changes: Any) -> Load:
    """A load of one request by one worker, unless the changes (fields of `Load`) say otherwise."""
    usual = load_of(url, requests=1, concurrency=1, tokens=1, idle_ms=1)
    loop = Loop("closed", changes.pop("concurrency", 1))
    return replace(
        usual, **{"loop": loop, "timeouts": limits(), "output_tokens": OutputTokens("uniform", *tokens), **changes}
    )


def carried_out(
    load: Load,
    *,
    pad_bytes: int = 0,
    on_session: Callable[[Session], object] = lambda _: None,
    on_progress: Callable[[Progress], None] = lambda _: None,
    arrivals: Iterator[int] | None = None,
) -> Ran:
    """Run a load in this thread. `pad_bytes` make its prompts longer; `on_session` sees it before it runs."""
    head = request_head(parse_target(load.url))
    prompts = [text + "x" * pad_bytes for text in PROMPTS]

    def planned(index: int) -> PlannedRequest:
        return planned_request(load.seed, load.lane, index, len(PROMPTS), load.output_tokens)

    def body_of(index: int) -> bytes:
        return payload(head, json.dumps(body(load, prompts, planned(index))).encode())

    if arrivals is None and load.loop.kind == "open":
        arrivals = arrivals_ns(load.seed, load.lane, load.loop)
    session = Session(load, parse_target(load.url), body_of, on_progress, arrivals)
    on_session(session)
    gc.freeze()  # or the collection that a load begins with would take longer than most of these loads
    try:
        run = session.run()
    finally:
        gc.unfreeze()
    with contextlib.closing(run.exchanges):
        exchanges = list(run.exchanges)
    return Ran(run, exchanges, [record(each, planned(each.id))[0] for each in exchanges])


def verdict(each: Record) -> str:
    """How a request ended, in one word: ok, unfinished, or its kind of error."""
    return each.error or each.outcome


def most_in_flight(records: list[Record]) -> int:
    """The largest number of requests between send and end at one time; ends count before sends."""
    spans = [(each.sent_ns, each.done_ns) for each in records if each.sent_ns is not None]
    steps = [step for sent_ns, done_ns in spans for step in ((sent_ns, 1), (done_ns, -1))]
    now, most = 0, 0
    for _, step in sorted(steps):
        now += step
        most = max(most, now)
    return most

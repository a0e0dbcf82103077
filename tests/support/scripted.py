"""Reference endpoints on free loopback ports, and loads against them, for tests of everything that measures.

with in_thread(behaving(ttft_ms=20)) as url: ...                 # quick to start, shares this interpreter
with in_process("--ttft-ms", "20", truth=path) as url: ...       # its own interpreter: true to its timing
records = loaded(url, requests=8, concurrency=4)                  # through kit.loadgen
read_truths(path)                                                 # after the block: complete
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kit.documents import Load, Loop, OutputTokens, Record, TextPin, Timeouts
from kit.loadgen.http1 import ResponseFramer
from kit.loadgen.session import Session
from kit.plan.chat_body import body
from kit.plan.schedule import planned_request
from kit.plan.target import parse_target, payload, request_head
from kit.reference.behaviour import Behaviour
from kit.reference.faults import parse_rule
from kit.reference.listening import listen, listen_unix
from kit.reference.server import Server
from kit.reference.timing import Delay
from kit.reference.truth import Truth, TruthLog, read_truth
from kit.stream.record import record

MS = 1_000_000
STARTUP_S = 30.0
PROMPTS = ("Count to ten.", "Name three clocks.")


def constant(milliseconds: float) -> Delay:
    return Delay("constant", round(milliseconds * MS))


def behaving(*faults: str, ttft_ms: float = 5, itl_ms: float = 1, **more: Any) -> Behaviour:
    """A behaviour with constant delays; faults as on the command line, further fields as they are."""
    rules = tuple(map(parse_rule, faults))
    return Behaviour(ttft=constant(ttft_ms), itl=constant(itl_ms), faults=rules, **more)


@contextmanager
def in_thread(
    behaviour: Behaviour, truth: Path | None = None, *, host: str = "127.0.0.1", unix: Path | None = None
) -> Iterator[str]:
    """A reference endpoint in a thread of this process; gives its URL, ends with the block."""
    listener = listen(host, 0) if unix is None else listen_unix(unix)
    server = Server(behaviour, listener, None if truth is None else TruthLog(truth))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server.url
    finally:
        server.stop()
        thread.join(STARTUP_S)
        assert not thread.is_alive()


@contextmanager
def in_process(*options: str, truth: Path | None = None) -> Iterator[str]:
    """`kit reference` as a child with these options; gives its URL, ends it by SIGTERM and wants exit code 0."""
    logged = [] if truth is None else ["--truth", str(truth)]
    program = "from kit.cli import main; main()"
    child = subprocess.Popen(
        [sys.executable, "-c", program, "reference", *options, *logged], stdout=subprocess.PIPE, text=True
    )
    with child:
        try:
            assert child.stdout is not None
            yield json.loads(child.stdout.readline())["url"]
            child.send_signal(signal.SIGTERM)
            assert child.wait(STARTUP_S) == 0
        finally:
            child.kill()


def read_truths(path: Path) -> tuple[Truth, ...]:
    """A finished truth log, by the number of the request."""
    return tuple(sorted(read_truth(path.read_bytes(), path.name), key=lambda truth: truth.id))


# --- asking ---------------------------------------------------------------------------------------------


def load_of(url: str, *, requests: int, concurrency: int, tokens: int, idle_ms: int) -> Load:
    return Load(
        schema="kit/load/1",
        url=url,
        model="reference",
        loop=Loop("closed", concurrency),
        warmup_ns=0,
        window_ns=None,
        requests=requests,
        drain_ns=MS,
        timeouts=Timeouts(5_000 * MS, idle_ms * MS, idle_ms * MS, 60_000 * MS),
        schedule="kit-schedule-1",
        seed=1,
        lane="scripted",
        prompts=TextPin("scripted", "0" * 64, len(PROMPTS)),
        output_tokens=OutputTokens("uniform", tokens, tokens),
        extra_body={},
    )


def loaded(
    url: str, *, requests: int = 4, concurrency: int = 1, tokens: int = 8, idle_ms: int = 10_000
) -> list[Record]:
    """Records of a closed loop through the kit's own load generator, in the order of their ids."""
    load = load_of(url, requests=requests, concurrency=concurrency, tokens=tokens, idle_ms=idle_ms)
    target = parse_target(load.url)
    head = request_head(target)

    def body_of(index: int) -> bytes:
        request = planned_request(load.seed, load.lane, index, len(PROMPTS), load.output_tokens)
        return payload(head, json.dumps(body(load, PROMPTS, request)).encode())

    run = Session(load, target, body_of, lambda _: None).run()
    planned = [
        planned_request(load.seed, load.lane, each.id, len(PROMPTS), load.output_tokens) for each in run.exchanges
    ]
    return [record(each, request)[0] for each, request in zip(run.exchanges, planned, strict=True)]


def connected(url: str) -> socket.socket:
    """A connection to an endpoint, for bytes by hand; it gives up after ten seconds."""
    if url.startswith("unix:"):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(url.removeprefix("unix:"))
    else:
        target = parse_target(url)
        sock = socket.create_connection((target.host, target.port))
    sock.settimeout(10)
    return sock


def chat_body(**members: object) -> bytes:
    """A streamed chat request; members replace or add to the usual ones."""
    first = {"role": "user", "content": "00ff00ff00ff00ff is my number."}
    usual = {"messages": [first], "max_tokens": 4, "stream": True, "stream_options": {"include_usage": True}}
    return json.dumps(usual | members).encode()


def chat_request(content: bytes | None = None, headers: str = "", **members: object) -> bytes:
    """The bytes of a chat request."""
    data = chat_body(**members) if content is None else content
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\n{headers}Content-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


def exchange(sock: socket.socket, data: bytes) -> ResponseFramer:
    """Send bytes and read one answer."""
    sock.sendall(data)
    return answer(sock)


def answer(sock: socket.socket) -> ResponseFramer:
    """Read one answer, or what there is of it, to the end of the connection."""
    framer = ResponseFramer()
    while not framer.complete and framer.error is None:
        data = sock.recv(65536)
        if not data:
            framer.eof(0)
            break
        framer.feed(0, data)
    return framer

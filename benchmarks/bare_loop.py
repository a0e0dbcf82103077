"""A program: the least a client can do, to compare the kit with. It reads answers and looks at nothing.

    python -m benchmarks.bare_loop URL REQUESTS.jsonl CONCURRENCY

sends each line of the file as the body of one chat completion request, over CONCURRENCY kept-alive connections
of an asyncio protocol on uvloop, counts bytes and ends of answers, and prints one JSON line. No stamps, no
parsing, no records. `cpu_s` is the loop alone; whoever starts this program can count its start-up too.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import cast

import uvloop

from kit.plan.target import Target, parse_target, payload, request_head

# With the CRLF of the chunk before it: a header block may end in "0\r\n\r\n", as llama.cpp's does.
END = b"\r\n0\r\n\r\n"


class Run:
    """The requests that are left, and what came back."""

    def __init__(self, target: Target, payloads: list[bytes], concurrency: int) -> None:
        self.target = target
        self.left = payloads[::-1]
        self.bytes = self.ended = self.broken = 0
        self._working = concurrency
        self._connecting: set[asyncio.Task[tuple[asyncio.Transport, Reader]]] = set()
        self.finished = asyncio.Event()

    def start(self) -> None:
        for _ in range(self._working):
            self.connect(self.left.pop() if self.left else b"")

    def connect(self, first: bytes) -> None:
        loop = asyncio.get_running_loop()
        task = loop.create_task(loop.create_connection(lambda: Reader(self, first), *self._address()))
        self._connecting.add(task)  # the loop alone would let it go
        task.add_done_callback(self._connecting.discard)
        task.add_done_callback(self._connected)

    def _connected(self, task: asyncio.Task[tuple[asyncio.Transport, Reader]]) -> None:
        if task.exception() is not None:
            self.broken += 1
            self.retire()

    def _address(self) -> tuple[str, int]:
        return self.target.host, self.target.port

    def retire(self) -> None:
        self._working -= 1
        if not self._working:
            self.finished.set()


class Reader(asyncio.Protocol):
    """One connection: sends, reads to the end of the answer, sends again."""

    def __init__(self, run: Run, first: bytes) -> None:
        self._run = run
        self._request = first
        self._fresh = True
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own kind, with the same methods
        self._send()

    def _send(self) -> None:
        if self._request:
            self._tail = b""
            self._transport.write(self._request)
        else:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        run = self._run
        run.bytes += len(data)
        tail = data if len(data) >= len(END) else self._tail + data
        self._tail = tail[-len(END) :]
        if self._tail == END:
            run.ended += 1
            self._fresh = False
            self._request = run.left.pop() if run.left else b""
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        """A kept-alive connection that the server closed without an answer is replaced; else an answer is lost."""
        del exc  # how it closed is all one
        if self._request and not self._fresh and not self._tail:
            self._run.connect(self._request)
            return
        self._run.broken += bool(self._request)
        if self._run.left:
            self._run.connect(self._run.left.pop())
        else:
            self._run.retire()


async def measure(url: str, bodies: list[bytes], concurrency: int) -> dict[str, float]:
    """Ask everything; seconds of time and of CPU from the first connection to the last end."""
    target = parse_target(url)
    head = request_head(target)
    run = Run(target, [payload(head, body) for body in bodies], concurrency)
    started, cpu = time.monotonic(), time.process_time()
    run.start()
    await run.finished.wait()
    return {
        "ended": run.ended,
        "broken": run.broken,
        "bytes": run.bytes,
        "wall_s": time.monotonic() - started,
        "cpu_s": time.process_time() - cpu,
    }


def main(url: str, requests: str, concurrency: str) -> int:
    bodies = Path(requests).read_bytes().splitlines()
    found = uvloop.run(measure(url, bodies, int(concurrency)))
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""A server that holds every question until so many are there at once, and only then answers: it counts them.

with gathering(150, answer) as server: ...
server.most                                    # the largest number that were open at one time
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kit.loadgen.descriptors import need_descriptors

Answer = Callable[[bytes], bytes]  # a whole HTTP answer to the body of a request


def completion(text: str) -> bytes:
    """A whole HTTP answer: a chat completion that says this."""
    body = json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


class Gathering:
    """The server, in a thread of its own. After `patience_s` it answers however few have come."""

    def __init__(self, expected: int, answer: Answer, patience_s: float, alone: int) -> None:
        self.most = self.now = 0
        self.port = 0
        self._expected = expected
        self._answer = answer
        self._patience_s = patience_s
        self._alone = alone  # so many questions come one by one before, and are answered at once
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self._thread.start()
        self._ready.wait(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _serve(self) -> None:
        self._over, self._together = asyncio.Event(), asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, backlog=4096)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        async with server:
            await self._over.wait()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().rpartition(b"content-length: ")[2].split()[0])
            body = await reader.readexactly(length)
            await self._together_with_others()
            writer.write(self._answer(body))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # a client that only looked whether somebody is there, or has gone
        finally:
            writer.close()

    async def _together_with_others(self) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        self._alone -= 1
        try:
            if self._alone < 0:
                if self.now >= self._expected:
                    self._together.set()
                await asyncio.wait_for(self._together.wait(), self._patience_s)
        except TimeoutError:
            pass
        finally:
            self.now -= 1

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)
        assert not self._thread.is_alive()
        self._loop.close()


@contextmanager
def gathering(expected: int, answer: Answer, patience_s: float = 20.0, alone: int = 0) -> Iterator[Gathering]:
    """A gathering server; both ends of its connections are in this process."""
    need_descriptors(2 * expected)
    server = Gathering(expected, answer, patience_s, alone)
    try:
        yield server
    finally:
        server.close()


__all__ = ["Gathering", "completion", "gathering"]

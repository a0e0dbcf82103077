"""A door in front of a server that answers the tests of the correctness suite rightly; all else goes through.

The reference endpoint writes words of its own, so what the kit gates by right answers cannot measure it.
"""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from kit.plan.correctness import load_suite
from kit.plan.target import parse_target
from tests.support.correctness_answers import GOOD

RIGHT = {test.prompt: GOOD[f"tiny/{test.name}"][0] for test in load_suite("correctness", "tiny").tests}


def _right_answer(body: bytes) -> bytes | None:
    """The whole answer to a question of the suite; None for any other request."""
    if not body:
        return None
    messages = json.loads(body).get("messages") or [{}]
    text = RIGHT.get(messages[-1].get("content", ""))
    if text is None:
        return None
    document = json.dumps({"choices": [{"message": {"content": text}}]}).encode()
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(document)
        + document
    )


def _request(file: BinaryIO) -> tuple[bytes, bytes] | None:
    """Head and body of the next request; None at the end."""
    head, length = b"", 0
    while line := file.readline():
        head += line
        if line == b"\r\n":
            return head, file.read(length)
        if line.lower().startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    return None


def _through(client: socket.socket, address: tuple[str, int]) -> None:
    with socket.create_connection(address) as server, client.makefile("rb") as asked:
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=_pump, args=(server, client))
        back.start()
        try:
            while (request := _request(asked)) is not None:
                answer = _right_answer(request[1])
                client.sendall(answer) if answer is not None else server.sendall(b"".join(request))
        except OSError:
            pass  # whoever asked went away
        finally:
            server.shutdown(socket.SHUT_RDWR)
            back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class _Door(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 256


@contextmanager
def answering(url: str) -> Iterator[str]:
    """The address of a door in front of the server at `url`, while the block runs."""
    target = parse_target(url)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _through(self.request, (target.host, target.port))

    with _Door(("127.0.0.1", 0), Handler) as door:
        thread = threading.Thread(target=door.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{door.server_address[1]}"
        finally:
            door.shutdown()
            thread.join()

"""A small OpenAI-compatible server: lists models, streams answers, and keeps what it was asked and how."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: names of headers in lower case; `document` is the body of a POST."""

    method: str
    path: str
    headers: Mapping[str, str]
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """How the list of models is answered."""

    status: int = 200
    body: bytes = b'{"object": "list", "data": [{"id": "served-model"}]}'
    headers: Mapping[str, str] = field(default_factory=dict)


class OpenAiServer:
    """`key` must be the bearer token of every request; an answer has `tokens` words, `gap_s` apart."""

    def __init__(
        self,
        listing: Listing | None = None,
        *,
        key: str = "",
        tokens: int = 3,
        gap_s: float = 0.001,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        outer = self
        self.asked: list[Asked] = []
        self._listing = listing or Listing()
        self._key, self._tokens, self._gap_s = key, tokens, gap_s

        class Server(ThreadingHTTPServer):
            request_queue_size = 256

            def handle_error(self, *_: object) -> None:
                """A client that goes away, or speaks no TLS, is no error of a test."""

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                outer._get(self)

            def do_POST(self) -> None:
                outer._post(self)

        self._server = Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def chats(self) -> list[Asked]:
        return [each for each in self.asked if each.method == "POST"]

    def _get(self, handler: BaseHTTPRequestHandler) -> None:
        self._note(handler, {})
        if self._refused(handler):
            return
        listing = self._listing if handler.path.partition("?")[0].endswith("/models") else Listing(404, b"{}")
        _send(handler, listing.status, listing.body, listing.headers)

    def _post(self, handler: BaseHTTPRequestHandler) -> None:
        self._note(handler, json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))))
        if self._refused(handler):
            return
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        for number in range(self._tokens):
            time.sleep(self._gap_s)
            _event(handler, {"choices": [{"index": 0, "delta": {"content": f"w{number} "}}]})
        _event(handler, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        usage = {"prompt_tokens": 5, "completion_tokens": self._tokens}
        _event(handler, {"choices": [], "usage": usage})
        handler.wfile.write(b"data: [DONE]\n\n")

    def _note(self, handler: BaseHTTPRequestHandler, document: Mapping[str, Any]) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.asked.append(Asked(handler.command, handler.path, headers, document))

    def _refused(self, handler: BaseHTTPRequestHandler) -> bool:
        if not self._key or handler.headers.get("Authorization") == f"Bearer {self._key}":
            return False
        _send(handler, 401, b'{"error": {"message": "no key"}}', {})
        return True

    def __enter__(self) -> OpenAiServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def _event(handler: BaseHTTPRequestHandler, document: Mapping[str, Any]) -> None:
    handler.wfile.write(b"data: " + json.dumps({"object": "chat.completion.chunk", **document}).encode() + b"\n\n")

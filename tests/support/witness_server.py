"""An OpenAI-compatible server whose answers follow from its prompts, honest or in one of the known ways not."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODELS = b'{"object": "list", "data": [{"id": "served-model"}]}'


@dataclass(frozen=True, slots=True)
class Manner:
    """What a server does: garbage with more than `garbage_above` requests in flight; one answer for all prompts

    that begin alike (`fuzzy_cache`); answers from a store without any pause (`store`); log probabilities told
    (`tells`), refused (`refuses`), or neither; errors for all lengths but `only_tokens`. Of `flips` in a hundred
    answers the third word is another, as likely, where others are in flight.
    """

    garbage_above: int | None = None
    fuzzy_cache: bool = False
    store: bool = False
    tells: bool = False
    refuses: bool = False
    flips: int = 0
    only_tokens: int | None = None


class WitnessServer:
    """Streams `max_tokens` words, `gap_s` apart; each follows from the prompt and its place."""

    def __init__(self, manner: Manner, gap_s: float = 0.002) -> None:
        outer = self
        self.manner, self._gap_s = manner, gap_s
        self.asked: list[dict[str, Any]] = []
        self._in_flight = 0
        self._lock = threading.Lock()
        self._stored: dict[str, list[str]] = {}

        class Server(ThreadingHTTPServer):
            request_queue_size = 256

            def handle_error(self, *_: object) -> None:
                """A client that goes away is no error of a test."""

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                listed = self.path.endswith("/models")
                self._send(200 if listed else 404, MODELS if listed else b"{}")

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append(asked)
                if outer.manner.refuses and "logprobs" in asked:
                    self._send(400, b'{"error": {"message": "logprobs is not supported"}}')
                elif outer.manner.only_tokens not in (None, asked["max_tokens"]):
                    self._send(500, b'{"error": {"message": "out of memory"}}')
                else:
                    outer._answer(self, asked)

            def _send(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def _answer(self, handler: BaseHTTPRequestHandler, asked: Mapping[str, Any]) -> None:
        with self._lock:
            self._in_flight += 1
            many = self._in_flight
        try:
            self._stream(handler, asked, many)
        finally:
            with self._lock:
                self._in_flight -= 1

    def _stream(self, handler: BaseHTTPRequestHandler, asked: Mapping[str, Any], many: int) -> None:
        manner, count = self.manner, int(asked["max_tokens"])
        texts = [message["content"] for message in asked["messages"]]
        prompt = texts[-1][:20] if manner.fuzzy_cache else "\n".join(texts)
        words = [_word(prompt, at) for at in range(count)]
        if many > 1 and int(sha256(prompt.encode()).hexdigest(), 16) % 100 < manner.flips:
            words[2] = _other(prompt, 2)
        if manner.garbage_above is not None and many > manner.garbage_above:
            words = ["!"] * count
        known = manner.store and prompt in self._stored
        self._stored[prompt] = words
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        for at, word in enumerate(words):
            if not known:
                time.sleep(self._gap_s)
            told = asked.get("logprobs") and manner.tells
            _event(handler, _choice(word, _token(prompt, at) if told else None))
        _event(handler, {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]})
        _event(handler, {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": count}})
        handler.wfile.write(b"data: [DONE]\n\n")

    def __enter__(self) -> WitnessServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _word(prompt: str, at: int) -> str:
    return f" w{sha256(f'{prompt}/{at}'.encode()).hexdigest()[:6]}"


def _other(prompt: str, at: int) -> str:
    return f" v{_word(prompt, at)[2:]}"


def _token(prompt: str, at: int) -> dict[str, Any]:
    """The word of a place with its log probability, and another that is nearly as likely."""
    listed = [(_word(prompt, at), -0.7), (_other(prompt, at), -0.72), (" else", -4.0)]
    tokens = [{"token": text, "bytes": list(text.encode()), "logprob": value} for text, value in listed]
    return {**tokens[0], "top_logprobs": tokens}


def _choice(word: str, token: dict[str, Any] | None) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": 0, "delta": {"content": word}}
    return {"choices": [choice if token is None else {**choice, "logprobs": {"content": [token]}}]}


def _event(handler: BaseHTTPRequestHandler, document: Mapping[str, Any]) -> None:
    data = json.dumps({"object": "chat.completion.chunk", "model": "served-model", **document}).encode()
    handler.wfile.write(b"data: " + data + b"\n\n")

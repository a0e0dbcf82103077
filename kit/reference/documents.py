"""The HTTP heads of the runtimes, and their answers that are no stream."""

from __future__ import annotations

from kit.documents.shape import Api
from kit.reference.shapes import (
    CREATED,
    ID,
    MODEL,
    RAW_ID,
    Counts,
    Shape,
    finish_reason,
    packed,
    text_of,
    usage,
)

REASONS = {
    200: b"OK",
    400: b"Bad Request",
    404: b"Not Found",
    405: b"Method Not Allowed",
    413: b"Content Too Large",
    429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
    500: b"Internal Server Error",
    505: b"HTTP Version Not Supported",
}
# llama.cpp announces a kept-alive connection with a line that ends in "0", as the last chunk of a body begins.
_STREAM_HEADERS: dict[Shape, bytes] = {
    "llamacpp": (
        b"Server: llama.cpp\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
        b"Keep-Alive: timeout=5, max=100\r\n"
    ),
    "ollama": b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n",
    "vllm": (
        b"server: uvicorn\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n"
    ),
    "realizar": (b"content-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n"),
}
_CLOSE = b"Connection: close\r\n"


def stream_head(shape: Shape, request: int, *, close: bool) -> bytes:
    """The head of a streamed answer; X-Request is its number in the truth log."""
    said = _CLOSE if close else b""
    return b"HTTP/1.1 200 OK\r\nX-Request: %d\r\n%b%b\r\n" % (request, said, _STREAM_HEADERS[shape])


def document(status: int, body: bytes, *, close: bool = False, request: int | None = None) -> bytes:
    """A whole answer with a JSON body (or none)."""
    lines = [
        b"HTTP/1.1 %d %b" % (status, REASONS[status]),
        *([b"X-Request: %d" % request] if request is not None else []),
        *([b"Retry-After: 1"] if status == 429 else []),
        *([b"Connection: close"] if close else []),
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def error_body(shape: Shape, status: int, message: str) -> bytes:
    """An error as the runtime words it: an object in most, a text in realizar."""
    kind = "server_error" if status >= 500 else "rate_limit_error" if status == 429 else "invalid_request_error"
    if shape == "realizar":
        return packed({"error": message})
    if shape == "ollama":
        return packed({"error": {"message": message, "type": kind, "param": None, "code": None}})
    return packed({"error": {"code": status, "message": message, "type": kind}})


def health_body(shape: Shape) -> bytes:
    if shape == "vllm":
        return b""
    return packed({"status": "healthy" if shape == "realizar" else "ok"})


def models_body() -> bytes:
    entry = {"id": MODEL, "object": "model", "created": CREATED, "owned_by": "kit"}
    return packed({"object": "list", "data": [entry]})


def completion_body(shape: Shape, counts: Counts, *, counted: bool, api: Api = "chat") -> bytes:
    """A whole completion."""
    said = text_of(0, counts.completion_tokens)
    message: dict[str, object] = {"message": {"role": "assistant", "content": said}}
    named, kind = (ID, "chat.completion") if api == "chat" else (RAW_ID, "text_completion")
    choice = {"index": 0, **(message if api == "chat" else {"text": said}), "finish_reason": finish_reason(shape)}
    what = {"id": named, "object": kind, "created": CREATED, "model": MODEL, "choices": [choice]}
    return packed(what | ({"usage": usage(shape, counts)} if counted else {}))

"""HTTP/1.1 requests out of bytes as they arrive (RFC 9112), and what a chat request asks for. No sockets.

Nothing grows beyond the limits, and hostile bytes end in `BadRequestError`, never in another exception.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from kit.documents.shape import Api

MAX_HEAD_BYTES = 64 << 10
MAX_BODY_BYTES = 16 << 20
MAX_TOKENS = 100_000
DEFAULT_TOKENS = 256  # of a request that does not say how many
BYTES_PER_TOKEN = 4  # of a prompt: an estimate is all that anybody needs of it

_REQUEST_LINE = re.compile(rb"([A-Z]{1,20}) (\S{1,4096}) HTTP/([0-9])\.([0-9])")
_HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([^\r\n\0]*)")
_LENGTH = re.compile(rb"[0-9]{1,15}")
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]{0,1024})?\r\n")
_MAX_SIZE_LINE_BYTES = 1100
_SALT = re.compile(r"[0-9a-f]{16}")


class BadRequestError(Exception):
    """What is wrong with a request, and the HTTP status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Request:
    """One complete request; `close` asks for the connection to end with the answer."""

    method: str
    path: str
    body: bytes
    close: bool


@dataclass(frozen=True, slots=True)
class _Head:
    method: str
    path: str
    length: int | None  # None: the body comes in chunks
    close: bool
    expects_continue: bool


class RequestReader:
    """One connection. Feed it what arrives, then take requests until there is none."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0  # no head ends before this place
        self._head: _Head | None = None
        self._body = bytearray()
        self._left = -1  # bytes of the chunk still to come; -1 before its size is known
        self._continue_said = False

    @property
    def pending(self) -> bool:
        """Whether there are bytes that belong to no request taken yet."""
        return bool(self._buffer) or self._head is not None

    def feed(self, data: bytes) -> None:
        """Keep bytes; `BadRequestError` if a peer sends more than can be one request."""
        self._buffer += data
        if len(self._buffer) > MAX_HEAD_BYTES + MAX_BODY_BYTES:
            raise BadRequestError(413, f"more than {MAX_BODY_BYTES} bytes")

    def wants_continue(self) -> bool:
        """True once for a request that waits for "100 Continue" before it sends its body."""
        wants = self._head is not None and self._head.expects_continue and not self._continue_said
        self._continue_said = self._continue_said or wants
        return wants

    def take(self) -> Request | None:
        """The next complete request, or None; `BadRequestError` if the bytes are none."""
        if self._head is None:
            self._head = self._take_head()
        head = self._head
        if head is None:
            return None
        body = self._chunked() if head.length is None else self._sized(head.length)
        if body is None:
            return None
        self._head, self._continue_said = None, False
        return Request(head.method, head.path, body, head.close)

    def _take_head(self) -> _Head | None:
        end = self._buffer.find(b"\r\n\r\n", self._searched)
        if (end if end >= 0 else len(self._buffer)) > MAX_HEAD_BYTES:
            raise BadRequestError(431, f"more than {MAX_HEAD_BYTES} bytes of headers")
        if end < 0:
            self._searched = max(0, len(self._buffer) - 3)
            return None
        lines = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        self._searched = 0
        return _head(lines)

    def _sized(self, length: int) -> bytes | None:
        if len(self._buffer) < length:
            return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return body

    def _chunked(self) -> bytes | None:
        while True:
            if self._left < 0:
                found = _SIZE_LINE.match(self._buffer)
                if found is None:
                    self._check_room_for_size()
                    return None
                self._left = int(found[1], 16)
                del self._buffer[: found.end()]
            if len(self._body) + self._left > MAX_BODY_BYTES:
                raise BadRequestError(413, f"a body of more than {MAX_BODY_BYTES} bytes")
            if len(self._buffer) < self._left + 2:
                return None
            if self._buffer[self._left : self._left + 2] != b"\r\n":
                raise BadRequestError(400, "a chunk longer than its size, or trailers")
            size, self._left = self._left, -1
            self._body += self._buffer[:size]
            del self._buffer[: size + 2]
            if not size:
                body = bytes(self._body)
                self._body.clear()
                return body

    def _check_room_for_size(self) -> None:
        if b"\n" in self._buffer[:_MAX_SIZE_LINE_BYTES] or len(self._buffer) > _MAX_SIZE_LINE_BYTES:
            raise BadRequestError(400, "a chunk size that is not a number")


def _head(lines: list[bytes]) -> _Head:
    first = _REQUEST_LINE.fullmatch(lines[0])
    if first is None:
        raise BadRequestError(400, "no HTTP request line")
    if first[3] != b"1" or first[4] == b"0":
        raise BadRequestError(505, "only HTTP/1.1 is spoken here")
    headers: dict[bytes, bytes] = {}
    for line in lines[1:]:
        found = _HEADER.fullmatch(line)
        if found is None:
            raise BadRequestError(400, "a line that is not a header")
        name, value = found[1].lower(), found[2].strip()
        if headers.setdefault(name, value) != value and name in (b"content-length", b"transfer-encoding"):
            raise BadRequestError(400, "two different lengths")
    return _Head(
        method=first[1].decode("ascii"),
        path=first[2].decode("latin-1").partition("?")[0],
        length=_length(headers),
        close=b"close" in headers.get(b"connection", b"").lower(),
        expects_continue=headers.get(b"expect", b"").lower() == b"100-continue",
    )


def _length(headers: dict[bytes, bytes]) -> int | None:
    coding = headers.get(b"transfer-encoding")
    if coding is not None:
        if coding.lower() != b"chunked" or b"content-length" in headers:
            raise BadRequestError(400, "a transfer encoding other than chunked alone")
        return None
    length = headers.get(b"content-length", b"0")
    if not _LENGTH.fullmatch(length):
        raise BadRequestError(400, "a content length that is not a number")
    if int(length) > MAX_BODY_BYTES:
        raise BadRequestError(413, f"a body of more than {MAX_BODY_BYTES} bytes")
    return int(length)


# --- the chat request -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """What a request asks for. `salt`: the 16 hex digits its first text starts with, if it does; `prompt`

    is all that it says, one text after another.
    """

    tokens: int
    stream: bool
    include_usage: bool
    salt: str | None
    prompt_tokens: int
    api: Api = "chat"
    prompt: bytes = b""


def parse_ask(body: bytes, api: Api = "chat") -> Ask:
    """The request in a body; `BadRequestError` says what is wrong with it."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequestError(400, "the body is not JSON") from None
    if not isinstance(value, dict):
        raise BadRequestError(400, "the body is not an object")
    texts = _messages(value.get("messages")) if api == "chat" else [_raw(value.get("prompt"))]
    options = value.get("stream_options")
    salt = _SALT.match(texts[0])
    prompt = "".join(texts).encode("utf-8", "replace")
    return Ask(
        tokens=_tokens(value.get("max_tokens", value.get("max_completion_tokens"))),
        stream=value.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        salt=salt[0] if salt else None,
        api=api,
        prompt_tokens=max(1, len(prompt) // BYTES_PER_TOKEN),
        prompt=prompt,
    )


def _raw(prompt: object) -> str:
    if not isinstance(prompt, str):
        raise BadRequestError(400, "prompt is not a text")
    return prompt


def _messages(messages: object) -> list[str]:
    if not isinstance(messages, list) or not messages:
        raise BadRequestError(400, "messages is not a list with something in it")
    return [_text(message) for message in messages]


def _text(message: object) -> str:
    content = message.get("content") if isinstance(message, dict) else None
    parts = content if isinstance(content, list) else [{"text": content if content is not None else ""}]
    texts = [part.get("text", "") if isinstance(part, dict) else None for part in parts]
    if not isinstance(message, dict) or not all(isinstance(text, str) for text in texts):
        raise BadRequestError(400, "a message without text")
    return "".join(map(str, texts))


def _tokens(value: object) -> int:
    if value is None:
        return DEFAULT_TOKENS
    if type(value) is not int:
        raise BadRequestError(400, "max_tokens is not a whole number")
    return min(max(1, value), MAX_TOKENS)

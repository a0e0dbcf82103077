"""A shape: what a server sends for one streamed chat request, where that is from, and what is true of it.

`Shape.stream` is what the body holds: a dict is an event with that JSON, a str an event with that data, bytes are
sent as they are, and a number is a pause in milliseconds. `Http` says how the body is framed, and what
becomes of the connection.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from kit.documents import ErrorKind, Outcome, TokenSource
from tests.support.streams import chunk, event, usage

Item = Mapping[str, object] | str | bytes | int | float
FIVE = (" one", " two", " three", " four", " five")  # what most servers say here: a token each
SAID = "".join(FIVE)
DONE = "[DONE]"
ANY = "*"  # of a finish reason that does not matter
SIBLING = "sibling"  # a source: of our own making, after the public ones beside it
MAX_TOKENS = 64  # of every request here
IDLE_MS = 80  # after so long a silence a shape that never ends is given up
_GITHUB = re.compile(r"([\w.-]+/[\w.-]+)#(\d+)")
_RFC = re.compile(r"rfc(\d+)#([\d.]+)")
_WHATWG = "https://html.spec.whatwg.org/multipage/server-sent-events.html"


@dataclass(frozen=True, slots=True)
class Truth:
    """What the record of the request says, if the kit reads the shape right."""

    outcome: Outcome = "ok"
    error: ErrorKind | None = None
    detail: str = ""  # words that the reason of a failure holds
    text: str = SAID
    tokens: int | None = 5
    by: TokenSource | None = "usage"
    chunk_tokens: tuple[int, ...] | None = None
    reasoning_tokens: int | None = None
    untimed: int | None = 0
    fault: str | None = None
    dialect: tuple[str, ...] = ()
    finish: str | None = "stop"
    model: str | None = "m"
    channels: str = ""  # of the chunks, a letter each: c, r, t; "" leaves them out of the comparison
    first_text_ms: float = 0  # what the time to first token is at least
    arrivals: int | None = None  # at how many different times the chunks came
    itl: bool = True  # whether so many chunks came apart that gaps between tokens can be told


@dataclass(frozen=True, slots=True)
class Http:
    """The frame around the body: `length` and `close` are bodies with a length and bodies that the close ends."""

    body: Literal["chunked", "length", "close"] = "chunked"
    status: str = "HTTP/1.1 200 OK"
    headers: str = "Content-Type: text/event-stream"
    before: bytes = b""  # interim answers
    end: bytes = b"0\r\n\r\n"  # of a chunked body
    each: Literal["event", "write"] = "event"  # what is a chunk of a chunked body
    extension: str = ""  # behind each chunk size
    then: Literal["keep", "close", "reset"] = "keep"
    bytewise: bool = False  # each byte in a write of its own


@dataclass(frozen=True, slots=True)
class Shape:
    """One stream, with the server it is from and a public source that shows it."""

    id: str
    server: str
    source: str
    sends: str
    stream: tuple[Item, ...]
    truth: Truth = field(default_factory=Truth)
    http: Http = field(default_factory=Http)

    @property
    def url(self) -> str:
        """The source as a link: `owner/repository#number` is on GitHub, `rfcN#section` at the RFC editor."""
        if found := _GITHUB.fullmatch(self.source):
            return f"https://github.com/{found[1]}/issues/{found[2]}"
        if found := _RFC.fullmatch(self.source):
            return f"https://www.rfc-editor.org/rfc/rfc{found[1]}#section-{found[2]}"
        if self.source == SIBLING:
            return ""
        return _WHATWG if self.source == "WHATWG SSE" else self.source

    @property
    def writes(self) -> list[tuple[float, bytes]]:
        """What the server writes: (pause before it in ms, bytes), HTTP and all."""
        pieces = list(_groups(self.stream))
        head = self._head(sum(len(part) for _, parts in pieces for part in parts))
        framed = [(pause, b"".join(self._framed(parts))) for pause, parts in pieces]
        tail = self.http.end if self.http.body == "chunked" else b""
        first, last = framed[0] if framed else (0.0, b""), framed[1:]
        whole = [(0.0, head), *framed] if first[0] else [(0.0, head + first[1]), *last]
        whole[-1] = whole[-1][0], whole[-1][1] + tail
        if not self.http.bytewise:
            return whole
        return [(0.0, bytes([byte])) for _, data in whole for byte in data]

    def _head(self, length: int) -> bytes:
        if not self.http.status:
            return b""
        lines = [self.http.status, *filter(None, self.http.headers.split("\n"))]
        if self.http.body == "chunked":
            lines.append("Transfer-Encoding: chunked")
        elif self.http.body == "length":
            lines.append(f"Content-Length: {length}")
        return self.http.before + "\r\n".join([*lines, "", ""]).encode()

    def _framed(self, parts: list[bytes]) -> Iterable[bytes]:
        if self.http.body != "chunked":
            return parts
        units = [b"".join(parts)] if self.http.each == "write" else parts
        extension = self.http.extension.encode()
        return [b"%x%b\r\n%b\r\n" % (len(unit), extension, unit) for unit in units if unit]


def _groups(stream: Iterable[Item]) -> Iterable[tuple[float, list[bytes]]]:
    """The stream cut at its pauses: (pause, the events until the next)."""
    pause: float = 0
    parts: list[bytes] = []
    for item in stream:
        if isinstance(item, int | float):
            if parts:
                yield pause, parts
                pause, parts = 0, []
            pause += item
        else:
            parts.append(item if isinstance(item, bytes) else event(item))
    if parts:
        yield pause, parts


# --- parts that many streams share ----------------------------------------------------------------------


def say(*words: str, **members: object) -> tuple[Item, ...]:
    """A chunk of content for each word; the members go into every chunk."""
    return tuple(chunk({"content": word}, None, **members) for word in words)


def with_all(items: Iterable[Item], **members: object) -> tuple[Item, ...]:
    """The items, with the members in every chunk."""
    return tuple({**item, **members} if isinstance(item, Mapping) else item for item in items)


def think(*words: str, name: str = "reasoning_content") -> tuple[Item, ...]:
    """A chunk of reasoning for each word, under this name."""
    return tuple(chunk({name: word}) for word in words)


def apart(tokens: int, **details: object) -> dict[str, object]:
    """The chunk without choices that carries the usage."""
    return {"model": "m", "choices": [], "usage": usage(tokens) | details}


def reasoned(tokens: int) -> dict[str, object]:
    """Usage's account of reasoning tokens."""
    return {"completion_tokens_details": {"reasoning_tokens": tokens}}


UMLAUTS = (" größer", " als", " 三", " 🐻", "\u2028ende")  # U+2028 ends no line of an event stream
ROLE: Item = chunk({"role": "assistant", "content": ""})
STOP: Item = chunk({}, "stop")
TEXT = say(*FIVE)
TAIL: tuple[Item, ...] = (STOP, apart(5), DONE)
ANSWER: tuple[Item, ...] = (ROLE, *TEXT, *TAIL)  # as plain as can be
BODY = b"".join(event(item) for item in ANSWER if not isinstance(item, int | float | bytes))


def spaced(items: Iterable[Item], pause_ms: float) -> tuple[Item, ...]:
    """The items with a pause before each."""
    return tuple(part for item in items for part in (pause_ms, item))


def failed(error: ErrorKind, detail: str = "", text: str = "", **more: Any) -> Truth:
    """A failure of this kind, with what had come before it."""
    usual = Truth("failed", error, detail, text, tokens=None, by=None, untimed=None, finish=None, model=None)
    return replace(usual, **more)


THOUGHTS = (" hmm", " so")
WITH_THOUGHTS: tuple[Item, ...] = (ROLE, *think(*THOUGHTS), *TEXT, STOP, apart(7), DONE)
THOUGHTFUL = Truth(text="".join((*THOUGHTS, *FIVE)), tokens=7, channels="rrccccc")


def running(*counts: int, words: tuple[str, ...] = FIVE) -> tuple[Item, ...]:
    """A word a chunk, each with the count so far."""
    return tuple(chunk({"content": word}, usage=usage(count)) for word, count in zip(words, counts, strict=True))


def finished(reason: str = "stop", **choice: object) -> dict[str, object]:
    """The last chunk of a choice, with empty text and further members of the choice."""
    return {"model": "m", "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": reason, **choice}]}


def tool(arguments: object, **function: object) -> dict[str, object]:
    """A piece of the arguments of a tool call."""
    return chunk({"tool_calls": [{"index": 0, "function": {"arguments": arguments, **function}}]})

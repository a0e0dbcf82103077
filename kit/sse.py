"""Server-sent events that carry JSON objects: from (stamp, bytes) pairs to (stamp, data) pairs to values.

As in the WHATWG HTML standard, section 9.2 "Server-sent events". Pure, and linear in the bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import NoReturn

MAX_EVENT_BYTES = 1 << 20  # the largest honest event is a replayed answer; 1 MiB is over 200,000 tokens
MAX_EVENTS = 1_000_000  # far above the context length of any model, so only an endless stream gets there
MAX_DEPTH = 64  # a chunk nests five deep; json itself would fail at a depth that varies with Python

DONE = b"[DONE]"
_BOM = b"\xef\xbb\xbf"
# Atomic groups: a CR LF may not be read again as two line ends.
_BLANK_LINE = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
# The closing quote is optional, so that a string without end is read once and not from each of its quotes.
_JSON_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class BadStreamError(Exception):
    """The stream breaks the protocol; the message says how."""


def events(pieces: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Yield (stamp of the piece with the event's last byte, its data); events without data are left out.

    The last byte is that of the blank line, the LF of a CR LF. Raises BadStreamError beyond the limits.
    """
    kept = [piece for piece in pieces if piece[1]]
    body = b"".join([data for _, data in kept])
    ends = list(accumulate(len(data) for _, data in kept))
    start, piece = (len(_BOM) if body.startswith(_BOM) else 0), 0
    for number, (block_end, event_end) in enumerate(_blank_lines(body, start)):
        if number >= MAX_EVENTS:
            raise BadStreamError(f"more than {MAX_EVENTS} events")
        while ends[piece] < event_end:
            piece += 1
        data = _data(body, start, block_end)
        start = event_end
        if data is not None:
            yield kept[piece][0], data
    # An event that no blank line ends is dropped, as the standard says. The end mark alone is let through:
    # it cannot be half of something longer, and servers close right behind it.
    rest = _data(body, start, len(body))
    if rest is not None and rest.strip() == DONE:
        yield kept[-1][0], rest


def _blank_lines(body: bytes, start: int) -> Iterator[tuple[int, int]]:
    """Yield where each block of lines ends and where its blank line ends."""
    if b"\r" in body:
        yield from (found.span() for found in _BLANK_LINE.finditer(body, start))
        return
    at = body.find(b"\n\n", start)
    while at >= 0:
        yield at, at + 2
        at = body.find(b"\n\n", at + 2)


def _data(body: bytes, start: int, end: int) -> bytes | None:
    if end - start > MAX_EVENT_BYTES:
        raise BadStreamError(f"longer than {MAX_EVENT_BYTES} bytes")
    block = body[start:end]
    if block.startswith(b"data: ") and b"\n" not in block and b"\r" not in block:
        return block[6:]
    fields = [line.partition(b":") for line in block.splitlines()]
    values = [value.removeprefix(b" ") for name, _, value in fields if name == b"data"]
    return b"\n".join(values) if values else None


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def json_object(data: bytes) -> dict[str, object]:
    """Read one JSON object; raises BadStreamError for anything else, NaN and too deep nesting among it."""
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH and _depth(data) > MAX_DEPTH:
        raise BadStreamError(f"JSON nested deeper than {MAX_DEPTH}")
    try:
        value = _DECODER.decode(data.decode("utf-8", "replace"))
    except ValueError:
        raise BadStreamError(f"not JSON: {data[:80].decode('utf-8', 'replace')}") from None
    if not isinstance(value, dict):
        raise BadStreamError(f"not an object: {value!r:.80}")
    return value


def _depth(data: bytes) -> int:
    brackets = (1 if byte in b"{[" else -1 for byte in _JSON_STRING.sub(b"", data) if byte in b"{[]}")
    return max(accumulate(brackets), default=0)


def as_object(value: object, name: str) -> dict[str, object]:
    """The object, {} for null; like its two neighbours raises BadStreamError for any other type."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadStreamError(f"{name} is not an object")
    return value


def as_list(value: object, name: str) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadStreamError(f"{name} is not a list")
    return value


def as_text(value: object, name: str) -> str:
    """The string, "" for null; a lone surrogate becomes U+FFFD, so that every text can be encoded."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadStreamError(f"{name} is not a string")
    return value if value.isascii() else _LONE_SURROGATE.sub("\ufffd", value)

"""Server-sent events that carry JSON objects: from (stamp, bytes) pairs to (stamp, data) pairs to values.

As in the WHATWG HTML standard, section 9.2 "Server-sent events". Pure, and linear in the bytes.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import NoReturn

MAX_EVENT_BYTES = 1 << 20  # the largest honest event is a replayed answer; 1 MiB is over 200,000 tokens
MAX_EVENTS = 1_000_000  # far above the context length of any model, so only an endless stream gets there
MAX_DEPTH = 64  # a chunk nests five deep; json itself would fail at a depth that varies with Python

DONE = b"[DONE]"
# What may stand in a JSON string as it is, and is one character a byte.
PLAIN = re.compile(rb"[ !#-\[\]-~]+")
_FIELD, _END = b"data: ", b"\n\n"
_STRETCH_BYTES, _MAX_STRETCH_BYTES = (
    1 << 16,
    MAX_EVENT_BYTES // 2,
)  # looked at in one go; no event can be too large
_BOM = b"\xef\xbb\xbf"
# Atomic groups: a CR LF may not be read again as two line ends.
_BLANK_LINE = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
# The closing quote is optional, so that a string without end is read once and not from each of its quotes.
_JSON_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class BadStreamError(Exception):
    """The stream breaks the protocol; the message says how."""


class Events:
    """A cursor over the events of a stream: (stamp of the piece with the event's last byte, its data).

    The last byte is that of the blank line, the LF of a CR LF; events without data are left out. Iterating raises
    BadStreamError beyond the limits.
    """

    __slots__ = ("_at", "_body", "_count", "_ends", "_piece", "_stamps", "_stretch")

    def __init__(self, pieces: Iterable[tuple[int, bytes]]) -> None:
        kept = [piece for piece in pieces if piece[1]]
        self._body = b"".join([data for _, data in kept])
        self._stamps = [stamp for stamp, _ in kept]
        self._ends = list(accumulate([len(data) for _, data in kept]))
        self._at = len(_BOM) if self._body.startswith(_BOM) else 0
        self._piece = self._count = 0
        self._stretch = _STRETCH_BYTES

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        body = self._body
        blank = _BLANK_LINE if b"\r" in body else None
        while span := _blank_line(body, self._at, blank):
            block_end, event_end = span
            self._begin(1)
            data = _data(body, self._at, block_end)
            self._at = event_end
            self._piece = bisect_left(self._ends, event_end, self._piece)
            if data is not None:
                yield self._stamps[self._piece], data
        # An event that no blank line ends is dropped, as the standard says. The end mark alone is let through:
        # it cannot be half of something longer, and servers close right behind it.
        rest = _data(body, self._at, len(body))
        if rest is not None and rest.strip() == DONE:
            yield self._stamps[-1], rest

    def _begin(self, events: int) -> None:
        self._count += events
        if self._count > MAX_EVENTS:
            raise BadStreamError(f"more than {MAX_EVENTS} events")

    def alike(self, before: bytes, after: bytes) -> tuple[list[int], list[bytes]]:
        """Take all next events that are one line of `before`, something printable, `after`, at once.

        Gives their stamps and what stood between, as `PLAIN` matches it; stops before an event of another form.
        """
        head, most = _FIELD + before, MAX_EVENTS - self._count
        if not after or {*before, *after} & {*b"\r\n"} or most < 1 or not self._body.startswith(head, self._at):
            return [], []
        # Split at a single byte, which is quickest: every event is a line with an empty one behind it.
        found = self._body[self._at : self._at + self._stretch].split(b"\n", 2 * most)
        behind = found[1:-1:2]
        blocks = found[: 2 * len(behind) : 2]
        if any(behind):
            del blocks[next(at for at, line in enumerate(behind) if line) :]
        texts = _between(blocks, head, after)
        # What is looked at in vain is never more than twice what was of use.
        self._stretch = min(2 * self._stretch, _MAX_STRETCH_BYTES) if len(texts) == len(blocks) else _STRETCH_BYTES
        step = len(head) + len(after) + len(_END)
        ends = [self._at + at for at in accumulate([len(text) + step for text in texts])]
        if ends:
            self._begin(len(ends))
            self._at = ends[-1]
        return self._stamps_at(ends), texts

    def _stamps_at(self, ends: list[int]) -> list[int]:
        """The stamps of the pieces in which these bytes, ascending, came; usually one event is one piece."""
        first, last = self._piece, self._piece
        while ends and self._ends[first] < ends[0]:
            first += 1
        if self._ends[first : first + len(ends)] == ends:
            self._piece = first + len(ends) - 1 if ends else self._piece
            return self._stamps[first : first + len(ends)]
        stamps, last, done = [], first, 0
        while done < len(ends):
            last = bisect_left(self._ends, ends[done], last)
            came = bisect_right(ends, self._ends[last], done)
            stamps += [self._stamps[last]] * (came - done)
            done = came
        self._piece = last
        return stamps


def _between(blocks: list[bytes], head: bytes, tail: bytes) -> list[bytes]:
    """What stands between `head` and `tail` in the first of these blocks, up to one with anything but `PLAIN`."""
    alike = len(blocks)
    while alike and not (blocks[alike - 1].startswith(head) and blocks[alike - 1].endswith(tail)):
        alike -= 1  # a stream's last events are of other forms
    before, after = len(head), -len(tail)
    texts = [block[before:after] for block in blocks[:alike]]

    def odd(count: int) -> bool:
        """Whether one of the first `count` is of another form; each is as long as what is put together here."""
        some = texts[:count]
        whole = b"".join(some)
        put = head + (tail + head).join(some) + tail
        return b"" in some or not PLAIN.fullmatch(whole) or put != b"".join(blocks[:count])

    if alike and odd(alike):
        del texts[bisect_left(range(1, alike), True, key=odd) :]
    return texts


def events(pieces: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """All events of a stream; see `Events`."""
    return iter(Events(pieces))


def _blank_line(body: bytes, start: int, either: re.Pattern[bytes] | None) -> tuple[int, int] | None:
    """Where the block of lines from `start` on ends, and where its blank line does; None if none ends it."""
    if either is not None:
        found = either.search(body, start)
        return found.span() if found else None
    at = body.find(_END, start)
    return (at, at + len(_END)) if at >= 0 else None


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

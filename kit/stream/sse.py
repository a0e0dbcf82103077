"""Server-sent events that carry JSON objects: from (stamp, bytes) pairs to (stamp, data) pairs.

As in the WHATWG HTML standard, section 9.2 "Server-sent events"; beside that, whole objects on lines that no blank
line parts are events of their own. Pure, and linear in the bytes.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate

from kit.stream.values import BadStreamError, is_whole

MAX_EVENT_BYTES = 1 << 20  # the largest honest event is a replayed answer; 1 MiB is over 200,000 tokens
MAX_EVENTS = 1_000_000  # far above the context length of any model, so only an endless stream gets there

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
# What tells of an error by the name of its event, or (llama.cpp until 2024) of its field.
_ERROR_NAME = re.compile(rb"event: ?error[\r\n]|error: ?\{")


class Events:
    """A cursor over the events of a stream: (stamp of the piece with the event's last byte, its data).

    The last byte is that of the blank line, the LF of a CR LF; events without data are left out. `is_error` says
    whether the last event was named an error, `single_newlines` whether some were parted by one line end only.
    Iterating raises BadStreamError beyond the limits.
    """

    __slots__ = (
        "_at", "_body", "_count", "_ends", "_piece", "_stamps", "_stretch", "is_error", "single_newlines",
    )  # fmt: skip

    def __init__(self, pieces: Iterable[tuple[int, bytes]]) -> None:
        kept = [piece for piece in pieces if piece[1]]
        parts = [data for _, data in kept]
        self._body = b"".join(parts)
        self._stamps = [stamp for stamp, _ in kept]
        self._ends = list(accumulate(map(len, parts)))
        self._at = len(_BOM) if self._body.startswith(_BOM) else 0
        self._piece = self._count = 0
        self._stretch = _STRETCH_BYTES
        self.is_error = self.single_newlines = False

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        body = self._body
        blank = _BLANK_LINE if b"\r" in body else None
        while span := _blank_line(body, self._at, blank):
            block_end, event_end = span
            block = body[self._at : block_end]
            self.is_error = False
            if block.startswith(_FIELD) and b"\n" not in block and b"\r" not in block:
                data: bytes | None = _within_limit(block)[len(_FIELD) :]  # how nearly all events are written
            elif lines := _objects_on_lines(block, self._at):
                yield from self._one_by_one(lines)
                self._at = max(self._at, event_end)
                continue
            else:
                data = self._data(block)
            self._begin(1)
            self._at = event_end
            if data is not None:
                self._piece = bisect_left(self._ends, event_end, self._piece)
                yield self._stamps[self._piece], data
        yield from self._rest()

    def _rest(self) -> Iterator[tuple[int, bytes]]:
        """What no blank line ends. The standard drops it, since it may be half an event; not so what is whole."""
        block = self._body[self._at :]
        if lines := _objects_on_lines(block, self._at, cut=True):
            yield from self._one_by_one(lines)
            return
        data = self._data(block)
        if data is not None and (data.strip() == DONE or is_whole(data)):
            yield self._stamps[-1], data

    def _one_by_one(self, lines: list[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
        self.single_newlines = True
        self.is_error = False
        for end, data in lines:
            if end > self._at:  # else `alike` has taken it
                self._begin(1)
                self._at = end
                self._piece = bisect_left(self._ends, end, self._piece)
                yield self._stamps[self._piece], data

    def _data(self, block: bytes) -> bytes | None:
        """The data of an event; None where it has none."""
        self.is_error = _ERROR_NAME.match(block) is not None
        fields = [line.partition(b":") for line in _within_limit(block).splitlines()]
        values = [value.removeprefix(b" ") for name, _, value in fields if name == b"data"]
        if self.is_error and not values:
            values = [value for name, _, value in fields if name == b"error"]
        return b"\n".join(values) if values else None

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


def _within_limit(event: bytes) -> bytes:
    if len(event) > MAX_EVENT_BYTES:
        raise BadStreamError(f"longer than {MAX_EVENT_BYTES} bytes")
    return event


def _objects_on_lines(block: bytes, start: int, *, cut: bool = False) -> list[tuple[int, bytes]]:
    """Several objects, each on a data line of its own: (where it ends, its data); none where a block is one event.

    Such a block can be nothing else: one object behind another is no JSON. With `cut` its last line may be half.
    The block begins at `start`.
    """
    if b"\ndata:" not in block and b"\rdata:" not in block:
        return []
    found, at = [], start
    for line in block.splitlines(keepends=True):
        at += len(line)
        if line.startswith(b"data:"):
            found.append((at, _within_limit(line[len(b"data:") :].strip())))
    if cut and found and not (found[-1][1] == DONE or is_whole(found[-1][1])):
        del found[-1]
    objects = sum(data.startswith(b"{") and data.endswith(b"}") for _, data in found)
    marks = sum(data == DONE for _, data in found)
    return found if objects and objects + marks == len(found) > 1 - cut else []

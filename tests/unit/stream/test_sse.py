"""kit.stream.sse: server-sent events and their stamps."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents import CONTENT, Answer
from kit.stream import sse
from kit.stream.record import parse
from tests.support.streams import DONE, chunk, cut, event, stamp_at


def read(*parts: bytes) -> Answer:
    """Parse with the number of the part as the stamp."""
    return parse(enumerate(parts))


A = json.dumps(chunk({"content": "a"}))


@pytest.mark.parametrize(
    "body",
    [
        f"data: {A}\n\n",
        f"data:{A}\n\n",
        f"data: {A}\r\n\r\n",
        f"data: {A}\r\r",
        f"data: {A}\n\r\n",
        f"data: {A}\r\r\n",
        f"\n\n\ndata: {A}\n\n\n\n",
        f"\ufeffdata: {A}\n\n",
        f": ping\n: ping\n\n:\n\ndata: {A}\n\n",
        f"event: message\nid: 7\nretry: 10\ndata: {A}\n\n",
        f"data: {A}\n: comment\nunknown\n\n",
        f"datas: 1\n data: 2\ndata: {A}\n\n",
        "data: " + A.replace(", ", ",\ndata:") + "\n\n",
        "data: " + A.replace(", ", ",\rdata:") + "\r\r",
    ],
)
def test_every_way_to_write_an_event_is_read_alike(body: str) -> None:
    """Line ends, comments, other fields, several data lines and a byte order mark do not change the answer."""
    assert parse([(1, body.encode())]).chunks == ((1, 1, CONTENT),)
    assert parse([(i, bytes([byte])) for i, byte in enumerate(body.encode())]).text == "a"


@pytest.mark.parametrize(
    ("body", "data"),
    [(b"data:  x \n\n", b" x "), (b"data:  x \ndata:y\n\n", b" x \ny"), (b"data\n\n", b""), (b"data:\n\n", b"")],
)
def test_no_more_than_one_blank_is_taken_from_the_data(body: bytes, data: bytes) -> None:
    """Other blanks belong to the data, and so does nothing at all."""
    assert list(sse.events([(1, body)])) == [(1, data)]


@pytest.mark.parametrize("body", ["", "\n\n", ": ping\n\n", "event: x\n\n", f"data: {A}", f"data: {A}\n", "data"])
def test_an_event_without_data_or_without_end_is_dropped(body: str) -> None:
    """Nothing is seen in comments, other fields, and an event that no blank line ends."""
    answer = parse([(1, body.encode())])
    assert (answer.chunks, answer.error, answer.first_event_ns) == ((), None, None)


@pytest.mark.parametrize(
    "end", ["data: [DONE]", "data:[DONE]\n", "data: [DONE]\r", "data: [DONE]\r\n", ": p\ndata: [DONE]"]
)
def test_the_end_mark_needs_no_blank_line(end: str) -> None:
    """Servers that close right behind the end mark are not called truncated; its last byte stamps it."""
    answer = read(event(chunk({"content": "a"})), end[:-3].encode(), end[-3:].encode(), b"")
    assert (answer.done_seen, answer.last_event_ns) == (True, 2)


def test_half_an_end_mark_is_no_end() -> None:
    """A cut inside the mark leaves the answer without end."""
    assert not read(event(chunk({"content": "a"})), b"data: [DON").done_seen


def test_what_comes_after_the_end_mark_is_ignored() -> None:
    """Neither text nor garbage nor an error changes the answer once [DONE] was seen."""
    tail = event(chunk({"content": "b"})) + event("{") + event({"error": "x"})
    answer = read(event(chunk({"content": "a"})), DONE, tail)
    assert (answer.text, answer.error, answer.last_event_ns) == ("a", None, 1)


def test_an_event_bears_the_stamp_of_the_piece_that_completes_it() -> None:
    """The stamp is that of the blank line's last byte, the LF of a CR LF, wherever the cuts are."""
    first, second = event(chunk({"content": "a"})), event(chunk({"content": "b"}))
    body = parse([(1, first[:9]), (2, first[9:-1]), (3, first[-1:] + second[:-2]), (4, b"\n"), (5, b"\n")])
    assert [stamp for stamp, _, _ in body.chunks] == [3, 5]
    crlf = first.replace(b"\n", b"\r\n")
    cut_lf = parse([(1, crlf[:-1]), (2, b""), (3, b"\n" + crlf)])
    assert [stamp for stamp, _, _ in cut_lf.chunks] == [3, 3]


def plain_reading(body: bytes) -> list[tuple[int, bytes]]:
    """The standard's algorithm byte by byte: (place of the last byte, data) of every event."""
    found: list[tuple[int, bytes]] = []
    values: list[bytes] = []
    line, at = b"", 3 if body.startswith(b"\xef\xbb\xbf") else 0
    while at < len(body):
        if body[at] not in b"\r\n":
            line += body[at : at + 1]
        else:
            at += body[at : at + 2] == b"\r\n"
            if not line and values:
                found.append((at, b"\n".join(values)))
            name, _, value = line.partition(b":")
            values = [] if not line else values + [value[value[:1] == b" " :]] * (name == b"data")
            line = b""
        at += 1
    return found


fragments = st.sampled_from(
    [b"data", b":", b" ", b"\n", b"\r", b"\r\n", b"\n\n", b"data: x", b": c", b"id: 1", b"\xef\xbb\xbf"]
)


@given(st.lists(fragments, max_size=30), st.lists(st.integers(0, 200), max_size=40))
def test_events_agree_with_the_standard_read_byte_by_byte(parts: list[bytes], cuts: Sequence[int]) -> None:
    """Any mixture of lines, ends and cuts gives the events of a plain reading, with the right stamps."""
    body = b"".join(parts)
    pieces = cut(body, cuts)
    assert list(sse.events(pieces)) == [(stamp_at(pieces, last), data) for last, data in plain_reading(body)]

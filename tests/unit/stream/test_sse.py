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
from tests.support.streams import DONE, calls_made, chunk, cut, event, stamp_at


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


@pytest.mark.parametrize(
    "body",
    [
        "",
        "\n\n",
        ": ping\n\n",
        "event: x\n\n",
        f"data: {A}"[:-1],
        f"data: {A}"[:-2],
        "data",
        "data: ping",
        "data: 5",
    ],
)
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


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r"])
def test_a_whole_object_at_the_end_needs_no_blank_line(end: str) -> None:
    """Nothing of it can be missing, so nothing of the answer is dropped; its last byte stamps it."""
    answer = read(event(chunk({"content": "a"})), f"data: {A[:-9]}".encode(), f"{A[-9:]}{end}".encode())
    assert [stamp for stamp, _, _ in answer.chunks] == [0, 2]
    assert (answer.text, answer.error, answer.dialect) == ("aa", None, ())


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_cut_event_at_the_end_is_dropped_wherever_it_is_cut(cut: int) -> None:
    """Half an event is no error: what came before it stands."""
    for rest in (f"data: {A}\n\ndata: {A[:-cut]}", f"data: {A}\ndata: {A[:-cut]}"):
        answer = read(rest.encode())
        assert (answer.text, answer.error) == ("a", None)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "end", "endend"])
@pytest.mark.parametrize("between", ["", ": ping|", "id: 7|"])
def test_objects_that_one_line_end_parts_are_events_of_their_own(line_end: str, last: str, between: str) -> None:
    """With their own stamps, and it is noted; other lines between them do not matter."""
    events = "".join(f"{between}data: {json.dumps(chunk({'content': word}))}|" for word in ("a", "b", "c"))
    body = (events + "data: [DONE]" + last.replace("end", "|")).replace("|", line_end).encode()
    answer = parse([(at, body[at : at + 1]) for at in range(len(body))])
    assert (answer.text, answer.done_seen, answer.error) == ("abc", True, None)
    assert answer.dialect == ("single-newlines",)
    ends = [at for at in range(len(body)) if body[at : at + 1] in b"\r\n" and body[at - 1 : at] == b"}"]
    found = [stamp for stamp, _, _ in answer.chunks]
    assert all(0 <= stamp - end <= 1 for stamp, end in zip(found, ends, strict=True))  # the LF of a CR LF


def test_blocks_with_and_without_blank_lines_may_alternate() -> None:
    """No event is lost and none is read twice, whatever the short cut takes."""
    words = [f" w{n}" for n in range(60)]
    for every in (1, 2, 3, 7):
        parts = [event(chunk({"content": word})) for word in words]
        body = b"".join(part[:-1] if n % every else part for n, part in enumerate(parts))
        assert parse([(1, body + DONE)]).text == "".join(words)


def test_many_events_on_single_lines_cost_no_more_than_they_must() -> None:
    """A whole answer in one block: larger than an event may be, and read in linear time."""
    few, many = (b"".join(event(chunk({"content": "a"}))[:-1] for _ in range(n)) + b"\n" for n in (5_000, 15_000))
    assert len(many) > sse.MAX_EVENT_BYTES
    assert len(parse([(1, many)]).chunks) == 15_000
    assert calls_made(lambda: parse([(1, many)])) < 3.1 * calls_made(lambda: parse([(1, few)]))


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

"""kit.loadgen against hostile servers: everything ends in a counted failure, within limits of time and memory."""

from __future__ import annotations

import gzip
import random
import tracemalloc
from collections.abc import Iterator

import pytest

from kit.loadgen import http1
from tests.support.framing import CHUNKED, END, OK, chunked
from tests.support.hostile import (
    ANSWER,
    STREAM,
    TEXT,
    Peer,
    Play,
    answering,
    asked,
    carried_out,
    limits,
    serving,
    verdict,
)
from tests.support.scripted import MS
from tests.support.streams import vllm

GARBAGE = random.Random(2026).randbytes(5_000)
LINE = GARBAGE.translate(None, b"\r\n")
PROTOCOL: dict[str, bytes] = {
    "nothing but garbage": GARBAGE,
    "a status line of another protocol": b"ICY 200 OK\r\n\r\n",
    "a TLS alert": b"\x15\x03\x03\x00\x02\x02\x28" + b"\n",
    "NUL bytes in the headers": OK + b"X: a\0b\r\n\r\n",
    "NUL bytes for a status line": b"\0" * 100 + b"\r\n",
    "10,000 headers": OK + b"X-Header: value\r\n" * 10_000 + b"\r\n" + STREAM,
    "one header of a megabyte": OK + b"X: " + b"y" * (1 << 20) + b"\r\n\r\n",
    "1 GB announced": OK + b"Content-Length: 1073741824\r\n\r\n",
    "a negative length": OK + b"Content-Length: -1\r\n\r\n" + STREAM,
    "a chunk of 4 GB": CHUNKED + b"FFFFFFFF\r\n" + STREAM,
    "a chunk of more than 64 bits": CHUNKED + b"FFFFFFFFFFFFFFFFFF\r\n" + STREAM,
    "a negative chunk": CHUNKED + b"-5\r\n" + STREAM,
    "a chunk size in words": CHUNKED + b"five\r\nhello\r\n" + END,
    "a chunk longer than its size": CHUNKED + b"5\r\n" + STREAM,
    "a chunk shorter than its size": CHUNKED + b"%x\r\n%b\r\n" % (len(STREAM) + 4, STREAM) + END,
    "data after the end": ANSWER + b"\r\nx",
    "two answers at once": ANSWER + ANSWER,
    "NUL bytes for a body": CHUNKED + chunked(b"data: \0\0\0\0\n\n") + END,
    "garbage in an event": CHUNKED + chunked(b"data: " + LINE + b"\n\n") + END,
    "a gzipped transfer": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + chunked(gzip.compress(STREAM)) + END,
    "a gzipped body": OK
    + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    + chunked(gzip.compress(STREAM))
    + END,
    "a switch of protocols": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
}
EMPTY: dict[str, bytes] = {
    "NUL bytes without an event": CHUNKED + chunked(b"\0" * 1000) + END,
    "garbage without an event": CHUNKED + chunked(GARBAGE) + END,
    "a page": OK + b"Content-Length: 20\r\n\r\n<html>Welcome</html>",
    "nothing at all": OK + b"Content-Length: 0\r\n\r\n",
}  # fmt: skip
TRUNCATED: dict[str, bytes] = {
    "a chunk that stops": CHUNKED + b"%x\r\n%b" % (len(STREAM) + 4, STREAM),
    "a length that was more": OK + b"Content-Length: %d\r\n\r\n" % (len(STREAM) + 1) + STREAM,
    "a stream without its end": CHUNKED + chunked(TEXT, TEXT) + END,
}
ROWS = [
    (kind, name, data)
    for kind, rows in (("protocol", PROTOCOL), ("empty", EMPTY), ("truncated", TRUNCATED))
    for name, data in rows.items()
]


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def first_then_good(data: bytes, *, close: bool = False) -> Play:
    """A script that answers the first request of all with the data, and later ones well."""
    seen: list[int] = []

    def play(peer: Peer) -> None:
        while peer.request():
            seen.append(peer.number)
            peer.send(data if len(seen) == 1 else ANSWER)
            if close and len(seen) == 1:
                return

    return play


@pytest.mark.parametrize(("kind", "data"), [row[::2] for row in ROWS], ids=[row[1] for row in ROWS])
def test_each_broken_answer_is_a_failure_of_its_kind(kind: str, data: bytes) -> None:
    """With words that say what happened; nothing of it reaches the next request."""
    with serving(first_then_good(data, close=kind == "truncated")) as server:
        ran = carried_out(asked(server.url, requests=2))
    assert [verdict(each) for each in ran.records] == [kind, "ok"]
    assert ran.records[0].error_detail
    assert len(server.requests) == 2
    # A close right behind a complete answer may be noticed only when the next request has been sent.
    assert ran.run.stale_retries <= (kind == "truncated")


@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 2", OK, OK + b"X: y\r\n", CHUNKED, CHUNKED + b"5\r\n"])
def test_a_close_before_any_text_is_a_failure(data: bytes) -> None:
    """Wherever it happens; nothing is sent again, since the connection was new."""
    with serving(first_then_good(data, close=True)) as server:
        ran = carried_out(asked(server.url, requests=2))
    assert [each.outcome for each in ran.records] == ["failed", "ok"]
    assert [ran.run.stale_retries, len(server.requests)] == [0, 2]


@pytest.mark.parametrize("place", range(1, len(END)))
def test_the_last_chunk_may_come_in_two_reads(place: int) -> None:
    """The answer ends with its last byte, and the connection serves the next."""
    whole = CHUNKED + chunked(STREAM)
    with serving(answering(whole + END[:place], END[place:])) as server:
        ran = carried_out(asked(server.url, requests=2))
    assert [verdict(each) for each in ran.records] == ["ok", "ok"]
    assert server.connections == 1


@pytest.mark.parametrize("place", range(len(END)))
def test_a_close_within_the_last_chunk_is_truncated(place: int) -> None:
    """Although [DONE] was seen."""
    with serving(first_then_good(CHUNKED + chunked(STREAM) + END[:place], close=True)) as server:
        ran = carried_out(asked(server.url, requests=2))
    assert [verdict(each) for each in ran.records] == ["truncated", "ok"]
    assert ran.records[0].done_seen
    assert ran.records[0].error_detail == "the body was cut"


def test_headers_that_end_like_a_body_do_not_end_it() -> None:
    """`Keep-Alive: timeout=5, max=100` and a blank line, alone in a read; the body follows in another."""
    head = CHUNKED[:-2] + b"Keep-Alive: timeout=5, max=100\r\n\r\n"
    with serving(answering(head, chunked(STREAM) + END)) as server:
        ran = carried_out(asked(server.url, requests=2))
    assert [(verdict(each), len(each.chunks)) for each in ran.records] == [("ok", 4), ("ok", 4)]


def test_an_answer_that_comes_byte_by_byte_is_read() -> None:
    """Each byte in a segment of its own."""
    answer = CHUNKED + chunked(vllm((" a",))) + END
    with serving(answering(*(answer[at : at + 1] for at in range(len(answer))), pause_s=0)) as server:
        ran = carried_out(asked(server.url))
    assert verdict(ran.records[0]) == "ok"


# --- without end ----------------------------------------------------------------------------------------


def endless(start: bytes, block: bytes, most_bytes: int = 80_000_000) -> Play:
    def play(peer: Peer) -> None:
        if peer.request():
            peer.send(start)
            for _ in range(most_bytes // len(block)):
                peer.send(block)
            peer.wait()

    return play


@pytest.mark.parametrize(
    ("start", "block"),
    [
        (OK, b"X: y\r\n" * 1000),
        (OK, b"x" * 10_000),
        (b"", b"x" * 10_000),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        (CHUNKED, b"0" * 10_000),
        (CHUNKED + b"0\r\n", b"X: y\r\n" * 1000),
    ],
    ids=["headers", "a header", "a status line", "interim answers", "a chunk size", "trailers"],
)
def test_framing_without_end_is_refused_early(start: bytes, block: bytes, traced: None) -> None:  # noqa: ARG001
    """Long before a megabyte is kept."""
    with serving(endless(start, block)) as server:
        before, _ = tracemalloc.get_traced_memory()
        ran = carried_out(asked(server.url))
        _, peak = tracemalloc.get_traced_memory()
    assert verdict(ran.records[0]) == "protocol"
    assert peak - before < 4 << 20


@pytest.mark.parametrize(
    ("start", "block"),
    [(OK + b"\r\ndata: ", b"\0" * 100_000), (CHUNKED, chunked(b"x" * 100_000))],
    ids=["until close", "chunked"],
)
def test_a_line_without_end_is_a_failure_in_bounded_memory(
    start: bytes,
    block: bytes,
    traced: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Four times the limit of a body at most: as it came, spooled, read back, and joined to be parsed."""
    monkeypatch.setattr(http1, "MAX_BODY_BYTES", 4 << 20)
    with serving(endless(start, block)) as server:
        before, _ = tracemalloc.get_traced_memory()
        ran = carried_out(asked(server.url))
        _, peak = tracemalloc.get_traced_memory()
    assert verdict(ran.records[0]) == "protocol"
    assert peak - before < 4.25 * http1.MAX_BODY_BYTES + (1 << 20)


def test_a_stream_of_tiny_events_without_end_ends_by_the_total_limit(traced: None) -> None:  # noqa: ARG001
    """However steadily it flows; what came is kept."""
    with serving(endless(CHUNKED, chunked(TEXT) * 20)) as server:
        before, _ = tracemalloc.get_traced_memory()
        ran = carried_out(asked(server.url, timeouts=limits(total_ms=100)))
        _, peak = tracemalloc.get_traced_memory()
    record = ran.records[0]
    assert verdict(record) == "timeout_total"
    assert record.chunks
    assert record.sent_ns is not None
    assert record.done_ns - record.sent_ns >= 100 * MS
    assert peak - before < 256 << 20


def test_a_stream_of_tiny_events_ends_by_the_limit_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of bytes, here; what was read before is kept."""
    monkeypatch.setattr(http1, "MAX_BODY_BYTES", 600_000)
    with serving(endless(CHUNKED, chunked(TEXT))) as server:
        ran = carried_out(asked(server.url))
    assert verdict(ran.records[0]) == "protocol"
    assert 0 < len(ran.records[0].chunks) <= 600_000 // len(TEXT)


def test_megabytes_announced_and_not_sent_cost_nothing(traced: None) -> None:  # noqa: ARG001
    """The length is believed only as bytes come; then silence ends it."""
    with serving(answering(OK + b"Content-Length: 60000000\r\n\r\n" + TEXT)) as server:
        before, _ = tracemalloc.get_traced_memory()
        ran = carried_out(asked(server.url, timeouts=limits(idle_ms=60)))
        _, peak = tracemalloc.get_traced_memory()
    assert verdict(ran.records[0]) == "timeout_idle"
    assert len(ran.records[0].chunks) == 1
    assert peak - before < 4 << 20

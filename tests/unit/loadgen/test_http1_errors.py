"""kit.loadgen.http1: answers that break off, lie or never end."""

from __future__ import annotations

import pytest

from kit.loadgen import http1
from tests.support.framing import CHUNKED, END, OK, body, chunked, framed, one, seen


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 2",
        OK,
        OK + b"X: y\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        *(CHUNKED + rest for rest in (b"", b"5", b"5\r\nhel", b"1\r\na\r", b"0\r\n")),
        OK + b"Content-Length: 5\r\n\r\nhell",
    ],
)
def test_an_early_close_is_incomplete_and_no_error(data: bytes) -> None:
    """What it means is for the caller to say."""
    framer = one(data, closed=True)
    assert (framer.complete, framer.keep_alive, framer.error) == (False, False, None)


@pytest.mark.parametrize(
    "data",
    [
        OK + b"Content-Length: 2\r\n\r\nabc",
        CHUNKED + END + b"\r\nx",
        b"HTTP/1.1 204 No\r\n\r\nx",
        CHUNKED + END + OK,
    ],
)
def test_data_beyond_the_end_is_an_error(data: bytes) -> None:
    """The answer stays complete, and the connection may not be used again."""
    framer = one(data)
    assert (framer.complete, framer.keep_alive, framer.error) == (True, False, "data after the end of the answer")


def test_data_beyond_the_end_in_a_later_read_is_an_error() -> None:
    """Also when the end was already reported."""
    framer = framed([(1, CHUNKED + END)])
    assert framer.feed(2, b"")
    assert seen(framer) == seen(framed([(1, CHUNKED + END)]))
    assert framer.feed(2, chunked(b"a"))
    assert (framer.error, framer.keep_alive, framer.pieces) == ("data after the end of the answer", False, [])


LONG = b"x" * http1.MAX_HEAD_BYTES
WRONG = {
    "no HTTP/1 status line": [
        line + b"\r\n" for line in (b"HTTP/2 200 OK", b"HTTP/1.1 2000 OK", b"HTTP/1.1 600 ", b"+OK")
    ],
    "a switch to another protocol": [b"HTTP/1.1 101 Switching Protocols\r\n"],
    "a line that is not a header": [
        OK + b"no colon\r\n",
        OK + b"X : y\r\n",
        OK + b"X: a\r\n b\r\n",
        OK + b": y\r\n",
    ],
    "a control character in the headers": [OK + b"X: a\0b\r\n", OK + b"X: a\rb\r\n", b"HTTP/1.1 200 \0\n"],
    "more than 65536 bytes of headers": [LONG + b"x", OK + b"X: " + LONG, CHUNKED + b"0\r\nX: " + LONG],
    "more than 128 headers": [OK + b"X: y\r\n" * 129, CHUNKED + b"0\r\n" + b"X: y\r\n" * 128],
    "two different content lengths": [OK + b"Content-Length: 1\r\ncontent-length: 2\r\n"],
    "a content length that is not between 0 and 67108864": [
        OK + b"Content-Length: " + value + b"\r\n\r\n"
        for value in (b"-1", b"+1", b"1, 1", b"", b"0x1", b"67108865", b"9" * 5000)
    ],
    "a transfer encoding other than chunked": [
        OK + b"Transfer-Encoding: " + value + b"\r\n" for value in (b"gzip", b"gzip, chunked", b"")
    ],
    "the header Transfer-Encoding twice, which RFC 9112 forbids": [
        OK + b"Transfer-Encoding: chunked\r\ntransfer-encoding: Chunked\r\n"
    ],
    "a compressed body (Content-Encoding: gzip), though nobody asked for one": [
        OK + b"Content-Encoding: GZIP\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n",
    ],
    "a chunk size that is not a number": [
        CHUNKED + value + b"\r\n" for value in (b"", b"-1", b"+1", b"0x5", b"5_0", b" 5", b"g", b"1" * 17, b";x")
    ],
    "a chunk of more than 16777216 bytes": [CHUNKED + b"1000001\r\n", CHUNKED + b"F" * 16 + b"\r\n"],
    "a chunk size line of more than 1024 bytes": [CHUNKED + b"5;" + b"x" * 1023, CHUNKED + b"0" * 1025 + b"\r\n"],
    "a chunk longer than its size": [CHUNKED + b"1\r\nabc", CHUNKED + b"1\r\nab\n", CHUNKED + b"1\r\na\rb"],
}


@pytest.mark.parametrize(("error", "data"), [(error, data) for error, rows in WRONG.items() for data in rows])
def test_each_break_of_the_protocol_has_its_words(error: str, data: bytes) -> None:
    """The error is set at once, stays, and nothing fed later is taken."""
    framer = one(data)
    assert (framer.error, framer.keep_alive, framer.complete) == (error, False, False)
    assert framer.feed(2, chunked(b"a"))
    assert framer.feed(3, OK)
    assert (framer.error, [stamp for stamp, _ in framer.pieces if stamp > 1]) == (error, [])


def test_values_at_the_limits_pass() -> None:
    """128 headers, a head, a size line, a chunk and a length at their limits are no errors."""
    assert one(OK + b"X: y\r\n" * 127 + b"Content-Length: 0\r\n\r\n").complete
    assert one(CHUNKED + b"5;" + b"x" * 1022).error is None
    assert one(CHUNKED + b"1000000\r\n").error is None
    assert one(OK + b"Content-Length: 67108864\r\n\r\n").error is None
    assert one(OK + b"X: " + b"x" * (http1.MAX_HEAD_BYTES - 100)).error is None
    assert one(OK + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n").complete


@pytest.mark.parametrize("head", [CHUNKED, OK + b"\r\n"])
def test_an_endless_body_ends_in_an_error(head: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept stays within the limit of bytes, or of pieces where they are tiny."""
    monkeypatch.setattr(http1, "MAX_BODY_BYTES", 1000)
    part, rest = (chunked(text) if head == CHUNKED else text for text in (b"x" * 99, b"x" * 10))
    framer = framed([(1, head), *((n, part) for n in range(50))])
    assert framer.error == "a body of more than 1000 bytes"
    assert len(body(framer)) == 990
    framer.eof(51)
    assert not framer.complete
    exact = framed([(1, head), *((n, part) for n in range(10)), (10, rest)])
    assert (exact.error, len(body(exact))) == (None, 1000)
    monkeypatch.setattr(http1, "MAX_PIECES", 5)
    tiny = framed([(1, head), *((n, part) for n in range(6))])
    assert (tiny.error, len(tiny.pieces)) == ("a body in more than 5 pieces", 5)


def test_endless_interim_answers_end_in_an_error() -> None:
    """Their headers count together, so that a server cannot go on for ever."""
    framer = framed((n, b"HTTP/1.1 102 Processing\r\n\r\n") for n in range(5000))
    assert framer.error == "more than 65536 bytes of headers"

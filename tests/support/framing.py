"""Pieces of HTTP/1.1 answers, and ways to frame them."""

from __future__ import annotations

from collections.abc import Iterable

from kit.loadgen.http1 import ResponseFramer

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


def framed(pieces: Iterable[tuple[int, bytes]], *, closed: bool = False) -> ResponseFramer:
    framer = ResponseFramer()
    for stamp, data in pieces:
        if framer.feed(stamp, data):
            assert framer.complete or framer.error
    if closed:
        framer.eof(10**9)
    return framer


def one(data: bytes, *, closed: bool = False) -> ResponseFramer:
    """Frame the answer fed at once and byte by byte, which must agree."""
    whole = framed([(1, data)], closed=closed)
    split = framed([(1, data[i : i + 1]) for i in range(len(data))], closed=closed)
    assert seen(whole) == seen(split)
    return whole


def body(framer: ResponseFramer) -> bytes:
    return b"".join(data for _, data in framer.pieces)


def seen(framer: ResponseFramer) -> tuple[object, ...]:
    state = (framer.status, framer.headers, framer.complete, framer.keep_alive, framer.error)
    return (*state, body(framer))

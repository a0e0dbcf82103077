"""kit.loadgen.http1: one answer framed out of bytes, however they arrive."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.framing import CHUNKED, END, OK, body, chunked, framed, one, seen
from tests.support.streams import calls_made, cut, reads, stamp_at

# --- bodies ---------------------------------------------------------------------------------------------


def test_a_chunked_body_loses_its_framing() -> None:
    """Sizes in either case, extensions, leading zeros and trailers leave nothing in the body."""
    data = CHUNKED + b"5\r\nhello\r\n00A;x=1\r\n 0\r\n\r\n 123\r\n1 \r\n!\r\n0;last\r\nX: y\r\n\r\n"
    framer = one(data)
    assert body(framer) == b"hello 0\r\n\r\n 123!"
    assert (framer.complete, framer.keep_alive, framer.error) == (True, True, None)
    assert framer.headers == {"transfer-encoding": "chunked"}


def test_a_body_of_known_length_ends_there() -> None:
    """Neither more nor fewer bytes than Content-Length are the body."""
    framer = one(OK + b"Content-Length: 5\r\n\r\nhello")
    assert (body(framer), framer.complete, framer.keep_alive, framer.error) == (b"hello", True, True, None)


def test_a_body_without_length_ends_when_the_peer_closes() -> None:
    """It is complete only then, and the connection is over."""
    data = OK + b"\r\nhello\r\n0\r\n\r\n"
    assert (one(data).complete, one(data).error) == (False, None)
    framer = one(data, closed=True)
    assert (body(framer), framer.complete, framer.keep_alive) == (b"hello\r\n0\r\n\r\n", True, False)
    assert framer.closed_ns == 10**9


@pytest.mark.parametrize("head", [b"204 No Content", b"304 Not Modified", b"200 OK\r\nContent-Length: 0"])
def test_an_answer_without_body_ends_with_its_headers(head: bytes) -> None:
    """204, 304 and a length of zero are complete at the blank line."""
    framer = one(b"HTTP/1.1 " + head + b"\r\nX: y\r\n\r\n")
    assert (framer.complete, framer.keep_alive, framer.pieces) == (True, True, [])


@pytest.mark.parametrize("more", [b"\r\n", b"\n", b"\r\n\r\n"])
@pytest.mark.parametrize("whole", [CHUNKED + chunked(b"a") + END, OK + b"Content-Length: 1\r\n\r\na"])
def test_an_empty_line_behind_the_answer_is_read_over(whole: bytes, more: bytes) -> None:
    """Some servers write one more; the connection stays of use."""
    framer = one(whole + more)
    assert (body(framer), framer.complete, framer.keep_alive, framer.error) == (b"a", True, True, None)


def test_an_empty_line_before_an_answer_is_read_over() -> None:
    """The same line, come late: after the next request was sent. It is not the first byte of an answer."""
    framer = framed([(1, b"\r"), (2, b"\n"), (3, OK), (4, b"Content-Length: 1\r\n\r\na")])
    assert (framer.headers_ns, framer.complete, body(framer), framer.error) == (3, True, b"a", None)
    assert framed([(1, b"\r\n")]).headers_ns is None
    assert framed([(1, b"\n" * 70_000)]).error == "more than 65536 bytes of headers"


@pytest.mark.parametrize("encoding", [b"identity", b"", b"Identity"])
def test_a_body_that_is_not_compressed_may_say_so(encoding: bytes) -> None:
    """Or say nothing."""
    assert one(OK + b"Content-Encoding: " + encoding + b"\r\nContent-Length: 1\r\n\r\na").complete


def test_the_status_of_a_failure_counts_more_than_its_compressed_words() -> None:
    """A 503 is a 503."""
    framer = one(b"HTTP/1.1 503 No\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b")
    assert (framer.status, framer.complete, framer.error) == (503, True, None)


def test_a_redirect_is_a_complete_answer() -> None:
    """The caller sees the status and where it points."""
    framer = one(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /v2\r\nContent-Length: 2\r\n\r\nno")
    assert (framer.status, framer.headers["location"], framer.complete) == (307, "/v2", True)


@pytest.mark.parametrize("last", [b"Keep-Alive: timeout=5, max=100", b"X: 0", b"X-Sum: 5\r\nY:0"])
def test_headers_that_look_like_the_last_chunk_are_not(last: bytes) -> None:
    """A header block that ends in 0 CR LF CR LF does not end the body (llama.cpp sends max=100)."""
    head = OK + b"Transfer-Encoding: chunked\r\n" + last + b"\r\n\r\n"
    framer = framed([(1, head)])
    assert (framer.complete, framer.error, framer.pieces) == (False, None, [])
    assert body(one(head + chunked(b"a") + END)) == b"a"


@pytest.mark.parametrize("place", range(1, len(END)))
def test_the_last_chunk_may_be_cut_anywhere(place: int) -> None:
    """The answer is complete with its very last byte and not before."""
    framer = framed([(1, CHUNKED), (2, chunked(b"data: 1\n\n")), (3, END[:place])])
    assert not framer.complete
    assert framer.feed(4, END[place:])
    assert (framer.complete, framer.keep_alive, body(framer)) == (True, True, b"data: 1\n\n")


@pytest.mark.parametrize("size", [1, 15, 16, 255, 256, 1022, 1023, 1024, 4096, 70_000])
def test_a_read_that_is_one_chunk_gives_one_piece(size: int) -> None:
    """Chunks of every size of the hot path and beyond it come out whole, with the stamp of the read."""
    part = (b"\r\n0\r\n\r\n" * size)[:size]
    framer = framed([(1, CHUNKED), (2, chunked(part)), (3, chunked(part).replace(b"%x" % size, b"%X" % size, 1))])
    assert framer.pieces == [(2, part), (3, part)]
    assert (framer.error, framer.complete) == (None, False)


def test_the_parts_of_one_read_are_one_piece() -> None:
    """Several chunks, and halves of chunks, that one read brings bear its one stamp."""
    data = CHUNKED + chunked(b"ab", b"cd", b"ef") + END
    middle = data.rindex(b"d\r\n")
    framer = framed([(1, data[:middle]), (2, data[middle:])])
    assert framer.pieces == [(1, b"abc"), (2, b"def")]


def test_a_read_that_only_looks_like_one_chunk_is_read_as_what_it_is() -> None:
    """Two whole chunks, the rest of a size and a chunk in its place, a chunk without its end."""
    assert framed([(1, CHUNKED), (2, chunked(b"a", b"b"))]).pieces == [(2, b"ab")]
    assert framed([(1, CHUNKED), (2, b"1"), (3, chunked(b"hello"))]).pieces == [(3, b"hello\r\n")]
    assert framed([(1, CHUNKED), (2, b"1\r\nabc")]).error == "a chunk longer than its size"


def test_a_read_that_is_all_body_is_not_copied() -> None:
    """The piece is the very object that was read."""
    data = b"x" * 100
    assert framed([(1, OK + b"\r\n"), (2, data)]).pieces[0][1] is data


# --- heads ----------------------------------------------------------------------------------------------


def test_headers_are_lower_case_trimmed_and_the_first_of_each() -> None:
    """Names in any case, blanks around values, empty values, Latin-1 and bare LF line ends are read."""
    framer = one(b"HTTP/1.1 200\nSERVER: \t a b \nserver: c\nEmpty:\nX: caf\xe9\nContent-Length:0\n\n")
    assert framer.headers == {"server": "a b", "empty": "", "x": "café", "content-length": "0"}
    assert (framer.status, framer.complete) == (200, True)


def test_the_header_stamp_is_that_of_the_first_byte_of_the_final_status_line() -> None:
    """Interim answers are skipped with their headers and their stamps."""
    interim = b"HTTP/1.1 100 Continue\r\nX: 1\r\nConnection: close\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"
    framer = framed(
        [(1, interim[:30]), (2, interim[30:]), (3, OK[:1]), (4, OK[1:]), (5, b"Content-Length: 0\r\n\r\n")]
    )
    assert (framer.headers_ns, framer.status, framer.headers) == (3, 200, {"content-length": "0"})
    assert (framer.complete, framer.keep_alive) == (True, True)


@pytest.mark.parametrize(
    ("head", "kept"),
    [
        (b"HTTP/1.1 200 OK\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: Keep-Alive, Close\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nConnection: close\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: disclose\r\n", True),
        (b"HTTP/1.0 200 OK\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", False),
    ],
)
def test_the_connection_is_kept_as_the_head_says(head: bytes, kept: bool) -> None:
    """Version and Connection decide; a length beside chunks is suspect and closes."""
    tail = END if b"chunked" in head else b""
    framer = one(head + b"Content-Length: 0\r\n\r\n" + tail)
    assert (framer.complete, framer.keep_alive, framer.error) == (True, kept, None)


def test_a_close_after_the_answer_ends_the_connection() -> None:
    """A server that closes without having said so loses nothing but the connection."""
    framer = one(CHUNKED + END, closed=True)
    assert (framer.complete, framer.keep_alive, framer.error) == (True, False, None)


# --- any bytes, any cut ---------------------------------------------------------------------------------

parts = st.lists(st.binary(min_size=1, max_size=30) | st.just(b"0\r\n\r\n"), max_size=6)
extensions = st.sampled_from([b"", b";a=b", b' ;q="0"'])
trailers = st.sampled_from([b"", b"X: 0\r\n", b"A: b\nC: d\r\n"])
places = st.lists(st.integers(0, 10_000), max_size=30)


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, dict[int, bytes]]:
    """An answer in one of the three framings, and the parts of its body by their place in it."""
    contents = draw(parts)
    data = draw(st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n"])) + OK + b"Keep-Alive: max=100\r\n"
    framing = draw(st.sampled_from(["chunked", "length", "close"]))
    lines = {"chunked": b"Transfer-Encoding: chunked\r\nX: 0\r\n", "close": b""}
    data += lines.get(framing, b"Content-Length: %d\r\n" % sum(map(len, contents))) + b"\r\n"
    placed = {}
    for part in contents:
        data += b"%x%s\r\n" % (len(part), draw(extensions)) if framing == "chunked" else b""
        placed[len(data)] = part
        data += part + (b"\r\n" if framing == "chunked" else b"")
    return data + (b"0\r\n" + draw(trailers) + b"\r\n" if framing == "chunked" else b""), placed


@given(answers(), places)
def test_any_cut_frames_the_same(answer: tuple[bytes, dict[int, bytes]], cuts: Sequence[int]) -> None:
    """Wherever the reads are cut, every byte of the body is in the one piece with the stamp of its read."""
    data, placed = answer
    pieces = cut(data, cuts)
    expected: dict[int, bytes] = {}
    for start, part in placed.items():
        for place, byte in enumerate(part, start):
            stamp = stamp_at(pieces, place)
            expected[stamp] = expected.get(stamp, b"") + bytes([byte])
    framer = framed(pieces, closed=True)
    assert framer.pieces == sorted(expected.items())
    assert (framer.complete, framer.error, framer.status) == (True, None, 200)


WORDS = b"Transfer-Encoding: chunked\r\n", b"Content-Length: 3\r\n", b"HTTP/1.1 100 C\r\n\r\n", b"X: y\r\n", OK
noise = st.sampled_from([b"\r\n", b"\n", b"\r", b"\0", b"0", b"5", b"ff", b":", b";", *WORDS])
heads = st.sampled_from([b"", OK, CHUNKED, OK + b"\r\n"])


@given(heads, st.lists(noise | st.binary(max_size=20), max_size=20), places)
def test_no_bytes_raise_and_no_cut_changes_the_verdict(
    head: bytes, rest: list[bytes], cuts: Sequence[int]
) -> None:
    """Garbage ends in an error or in an answer, the same one however it arrives, and never grows."""
    data = head + b"".join(rest)
    whole, split = framed([(1, data)], closed=True), framed(cut(data, cuts), closed=True)
    assert seen(whole) == seen(split)
    assert len(body(whole)) <= len(data)


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_the_work_grows_with_the_answer_and_not_faster(size: int) -> None:
    """Twice the chunks make at most twice the calls, however they arrive."""
    once, twice = (reads(CHUNKED + chunked(b"data: 1\n\n") * n + END, size) for n in (500, 1000))
    few, many = calls_made(lambda: framed(once)), calls_made(lambda: framed(twice))
    assert few < many < 2.1 * few

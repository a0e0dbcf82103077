"""kit.reference.requests: requests in any pieces, hostile bytes, what a chat request asks for."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kit.reference.requests import (
    DEFAULT_TOKENS,
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    MAX_TOKENS,
    Ask,
    BadRequestError,
    Request,
    RequestReader,
    parse_ask,
)
from tests.support.scripted import chat_body, chat_request

GET = b"GET /health?x=1 HTTP/1.1\r\nHost: h\r\nConnection: Close\r\n\r\n"
SIZED = chat_request(b"0\r\n\r\n")
CHUNKED = (
    b"POST /a HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n0A\r\n0\r\n\r\n12345\r\n0\r\n\r\n"
)
EXPECTED = [
    Request("GET", "/health", b"", True),
    Request("POST", "/v1/chat/completions", b"0\r\n\r\n", False),
    Request("POST", "/a", b"abc0\r\n\r\n12345", False),
]


def read(pieces: list[bytes]) -> list[Request]:
    """All requests, taken as soon as they are there."""
    reader = RequestReader()
    found = []
    for piece in pieces:
        reader.feed(piece)
        while (request := reader.take()) is not None:
            found.append(request)
    assert not reader.pending
    return found


@given(st.lists(st.integers(0, len(GET + SIZED + CHUNKED)), max_size=12))
def test_requests_are_the_same_in_any_pieces(places: list[int]) -> None:
    """Without a body, with a length, in chunks; one after another on a connection."""
    data = GET + SIZED + CHUNKED
    edges = sorted({0, len(data), *places})
    assert read([data[start:end] for start, end in pairwise(edges)]) == EXPECTED


def test_requests_are_the_same_byte_by_byte() -> None:
    """The finest pieces there are."""
    assert read([bytes([byte]) for byte in GET + SIZED + CHUNKED]) == EXPECTED


def head(*lines: str, first: str = "POST / HTTP/1.1") -> bytes:
    return "\r\n".join([first, *lines, "", ""]).encode("latin-1")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00" + b"\r\n\r\n", 400),
        (head(first="GET / HTTP/1.0"), 505),
        (head(first="GET / HTTP/2.0"), 505),
        (head(first="GET /  HTTP/1.1"), 400),
        (head("no colon"), 400),
        (head("a: b\0c"), 400),
        (head(" folded: x"), 400),
        (head("Content-Length: -1"), 400),
        (head("Content-Length: 1, 1"), 400),
        (head("Content-Length: 1", "Content-Length: 2"), 400),
        (head("Content-Length: 1", "Transfer-Encoding: chunked"), 400),
        (head("Transfer-Encoding: gzip, chunked"), 400),
        (head(f"Content-Length: {MAX_BODY_BYTES + 1}"), 413),
        (head("Transfer-Encoding: chunked") + b"%x\r\n" % (MAX_BODY_BYTES + 1), 413),
        (head("Transfer-Encoding: chunked") + b"x\r\n", 400),
        (head("Transfer-Encoding: chunked") + b"3\r\nabcd\r\n", 400),
        (head("Transfer-Encoding: chunked") + b"0\r\nTrailer: x\r\n\r\n", 400),
        (head("Transfer-Encoding: chunked") + b"1;" + b"x" * 2000, 400),
        (head("a: " + "b" * MAX_HEAD_BYTES), 431),
        (b"G" * (MAX_HEAD_BYTES + 1), 431),
    ],
)
def test_what_is_no_request_has_a_status_that_says_so(data: bytes, status: int) -> None:
    """Never anything but BadRequestError."""
    with pytest.raises(BadRequestError) as caught:
        read([data])
    assert caught.value.status == status


@given(st.binary(max_size=200))
@example(head("Transfer-Encoding: chunked") + b"ffffffff\r\n")
def test_any_bytes_are_requests_or_refused(data: bytes) -> None:
    """No other exception, also after a good head."""
    for start in (b"", head("Transfer-Encoding: chunked"), head("Content-Length: 5")):
        reader = RequestReader()
        reader.feed(start + data)
        with suppress(BadRequestError):
            while reader.take() is not None:
                pass


def test_a_peer_that_never_stops_is_refused() -> None:
    """The memory of a connection is bounded, taken or not."""
    reader = RequestReader()
    reader.feed(b"x" * MAX_BODY_BYTES)
    with pytest.raises(BadRequestError):
        reader.feed(b"x" * (MAX_HEAD_BYTES + 1))


def test_a_body_that_waits_to_be_asked_for_is_asked_for_once() -> None:
    """Expect: 100-continue, and only before the body."""
    reader = RequestReader()
    reader.feed(head("Expect: 100-continue", "Content-Length: 2"))
    assert reader.take() is None
    assert [reader.wants_continue(), reader.wants_continue()] == [True, False]
    reader.feed(b"ok")
    assert reader.take() == Request("POST", "/", b"ok", False)
    reader.feed(head("Content-Length: 2"))
    assert reader.take() is None
    assert not reader.wants_continue()


# --- chat requests --------------------------------------------------------------------------------------


def test_a_chat_request_says_how_much_and_in_which_form() -> None:
    """Tokens, stream, usage, salt, and a guess at the prompt's tokens from its bytes."""
    assert parse_ask(chat_body()) == Ask(
        4, True, True, "00ff00ff00ff00ff", 7, prompt=b"00ff00ff00ff00ff is my number."
    )
    plain = {"messages": [{"content": [{"type": "text", "text": "hé"}, {"type": "image"}]}]}
    assert parse_ask(json.dumps(plain).encode()) == Ask(
        DEFAULT_TOKENS, False, False, None, 1, prompt="hé".encode()
    )


@pytest.mark.parametrize(
    ("asked", "tokens"), [(1, 1), (0, 1), (-5, 1), (10**9, MAX_TOKENS), (None, DEFAULT_TOKENS)]
)
def test_the_number_of_tokens_is_brought_into_its_range(asked: int | None, tokens: int) -> None:
    """From 1 to 100,000."""
    assert parse_ask(chat_body(max_tokens=asked)).tokens == tokens


def test_the_newer_name_of_max_tokens_is_understood() -> None:
    """max_completion_tokens."""
    body = json.dumps({"messages": [{"content": ""}], "max_completion_tokens": 9}).encode()
    assert parse_ask(body).tokens == 9


@pytest.mark.parametrize("text", ["00ff00ff00ff00f is short", "x00ff00ff00ff00ff", "00FF00FF00FF00FF", ""])
def test_a_message_without_16_hex_digits_at_its_start_has_no_salt(text: str) -> None:
    """Lower case, at the very start."""
    assert parse_ask(chat_body(messages=[{"content": text}])).salt is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"messages": ' + b"9" * 5000 + b"}",
        chat_body(messages=[]),
        chat_body(messages="hi"),
        chat_body(messages=["hi"]),
        chat_body(messages=[{"content": 5}]),
        chat_body(messages=[{"content": ["x"]}]),
        chat_body(messages=[{"content": [{"text": 5}]}]),
        chat_body(max_tokens="4"),
        chat_body(max_tokens=True),
        chat_body(max_tokens=1.5),
    ],
)
def test_a_body_that_asks_for_nothing_is_refused(body: bytes) -> None:
    """With 400, whatever is wrong with it."""
    with pytest.raises(BadRequestError) as caught:
        parse_ask(body)
    assert caught.value.status == 400


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from(["messages", "max_tokens", "stream", "stream_options"]), JSON))
def test_any_json_is_a_chat_request_or_refused(members: dict[str, object]) -> None:
    """No other exception."""
    with suppress(BadRequestError):
        assert 1 <= parse_ask(chat_body(**members)).tokens <= MAX_TOKENS

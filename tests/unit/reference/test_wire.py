"""kit.reference.connection: requests by hand, hostile and half ones, peers that vanish or do not read."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

import pytest

from kit.errors import InputError, PortInUseError
from kit.loadgen.http1 import ResponseFramer
from kit.reference.listening import listen, listen_unix
from kit.reference.shapes import text_of
from kit.stream.record import parse
from tests.support.scripted import (
    answer,
    behaving,
    chat_request,
    connected,
    exchange,
    in_thread,
    loaded,
    read_truths,
)


@pytest.mark.parametrize(
    ("request_line", "status", "words"),
    [
        ("GET /health", 200, b'"ok"'),
        ("GET /v1/models", 200, b'"reference"'),
        ("POST /health", 405, b"error"),
        ("GET /v1/chat/completions", 405, b"error"),
        ("GET /metrics", 404, b"error"),
        ("POST /v1/chat/completions", 400, b"not JSON"),
    ],
)
def test_other_paths_are_answered(request_line: str, status: int, words: bytes) -> None:
    """On a connection that stays open."""
    with in_thread(behaving()) as url, connected(url) as sock:
        for _ in range(2):
            found = exchange(sock, f"{request_line} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
            assert (found.status, found.complete, found.keep_alive) == (status, True, True)
            assert words in b"".join(data for _, data in found.pieces)


def test_requests_sent_ahead_are_answered_in_their_order() -> None:
    """A thousand at once, then a chat, then a close that is announced."""
    ahead = b"GET /health HTTP/1.1\r\n\r\n" * 1000
    with in_thread(behaving()) as url, connected(url) as sock:
        sock.sendall(ahead + chat_request() + chat_request(headers="Connection: close\r\n"))
        data = b""
        while more := sock.recv(65536):
            data += more
    assert data.count(b'{"status":"ok"}') == 1000
    assert data.count(b"data: [DONE]") == 2
    assert data.count(b"Connection: close") == 1
    assert data.index(b"X-Request: 1\r\n") < data.index(b"X-Request: 2\r\n")


def test_a_large_prompt_that_waits_to_be_asked_for_is_answered() -> None:
    """100 Continue, then four megabytes."""
    body = chat_request(messages=[{"content": "x" * 4_000_000}]).partition(b"\r\n\r\n")[2]
    head = b"POST /v1/chat/completions HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
    with in_thread(behaving()) as url, connected(url) as sock:
        sock.sendall(head)
        assert sock.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        answered = parse(exchange(sock, body).pieces)
    assert answered.usage is not None
    assert answered.usage.prompt_tokens == 1_000_000


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
        b"GET / HTTP/1.1\r\nno header\r\n\r\n",
        b"x" * 100_000,
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 1_000_000,
        chat_request()[:-5],
        b"GET",
    ],
)
def test_hostile_and_half_requests_get_a_4xx_and_the_endpoint_lives(data: bytes) -> None:
    """Even when the peer sends on, or stops in the middle; the words arrive before the connection closes."""
    with in_thread(behaving()) as url:
        with connected(url) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            found = answer(sock)
            assert found.status is not None
            assert 400 <= found.status < 500
            assert sock.recv(1) == b""
        assert [record.outcome for record in loaded(url, requests=1)] == ["ok"]


def test_peers_that_vanish_leave_nothing_behind(tmp_path: Path) -> None:
    """Before a request, in the middle of one, during an answer; with a reset or without."""
    path = tmp_path / "truth.jsonl"
    with in_thread(behaving(ttft_ms=0, itl_ms=0), path) as url:
        for data in (b"", b"GET", chat_request(max_tokens=100_000)):
            for linger in (b"", struct.pack("ii", 1, 0)):
                sock = connected(url)
                sock.sendall(data)
                if linger:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                sock.close()
        assert [record.outcome for record in loaded(url, requests=1)] == ["ok"]
    truths = read_truths(path)
    assert [truth.finished_ns is None for truth in truths[-3:]] == [True, True, False]


def test_a_reader_that_is_slow_gets_everything() -> None:
    """Far more than the kernel keeps; others are served while it does not read."""
    with in_thread(behaving(ttft_ms=0, itl_ms=0)) as url, connected(url) as sock:
        sock.sendall(chat_request(max_tokens=60_000))
        assert [record.outcome for record in loaded(url, requests=2)] == ["ok"] * 2
        framer = ResponseFramer()
        while not framer.complete:
            framer.feed(0, sock.recv(1 << 20))
    assert framer.error is None
    assert parse(framer.pieces).text == text_of(0, 60_000)


def test_an_endpoint_on_a_unix_socket_answers(tmp_path: Path) -> None:
    """And takes the place of one that died; but not of one that lives, nor of a file."""
    path = tmp_path / "s"
    listen_unix(path).close()
    with in_thread(behaving(), unix=path) as url:
        assert url == f"unix:{path}"
        with connected(url) as sock:
            assert parse(exchange(sock, chat_request()).pieces).text == text_of(0, 4)
        with pytest.raises(PortInUseError):
            listen_unix(path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PortInUseError):
        listen_unix(tmp_path / "file")


def has_ipv6() -> bool:
    try:
        listen("::1", 0).close()
    except InputError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
def test_an_endpoint_on_ipv6_answers() -> None:
    """Its URL has brackets."""
    with in_thread(behaving(), host="::1") as url:
        assert url.startswith("http://[::1]:")
        assert [record.outcome for record in loaded(url, requests=2)] == ["ok"] * 2

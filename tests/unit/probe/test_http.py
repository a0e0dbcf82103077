"""What the kit asks a server besides load: what comes back, and what a hostile server may cost."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kit.errors import RuntimeNotReadyError
from kit.plan.target import Access, parse_target
from kit.probe import http, probe_of
from kit.probe.http import EndpointError, UnreachableError
from tests.support.fakes import FakeRunning, TinyServer
from tests.support.framing import CHUNKED, OK, chunked
from tests.support.hostile import Peer, Play, serving

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def server() -> Iterator[TinyServer]:
    with TinyServer() as running:
        yield running


def page(body: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


def saying(*parts: bytes) -> Play:
    """A script that answers each request with these bytes, over a new connection."""

    def play(peer: Peer) -> None:
        peer.head()
        peer.send(*parts)

    return play


def test_polling_ends_when_the_server_answers_200(server: TinyServer) -> None:
    """One look is enough."""
    assert http.poll_ready(server.url, "/health", 5) is None
    assert server.paths == ["/health"]


def test_polling_ends_with_its_limit_and_tells_the_last_answer(server: TinyServer) -> None:
    """At least one look is had."""
    server.health = 503
    assert http.poll_ready(server.url, "/health", 0) == "HTTP status 503: {}"
    assert len(server.paths) == 1


def test_documents_are_read_strictly(server: TinyServer) -> None:
    """A page that is no JSON and a page that is not there are endpoint errors."""
    assert http.fetch_json(server.url, "/health") == {}
    with pytest.raises(EndpointError):
        http.fetch_json(server.url, "/metrics")
    with pytest.raises(EndpointError, match="404"):
        http.fetch_text(server.url, "/nothing")


def test_a_fault_of_our_own_is_no_missing_answer(server: TinyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in the reader or in how a question is asked must be seen, not blamed on the server."""

    def bug(*_: object, **__: object) -> object:
        raise TypeError("a bug of ours")

    asked: list[tuple[str, Callable[[], object]]] = [
        ("read_json", lambda: http.fetch_json(server.url, "/health")),
        ("read_json", lambda: http.post_json(server.url, "/x", b"{}", 5)),
        ("ask", lambda: http.fetch_text(server.url, "/health")),
        ("question", lambda: http.served_model(parse_target(server.url))),
    ]
    for place, ask in asked:
        with monkeypatch.context() as patched:
            patched.setattr(f"kit.probe.http.{place}", bug)
            with pytest.raises(TypeError, match="a bug of ours"):
                ask()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error": {"message": "no such key"}}', "no such key"),
        (b'{"error": "no such key"}', "no such key"),
        (b'{"object": "error", "message": "no such key"}', "no such key"),
        (b'{"detail": [{"loc": ["body", "model"], "msg": "no such key"}]}', "no such key"),
        (b"<html><title>401</title><h1>no such key</h1></html>", "no such key"),
        (b"no such\r\n\tkey", "no such key"),
        (b"\x1b[2Jno such key\xc2\x9b", "no such key"),
        (b"no such key " + b"x" * 10_000, "no such key x"),
        (b"", ""),
        (b"\xff\xfe", "401"),
    ],
)
def test_a_refusal_is_told_in_the_words_of_the_server(body: bytes, words: str) -> None:
    """The status and its message, on one line, harmless and short."""
    with serving(saying(page(body, "401 Unauthorized"))) as server, pytest.raises(EndpointError) as caught:
        http.fetch_text(server.url, "/x")
    told = str(caught.value)
    assert told.startswith("HTTP status 401")
    assert words in told
    assert told.isprintable()
    assert len(told) < 230


# --- the list of models ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b'{"object": "list", "data": [{"id": "m"}, {"id": "n"}]}',
        b'{"data": [{"id": "m", "created": 123456789012345678901}]}',
        b'{"data": [{"id": "m", "score": NaN}]}',
        b'\xef\xbb\xbf{"data": [{"id": "m"}]}',
        b'{"data": [{"id": "m"}], "data2": null}',
        b'[{"id": "m"}]',
        b'["m"]',
    ],
)
def test_the_served_model_is_the_first_listed(body: bytes) -> None:
    """Whatever else the list holds, and however."""
    with serving(saying(page(body))) as server:
        assert http.served_model(parse_target(server.url)) == "m"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (page(b'{"data": null}'), "no model in it"),
        (page(b'{"data": []}'), "no model in it"),
        (page(b"[]"), "no model in it"),
        (page(b"null"), "no model in it"),
        (page(b'{"data": [{"name": "m"}]}'), "no name"),
        (page(b'{"data": [{"id": ""}]}'), "no name"),
        (page(b'{"data": [{"id": 5}]}'), "no name"),
        (page(b'{"data": [{"id": "\\u001b[2J"}]}'), "no name"),
        (page(b'{"data": [{"id": "\\ud800"}]}'), "no name"),
        (page(b"Internal Server Error", "500 X"), "HTTP status 500: Internal Server Error"),
        (page(b'{"error": {"message": "no key"}}', "401 X"), "HTTP status 401: no key"),
        (page(b"", "307 X", "Location: http://elsewhere/v1/models\r\n"), "HTTP status 307"),
        (page(b"<html>"), "no JSON"),
        (page(b"[" * 100_000), "no JSON"),
        (
            page(gzip.compress(b'{"data": [{"id": "m"}]}'), headers="Content-Encoding: gzip\r\n"),
            "compressed (gzip)",
        ),
        (OK + b"Content-Length: 100\r\n\r\n{", "closed before the end"),
        (b"", "closed the connection without an answer"),
    ],
)
def test_a_list_that_cannot_be_read_says_why(answer: bytes, words: str) -> None:
    """In words that name the cause, the server's own where it has any."""
    with serving(saying(answer)) as server, pytest.raises(EndpointError) as caught:
        http.served_model(parse_target(server.url))
    assert words in str(caught.value)
    assert not isinstance(caught.value, UnreachableError)


def test_a_list_is_asked_with_the_loads_own_path_host_and_key() -> None:
    """Beside the chat completions, wherever they are."""
    heads: list[bytes] = []

    def play(peer: Peer) -> None:
        heads.append(peer.head())
        peer.send(page(b'{"data": [{"id": "m"}]}'))

    with serving(play) as server:
        target = parse_target(server.url + "/openai/v3/chat/completions")
        http.served_model(target, Access(headers=(("Authorization", "Bearer k"),)))
    assert heads[0].startswith(b"GET /openai/v3/models HTTP/1.1\r\nHost: " + target.authority.encode())
    assert b"Authorization: Bearer k" in heads[0]


def test_a_server_that_nobody_reaches_is_told_from_one_without_a_list() -> None:
    """And soon."""
    began = time.monotonic()
    with pytest.raises(UnreachableError, match="refused"):
        http.served_model(parse_target(NOBODY))
    assert time.monotonic() - began < 3


# --- what a hostile server may cost ---------------------------------------------------------------------


def endless(start: bytes, part: bytes, every_s: float = 0.0) -> Play:
    def play(peer: Peer) -> None:
        peer.head()
        peer.send(start)
        while not peer.server.over.is_set():
            peer.sock.sendall(part)
            if every_s:
                peer.wait(every_s)

    return play


HOSTILE: dict[str, Play] = {
    "an endless body": endless(CHUNKED, chunked(b"x" * 60_000)),
    "an endless body without a length": endless(OK + b"\r\n", b"x" * 60_000),
    "a byte now and then": endless(CHUNKED, chunked(b"x"), 0.1),
    "a header of a byte now and then": endless(OK, b"X", 0.1),
    "endless headers": endless(OK, b"X: y\r\n"),
    "interim answers for ever": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.1),
    "silence": endless(b"", b"", 0.1),
    "a bomb": saying(page(gzip.compress(b"\0" * (4 << 20)), headers="Content-Encoding: gzip\r\n")),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_question_outlasts_its_limit(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each question beside the load, to each kind of server that has no end."""
    monkeypatch.setattr(http, "QUESTION_S", 0.3)
    (tmp_path / "file").write_bytes(b"x")
    with serving(HOSTILE[name]) as server:
        target = parse_target(server.url)
        asked: list[Callable[[], object]] = [
            lambda: http.fetch_text(server.url, "/metrics"),
            lambda: http.fetch_json(server.url, "/props"),
            lambda: http.served_model(target, limit_s=0.3),
            lambda: http.post_json(server.url, "/api/create", b"{}", 0.3),
        ]
        for ask in asked:
            began = time.monotonic()
            with pytest.raises(EndpointError):
                ask()
            assert time.monotonic() - began < 1.3
        began = time.monotonic()
        assert http.poll_ready(server.url, "/health", 0.3)
        assert time.monotonic() - began < 1.3


@pytest.mark.parametrize("name", ["an endless body", "a byte now and then", "endless headers", "silence"])
def test_waiting_for_a_server_ends_with_its_budget(name: str) -> None:
    """A budget of a second is over after a second, not when the server pleases."""
    with serving(HOSTILE[name]) as server:
        began = time.monotonic()
        with pytest.raises(RuntimeNotReadyError, match="not ready within 1 s"):
            probe_of(FakeRunning(server.url)).wait_ready("/health", 1)
        assert time.monotonic() - began < 2


@pytest.mark.parametrize("name", ["a header of a byte now and then", "interim answers for ever", "silence"])
def test_an_upload_ends_with_its_limit(name: str, tmp_path: Path) -> None:
    """Also where the server takes the file and then talks for ever."""
    (tmp_path / "file").write_bytes(b"x" * 1000)
    with serving(HOSTILE[name]) as server:
        began = time.monotonic()
        with pytest.raises(EndpointError, match=r"file was not taken within|Timeout"):
            http.post_file(server.url + "/blob", tmp_path / "file", 0.4)
        assert time.monotonic() - began < 1.4


def test_an_upload_that_was_taken_is_not_listened_to_any_longer(tmp_path: Path) -> None:
    """Its status says all."""
    (tmp_path / "file").write_bytes(b"x" * 1000)
    with serving(HOSTILE["a byte now and then"]) as server:
        http.post_file(server.url + "/blob", tmp_path / "file", 5)


def test_an_upload_that_is_refused_is_told_in_the_servers_words(tmp_path: Path) -> None:
    """Of a body without end, its beginning."""
    (tmp_path / "file").write_bytes(b"x" * 1000)

    def play(peer: Peer) -> None:
        peer.head()
        peer.send(b"HTTP/1.1 507 Full\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"disk full"))
        peer.wait(3)

    with serving(play) as server, pytest.raises(EndpointError, match="HTTP status 507"):
        http.post_file(server.url + "/blob", tmp_path / "file", 3)


def test_a_posted_document_is_answered(server: TinyServer) -> None:
    """By JSON, or by nothing."""
    assert http.post_json(server.url, "/x", json.dumps({}).encode(), 5) is not None

"""Questions beside the load: all at once, each with a cap and a deadline, our own faults told as our own."""

from __future__ import annotations

import errno
import gzip
import os
import resource
import shutil
import socket
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

from kit.documents import Exchange
from kit.errors import InputError, InternalError
from kit.loadgen import asking
from kit.loadgen.asking import Limits, ask, ask_all, question
from kit.loadgen.connector import Address, Dial
from kit.loadgen.descriptors import SPARE, need_descriptors
from kit.plan.target import Access, parse_target
from tests.support.framing import CHUNKED, OK, chunked
from tests.support.gathering import completion, gathering
from tests.support.hostile import Peer, Play, certificate, serving

NOBODY = parse_target("http://127.0.0.1:9")
FREE = Access()
CAP = 64 << 10
PAGE = OK + b"Content-Length: 2\r\n\r\n{}"


def asked(url: str, limit_s: float = 0.5, access: Access = FREE, path: str = "/v1/models") -> Exchange:
    target = parse_target(url)
    return ask(target, access, question(target, access, path), Limits(limit_s, CAP))


def body_of(exchange: Exchange) -> bytes:
    return b"".join(data for _, data in exchange.pieces)


# --- a question and its answer --------------------------------------------------------------------------


def test_a_get_and_a_post_say_what_they_want() -> None:
    """With the host, the headers that let us in, and no wish for a compressed answer."""
    target = parse_target("http://h:8080/prefix")
    access = Access(headers=(("Authorization", "Bearer k"), ("X-Team", "a")))
    get = question(target, access, target.models_path)
    post = question(target, access, target.chat_path, b"{}")
    assert get.startswith(b"GET /prefix/v1/models HTTP/1.1\r\nHost: h:8080\r\n")
    assert post.startswith(b"POST /prefix/v1/chat/completions HTTP/1.1\r\nHost: h:8080\r\n")
    assert post.endswith(b"\r\n\r\n{}")
    assert b"\r\nContent-Length: 2\r\n" in post
    assert b"Content-Length" not in get
    for each in (get, post):
        assert b"\r\nAccept-Encoding: identity\r\n" in each
        assert b"\r\nAuthorization: Bearer k\r\nX-Team: a\r\n" in each


def test_an_answer_comes_whole() -> None:
    """Status and body, and nothing that failed."""

    def play(peer: Peer) -> None:
        peer.head()
        peer.send(OK + b"Content-Length: 9\r\n\r\n", b'{"a":', b" 1}\n")

    with serving(play) as server:
        exchange = asked(server.url, 5)
    assert (exchange.status, exchange.complete, exchange.failure, body_of(exchange)) == (
        200,
        True,
        None,
        b'{"a": 1}\n',
    )


@pytest.mark.parametrize("at_once", [1, 2, 100, 101, 150, 500, 1000])
def test_exactly_so_many_are_asked_at_once(at_once: int) -> None:
    """The server answers none before all are there; and each answer belongs to its question."""
    with gathering(at_once, lambda body: completion(body.decode())) as server:
        target = parse_target(server.url)
        questions = [question(target, FREE, "/v1/chat/completions", b"%d" % n) for n in range(at_once)]
        exchanges: list[Exchange] = []
        ask_all(target, FREE, questions, Limits(20), exchanges.append)
    assert server.most == at_once
    assert sorted(each.id for each in exchanges) == list(range(at_once))
    assert all(b'"content": "%d"' % each.id in body_of(each) for each in exchanges)


def test_more_than_can_be_asked_is_refused() -> None:
    """Before the first is sent."""
    with pytest.raises(InputError, match="4097 questions at once"):
        ask_all(NOBODY, FREE, [b""] * 4097, Limits(1), lambda _: None)


# --- what a server may cost -----------------------------------------------------------------------------


def sending(*parts: bytes, endless: bytes = b"", every_s: float = 0.0) -> Play:
    """A script that sends the parts, and then, if told so, one more of the same for ever."""

    def play(peer: Peer) -> None:
        peer.head()
        peer.send(*parts)
        while endless and not peer.server.over.is_set():
            peer.sock.sendall(endless)
            if every_s:
                peer.wait(every_s)
        if not endless:
            peer.wait()

    return play


HOSTILE: dict[str, tuple[Play, str]] = {
    "an endless body in chunks": (sending(CHUNKED, endless=chunked(b"x" * 60_000)), "more than"),
    "an endless body without a length": (sending(OK + b"\r\n", endless=b"x" * 60_000), "more than"),
    "a body of a petabyte": (sending(OK + b"Content-Length: 999999999999999\r\n\r\n", endless=b"xx"), "length"),
    "an endless chunk": (sending(CHUNKED + b"FFFFFF\r\n", endless=b"x" * 60_000), "more than"),
    "a body of single bytes": (sending(CHUNKED, endless=chunked(b"x"), every_s=0.001), "within 0.5 s"),
    "a body of a byte now and then": (sending(CHUNKED, endless=chunked(b"x"), every_s=0.1), "within 0.5 s"),
    "a bomb": (sending(OK + b"Content-Encoding: gzip\r\nContent-Length: 4096\r\n\r\n"
                       + gzip.compress(b"\0" * (4 << 20))[:4096].ljust(4096)), "compressed (gzip)"),
    "an endless bomb": (sending(CHUNKED.removesuffix(b"\r\n") + b"Content-Encoding: br\r\n\r\n",
                                endless=chunked(b"x" * 60_000)), "compressed (br)"),
    "endless headers": (sending(OK, endless=b"X-Header: value\r\n"), "headers"),
    "one endless header": (sending(OK + b"X: ", endless=b"x" * 60_000), "headers"),
    "a header of a byte now and then": (sending(OK, endless=b"X", every_s=0.1), "within 0.5 s"),
    "a status line of a byte now and then": (sending(endless=b"H", every_s=0.1), "within 0.5 s"),
    "interim answers for ever": (sending(endless=b"HTTP/1.1 103 Hints\r\n\r\n", every_s=0.05), "within 0.5 s"),
    "endless trailers": (sending(CHUNKED + b"0\r\n", endless=b"X-Trailer: value\r\n"), "headers"),
    "a body that stops": (sending(OK + b"Content-Length: 9\r\n\r\n{"), "within 0.5 s"),
    "silence": (sending(b""), "within 0.5 s"),
    "another protocol": (sending(b"220 ready\r\n"), "status line"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_no_server_costs_more_than_the_limits(name: str) -> None:
    """Neither time nor memory, whatever it sends and however it sends it."""
    play, words = HOSTILE[name]
    with serving(play) as server:
        tracemalloc.start()
        began = time.monotonic()
        exchange = asked(server.url)
        took_s = time.monotonic() - began
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert exchange.failure is not None
    assert words in exchange.failure_detail
    assert took_s < 1.5
    assert peak < 4 << 20


def test_one_that_stalls_does_not_hold_up_the_others() -> None:
    """And costs no more than its limit."""

    def play(peer: Peer) -> None:
        content = peer.request()
        peer.send(PAGE) if not content.endswith(b"3") else peer.wait()

    with serving(play) as server:
        target = parse_target(server.url)
        questions = [question(target, FREE, "/x", b"%d" % number) for number in range(8)]
        ended: list[tuple[int, float]] = []
        began = time.monotonic()
        ask_all(
            target, FREE, questions, Limits(0.5), lambda each: ended.append((each.id, time.monotonic() - began))
        )
    assert [number for number, _ in ended][-1] == 3
    assert max(at for _, at in ended[:-1]) < 0.4
    assert 0.4 < ended[-1][1] < 1.0


def test_many_at_once_share_the_memory() -> None:
    """The more there are, the less each may hold."""
    with serving(sending(CHUNKED, endless=chunked(b"x" * 60_000))) as server:
        target = parse_target(server.url)
        held: list[int] = []
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(asking, "TOGETHER_BYTES", 1 << 20)
            questions = [question(target, FREE, "/x")] * 8
            ask_all(target, FREE, questions, Limits(5, 1 << 20), lambda each: held.append(len(body_of(each))))
    assert len(held) == 8
    assert max(held) <= 1 << 17


# --- nobody there, and who may be trusted ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:9", "refused"),
        ("http://no.such.host.invalid", "has no address"),
        ("unix:/no/such/socket", "No such file"),
    ],
)
def test_a_server_that_nobody_reaches_is_a_connect_failure(url: str, words: str) -> None:
    """With the words of the system; no request was sent."""
    exchange = asked(url, 5)
    assert (exchange.failure, exchange.sent_ns) == ("connect", None)
    assert words in exchange.failure_detail


def test_a_connection_that_nobody_takes_is_given_up() -> None:
    """A backlog that is full looks like a network that swallows: within the limit it is no connection."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        fillers = [socket.socket() for _ in range(4)]
        for each in fillers:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        began = time.monotonic()
        exchange = asked(f"http://127.0.0.1:{listener.getsockname()[1]}", 0.3)
        for each in fillers:
            each.close()
    assert exchange.failure == "connect"
    assert "within 0.3 s" in exchange.failure_detail
    assert time.monotonic() - began < 1.3


def test_a_name_that_is_looked_up_for_ever_costs_no_more_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's own patience is longer than ours."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(1))
    exchange = asked("http://slow.invalid", 0.2)
    assert (exchange.failure, exchange.failure_detail) == ("connect", "no connection within 0.2 s")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program makes certificates")
@pytest.mark.parametrize(("trust", "words"), [("none", "certificate"), ("file", ""), ("insecure", "")])
def test_a_certificate_is_trusted_as_access_says(trust: str, words: str, tmp_path: Path) -> None:
    """By a file of authorities, or whatever it is."""
    cert, context = certificate(tmp_path)
    access = Access(ca_file=str(cert) if trust == "file" else None, insecure=trust == "insecure")

    def play(peer: Peer) -> None:
        peer.head()
        peer.send(PAGE)

    with serving(play, tls=context) as server:
        exchange = asked(server.url, 5, access)
    assert (exchange.failure or "", words in exchange.failure_detail) == ("connect" if words else "", True)


def test_authorities_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    """A file that is not there, and one that holds none."""
    (tmp_path / "empty.pem").write_text("nothing")
    for name in ("missing.pem", "empty.pem"):
        with pytest.raises(InputError, match=rf"{name} cannot be read"):
            asked("https://127.0.0.1:9", 1, Access(ca_file=str(tmp_path / name)))


# --- faults of this machine -----------------------------------------------------------------------------


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EBADF])
def test_what_fails_on_our_side_is_never_an_answer_of_the_server(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of descriptors, out of buffers: an error of the kit, with what the system said."""
    dials: list[Dial] = []
    honest = Dial.start

    def start(dial: Dial, address: Address) -> None:
        dials.append(dial)
        if len(dials) == 3:
            dial._fail(os.strerror(code))
        else:
            honest(dial, address)

    monkeypatch.setattr(Dial, "start", start)
    with serving(sending(PAGE)) as server:
        target = parse_target(server.url)
        with pytest.raises(InternalError, match=f"could not ask 5 at once: {os.strerror(code)}"):
            ask_all(target, FREE, [question(target, FREE, "/x")] * 5, Limits(5), lambda _: None)


def test_an_address_that_cannot_be_had_is_ours_only_where_many_are_asked() -> None:
    """Of one question it means a target that this machine cannot reach; of many, that ports are used up."""
    words = os.strerror(errno.EADDRNOTAVAIL)
    assert [asking.is_own_fault(words, count) for count in (1, 2)] == [False, True]


def test_descriptors_are_raised_to_what_is_needed_or_refused() -> None:
    """In a process of its own, since a limit that was lowered stays so."""
    code = (
        "import resource\n"
        "from kit.errors import InputError\n"
        "from kit.loadgen.descriptors import need_descriptors\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (128, 512))\n"
        "need_descriptors(300)\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE))\n"
        "try:\n    need_descriptors(500)\nexcept InputError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    raised, refused = done.stdout.splitlines()
    assert raised == f"({300 + SPARE}, 512)"
    assert "500 connections at once need 564 open files, and this process may have 512" in refused
    assert "ulimit -Hn" in refused


def test_enough_descriptors_are_left_as_they_are() -> None:
    """Nothing is raised that need not be."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    need_descriptors(1)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before

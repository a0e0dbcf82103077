"""kit.loadgen over its connections: kept, closed, stale, slow, and each of their time-outs."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kit.documents import Record, Timeouts
from kit.loadgen.clock import SHORT_READ_BYTES, Clock
from kit.reference.listening import url_of
from tests.support.framing import CHUNKED, END, OK, chunked
from tests.support.hostile import (
    ANSWER,
    STREAM,
    TEXT,
    Peer,
    answering,
    asked,
    carried_out,
    limits,
    serving,
    verdict,
)
from tests.support.scripted import MS, behaving, in_thread

# --- kept and closed connections ------------------------------------------------------------------------


def verdicts(records: list[Record]) -> list[str]:
    return [verdict(each) for each in records]


@pytest.mark.parametrize(
    "answer",
    [
        ANSWER,
        OK + b"Content-Length: %d\r\n\r\n%b" % (len(STREAM), STREAM),
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n%b" % (len(STREAM), STREAM),
        b"HTTP/1.1 100 Continue\r\n\r\n" + ANSWER,
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + ANSWER,
    ],
    ids=["chunked", "length", "HTTP/1.0", "continue", "early hints"],
)
def test_a_connection_is_used_again(answer: bytes) -> None:
    """Three requests, one connection; only the first has a time of connecting."""
    with serving(answering(answer)) as server:
        ran = carried_out(asked(server.url, requests=3))
    assert verdicts(ran.records) == ["ok"] * 3
    assert [each.connect_ns is None for each in ran.records] == [False, True, True]
    assert [server.connections, ran.run.stale_retries] == [1, 0]


@pytest.mark.parametrize(
    "answer",
    [
        CHUNKED[:-2] + b"Connection: close\r\n\r\n" + chunked(STREAM) + END,
        OK + b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(STREAM), STREAM),
        b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(STREAM), STREAM),
        OK + b"\r\n" + STREAM,
    ],
    ids=["chunked", "length", "HTTP/1.0", "until close"],
)
def test_a_server_that_says_it_closes_gets_a_new_connection_each_time(answer: bytes) -> None:
    """And no request is sent twice."""
    with serving(answering(answer, close=True)) as server:
        ran = carried_out(asked(server.url, requests=3))
    assert verdicts(ran.records) == ["ok"] * 3
    assert [server.connections, len(server.requests), ran.run.stale_retries] == [3, 3, 0]


def test_a_connection_said_to_close_is_not_used_again_though_it_stays_open() -> None:
    """The server would not read from it."""
    answer = CHUNKED[:-2] + b"Connection: close\r\n\r\n" + chunked(STREAM) + END
    with serving(answering(answer)) as server:
        ran = carried_out(asked(server.url, requests=2))
    assert [verdicts(ran.records), server.connections] == [["ok", "ok"], 2]


def test_a_server_that_closes_after_each_answer_without_saying_so_loses_nothing() -> None:
    """Whether the close is seen before the next request or only then."""
    with in_thread(behaving(ttft_ms=0, itl_ms=0, close_after_answer=True)) as url:
        ran = carried_out(asked(url, requests=30, concurrency=3))
    assert verdicts(ran.records) == ["ok"] * 30
    assert len({each.salt for each in ran.records}) == 30


def test_an_answer_in_large_parts_is_read_in_large_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """One short read, then as much as there is: not a read for every 8 KiB."""
    large = b": comment\n\n" * 100_000 + STREAM
    sizes: list[int] = []
    receive = Clock.receive

    def counted(clock: Clock, sock: socket.socket, since_ns: int = 0, *, much: bool = False) -> tuple[bytes, int]:
        data, stamp = receive(clock, sock, since_ns, much=much)
        sizes.append(len(data))
        return data, stamp

    monkeypatch.setattr(Clock, "receive", counted)
    with serving(answering(CHUNKED + chunked(large) + END)) as server:
        ran = carried_out(asked(server.url, requests=1))
    assert verdicts(ran.records) == ["ok"]
    assert sum(sizes) > len(large)
    assert max(sizes) > SHORT_READ_BYTES
    assert len(sizes) < len(large) / SHORT_READ_BYTES / 2


@pytest.mark.parametrize("reset", [False, True])
def test_a_stale_connection_is_replaced_once_and_counted(reset: bool) -> None:
    """The server reads the second request and closes; on the new connection it answers."""

    def play(peer: Peer) -> None:
        while peer.request():
            if peer.number == 0 and len(peer.server.requests) == 2:
                peer.reset() if reset else peer.sock.close()
                return
            peer.send(ANSWER)

    with serving(play) as server:
        ran = carried_out(asked(server.url, requests=2))
    assert [verdicts(ran.records), ran.run.stale_retries] == [["ok", "ok"], 1]
    assert server.requests[1] == server.requests[2]
    assert ran.records[1].connect_ns is not None


def test_a_request_is_never_sent_a_third_time() -> None:
    """The new connection closes as well: that is a failure."""

    def play(peer: Peer) -> None:
        while peer.request():
            if len(peer.server.requests) > 1:
                return
            peer.send(ANSWER)

    with serving(play) as server:
        ran = carried_out(asked(server.url, requests=2))
    assert [verdicts(ran.records), ran.run.stale_retries] == [["ok", "protocol"], 1]
    assert [len(server.requests), server.connections] == [3, 2]


@pytest.mark.parametrize("answer", [b"H", OK, CHUNKED + chunked(TEXT)])
def test_a_request_whose_answer_has_begun_is_not_sent_again(answer: bytes) -> None:
    """One byte of it is enough."""

    def play(peer: Peer) -> None:
        while peer.request():
            peer.send(ANSWER if len(peer.server.requests) == 1 else answer)
            if len(peer.server.requests) > 1:
                return

    with serving(play) as server:
        ran = carried_out(asked(server.url, requests=2))
    assert [each.outcome for each in ran.records] == ["ok", "failed"]
    assert [len(server.requests), ran.run.stale_retries] == [2, 0]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused(status: int) -> None:
    """It is not followed: the place it names is never asked."""
    head = f"HTTP/1.1 {status} Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    with serving(answering(head.encode())) as server:
        ran = carried_out(asked(server.url))
    record = ran.records[0]
    assert [record.error, record.status, str(status) in record.error_detail] == ["http_status", status, True]
    assert len(server.requests) == 1


def test_a_unix_socket_is_spoken_to(tmp_path: Path) -> None:
    """Over one connection; a socket that is not there is a connect failure."""
    with in_thread(behaving(), unix=tmp_path / "s") as url:
        ran = carried_out(asked(url, requests=2))
        gone = carried_out(asked(f"{url}-gone"))
    assert [verdicts(ran.records), verdicts(gone.records)] == [["ok", "ok"], ["connect"]]
    assert [each.connect_ns is None for each in ran.records] == [False, True]


# --- large prompts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt_bytes", [200_000, 8_000_000])
def test_a_large_prompt_reaches_a_server_that_reads_slowly(prompt_bytes: int) -> None:
    """Byte for byte, although it begins to read when the kernel takes no more."""

    def play(peer: Peer) -> None:
        peer.wait(0.03)
        while peer.request():
            peer.send(ANSWER)

    with serving(play) as server:
        ran = carried_out(asked(server.url, requests=2), pad_bytes=prompt_bytes)
    assert verdicts(ran.records) == ["ok"] * 2
    assert [each.count(b"x" * prompt_bytes) for each in server.requests] == [1, 1]


@pytest.mark.parametrize("close", [True, False])
def test_an_answer_before_the_whole_request_is_read_counts(close: bool) -> None:
    """A refusal of a prompt that is too large; what follows goes over a new connection, in one piece."""
    said = b"Connection: close\r\n" if close else b""
    refusal = b"HTTP/1.1 413 Content Too Large\r\n" + said + b"Content-Length: 9\r\n\r\ntoo large"

    def play(peer: Peer) -> None:
        if peer.number == 0:
            head = peer.head()
            peer.send(refusal)
            if close:
                peer.wait()  # and never reads the rest
            peer.wait(0.05)
            peer.read(int(head.rpartition(b": ")[2]))  # ends in an error: the client has gone
            raise AssertionError("the rest of the request came, or another in its place")
        while peer.request():
            peer.send(ANSWER)

    with serving(play) as server:
        ran = carried_out(asked(server.url, requests=2, timeouts=limits(first_ms=400)), pad_bytes=8_000_000)
    assert verdicts(ran.records) == ["http_status", "ok"]
    assert [ran.records[0].status, ran.records[0].error_detail] == [413, "too large"]
    assert server.connections == 2


# --- time-outs ------------------------------------------------------------------------------------------


@contextmanager
def full_backlog() -> Iterator[str]:
    """A server that accepts nobody, and whose queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        for _ in range(4):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(listener.getsockname())
        yield url_of(listener)
        for each in waiting:
            each.close()


def test_no_connection_in_time_is_a_connect_failure() -> None:
    """Nothing was sent."""
    with full_backlog() as url:
        ran = carried_out(asked(url, timeouts=limits(connect_ms=60)))
    record = ran.records[0]
    assert [verdict(record), record.sent_ns, record.status] == ["connect", None, None]
    assert 60 * MS <= record.done_ns < 1_000 * MS


def test_a_refused_connection_is_a_connect_failure() -> None:
    """At once, in the words of the system."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    ran = carried_out(asked(f"http://127.0.0.1:{port}"))
    assert [verdict(ran.records[0]), ran.records[0].error_detail] == ["connect", "Connection refused"]


@pytest.mark.parametrize(
    ("kind", "parts", "timeouts"),
    [
        ("timeout_first", [], limits(first_ms=60)),
        ("timeout_first", [CHUNKED], limits(first_ms=60)),
        ("timeout_idle", [CHUNKED, chunked(TEXT)], limits(idle_ms=60)),
        ("timeout_total", [CHUNKED, *[chunked(TEXT)] * 40], limits(idle_ms=60, total_ms=120)),
    ],
    ids=["no answer", "only headers", "silence", "too long"],
)
def test_each_time_out_ends_a_request_with_its_kind(kind: str, parts: list[bytes], timeouts: Timeouts) -> None:
    """Not before its limit; and the next request has a new connection."""

    def play(peer: Peer) -> None:
        while peer.request():
            peer.send(*(parts if peer.number == 0 else [ANSWER]), pause_s=0.01)

    with serving(play) as server:
        ran = carried_out(asked(server.url, requests=2, timeouts=timeouts))
    first = ran.records[0]
    assert verdicts(ran.records) == [kind, "ok"]
    assert len(first.chunks) == {"timeout_first": 0, "timeout_idle": 1}.get(kind, len(first.chunks))
    assert first.sent_ns is not None
    limit_ns = (120 if kind == "timeout_total" else 60) * MS
    assert limit_ns <= first.done_ns - first.sent_ns < limit_ns + 1_000 * MS
    assert server.connections == 2


ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
BEAT = b": keep-alive\n\n"
NOTHING_YET = {
    "only headers": [CHUNKED],
    "a role": [CHUNKED, chunked(ROLE)],
    "a heartbeat": [CHUNKED, chunked(BEAT)],
    "a role and heartbeats": [CHUNKED, chunked(ROLE), *[chunked(BEAT)] * 3],
    "null as text": [CHUNKED, chunked(b'data: {"choices":[{"delta":{"role":"assistant","content":null}}]}\n\n')],
    "half an event": [CHUNKED, chunked(TEXT[: len(TEXT) // 2])],
}


@pytest.mark.parametrize("parts", NOTHING_YET.values(), ids=list(NOTHING_YET))
def test_silence_before_the_first_text_is_no_idle_answer(parts: list[bytes]) -> None:
    """A long prompt may take longer than an answer may pause: the limit of the first text counts, and no other."""

    def play(peer: Peer) -> None:
        while peer.request():
            peer.send(*parts, pause_s=0.01)
            peer.wait(0.3)
            rest = TEXT[len(TEXT) // 2 :] + STREAM if parts is NOTHING_YET["half an event"] else STREAM
            peer.send(chunked(rest) + END)

    with serving(play) as server:
        ran = carried_out(asked(server.url, timeouts=limits(idle_ms=60)))
    assert verdicts(ran.records) == ["ok"]


@pytest.mark.parametrize("parts", NOTHING_YET.values(), ids=list(NOTHING_YET))
def test_no_text_in_time_is_a_first_time_out(parts: list[bytes]) -> None:
    """Also where something came; and heartbeats do not put it off."""

    def play(peer: Peer) -> None:
        while peer.request():
            peer.send(*parts, *[chunked(BEAT)] * 30, pause_s=0.01)

    with serving(play) as server:
        ran = carried_out(asked(server.url, timeouts=limits(first_ms=100, idle_ms=60)))
    record = ran.records[0]
    assert verdicts(ran.records) == ["timeout_first"]
    assert record.error_detail == "no text within 0.1 s"


@pytest.mark.parametrize("beats", [0, 1, 15, 16, 17, 40])
def test_text_is_seen_however_much_came_before_it(beats: int) -> None:
    """And then silence is an idle answer again."""

    def play(peer: Peer) -> None:
        while peer.request():
            peer.send(CHUNKED, *[chunked(BEAT)] * beats, chunked(TEXT), pause_s=0.002)
            peer.wait()

    with serving(play) as server:
        ran = carried_out(asked(server.url, timeouts=limits(idle_ms=100)))
    assert verdicts(ran.records) == ["timeout_idle"]
    assert len(ran.records[0].chunks) == 1

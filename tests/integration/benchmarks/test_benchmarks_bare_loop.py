"""The bare loop that the kit is compared with: it counts answers to their ends, wherever reads cut them.

The program wants uvloop, which only the extra `bench` installs; the protocol itself runs on any event loop. So
all tests here use asyncio's own, and those with a server are run once more on uvloop where it is installed.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Callable, Coroutine, Sequence
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.plan.target import parse_target
from tests.support.framing import CHUNKED, OK, chunked
from tests.support.framing import END as LAST
from tests.support.hostile import ANSWER, Hostile, Peer, Play, answering, serving

with pytest.MonkeyPatch.context() as patch:
    if find_spec("uvloop") is None:
        # For the import alone; whoever asks for uvloop itself afterwards is told that it is not there.
        patch.setitem(sys.modules, "uvloop", ModuleType("uvloop"))
    from benchmarks import bare_loop
    from benchmarks.bare_loop import END, Reader, Run, measure

Started = Callable[[Coroutine[Any, Any, dict[str, float]]], dict[str, float]]

# As llama.cpp's: the last header ends in a nought, and so the header block in the end mark of an answer.
NOUGHT = OK + b"Transfer-Encoding: chunked\r\nKeep-Alive: timeout=5, max=100\r\n\r\n"
BODIES = [b'{"n": %d}' % number for number in range(6)]


@pytest.fixture(params=["asyncio", "uvloop"])
def start(request: pytest.FixtureRequest) -> Started:
    """Runs a coroutine to its end on one of the event loops."""
    if request.param == "asyncio":
        return asyncio.run
    run: Started = pytest.importorskip("uvloop").run
    return run


def asked(server: Hostile) -> list[bytes]:
    """The bodies that a server was sent, in the order of `BODIES`."""
    return sorted(request.partition(b"\r\n\r\n")[2] for request in server.requests)


def counts(found: dict[str, float]) -> tuple[float, float]:
    """Answers that came to their end, and requests that broke."""
    return found["ended"], found["broken"]


# --- the protocol, fed by hand --------------------------------------------------------------------------


class Line(asyncio.Transport):
    """The client's end of a connection that leads nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        self.closed = True


def connected(*more: bytes) -> tuple[Run, Reader, Line]:
    """A reader that has sent its first request, b"first", and has these others before it."""
    run, line = Run(parse_target("http://127.0.0.1:9"), list(more), 1), Line()
    reader = Reader(run, b"first")
    reader.connection_made(line)
    return run, reader, line


def pieces(data: bytes, places: Sequence[int]) -> list[bytes]:
    """The data cut at these places."""
    edges = sorted({0, len(data), *(place % len(data) for place in places)})
    return [data[start:end] for start, end in pairwise(edges)]


answers = st.builds(
    lambda head, parts: head + chunked(*parts) + LAST,
    st.sampled_from([CHUNKED, NOUGHT]),
    st.lists(st.sampled_from([b"data: x\n\n", b"0", b"0\r\n0", b"10"]), max_size=4),
)


@given(st.lists(st.tuples(answers, st.lists(st.integers(0, 300), max_size=12)), min_size=1, max_size=4))
def test_every_end_is_found_however_reads_cut_the_answers(cut: list[tuple[bytes, list[int]]]) -> None:
    """Each answer ends once, with its last byte, and every byte is counted."""
    run, reader, line = connected(*(b"more" for _ in cut[1:]))
    for number, (answer, places) in enumerate(cut):
        for piece in pieces(answer, places):
            assert run.ended == number
            reader.data_received(piece)
        assert run.ended == number + 1
    assert run.bytes == sum(len(answer) for answer, _ in cut)
    assert line.written == [b"first", *(b"more" for _ in cut[1:])]
    assert line.closed


@pytest.mark.parametrize("size", range(1, len(END) + 2))
def test_small_reads_of_one_size_find_the_end(size: int) -> None:
    """Reads shorter than the end mark, as long as it, and longer."""
    run, reader, _ = connected()
    for start in range(0, len(ANSWER), size):
        assert run.ended == 0
        reader.data_received(ANSWER[start : start + size])
    assert (run.ended, run.bytes) == (1, len(ANSWER))


def test_a_header_block_that_ends_like_an_answer_ends_none() -> None:
    """`max=100` and the empty line are not the last chunk: that has a line of its own."""
    run, reader, line = connected(b"second")
    assert NOUGHT.endswith(LAST)
    reader.data_received(NOUGHT)
    assert (run.ended, line.written) == (0, [b"first"])
    reader.data_received(chunked(b"data: x\n\n") + LAST)
    assert (run.ended, line.written) == (1, [b"first", b"second"])


def test_the_end_of_one_answer_is_no_part_of_the_next() -> None:
    """What was read before a request was sent does not help to end its answer."""
    run, reader, _ = connected(b"second")
    reader.data_received(ANSWER)
    reader.data_received(END[2:])
    assert run.ended == 1


def test_after_the_last_answer_the_connection_is_closed() -> None:
    """Nothing more is sent, nothing is broken, and the run is over."""
    run, reader, line = connected()
    reader.data_received(ANSWER)
    assert (line.written, line.closed) == ([b"first"], True)
    assert not run.finished.is_set()
    reader.connection_lost(None)
    assert run.finished.is_set()
    assert (run.ended, run.broken) == (1, 0)


@pytest.mark.parametrize("read", [b"", CHUNKED, ANSWER[:-1]])
def test_a_connection_lost_before_the_end_breaks_its_answer(read: bytes) -> None:
    """Before the first byte, after the head, and one byte before the end; an error makes no difference."""
    run, reader, _ = connected()
    reader.data_received(read)
    reader.connection_lost(ConnectionResetError())
    assert (run.ended, run.broken, run.finished.is_set()) == (0, 1, True)


# --- against a server -----------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 2, 6, 9])
def test_every_request_is_sent_once_and_every_byte_counted(concurrency: int, start: Started) -> None:
    """With fewer connections than requests, as many, and more (which have nothing to do)."""
    with serving(answering(ANSWER)) as server:
        found = start(measure(server.url, BODIES, concurrency))
    assert counts(found) == (len(BODIES), 0)
    assert found["bytes"] == len(BODIES) * len(ANSWER)
    assert asked(server) == BODIES
    assert server.connections <= concurrency
    assert found["wall_s"] > 0
    assert found["cpu_s"] > 0


def test_the_end_is_found_wherever_the_network_cuts_it(start: Started) -> None:
    """A server that pauses once in each answer: after its head, then at each place of the end mark."""
    answer = NOUGHT + chunked(b"data: x\n\n") + LAST
    cuts = [len(NOUGHT), *range(len(answer) - len(END), len(answer))]
    places = iter(cuts)

    def play(peer: Peer) -> None:
        while peer.request():
            place = next(places)
            peer.send(answer[:place], answer[place:])

    with serving(play) as server:
        found = start(measure(server.url, [b"{}"] * len(cuts), 1))
    assert counts(found) == (len(cuts), 0)
    assert (found["bytes"], server.connections) == (len(cuts) * len(answer), 1)


def test_a_kept_alive_connection_that_the_server_closed_is_replaced(start: Started) -> None:
    """A server that closes after each answer loses nothing: the request in flight is sent again."""
    with serving(answering(ANSWER, close=True)) as server:
        found = start(measure(server.url, BODIES, 2))
    assert counts(found) == (len(BODIES), 0)
    assert server.connections == len(BODIES)


def breaking(how: Callable[[Peer], None], *numbers: int) -> Play:
    """A script that answers, but does this on the connections of these numbers when it is asked, and closes."""

    def play(peer: Peer) -> None:
        while peer.request():
            if peer.number in numbers:
                how(peer)
                return
            peer.send(ANSWER)

    return play


@pytest.mark.parametrize(
    "how",
    [
        lambda peer: peer.send(ANSWER[:-1]),
        lambda peer: peer.send(CHUNKED),
        lambda _: None,
        Peer.reset,
    ],
    ids=["one byte short", "a head alone", "no answer", "reset"],
)
def test_an_answer_that_breaks_off_is_counted_and_the_others_go_on(
    how: Callable[[Peer], None], start: Started
) -> None:
    """The broken request is not sent again: on a fresh connection a missing answer is a lost one."""
    with serving(breaking(how, 0, 1)) as server:
        found = start(measure(server.url, BODIES, 1))
    assert counts(found) == (len(BODIES) - 2, 2)
    assert asked(server) == BODIES


def test_a_kept_alive_connection_that_breaks_within_an_answer_has_lost_it(start: Started) -> None:
    """Once a part of the answer was read, the request is not sent again."""

    def play(peer: Peer) -> None:
        while peer.request():
            peer.send(ANSWER if len(server.requests) % 2 else ANSWER[:-1])
            if len(server.requests) % 2 == 0:
                return

    with serving(play) as server:
        found = start(measure(server.url, BODIES, 1))
    assert counts(found) == (3, 3)
    assert (asked(server), server.connections) == (BODIES, 3)


def test_a_server_that_never_answers_ends_the_run(start: Started) -> None:
    """Each request breaks once, and nothing is tried for ever."""
    with serving(breaking(lambda _: None, *range(len(BODIES)))) as server:
        found = start(measure(server.url, BODIES, 3))
    assert (*counts(found), found["bytes"]) == (0, len(BODIES), 0)
    assert server.connections == len(BODIES)


def test_where_nobody_listens_every_connection_is_broken(start: Started) -> None:
    """The run ends, and nothing counts as ended."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = start(measure(f"http://127.0.0.1:{port}", BODIES, 2))
    assert (*counts(found), found["bytes"]) == (0, 2, 0)


def test_the_program_prints_one_line_of_json(
    start: Started, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file's lines are the bodies; the numbers are those that the comparison reads."""
    requests = tmp_path / "requests.jsonl"
    requests.write_bytes(b"".join(body + b"\n" for body in BODIES))
    loop = ModuleType("uvloop")
    monkeypatch.setattr(loop, "run", start, raising=False)
    monkeypatch.setattr(bare_loop, "uvloop", loop)
    with serving(answering(ANSWER)) as server:
        code = bare_loop.main(server.url, str(requests), "2")
    out = capsys.readouterr().out
    said = json.loads(out)
    assert (code, out.count("\n")) == (0, 1)
    assert said.keys() == {"ended", "broken", "bytes", "wall_s", "cpu_s"}
    assert (said["ended"], said["broken"]) == (len(BODIES), 0)
    assert asked(server) == BODIES

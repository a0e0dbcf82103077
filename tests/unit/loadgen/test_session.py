"""kit.loadgen.session: the closed loop, warm-up, window, drain, early ends, and what is said meanwhile."""

from __future__ import annotations

import threading
import time
from itertools import count, groupby, pairwise
from pathlib import Path

import pytest

from kit.documents import Loop, Record
from kit.errors import InputError
from kit.loadgen.loadrun import Progress
from kit.loadgen.session import Session
from tests.support.hostile import (
    ANSWER,
    ENDLESS,
    Peer,
    Play,
    answering,
    asked,
    carried_out,
    most_in_flight,
    serving,
    verdict,
)
from tests.support.scripted import MS, behaving, in_thread

REFUSAL = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"


def by_worker(records: list[Record]) -> list[list[Record]]:
    ordered = sorted(records, key=lambda each: (each.worker, each.id))
    return [list(each) for _, each in groupby(ordered, key=lambda each: each.worker)]


def after(seconds: float, answer: bytes = ANSWER) -> Play:
    """A script that answers each request after a while."""

    def play(peer: Peer) -> None:
        while peer.request():
            peer.wait(seconds)
            peer.send(answer)

    return play


# --- the closed loop ------------------------------------------------------------------------------------


def test_a_closed_loop_keeps_its_workers_busy_and_no_more() -> None:
    """Ids without holes, one request a worker at a time, the next when the last has ended."""
    with in_thread(behaving(ttft_ms=1, itl_ms=1)) as url:
        ran = carried_out(asked(url, requests=30, concurrency=4, tokens=(1, 9)))
    assert [each.id for each in ran.records] == list(range(30))
    assert {verdict(each) for each in ran.records} == {"ok"}
    assert most_in_flight(ran.records) == 4
    workers = by_worker(ran.records)
    assert len(workers) == 4
    for records in workers:
        assert records[0].intended_ns == 0
        assert all(later.intended_ns == earlier.done_ns for earlier, later in pairwise(records))
    assert all(each.sent_ns is not None and each.sent_ns >= each.intended_ns for each in ran.records)


def test_requests_mode_ends_after_so_many() -> None:
    """All have ended; the window is the whole load."""
    with in_thread(behaving(ttft_ms=5)) as url:
        ran = carried_out(asked(url, requests=7, concurrency=3))
    assert [verdict(each) for each in ran.records] == ["ok"] * 7
    assert ran.run.window is not None
    assert ran.run.window.start_ns == 0
    assert max(each.done_ns for each in ran.records) <= ran.run.window.end_ns <= ran.run.duration_ns
    assert not ran.run.interrupted


def test_requests_are_counted_after_the_warm_up() -> None:
    """What was sent before is beside the number asked for."""
    with in_thread(behaving(ttft_ms=5)) as url:
        ran = carried_out(asked(url, requests=5, concurrency=2, warmup_ns=40 * MS))
    counted = [each for each in ran.records if each.sent_ns is not None and each.sent_ns >= 40 * MS]
    assert len(counted) in (5, 6)  # one may be begun just before and sent just after
    assert len(ran.records) > 5


@pytest.mark.parametrize("answer", [REFUSAL, b"", b"no HTTP\r\n"], ids=["500", "close", "garbage"])
def test_a_worker_whose_requests_fail_waits_twice_as_long_each_time(answer: bytes) -> None:
    """10 ms, 20, 40; a good answer begins anew."""
    order = count()
    answers = {3: ANSWER}

    def play(peer: Peer) -> None:
        while peer.request():
            data = answers.get(next(order), answer)
            peer.send(data)
            if data != ANSWER:
                return

    with serving(play) as server:
        ran = carried_out(asked(server.url, requests=6))
    pauses = [(later.intended_ns - earlier.done_ns) / MS for earlier, later in pairwise(ran.records)]
    assert [verdict(each) == "ok" for each in ran.records] == [False, False, False, True, False, False]
    assert pauses == [10, 20, 40, 0, 10]
    assert all(each.sent_ns is None or each.sent_ns >= each.intended_ns for each in ran.records)


def test_a_dead_server_is_not_hammered() -> None:
    """In the first quarter of a second it is asked at 0, 10, 30, 70 and 150 ms, not thousands of times."""
    with serving(answering(REFUSAL)) as server:
        ran = carried_out(asked(server.url, requests=None, window_ns=250 * MS))
    assert len(ran.records) in (4, 5)
    assert {verdict(each) for each in ran.records} == {"http_status"}


# --- warm-up, window, drain -----------------------------------------------------------------------------


def test_the_warm_up_hands_over_without_draining() -> None:
    """At the beginning of the window all workers are in the midst of a request (or a few between two)."""
    with in_thread(behaving(ttft_ms=10, itl_ms=2)) as url:
        load = asked(url, requests=None, concurrency=6, warmup_ns=80 * MS, window_ns=60 * MS, tokens=(5, 20))
        ran = carried_out(load)
    across = [each for each in ran.records if (each.sent_ns or 0) < 80 * MS <= each.done_ns]
    assert len(across) >= 4
    assert len({each.done_ns for each in across}) > 1
    assert most_in_flight(ran.records) == 6
    assert ran.run.window is not None
    assert (ran.run.window.start_ns, ran.run.window.end_ns) == (80 * MS, 140 * MS)


def test_the_load_goes_on_until_the_last_request_of_the_window_has_ended() -> None:
    """One takes long; beside it the others go on, and what is in flight then is unfinished."""

    def play(peer: Peer) -> None:
        while peer.request():
            peer.wait(0.15 if peer.number == 0 else 0.01)
            peer.send(ANSWER)

    with serving(play) as server:
        ran = carried_out(asked(server.url, requests=None, concurrency=3, window_ns=50 * MS, drain_ns=5_000 * MS))
    inside = [each for each in ran.records if (each.sent_ns or 0) < 50 * MS]
    beyond = [each for each in ran.records if each not in inside]
    assert {verdict(each) for each in inside} == {"ok"}
    last_ns = max(each.done_ns for each in inside)
    assert last_ns >= 150 * MS
    assert len(beyond) >= 5
    # Between the last answer and the end that follows from it the others may send once more.
    late = [each for each in beyond if (each.sent_ns or 0) > last_ns]
    assert {verdict(each) for each in late} <= {"unfinished"}
    assert len({each.worker for each in late}) == len(late)
    assert sum(verdict(each) == "unfinished" for each in beyond) in (1, 2, 3)


def test_the_drain_ends_at_its_bound() -> None:
    """A request that never ends is cut there, with what had come."""
    with serving(answering(ENDLESS)) as server:
        ran = carried_out(asked(server.url, requests=None, concurrency=2, window_ns=40 * MS, drain_ns=60 * MS))
    assert [(verdict(each), len(each.chunks)) for each in ran.records] == [("unfinished", 1)] * 2
    assert all(each.done_ns >= 100 * MS for each in ran.records)
    assert ran.run.duration_ns < 600 * MS
    assert (ran.run.interrupted, ran.run.window is None) == (False, False)


@pytest.mark.parametrize("open_loop", [False, True])
def test_an_interrupt_ends_a_load_soon_and_keeps_what_there_is(open_loop: bool) -> None:
    """Within half a second; there is no window."""

    def play(peer: Peer) -> None:
        while peer.request():
            peer.send(ANSWER if len(peer.server.requests) < 4 else ENDLESS)

    loop = Loop("open", None, "constant", 100_000) if open_loop else Loop("closed", 2)
    sessions: list[Session] = []
    interrupted: list[float] = []

    def interrupt(progress: Progress) -> None:
        if progress.ok >= 3 and progress.in_flight and not interrupted and not timer.is_alive():
            timer.start()

    def now() -> None:
        interrupted.append(time.monotonic())
        sessions[0].interrupt()

    timer = threading.Timer(0, now)
    with serving(play) as server:
        load = asked(server.url, requests=None, warmup_ns=10 * MS, window_ns=60_000 * MS, loop=loop)
        ran = carried_out(load, on_session=sessions.append, on_progress=interrupt)
    assert time.monotonic() - interrupted[0] < 0.5
    timer.join()
    assert (ran.run.interrupted, ran.run.window) == (True, None)
    assert {"ok", "unfinished"} == {verdict(each) for each in ran.records}
    assert [each.id for each in ran.records] == list(range(len(ran.records)))


# --- what is said meanwhile -----------------------------------------------------------------------------


def test_progress_names_the_phases_in_their_order() -> None:
    """With counts that only grow, and never more in flight than workers."""
    seen: list[Progress] = []
    with serving(after(0.03)) as server:
        load = asked(
            server.url, requests=None, concurrency=2, warmup_ns=80 * MS, window_ns=80 * MS, drain_ns=900 * MS
        )
        ran = carried_out(load, on_progress=seen.append)
    assert [phase for phase, _ in groupby(each.phase for each in seen)][:2] == ["warm-up", "window"]
    for name in ("at_ns", "pieces", "ok", "failed"):
        values = [getattr(each, name) for each in seen]
        assert values == sorted(values)
    assert max(each.in_flight for each in seen) <= 2
    assert 0 < seen[-1].ok <= sum(verdict(each) == "ok" for each in ran.records)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "h..h", "h" * 64])
def test_a_host_without_an_address_is_an_input_error(host: str) -> None:
    """Before anything is sent."""
    with pytest.raises(InputError, match="has no address"):
        carried_out(asked(f"http://{host}:1"))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system does not list the descriptors")
def test_a_load_leaves_no_descriptor_behind() -> None:
    """Neither of requests that ended nor of those that were cut, refused or never connected."""
    carried_out(asked("http://127.0.0.1:9"))  # what Python opens once for all
    before = len(list(Path("/proc/self/fd").iterdir()))
    for play in (answering(ANSWER), answering(ENDLESS), answering(REFUSAL), answering(b"", close=True)):
        with serving(play) as server:
            carried_out(asked(server.url, requests=None, concurrency=2, window_ns=10 * MS, drain_ns=0))
    carried_out(asked("http://127.0.0.1:9", requests=None, window_ns=20 * MS))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def half_refused(peer: Peer) -> None:
    """Every second answer is a 500."""
    for number in count():
        if not peer.request():
            return
        peer.send(ANSWER if number % 2 else b"HTTP/1.1 500 no\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize(("limit_milli", "aborted"), [(None, False), (600, False), (400, True)])
def test_a_load_is_given_up_when_too_many_requests_fail(limit_milli: int | None, aborted: bool) -> None:
    """Never before twenty have ended; what came until then is kept, and no window is."""
    with serving(half_refused) as server:
        ran = carried_out(asked(server.url, requests=40, max_error_milli=limit_milli))
    assert ran.run.aborted is aborted
    assert (ran.run.window is None) is aborted
    assert len(ran.records) == (20 if aborted else 40)

"""kit.reference.response_sender: the schedule of one answer, on a clock that the test turns."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

import pytest

from kit.reference.behaviour import Behaviour
from kit.reference.faults import Fault
from kit.reference.requests import Ask
from kit.reference.response_plan import SLOW_HEAD_GAP_NS, response_plan
from kit.reference.response_sender import ResponseSender
from kit.reference.shapes import script, text
from kit.reference.timing import CommonPace, OwnPace, Pace, Steps
from tests.support.scripted import MS, behaving


class Desk:
    """A clock, timers on it, and a line to a peer that may stop reading."""

    def __init__(self) -> None:
        self.now = 0
        self.sent: list[tuple[int, bytes]] = []
        self.reading = True
        self.over: list[int] = []
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, when_ns: int, callback: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (when_ns, next(self._order), callback))

    def send(self, data: bytes) -> bool:
        self.sent.append((self.now, data))
        return self.reading

    def run(self, until_ns: int = 1 << 60) -> None:
        while self._timers and self._timers[0][0] <= until_ns:
            when, _, callback = heapq.heappop(self._timers)
            self.now = max(self.now, when)
            callback()


def sender(
    desk: Desk,
    behaviour: Behaviour,
    tokens: int = 4,
    *,
    fault: Fault | None = None,
    stream: bool = True,
    pace: Pace | None = None,
) -> ResponseSender:
    """An answer to a request that was complete at 0."""
    plan = response_plan(behaviour, Ask(tokens, stream, True, None, 1), 1, fault, close=False)
    assert plan is not None
    made = ResponseSender(
        plan,
        script(behaviour.shape, behaviour.tokens_per_chunk, 1 << 12),
        pace or OwnPace(behaviour.itl, 0, 1),
        desk,
        desk,
        lambda _: desk.over.append(desk.now),
        keep_stamps=True,
    )
    made.begin(0)
    if not made.over:
        made.start(behaviour.ttft.mean_ns, 0)
    return made


def test_each_chunk_leaves_when_it_is_due() -> None:
    """The first after the ttft, the others after a gap each; the answer is over with the last."""
    desk = Desk()
    made = sender(desk, behaving(ttft_ms=50, itl_ms=5))
    desk.run()
    assert [at // MS for at, _ in desk.sent] == [50, 55, 60, 65]
    assert (made.due_ns, made.free_ns, desk.over) == (50 * MS, 65 * MS, [65 * MS])
    assert len(made.stamps or ()) == 4


def test_a_chunk_of_several_tokens_leaves_when_its_last_is_due() -> None:
    """The first after the ttft; seven tokens by three are 3, 3 and 1."""
    desk = Desk()
    sender(desk, behaving(ttft_ms=50, itl_ms=5, tokens_per_chunk=3), 7)
    desk.run()
    assert [at // MS for at, _ in desk.sent] == [50, 65, 70]


def test_lateness_moves_nothing_that_comes_after() -> None:
    """A server that slept through two dues sends them at once and is on time again for the next."""
    desk = Desk()
    sender(desk, behaving(ttft_ms=50, itl_ms=5))
    desk.run(50 * MS)
    desk.now = 61 * MS
    desk.run()
    assert [at // MS for at, _ in desk.sent] == [50, 61, 61, 65]


def test_a_peer_that_does_not_read_stops_the_stream_and_not_its_schedule() -> None:
    """Nothing is sent on top; once it reads again what is late follows; the slot was held all the while."""
    desk = Desk()
    made = sender(desk, behaving(ttft_ms=50, itl_ms=5))
    desk.run(50 * MS)
    desk.reading = False
    desk.run()
    assert len(desk.sent) == 2
    desk.reading, desk.now = True, 100 * MS
    made.drained()
    desk.run()
    assert [at // MS for at, _ in desk.sent] == [50, 55, 100, 100]
    assert made.free_ns > 65 * MS


def test_without_pauses_an_answer_leaves_in_blocks() -> None:
    """Each of at most the size of a send, all due with the first, every token stamped."""
    desk = Desk()
    made = sender(desk, behaving(ttft_ms=2, itl_ms=0), 500)
    desk.run()
    block = script("llamacpp", 1, 1 << 12).block
    assert len(desk.sent) == -(-499 // block)
    assert {at for at, _ in desk.sent} == {2 * MS}
    assert len(made.stamps or ()) == 500
    body = b"".join(data for _, data in desk.sent)
    assert body.count(b'"content":" ') == 500
    assert text("llamacpp", 499, 1) in body


@pytest.mark.parametrize("stream", [True, False])
def test_a_replay_and_a_whole_answer_leave_when_the_last_token_is_due(stream: bool) -> None:
    """In one burst; the log counts all their tokens."""
    desk = Desk()
    made = sender(desk, behaving(ttft_ms=50, itl_ms=5), fault="replay", stream=stream)
    desk.run()
    assert [at // MS for at, _ in desk.sent] == [65]
    assert made.due_ns == 65 * MS
    assert len(made.stamps or ()) == (4 if stream else 1)


def test_slow_headers_dribble_and_the_text_waits_for_their_end() -> None:
    """Sixteen bytes every 20 ms; the due time says so."""
    desk = Desk()
    made = sender(desk, behaving(ttft_ms=50, itl_ms=5), fault="slow-headers")
    desk.run()
    pieces = -(-len(made.plan.early) // 16)
    assert [at for at, _ in desk.sent[:pieces]] == [n * SLOW_HEAD_GAP_NS for n in range(pieces)]
    assert made.due_ns == pieces * SLOW_HEAD_GAP_NS > 50 * MS


@pytest.mark.parametrize(("fault", "finished"), [("stall", False), ("cut", True), ("status-500", True)])
def test_an_answer_that_stops_half_way_is_over_then(fault: Fault, finished: bool) -> None:
    """A stall ends too, for its slot; but nothing says that it finished."""
    desk = Desk()
    made = sender(desk, behaving(ttft_ms=50, itl_ms=5), fault=fault)
    desk.run()
    assert desk.over == ([0] if fault == "status-500" else [55 * MS])
    assert (made.finished_ns is not None) == finished


def test_an_empty_answer_has_no_first_text() -> None:
    """Its end is due with the ttft, and the log has neither due time nor stamps."""
    desk = Desk()
    made = sender(desk, behaving(ttft_ms=50), fault="empty")
    desk.run()
    assert (desk.over, made.due_ns, list(made.stamps or ())) == ([50 * MS], None, [])


def test_streams_of_one_batch_leave_at_common_steps() -> None:
    """One that is ready between two steps waits for the second."""
    desk = Desk()
    steps = Steps(lambda _: 5 * MS)
    sender(desk, behaving(ttft_ms=50, itl_ms=5), 3, pace=CommonPace(steps))
    sender(desk, behaving(ttft_ms=52, itl_ms=5), 3, pace=CommonPace(steps))
    desk.run()
    assert [at // MS for at, _ in desk.sent] == [50, 55, 55, 60, 60, 65]


def test_a_stopped_answer_sends_no_more_and_leaves_its_batch() -> None:
    """Whatever timers still come; and it is not reported as over."""
    desk = Desk()
    steps = Steps(lambda _: 5 * MS)
    made = sender(desk, behaving(ttft_ms=50), pace=CommonPace(steps))
    desk.run(55 * MS)
    made.stop()
    made.stop()
    desk.run()
    made.drained()
    assert (len(desk.sent), desk.over) == (2, [])
    assert CommonPace(steps).first(57 * MS) == 57 * MS

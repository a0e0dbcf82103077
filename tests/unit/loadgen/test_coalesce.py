"""How long the load generator may wait before it reads: never so long that two tokens of a stream run together.

And whether it waits at all after a round: only where something comes meanwhile.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import reactor as reactors
from kit.loadgen.coalesce import LONGEST_NS, SHORTEST_NS, Pace, linger_ns
from kit.reactor import Pause, Reactor

MS = 1_000_000
TICK_NS = 50 * MS


@pytest.mark.parametrize(
    ("read", "wait_ns"),
    [
        ([], 0),  # no connection yet
        ([0], 0),  # nothing comes: whatever comes next is read at once
        ([10], 0),  # one stream of 200 tokens/s: each of its tokens is a wake-up anyway
        ([10] * 32, LONGEST_NS),  # 32 streams with 5 ms between their tokens: two fifths of that
        ([20] * 32, MS),  # the same at twice the pace
        ([40] * 4, SHORTEST_NS),  # four streams of 800 tokens/s: 1.25 ms apart
        ([80] * 2 + [0] * 30, SHORTEST_NS),  # two fast streams, the others wait for their first token
        ([2000] * 25, SHORTEST_NS),  # as fast as it goes
        ([1] * 60, LONGEST_NS),  # many slow streams
        ([1] * 30, 0),  # too few for a wait to be worth it
    ],
)
def test_the_wait_suits_what_comes(read: list[int], wait_ns: int) -> None:
    assert Pace().linger_ns(read, TICK_NS) == wait_ns


def test_streams_that_have_just_begun_are_no_slower_than_they_were() -> None:
    """All 32 begin amid a span, in which each then sends half as much as in the spans before and after."""
    pace = Pace()
    assert pace.linger_ns([20] * 32, TICK_NS) == MS
    assert pace.linger_ns([0] * 32, TICK_NS) == 0
    assert pace.linger_ns([10] * 32, TICK_NS) == MS
    waits = [pace.linger_ns([10] * 32, TICK_NS) for _ in range(8)]
    assert (waits[0], waits[-1]) == (MS, LONGEST_NS)  # it is forgotten


@given(st.integers(-1, 10**7), st.integers(0, 10**10), st.integers(-1, 10**10))
def test_the_wait_is_none_or_within_its_bounds(pieces: int, gap_ns: int, span_ns: int) -> None:
    """Whatever is counted, a clock that stands still among it."""
    wait_ns = linger_ns(pieces, gap_ns, span_ns)
    assert wait_ns == 0 or SHORTEST_NS <= wait_ns <= LONGEST_NS
    if wait_ns > SHORTEST_NS:
        assert 5 * wait_ns <= 2 * gap_ns


# --- whether to wait ------------------------------------------------------------------------------------

US = 1_000
S = 1_000_000_000
LINGER_NS = 1_250_000


def wake_ups(arrivals_ns: Sequence[int], pause: Pause | None) -> int:
    """How often a loop sleeps that needs 5 us for a token; without a pause it always lingers."""
    now, at, woken, served, lingered = 0, 0, 0, False, False
    while at < len(arrivals_ns):
        began = now
        lingered = served and (pause is None or pause.pays())
        if lingered:
            now, woken = now + LINGER_NS + 60 * US, woken + 1
            came = arrivals_ns[at] <= now
        else:
            if arrivals_ns[at] > now:
                now, woken = arrivals_ns[at] + 30 * US, woken + 1
            came = now - began <= LINGER_NS
        if pause is not None and (lingered or served):
            pause.learn(came=came)
        served = arrivals_ns[at] <= now
        if pause is not None and served:
            pause.begin(after_wait=lingered)
        while at < len(arrivals_ns) and arrivals_ns[at] <= now:
            now, at = now + 5 * US, at + 1
    return woken


def test_streams_in_step_are_read_in_two_looks() -> None:
    """32 tokens within 0.3 ms every 5 ms: one wake-up by the first, one for the others, and none for nothing."""
    steps = 400
    arrivals = [step * 5 * MS + token * 10 * US for step in range(steps) for token in range(32)]
    assert wake_ups(arrivals, None) >= 2.9 * steps
    assert wake_ups(arrivals, Pause()) <= 2.05 * steps


@pytest.mark.parametrize("a_second", [6400, 2000])
def test_streams_out_of_step_are_read_as_if_it_always_waited(a_second: int) -> None:
    draw = random.Random(2026)
    arrivals = sorted(draw.randrange(4 * S) for _ in range(4 * a_second))
    assert wake_ups(arrivals, Pause()) <= 1.02 * wake_ups(arrivals, None)


def test_what_has_changed_is_learned_within_a_few_rounds() -> None:
    """From streams in step to streams out of step and back."""
    draw = random.Random(2026)
    in_step = [step * 5 * MS + token * 10 * US for step in range(200) for token in range(32)]
    out_of_step = sorted(S + draw.randrange(S) for _ in range(6400))
    arrivals = [*in_step, *out_of_step, *[2 * S + at for at in in_step]]
    apart = 2 * wake_ups(in_step, Pause()) + wake_ups(out_of_step, Pause())
    assert wake_ups(arrivals, Pause()) <= apart + 20


# --- in the loop ------------------------------------------------------------------------------------------


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    made = Reactor()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        yield near, far


def test_what_comes_while_it_lingers_is_served_together(
    reactor: Reactor, pair: tuple[socket.socket, socket.socket]
) -> None:
    """The first byte wakes it; the others, sent meanwhile, are one read."""
    near, far = pair
    reads: list[bytes] = []

    def read(_: int) -> None:
        reads.append(near.recv(100))
        if len(reads) == 1:
            threading.Thread(target=lambda: [far.send(b"x") for _ in range(5)]).start()
        else:
            reactor.stop()

    reactor.linger_ns = 300 * MS
    reactor.register(near.fileno(), 1, read)
    far.send(b"x")
    reactor.run()
    assert reads == [b"x", b"xxxxx"]


def test_timers_are_not_held_up_and_hold_up_no_descriptor(
    reactor: Reactor, pair: tuple[socket.socket, socket.socket]
) -> None:
    """Timers that always cut a long wait short run in time, and what comes between them is read."""
    near, far = pair
    start = time.monotonic_ns()
    late_ns: list[int] = []
    reads: list[int] = []

    def tick() -> None:
        late_ns.append(time.monotonic_ns() - start - (len(late_ns) + 1) * 5 * MS)
        far.send(b"x")
        if len(late_ns) == 20:
            reactor.stop()
        reactor.at(start + (len(late_ns) + 1) * 5 * MS, tick)

    reactor.linger_ns = 2 * S
    reactor.register(near.fileno(), 1, lambda _: reads.append(len(near.recv(100))))
    reactor.at(start + 5 * MS, tick)
    reactor.run()
    assert max(late_ns) < 500 * MS
    assert sum(reads) >= 15


def test_without_anything_to_expect_it_sleeps_until_something_comes(
    reactor: Reactor, pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks once after a round, not every few milliseconds."""
    near, far = pair
    waits: list[float] = []
    reads: list[bytes] = []
    monkeypatch.setattr(reactors, "time", Sleeps(waits))
    reactor.linger_ns = MS
    reactor.register(near.fileno(), 1, lambda _: reads.append(near.recv(100)))
    reactor.at(time.monotonic_ns() + 200 * MS, reactor.stop)
    far.send(b"x")
    reactor.run()
    assert (reads, len(waits)) == ([b"x"], 1)


class Sleeps:
    """The module `time`, which writes down how long it was asked to sleep."""

    monotonic_ns = staticmethod(time.monotonic_ns)

    def __init__(self, waits: list[float]) -> None:
        self._waits = waits

    def sleep(self, seconds: float) -> None:
        self._waits.append(seconds)
        time.sleep(seconds)

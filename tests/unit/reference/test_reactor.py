"""kit.reactor: timers in their order, descriptors that no timer starves."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from functools import partial

import pytest

from kit.reactor import READ, Reactor

MS = 1_000_000


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    made = Reactor()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ends = socket.socketpair()
    yield ends
    for end in ends:
        end.close()


def test_timers_run_in_their_order_and_never_early(reactor: Reactor) -> None:
    """Equal times in the order of their making, and a past time at once."""
    start = time.monotonic_ns()
    ran: list[tuple[str, int]] = []

    def note(name: str) -> None:
        ran.append((name, time.monotonic_ns() - start))

    for name, after in (("d", 4 * MS), ("b", 2 * MS), ("c", 2 * MS), ("a", -MS)):
        reactor.at(start + after, partial(note, name))
    reactor.at(start + 5 * MS, reactor.stop)
    reactor.run()
    assert [name for name, _ in ran] == ["a", "b", "c", "d"]
    assert [at >= due * MS for (_, at), due in zip(ran, (0, 2, 2, 4), strict=True)] == [True] * 4


def test_a_timer_that_is_always_late_starves_no_descriptor(
    reactor: Reactor, pair: tuple[socket.socket, socket.socket]
) -> None:
    """Bytes are read although a callback asks for a time in the past again and again."""
    near, far = pair
    rounds = 0

    def again() -> None:
        nonlocal rounds
        rounds += 1
        if rounds < 1000:
            reactor.at(0, again)
        else:
            reactor.stop()

    reactor.register(near.fileno(), READ, lambda _: reactor.stop())
    reactor.at(0, again)
    far.send(b"x")
    reactor.run()
    assert rounds < 10


def test_a_timer_set_again_to_a_time_that_has_passed_still_runs(reactor: Reactor) -> None:
    """The same nanosecond that the kernel timer was armed with, after it has expired."""
    due = time.monotonic_ns() + MS
    ran: list[int] = []

    def note() -> None:
        ran.append(1)
        reactor.at(due, note if len(ran) < 5 else reactor.stop)

    reactor.at(due, note)
    reactor.at(due + 2000 * MS, reactor.stop)
    start = time.monotonic_ns()
    reactor.run()
    assert len(ran) == 5
    assert time.monotonic_ns() - start < 1000 * MS


def test_the_kernel_timer_wakes_again_and_again(reactor: Reactor) -> None:
    """Nobody reads its descriptor, and each expiry counts all the same."""
    start = time.monotonic_ns()
    ran: list[int] = []

    def note() -> None:
        ran.append(time.monotonic_ns())
        reactor.at(start + (len(ran) + 1) * MS, note if len(ran) < 10 else reactor.stop)

    reactor.at(start + MS, note)
    reactor.run()
    assert [at - start >= (n + 1) * MS for n, at in enumerate(ran)] == [True] * 10


def test_a_callback_that_stops_ends_the_round(reactor: Reactor) -> None:
    """Timers due at the same time do not run after it."""
    ran: list[str] = []
    reactor.at(0, reactor.stop)
    reactor.at(1, lambda: ran.append("late"))
    reactor.run()
    assert ran == []


def test_a_descriptor_that_is_no_longer_watched_is_silent(
    reactor: Reactor, pair: tuple[socket.socket, socket.socket]
) -> None:
    """Unregistered twice is no harm."""
    near, far = pair
    seen: list[int] = []
    reactor.register(near.fileno(), READ, seen.append)
    reactor.unregister(near.fileno())
    reactor.unregister(near.fileno())
    far.send(b"x")
    reactor.at(time.monotonic_ns() + MS, reactor.stop)
    reactor.run()
    assert seen == []

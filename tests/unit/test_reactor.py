"""kit.reactor: on systems without epoll or timerfd, and with descriptors that change or die."""

from __future__ import annotations

import select
import socket
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import reactor as reactors
from kit.reactor import READ, WRITE, Reactor

MS = 1_000_000
KINDS = ["poll"] if sys.platform != "linux" else ["timerfd", "epoll", "poll"]


def made(kind: str, monkeypatch: pytest.MonkeyPatch) -> Reactor:
    """A reactor as on a system of that kind."""

    def refuse() -> None:
        raise OSError("no timerfd here")

    if kind == "poll":
        monkeypatch.delattr(select, "epoll", raising=False)
    elif kind == "epoll":
        monkeypatch.setattr(reactors, "_TimerFd", refuse)
    return Reactor()


@pytest.fixture(params=KINDS)
def reactor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reactor]:
    each = made(request.param, monkeypatch)
    yield each
    each.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        yield near, far


def test_timers_and_descriptors_are_served_on_every_system(
    reactor: Reactor, pair: tuple[socket.socket, socket.socket]
) -> None:
    """A timer is never early; bytes that come while a far one waits are seen at once."""
    near, far = pair
    start = time.monotonic_ns()
    ran: list[str] = []

    def read(events: int) -> None:
        assert events & READ
        ran.append(near.recv(10).decode())
        reactor.stop()

    def send() -> None:
        assert time.monotonic_ns() >= start + 2 * MS
        ran.append("timer")
        far.sendall(b"bytes")

    reactor.at(start + 2_000 * MS, reactor.stop)
    reactor.register(near.fileno(), READ, read)
    reactor.at(start + 2 * MS, send)
    reactor.run()
    assert ran == ["timer", "bytes"]
    assert time.monotonic_ns() - start < 1_000 * MS


def test_bytes_from_elsewhere_wake_a_reactor_without_timers(
    reactor: Reactor, pair: tuple[socket.socket, socket.socket]
) -> None:
    """Sent by another thread while it sleeps."""
    near, far = pair
    reactor.register(near.fileno(), READ, lambda _: reactor.stop())
    timer = threading.Timer(0.02, far.send, [b"x"])
    timer.start()
    start = time.monotonic_ns()
    reactor.run()
    timer.join()
    assert 10 * MS < time.monotonic_ns() - start < 1_000 * MS


def test_what_a_descriptor_is_watched_for_can_change(
    reactor: Reactor, pair: tuple[socket.socket, socket.socket]
) -> None:
    """From writing to reading, with another callback; the first is not called again."""
    near, far = pair
    ran: list[tuple[str, int]] = []

    def written(events: int) -> None:
        ran.append(("write", events))
        reactor.register(near.fileno(), READ, read)
        far.send(b"x")

    def read(events: int) -> None:
        ran.append(("read", events))
        reactor.stop()

    reactor.register(near.fileno(), WRITE, written)
    reactor.run()
    assert ran == [("write", WRITE), ("read", READ)]


@pytest.mark.parametrize("watched", [READ, WRITE])
def test_a_peer_that_goes_is_told(
    watched: int, reactor: Reactor, pair: tuple[socket.socket, socket.socket]
) -> None:
    """Also to those who only want to write."""
    near, far = pair
    seen: list[int] = []

    def note(events: int) -> None:
        seen.append(events)
        if events & ~WRITE:
            reactor.stop()

    far.close()
    reactor.register(near.fileno(), watched, note)
    reactor.at(time.monotonic_ns() + 2_000 * MS, reactor.stop)
    reactor.run()
    assert seen[-1] & ~WRITE


def test_a_descriptor_that_was_closed_first_can_be_forgotten(
    reactor: Reactor, pair: tuple[socket.socket, socket.socket]
) -> None:
    """And its number be used by another."""
    near, far = pair
    number = near.fileno()
    reactor.register(number, READ, lambda _: reactor.stop())
    near.close()
    reactor.unregister(number)
    other, more = socket.socketpair()
    with other, more:
        ran: list[int] = []
        reactor.register(other.fileno(), READ, ran.append)
        far.close()
        reactor.at(time.monotonic_ns() + MS, reactor.stop)
        reactor.run()
    assert ran == []


@given(delays_us=st.lists(st.integers(-500, 1_500), min_size=1, max_size=20))
def test_timers_run_in_the_order_of_their_times(delays_us: list[int]) -> None:
    """Equal ones in the order of their making; none is lost, and none is early."""
    reactor = Reactor()
    start = time.monotonic_ns()
    ran: list[int] = []

    def note(place: int, due_ns: int) -> None:
        assert time.monotonic_ns() >= due_ns
        ran.append(place)

    for place, delay in enumerate(delays_us):
        due_ns = start + delay * 1_000
        reactor.at(due_ns, partial(note, place, due_ns))
    reactor.at(start + 1_501_000, reactor.stop)
    reactor.run()
    reactor.close()
    assert ran == sorted(range(len(delays_us)), key=lambda place: (delays_us[place], place))

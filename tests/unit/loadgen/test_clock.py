"""kit.loadgen.clock: kernel stamps on the monotonic clock, whatever happens to the real time."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator

import pytest

from kit.loadgen import clock as clocks
from kit.loadgen.clock import (
    SHORT_READ_BYTES,
    Clock,
    clock_resolution_ns,
    kernel_stamps_available,
    realtime_offset_ns,
)

MS = 1_000_000
SLACK_NS = MS // 5  # how well two readings of two clocks can be told apart on a busy machine
Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Both ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    with near, far:
        near.setblocking(False)
        yield near, far


def received(clock: Clock, sock: socket.socket) -> tuple[bytes, int]:
    """What comes, waiting for it."""
    for _ in range(1000):
        try:
            return clock.receive(sock)
        except BlockingIOError:
            time.sleep(0.001)
    raise AssertionError("nothing came")


def stamps_begin(clock: Clock, near: socket.socket, far: socket.socket) -> None:
    """The kernel turns its stamps on in the background: wait for the first one that is of the arrival."""
    for _ in range(200):
        far.send(b"x")
        time.sleep(0.02)
        if received(clock, near)[1] < clock.now() - 10 * MS:
            return
    raise AssertionError("the kernel does not stamp")


needs_stamps = pytest.mark.skipif(not kernel_stamps_available(), reason="this system has no kernel receive stamps")


@needs_stamps
def test_a_kernel_stamp_is_of_the_arrival_and_not_of_the_read(pair: Pair) -> None:
    """It lies between the readings around the send, although the read comes 20 ms later."""
    near, far = pair
    clock = Clock(use_kernel=True)
    clock.prepare(near)
    stamps_begin(clock, near, far)
    for _ in range(5):
        before = clock.now()
        far.send(b"x")
        after = clock.now()
        time.sleep(0.02)
        data, stamp = received(clock, near)
        assert data == b"x"
        assert before - SLACK_NS <= stamp <= after + 10 * MS
        assert stamp < clock.now() - 5 * MS


def test_without_kernel_stamps_the_stamp_is_of_the_read(pair: Pair) -> None:
    """Between the readings around it."""
    near, far = pair
    clock = Clock(use_kernel=False)
    clock.prepare(near)
    far.send(b"x")
    time.sleep(0.01)
    before = clock.now()
    assert before <= received(clock, near)[1] <= clock.now()


@pytest.mark.parametrize("use_kernel", [True, False])
def test_reads_give_everything_and_then_the_end(use_kernel: bool, pair: Pair) -> None:
    """Nothing yet is BlockingIOError, the end is empty, and what was read stays what it was."""
    near, far = pair
    clock = Clock(use_kernel=use_kernel and kernel_stamps_available())
    clock.prepare(near)
    with pytest.raises(BlockingIOError):
        clock.receive(near)
    far.send(b"first")
    first, _ = received(clock, near)
    far.send(b"other")
    other, _ = received(clock, near)
    assert (first, other) == (b"first", b"other")
    far.close()
    assert received(clock, near)[0] == b""


@pytest.mark.parametrize("use_kernel", [True, False])
def test_much_at_once_is_read_in_two_reads(use_kernel: bool, pair: Pair) -> None:
    """A short one, and behind it one that takes all the rest; nothing is lost between them."""
    near, far = pair
    clock = Clock(use_kernel=use_kernel and kernel_stamps_available())
    clock.prepare(near)
    sent = bytes(range(256)) * 200
    far.sendall(sent)
    time.sleep(0.05)
    first, stamp = clock.receive(near)
    rest, later = clock.receive(near, stamp, much=True) if len(first) < len(sent) else (b"", stamp)
    assert first + rest == sent
    assert len(first) == (SHORT_READ_BYTES if clock.use_kernel else len(sent))
    assert later >= stamp


@needs_stamps
@pytest.mark.parametrize("step_ms", [-3_600_000, -1_000, 50, 1_000, 3_600_000])
def test_a_step_of_the_real_time_bends_no_stamp(step_ms: int, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """The offset is that of another real time: the read is stamped instead, which is never early."""
    near, far = pair
    clock = Clock(use_kernel=True)
    clock.prepare(near)
    true_ns = realtime_offset_ns()
    monkeypatch.setattr(clocks, "realtime_offset_ns", lambda: true_ns + step_ms * MS)
    clock.remeasure()
    before = clock.now()
    far.send(b"x")
    _, stamp = received(clock, near)
    assert before <= stamp <= clock.now()
    monkeypatch.undo()
    clock.remeasure()
    before = clock.now()
    far.send(b"x")
    assert before - SLACK_NS <= received(clock, near)[1] <= clock.now()


@needs_stamps
def test_a_small_step_back_of_the_real_time_bends_no_stamp(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """100 ms before the bytes were sent they cannot have come."""
    near, far = pair
    clock = Clock(use_kernel=True)
    clock.prepare(near)
    true_ns = realtime_offset_ns()
    monkeypatch.setattr(clocks, "realtime_offset_ns", lambda: true_ns - 100 * MS)
    time.sleep(0.15)
    clock.remeasure()
    before = clock.now()
    far.send(b"x")
    assert select.select([near], [], [], 5)[0]
    assert clock.receive(near, before)[1] >= before


def test_the_offset_is_monotonic_minus_real_time() -> None:
    """Measured at both ends of its own measurement, it lies between (unless the real time is set just then)."""
    before = time.monotonic_ns() - time.time_ns()
    offset = realtime_offset_ns()
    after = time.monotonic_ns() - time.time_ns()
    assert min(before, after) - 50 * MS <= offset <= max(before, after) + 50 * MS


def test_the_clock_starts_at_its_origin_and_never_goes_back() -> None:
    """And has a resolution of at least a nanosecond."""
    clock = Clock(use_kernel=False)
    readings = [clock.now() for _ in range(100)]
    assert readings == sorted(readings)
    assert 0 <= readings[0] < 1_000 * MS
    assert clock.origin_ns <= time.monotonic_ns()
    assert 1 <= clock_resolution_ns() <= 20 * MS

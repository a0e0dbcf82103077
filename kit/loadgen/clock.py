"""The clocks of the load generator: one monotonic origin, and kernel receive stamps mapped onto it."""

from __future__ import annotations

import socket
import struct
import sys
import time
from dataclasses import dataclass, field

# Linux: not in Python's socket module. The option and the control message share a number (asm-generic/socket.h).
SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll")
_timespec = _TIMESPEC.unpack
_CONTROL_BYTES = socket.CMSG_SPACE(_TIMESPEC.size) if hasattr(socket, "CMSG_SPACE") else 0
_NS_PER_S = 1_000_000_000
# A kernel stamp is believed only if it is not in the future and not older than this: beyond it the system
# clock was stepped between the stamp and the last measurement of the offset.
_MAX_STAMP_AGE_NS = 500_000_000
_OFFSET_TRIES = 5
_OFFSET_ERROR_NS = 50_000  # the distance of two clocks is known no better where the machine takes turns
SHORT_READ_BYTES = 8192
READ_BYTES = 262_144  # as much as a socket buffer usually holds: one read empties it


def realtime_offset_ns() -> int:
    """Monotonic minus real time, ns: of several tries the one with the narrowest bracket."""
    best: tuple[int, int] | None = None
    for _ in range(_OFFSET_TRIES):
        before = time.monotonic_ns()
        real = time.time_ns()
        after = time.monotonic_ns()
        offset = (before + after) // 2 - real
        if best is None or after - before < best[0]:
            best = (after - before, offset)
    assert best is not None
    return best[1]


def kernel_stamps_available() -> bool:
    """Whether this platform stamps received data in the kernel (Linux, TCP)."""
    return sys.platform == "linux" and _CONTROL_BYTES > 0


def clock_resolution_ns() -> int:
    """The resolution the system declares for its monotonic clock, at least 1 ns."""
    return max(1, round(time.get_clock_info("monotonic").resolution * _NS_PER_S))


@dataclass(slots=True)
class Clock:
    """Nanoseconds since the origin of a load. `use_kernel` is fixed per run and kept in its facts."""

    use_kernel: bool
    origin_ns: int = field(default_factory=time.monotonic_ns)
    _to_origin_ns: int = field(init=False)  # what to add to a kernel stamp
    _buffer: bytearray = field(default_factory=lambda: bytearray(READ_BYTES), repr=False)
    _view: memoryview = field(init=False, repr=False)
    _buffers: list[memoryview] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._view = memoryview(self._buffer)
        self._buffers = [self._view]
        self.remeasure()

    def now(self) -> int:
        return time.monotonic_ns() - self.origin_ns

    def remeasure(self) -> None:
        """Measure the distance of the real-time clock again, so that a step of it bends no stamp."""
        self._to_origin_ns = realtime_offset_ns() - self.origin_ns

    def prepare(self, sock: socket.socket) -> None:
        """Ask the kernel to stamp what this socket receives.

        If no other socket asks, it begins in the background, within milliseconds (`net_enable_timestamp` in
        net/core/dev.c). What came before that is stamped as it is read, as if the kernel could not.
        """
        if self.use_kernel:
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def receive(self, sock: socket.socket, since_ns: int = 0, *, much: bool = False) -> tuple[bytes, int]:
        """Data and the stamp of its arrival; raises what recv raises (BlockingIOError, OSError).

        It cannot have come before `since_ns`, the last thing that happened on the connection: a stamp that says
        so comes from a real-time clock that was set back, and the time of the read stands in for it.
        Most reads are a token, and short; `much` is for those behind one that was full: one buffer serves them
        all, since one of that size for each read would cost more than the read.
        """
        if much or not self.use_kernel:
            return self._receive_much(sock, since_ns)
        data, control, _, _ = sock.recvmsg(SHORT_READ_BYTES, _CONTROL_BYTES)
        return data, self._stamp(control, since_ns)

    def _receive_much(self, sock: socket.socket, since_ns: int) -> tuple[bytes, int]:
        if not self.use_kernel:
            size = sock.recv_into(self._buffer)
            return self._view[:size].tobytes(), time.monotonic_ns() - self.origin_ns
        size, control, _, _ = sock.recvmsg_into(self._buffers, _CONTROL_BYTES)
        return self._view[:size].tobytes(), self._stamp(control, since_ns)

    def _stamp(self, control: list[tuple[int, int, bytes]], since_ns: int) -> int:
        now = time.monotonic_ns() - self.origin_ns
        if control and control[0][1] == SO_TIMESTAMPNS:
            seconds, nanos = _timespec(control[0][2])
            stamp: int = seconds * _NS_PER_S + nanos + self._to_origin_ns
            if since_ns - _OFFSET_ERROR_NS <= stamp <= now < stamp + _MAX_STAMP_AGE_NS:
                return stamp if stamp > since_ns else since_ns
        return now

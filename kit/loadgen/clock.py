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
_CONTROL_BYTES = socket.CMSG_SPACE(_TIMESPEC.size) if hasattr(socket, "CMSG_SPACE") else 0
_NS_PER_S = 1_000_000_000
# A kernel stamp is believed only if it is not in the future and not older than this: beyond it the system
# clock was stepped between the stamp and the last measurement of the offset.
_MAX_STAMP_AGE_NS = 500_000_000
_OFFSET_TRIES = 5


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
    _offset_ns: int = field(default_factory=realtime_offset_ns)

    def now(self) -> int:
        return time.monotonic_ns() - self.origin_ns

    def remeasure(self) -> None:
        """Measure the distance of the real-time clock again, so that a step of it bends no stamp."""
        self._offset_ns = realtime_offset_ns()

    def prepare(self, sock: socket.socket) -> None:
        """Ask the kernel to stamp what this socket receives."""
        if self.use_kernel:
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def receive(self, sock: socket.socket, size: int) -> tuple[bytes, int]:
        """Data and the stamp of its arrival; raises what recv raises (BlockingIOError, OSError)."""
        if not self.use_kernel:
            data = sock.recv(size)
            return data, time.monotonic_ns() - self.origin_ns
        data, control, _, _ = sock.recvmsg(size, _CONTROL_BYTES)
        now = time.monotonic_ns()
        for level, kind, value in control:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS and len(value) == _TIMESPEC.size:
                seconds, nanos = _TIMESPEC.unpack(value)
                stamp = seconds * _NS_PER_S + nanos + self._offset_ns
                if now - _MAX_STAMP_AGE_NS < stamp <= now:
                    return data, stamp - self.origin_ns
        return data, now - self.origin_ns

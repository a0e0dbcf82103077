"""How far off the kernel holds this machine's real-time clock to be, where something keeps it right (NTP, PTP)."""

from __future__ import annotations

import ctypes
import sys

_UNSYNCHRONISED = 0x0040  # STA_UNSYNC of adjtimex(2)
_ERROR = 5  # TIME_ERROR
_NS_PER_US = 1000


class _Timex(ctypes.Structure):
    """struct timex of Linux; only `modes`, `maxerror` and `status` are looked at."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_long * 32),  # more than there is on any machine
    )


def utc_error_ns() -> int | None:
    """The kernel's bound on the error of the real-time clock; None without one, or where nothing sets it."""
    if sys.platform != "linux":
        return None
    read = getattr(ctypes.CDLL(None), "adjtimex", None)
    found = _Timex(modes=0)
    if read is None or read(ctypes.byref(found)) in (-1, _ERROR) or found.status & _UNSYNCHRONISED:
        return None
    return max(0, int(found.maxerror)) * _NS_PER_US

"""Sizes and durations as the Compose specification writes them."""

from __future__ import annotations

import re

# No machine has more, and no container is waited for longer; both fit into what an engine takes.
MAX_BYTES = 1 << 50
MAX_SECONDS = 24 * 3600

NS = {"h": 3_600_000_000_000, "m": 60_000_000_000, "s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_SHIFT = {"b": 0, "k": 10, "m": 20, "g": 30, "t": 40}

_SIZE = re.compile(r"([0-9]{1,16})(?:([kmgt])b?|b)?", re.IGNORECASE)
_DURATION = re.compile("".join(rf"(?:(?P<{unit}>[0-9]{{1,15}}){unit})?" for unit in NS))


def size_bytes(text: str) -> int:
    """Bytes of "2g", "512mb", "1024": units are powers of 1024; ValueError if it is none, zero or too much."""
    match = _SIZE.fullmatch(text)
    size = int(match[1]) << _SHIFT[(match[2] or "b").lower()] if match else 0
    if not 0 < size <= MAX_BYTES:
        raise ValueError(text)
    return size


def duration_ns(text: str) -> int:
    """Nanoseconds of "10s", "1m30s", "1h5m30s20ms": a unit for each number, large ones first, else ValueError."""
    match = _DURATION.fullmatch(text)
    if match is None or match.lastindex is None:
        raise ValueError(text)
    total = sum(NS[unit] * int(number) for unit, number in match.groupdict(default="0").items())
    if total > MAX_SECONDS * NS["s"]:
        raise ValueError(text)
    return total

"""Which programs of this machine compute most, by name: for a terminal only, no record ever has them."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kit.text import plain_text

PROC = Path("/proc")
SHOWN, MIN_SHARE = 3, 0.05  # so many programs, each with this much of one CPU at least
MAX_NAME_CHARS = 30
Times = Mapping[int, tuple[str, int]]  # name and CPU time in ticks, by process


@dataclass(frozen=True, slots=True)
class Moment:
    """What processes had computed at a moment of this machine's clock."""

    at_ns: int
    times: Times


def moment(proc: Path = PROC) -> Moment:
    """The processes as they are now; none where there is no /proc."""
    return Moment(time.monotonic_ns(), dict(_times(proc)))


def _times(proc: Path) -> list[tuple[int, tuple[str, int]]]:
    try:
        names = [path.name for path in proc.iterdir() if path.name.isdigit()]
    except OSError:
        return []
    found = ((int(name), parse_stat(_read(proc / name / "stat"))) for name in names)
    return [(pid, each) for pid, each in found if each is not None]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it ended
        return b""


def parse_stat(data: bytes) -> tuple[str, int] | None:
    """(name, ticks) of /proc/PID/stat; None if it is none. The name may itself have brackets and spaces."""
    name, bracket, rest = data.partition(b"(")[2].rpartition(b")")
    words = rest.split()
    if not bracket or len(words) < 13 or not (words[11].isdigit() and words[12].isdigit()):
        return None
    return name.decode("utf-8", "replace"), int(words[11]) + int(words[12])


def busiest(before: Moment, after: Moment, *, without: int | None = None) -> tuple[str, ...]:
    """The names of the programs that computed most between two moments, the first most, safe to print.

    A process that is `without` and threads of the kernel that did little are not among them.
    """
    ticks: Counter[str] = Counter()
    for pid, (name, total) in after.times.items():
        if pid != without:
            ticks[name] += total - before.times.get(pid, (name, 0))[1]
    passed_ticks = (after.at_ns - before.at_ns) / 1e9 * os.sysconf("SC_CLK_TCK")
    enough = [name for name, count in ticks.most_common(SHOWN) if count >= MIN_SHARE * passed_ticks > 0]
    return tuple(plain_text(name, MAX_NAME_CHARS) for name in enough)

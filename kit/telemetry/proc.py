"""The whole machine by /proc: CPU time, pressure, swap. Parsers are pure; readers keep their files open."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from kit.telemetry.files import KeptFile, keyed

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
KIB = 1024


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """CPU time of all CPUs since the machine started."""

    busy_ns: int
    iowait_ns: int
    steal_ns: int


def parse_cpu_times(data: bytes) -> CpuTimes | None:
    """The first line of /proc/stat; None if it is none."""
    words = data.split(b"\n", 1)[0].split()
    if words[:1] != [b"cpu"] or len(words) < 9 or not all(word.isdigit() for word in words[1:9]):
        return None
    user, nice, system, _, iowait, irq, softirq, steal = (int(word) for word in words[1:9])
    # Time of guests is part of user and nice.
    return CpuTimes((user + nice + system + irq + softirq) * TICK_NS, iowait * TICK_NS, steal * TICK_NS)


def count_cpus(data: bytes) -> int:
    """How many CPUs /proc/stat has lines of; at least 1."""
    return max(1, sum(line[:3] == b"cpu" and line[3:4].isdigit() for line in data.split(b"\n")))


def parse_pressure(data: bytes) -> int | None:
    """The total of "some" in a file of /proc/pressure, in nanoseconds."""
    for line in data.splitlines():
        if line.startswith(b"some ") and (total := line.rpartition(b"total=")[2]).isdigit():
            return int(total) * 1000
    return None


def parse_swap(data: bytes) -> int | None:
    """Bytes of swap in use by /proc/meminfo."""
    found = keyed(data)
    total, free = found.get(b"SwapTotal"), found.get(b"SwapFree")
    return None if total is None or free is None else (total - free) * KIB


class Cpu:
    """busy_ns, iowait_ns and steal_ns, counted from the first reading on."""

    name, kind = "cpu", "proc"

    def __init__(self, proc: Path) -> None:
        self._file = KeptFile(proc / "stat", 512)
        self._first: CpuTimes | None = None
        try:
            self.cpus = count_cpus((proc / "stat").read_bytes())
        except OSError:
            self.cpus = os.cpu_count() or 1

    def read(self) -> dict[str, int]:
        found = parse_cpu_times(self._file.read() or b"")
        if found is None:
            return {}
        first = self._first = self._first or found
        return {
            "busy_ns": found.busy_ns - first.busy_ns,
            "iowait_ns": found.iowait_ns - first.iowait_ns,
            "steal_ns": found.steal_ns - first.steal_ns,
        }


class Pressure:
    """The three totals of /proc/pressure, counted from the first reading on; kernels without PSI have none."""

    name, kind = "pressure", "proc"

    def __init__(self, proc: Path) -> None:
        self._files = {what: KeptFile(proc / "pressure" / what, 256) for what in ("cpu", "memory", "io")}
        self._first: dict[str, int] = {}

    def read(self) -> dict[str, int]:
        found = {}
        for what, file in self._files.items():
            total = parse_pressure(file.read() or b"")
            if total is not None:
                found[f"{what}_pressure_ns"] = total - self._first.setdefault(what, total)
        return found


class Swap:
    """Bytes of swap in use."""

    name, kind = "swap", "proc"

    def __init__(self, proc: Path) -> None:
        self._file = KeptFile(proc / "meminfo")

    def read(self) -> dict[str, int]:
        used = parse_swap(self._file.read() or b"")
        return {} if used is None else {"swap_used_bytes": used}

"""A tree of processes by /proc: CPU time of a process, of all below it, and of those that have ended."""

from __future__ import annotations

from pathlib import Path

from kit.telemetry.files import KeptFile, keyed
from kit.telemetry.proc import KIB, TICK_NS

MAX_PROCESSES = 512
MAX_TASKS = 4096


def parse_stat(data: bytes) -> tuple[int, int] | None:
    """(own, of children that were waited for) of /proc/PID/stat, ns; None if it is none."""
    # The name of the program stands in brackets and may itself have brackets and spaces.
    words = data.rpartition(b")")[2].split()
    if len(words) < 15 or not all(word.lstrip(b"-").isdigit() for word in words[11:15]):
        return None
    user, system, children_user, children_system = (int(word) for word in words[11:15])
    return (user + system) * TICK_NS, (children_user + children_system) * TICK_NS


def parse_memory(data: bytes) -> tuple[int, int]:
    """(resident, most that was ever resident) of /proc/PID/status, bytes."""
    found = keyed(data)
    return found.get(b"VmRSS", 0) * KIB, found.get(b"VmHWM", 0) * KIB


class ProcessTree:
    """A process, and with `children` all that it started. `scan` looks for new ones; between scans none is missed

    that was there. Of a tree that is gone the last time stays.
    """

    kind = "processes"

    def __init__(self, proc: Path, pid: int, *, children: bool = True) -> None:
        self._proc, self._pid, self._children = proc, pid, children
        self._files: dict[int, KeptFile] = {pid: KeptFile(proc / str(pid) / "stat", 1024)}
        self._cpu_ns: int | None = None

    def scan(self) -> None:
        """Find the descendants."""
        if not self._children:
            return
        todo, seen = [self._pid], {self._pid}
        while todo and len(seen) < MAX_PROCESSES:
            for child in self._children_of(todo.pop()):
                if child not in seen:
                    seen.add(child)
                    todo.append(child)
        for pid in self._files.keys() - seen:
            self._files.pop(pid).close()
        for pid in seen - self._files.keys():
            self._files[pid] = KeptFile(self._proc / str(pid) / "stat", 1024)

    def cpu_ns(self) -> int | None:
        """CPU time so far; it never goes back."""
        total, found = 0, False
        for file in self._files.values():
            times = parse_stat(file.read() or b"")
            if times is not None:
                total, found = total + times[0] + (times[1] if self._children else 0), True
        if found:
            self._cpu_ns = max(total, self._cpu_ns or 0)
        return self._cpu_ns

    def memory(self) -> tuple[int, int] | None:
        """(resident now, sum of the most that each ever had), bytes; shared pages count in each process."""
        found = [memory for pid in self._files if (memory := parse_memory(self._status(pid))) != (0, 0)]
        return (sum(now for now, _ in found), sum(peak for _, peak in found)) if found else None

    def throttled_ns(self) -> int | None:
        """A quota belongs to a cgroup."""
        return None

    def _status(self, pid: int) -> bytes:
        try:
            return (self._proc / str(pid) / "status").read_bytes()
        except OSError:
            return b""

    def _children_of(self, pid: int) -> list[int]:
        found: list[int] = []
        try:
            for number, task in enumerate((self._proc / str(pid) / "task").iterdir()):
                if number >= MAX_TASKS:
                    break
                found += [int(word) for word in (task / "children").read_bytes().split() if word.isdigit()]
        except OSError:
            pass  # it ended meanwhile, or this kernel does not tell
        return found

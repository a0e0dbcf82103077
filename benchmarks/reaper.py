"""A program: run a command, wait for its whole tree, and say what that cost.

    python -I reaper.py REPORT.json LIMIT_S MEMORY COMMAND...

A child that outlives its parent becomes ours (subreaper), so its CPU time is counted too; a tool that hides
work in daemons gains nothing. With MEMORY 1 the resident memory of the tree is added up 20 times a second.
At LIMIT_S seconds the tree is killed (code 124). Standard library only: it also runs other venvs' tools.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
SAMPLE_S = 0.05
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def tree() -> list[int]:
    """The processes below this one."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, todo = [], [os.getpid()]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def resident_bytes(processes: list[int]) -> int:
    total = 0
    for process in processes:
        with contextlib.suppress(OSError):
            total += int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return total * PAGE_BYTES


class Watch(threading.Thread):
    """Looks at the tree's memory and at the time limit."""

    def __init__(self, limit_s: float, *, memory: bool) -> None:
        super().__init__(daemon=True)
        self._end = time.monotonic() + limit_s
        self._memory = memory
        self.peak_bytes = 0
        self.expired = False

    def run(self) -> None:
        while time.monotonic() < self._end:
            if self._memory:
                self.peak_bytes = max(self.peak_bytes, resident_bytes(tree()))
            time.sleep(SAMPLE_S if self._memory else 0.5)
        self.expired = True
        for process in tree():
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)


def wait_for_all(first: int) -> int:
    """Wait until no process is left below; the exit status of the first."""
    status = 0
    while True:
        try:
            process, ended = os.waitpid(-1, 0)
        except ChildProcessError:
            return status
        if process == first:
            status = os.waitstatus_to_exitcode(ended)


def main(report: str, limit_s: str, memory: str, *command: str) -> int:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    started = time.monotonic()
    child = subprocess.Popen(command)
    watch = Watch(float(limit_s), memory=memory == "1")
    watch.start()
    code = wait_for_all(child.pid)
    child.returncode = code
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = {
        "code": 124 if watch.expired else code,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "wall_s": time.monotonic() - started,
        "peak_bytes": watch.peak_bytes or None,
    }
    Path(report).write_text(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""Programs under measurement as child processes, with the CPU time of their whole tree; and a busy neighbour."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REAPER = Path(__file__).with_name("reaper.py")
BUSY_LIMIT_S = 300  # a neighbour that was forgotten goes by itself


class BenchmarkError(Exception):
    """Something could not run; the message says what and shows its last words."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: exit code, CPU seconds of its whole tree, seconds, peak memory of the tree."""

    code: int
    cpu_s: float
    wall_s: float
    peak_bytes: int | None
    output: str


def run_counted(
    command: Sequence[str],
    at: Path,
    *,
    limit_s: float = 600,
    memory: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run a command to the end of its last process. Its output and our report go beside `at`."""
    report, log = at.with_suffix(".cost.json"), at.with_suffix(".log")
    reaper = [sys.executable, "-I", str(REAPER), str(report), str(limit_s), str(int(memory))]
    with log.open("wb") as output:
        subprocess.run(
            [*reaper, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            check=False,
        )
    text = log.read_text(errors="replace")
    if not report.exists():
        raise BenchmarkError(f"{command[0]} could not be run: {text[-500:]}")
    return Ended(**json.loads(report.read_text()), output=text)


def wanted(ended: Ended, what: str) -> Ended:
    """The same, if it ended well; `BenchmarkError` with its last words if not."""
    if ended.code:
        raise BenchmarkError(f"{what} ended with code {ended.code}: {ended.output.strip()[-600:]}")
    return ended


@contextlib.contextmanager
def busy_core() -> Iterator[None]:
    """Another process that wants one core for itself for as long as the block lasts."""
    program = f"import time\nend = time.monotonic() + {BUSY_LIMIT_S}\nwhile time.monotonic() < end: pass"
    with subprocess.Popen([sys.executable, "-I", "-c", program]) as child:
        try:
            yield
        finally:
            child.kill()

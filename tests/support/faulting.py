"""A short run of two cells whose second one waits to be harmed, and what is looked at afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.documents.phases import WINDOW
from kit.storage.names import LIVE
from tests.support.running import KIT, demo_on_one_thread, descendants_of, wait_until

SERVER, LOADGEN = "kit.runtimes.embedded_llamacpp", "kit.loadgen"
FIRST, SECOND = "r1-c2-llamacpp-serial", "r1-c2-llamacpp-batched"
BRIEF = ("--warmup", "0.5", "--replicates", "1", "-c", "2", "--yes", "--no-calibrate", "--quiet-wait", "0")


@dataclass(frozen=True, slots=True)
class Faulted:
    """A run that goes on, and where it is kept."""

    process: subprocess.Popen[str]
    run: Path

    def file(self, cell: str, name: str) -> Path:
        return self.run / "cells" / cell / name

    def pid_of(self, program: str) -> int:
        """The one process of the run that carries this in its command line."""
        found = [pid for pid, line in descendants_of(self.process.pid).items() if program in line]
        assert len(found) == 1, found
        return found[0]

    def wait_for_window(self, cell: str) -> None:
        """Until the load of a cell is in its window."""
        wait_until(lambda: self._is_in(cell, WINDOW), f"the window of {cell}")

    def _is_in(self, cell: str, phase: str) -> bool:
        """Whether the run says that this is what it does, where `kit status` looks."""
        try:
            now = json.loads((self.run / LIVE).read_bytes())
        except (OSError, ValueError):
            return False
        return (now["cell"], now["phase"]) == (cell, phase)

    def ended(self, timeout_s: float = 180) -> tuple[int, str, str]:
        """Exit code and output, once it is over; nothing of it is left."""
        known = set(descendants_of(self.process.pid))
        stdout, stderr = self.process.communicate(timeout=timeout_s)
        assert "Traceback" not in stdout + stderr
        wait_until(lambda: not any(alive(pid) for pid in known), "the end of every process of the run", 20)
        return self.process.returncode, stdout, stderr

    def cell(self, cell: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file(cell, "cell.json").read_bytes())
        return found

    def harmed(self, cell: str) -> tuple[dict[str, Any], list[str]]:
        """The first attempt at a cell, and what marks it: why it was set aside, or what its line says of it."""
        aside = self.run / "attempts" / f"{cell}.1" / "cell.json"
        if aside.is_file():
            found: dict[str, Any] = json.loads(aside.read_bytes())
            return found, found["telemetry"]["disturbed"]
        lines = json.loads((self.run / "result.json").read_bytes())["cells"]
        marks: list[str] = next(line["suspect"] for line in lines if line["id"] == cell)
        return self.cell(cell), [mark for mark in marks if mark != "not calibrated"]


def faulted(
    run: Path, *more: str, environment: Mapping[str, str] | None = None
) -> contextlib.AbstractContextManager[Faulted]:
    """A short run of the demo; whatever the test does, nothing of it outlives the block."""
    return _going(run, (demo_on_one_thread(run.parent), *BRIEF, *more, "--out", str(run)), environment or {})


def resumed(run: Path) -> contextlib.AbstractContextManager[Faulted]:
    """A run that was killed, resumed."""
    return _going(run, ("--resume", str(run), "--yes"), {})


@contextlib.contextmanager
def _going(run: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> Iterator[Faulted]:
    process = subprocess.Popen(
        [*KIT, "reproduce", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        yield Faulted(process, run)
    finally:
        for pid in (*descendants_of(process.pid), process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        if process.poll() is None:
            process.kill()
            process.communicate()


@contextlib.contextmanager
def stopped(pids: Iterable[int]) -> Iterator[None]:
    """These processes stand still while the block runs."""
    chosen = list(pids)
    for pid in chosen:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in chosen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def kept(run: Path) -> set[tuple[str, str, bytes]]:
    """Every file of every cell that is over: its cell, name and bytes. A cell that is set aside keeps them all."""
    over = [*run.glob("cells/*/cell.json"), *run.glob("attempts/*/cell.json")]
    return {
        (json.loads(cell.read_bytes())["id"], path.name, path.read_bytes())
        for cell in over
        for path in cell.parent.iterdir()
    }

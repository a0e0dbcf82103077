"""What goes on in a run folder right now: one small file that the run keeps locked as long as it lives.

The file is for `kit status` in another process; no number comes from it, and no bundle holds it. A killed run
leaves the file but not the lock. The lock also keeps two runs from measuring into one folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from kit.errors import InputError
from kit.storage.names import LIVE
from kit.strict import StrictError, read_json, typed

MAX_BYTES = 64 * 1024
LOOKS, LOOK_S = 5, 0.05  # whoever looks at a run that has ended holds its lock for a moment


@dataclass(frozen=True, slots=True)
class Live:
    """What a run does: cell and phase, or words for what comes before; when both began (monotonic clock)."""

    pid: int
    cell: str | None
    phase: str
    cell_began_ns: int
    phase_began_ns: int


class LiveFile:
    """The file of a run that goes on. A disk that refuses it stops nothing."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        now_ns = time.monotonic_ns()
        self._now = Live(os.getpid(), None, "starting", now_ns, now_ns)

    def tell(self, cell: str | None, phase: str) -> None:
        """The run is in this phase from now on."""
        now_ns = time.monotonic_ns()
        began_ns = self._now.cell_began_ns if cell == self._now.cell else now_ns
        self._now = Live(self._now.pid, cell, phase, began_ns, now_ns)
        data = json.dumps(asdict(self._now)).encode()
        with contextlib.suppress(OSError):
            os.pwrite(self._descriptor, data, 0)
            os.ftruncate(self._descriptor, len(data))


@contextlib.contextmanager
def live_file(folder: Path) -> Iterator[LiveFile]:
    """The file of this run, until it ends; `InputError` where another process measures into the folder."""
    path = folder / LIVE
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        for _ in range(LOOKS):
            if _locked(descriptor, fcntl.LOCK_EX):
                break
            time.sleep(LOOK_S)
        else:
            raise InputError(f"Another kit measures into {folder}.", f"Watch it: kit status {folder}")
        yield LiveFile(descriptor)
        with contextlib.suppress(OSError):
            path.unlink()
    finally:
        os.close(descriptor)


def _locked(descriptor: int, kind: int) -> bool:
    """Whether the lock was to be had; file systems without locks have none that another could hold."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def read_live(folder: Path) -> Live | None:
    """What the run in a folder does; None if no process measures there now."""
    try:
        descriptor = os.open(folder / LIVE, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        if _locked(descriptor, fcntl.LOCK_SH):
            return None
        data = os.pread(descriptor, MAX_BYTES, 0)
    finally:
        os.close(descriptor)
    try:
        return typed(Live, read_json(data, LIVE), LIVE)
    except StrictError:
        return None  # read while it was written: there is another look to come

"""Verdicts on strangers' bundles from a process with limits: `judge_limited(path) -> Verdict`.

    judge_limited(path)                   one verdict
    with LimitedJudge() as judge:         many, one after the other, from one process that is started once
        judge.verdict(path)               (about 10 ms each beside the judging; for all cores: one judge a thread)

What does not fit its limits is rejected with a finding that says so; a bundle ends no judge. Only what is wrong on
our side is raised: `InputError` for a path that cannot be read, `InternalError` if no process can be started.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, cast

from kit.documents import Verdict
from kit.errors import InputError, InternalError
from kit.strict import read_json, typed

MIB = 1 << 20
MAX_ANSWER_BYTES = 16 * MIB  # of a verdict: each rule has 50 findings at most, and each of them 600 characters
GRACE_S = 10.0  # beyond the limit of time, for the judge to say that it was reached
# The judge gets no variable and no path but these, so that it reads our code and nothing of the working folder.
_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from kit.judge.child import main; sys.exit(main())"
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one verdict may cost. The largest honest archive (512 MiB unpacked) needs about half of each."""

    memory_bytes: int = 2048 * MIB
    cpu_s: int = 300
    wall_s: int = 600


DEFAULT = Limits()


def judge_limited(path: Path, limits: Limits = DEFAULT) -> Verdict:
    """The verdict on a bundle or a run folder, from a process with limits."""
    with LimitedJudge(limits) as judge:
        return judge.verdict(path)


class LimitedJudge:
    """One process that judges one thing after the other, each in a limited copy of itself (`kit.judge.child`)."""

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> LimitedJudge:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process, and with it what it is judging."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        process.wait()

    def verdict(self, path: Path) -> Verdict:
        """The verdict on one bundle or run folder."""
        document = json.dumps({"path": os.fsencode(path).hex(), **asdict(self._limits)})
        try:
            answer = self._asked(document.encode() + b"\n")
        except (OSError, EOFError, ValueError):
            self.close()
            raise InternalError(
                "The process that judges ended without a verdict.", "Try again; if it stays so, report it."
            ) from None
        except BaseException:
            self.close()  # whoever interrupts us must not be given the answer to another question next
            raise
        value = read_json(answer, "verdict", max_bytes=MAX_ANSWER_BYTES)
        if isinstance(value, dict) and "unreadable" in value:
            what, remedy = cast(list[str], value["unreadable"])
            raise InputError(what, remedy)
        return typed(Verdict, value, "verdict")

    def _start(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            words = {name: value for name, value in os.environ.items() if name in ("LANG", "LC_ALL", "LC_CTYPE")}
            command = [sys.executable, "-I", "-c", _START, json.dumps(sys.path)]
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=words,
                    start_new_session=True,  # an interrupt is for us, and we end all of them
                )
            except OSError as error:
                raise InternalError(
                    f"No process can be started to judge in: {error.strerror or error}.", "End other programs."
                ) from None
        return self._process

    def _asked(self, line: bytes) -> bytes:
        process = self._start()
        stdin, stdout = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
        stdin.write(line)
        stdin.flush()
        deadline = time.monotonic() + self._limits.wall_s + GRACE_S
        size_bytes = int.from_bytes(_read(stdout, 8, deadline), "big")
        if size_bytes > MAX_ANSWER_BYTES:
            raise ValueError("far too long for a verdict")
        return _read(stdout, size_bytes, deadline)


def _read(pipe: IO[bytes], size_bytes: int, deadline: float) -> bytes:
    """Exactly so many bytes; `EOFError` where they do not come by the deadline."""
    found = bytearray()
    while len(found) < size_bytes:
        ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
        piece = os.read(pipe.fileno(), size_bytes - len(found)) if ready else b""
        if not piece:
            raise EOFError
        found += piece
    return bytes(found)

"""The process in which strangers' bundles are judged; `kit.judge.limited` starts it and talks to it.

It reads one question a line (path and limits, JSON) and writes one answer for each: eight bytes of length and a
verdict. Each thing is judged in a copy of this process of its own, which can open files and nothing else: it has
limits of memory, processor time and time, may write no file and start no process, and holds no descriptor but the
pipe that its verdict goes into.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from typing import NoReturn

from kit.documents import Verdict
from kit.errors import InputError
from kit.judge.warming import warm, warm_for_hundreds, warm_for_many
from kit.storage.bundle import read_archive
from kit.storage.run_folder import read_folder
from kit.strict import plain
from kit.verify.evidence import Evidence, open_bundle, open_run
from kit.verify.registry import CRASHED, LIMIT
from kit.verify.verdict import refusal, verify_opened

MEMORY_EXIT = 77  # how a judge ends that measured its own memory and found too much
MAX_DESCRIPTORS = 64
LOOK_S = 0.02  # between two looks at the memory where the system keeps no limit
MIB = 1 << 20
FEW = 16  # from so many questions on, what takes a second to make ready pays


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be judged, and at what cost at most (see `kit.judge.limited.Limits`)."""

    path: Path
    memory_bytes: int
    cpu_s: int
    wall_s: int


def main() -> int:
    """Answer until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for made_ready in chain([warm, warm_for_many], repeat(None, FEW - 2), [warm_for_hundreds], repeat(None)):
        line = sys.stdin.buffer.readline()
        if not line:
            return 0
        if made_ready is not None:
            made_ready()
            gc.collect()
            gc.freeze()  # what is loaded by now stays shared with the copies
        value = json.loads(line)
        path = Path(os.fsdecode(bytes.fromhex(value["path"])))
        asked = Question(path, value["memory_bytes"], value["cpu_s"], value["wall_s"])
        answer = answered(asked)
        sys.stdout.buffer.write(len(answer).to_bytes(8, "big") + answer)
        sys.stdout.buffer.flush()
    return 0


def answered(asked: Question) -> bytes:
    """The verdict on one thing as JSON, from a copy of this process; or why that gave none."""
    source, target = os.pipe()
    judge = os.fork()
    if judge == 0:
        _judge(asked, target)
    os.close(target)
    answer, in_time = _collected(source, judge, time.monotonic() + asked.wall_s)
    os.close(source)
    _, status, used = os.wait4(judge, 0)
    if in_time and os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
        return answer
    return _document(_ended(asked, status, used.ru_utime + used.ru_stime, in_time=in_time))


def _ended(asked: Question, status: int, cpu_s: float, *, in_time: bool) -> Verdict:
    """The verdict where the copy gave none: the limit that it reached, or how else it ended."""
    code = os.waitstatus_to_exitcode(status)
    if not in_time:
        return refusal(LIMIT, f"Judging it needs more than {asked.wall_s} s.")
    if code == MEMORY_EXIT:
        return refusal(LIMIT, memory_words(asked))
    if code == -signal.SIGXCPU or (code == -signal.SIGKILL and cpu_s >= asked.cpu_s):
        return refusal(LIMIT, f"Judging it needs more than {asked.cpu_s} s of processor time.")
    how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
    return refusal(CRASHED, f"The process that judged it was ended {how}.")


def memory_words(asked: Question) -> str:
    return f"Judging it needs more than {asked.memory_bytes // MIB} MiB of memory."


def _collected(source: int, judge: int, deadline: float) -> tuple[bytes, bool]:
    """What the copy writes, and whether it ended in time; it is ended where it does not, or where nobody waits."""
    found = bytearray()
    asker: list[int] = [sys.stdin.fileno()]
    while True:
        ready, _, _ = select.select([source, *asker], [], [], max(0.0, deadline - time.monotonic()))
        if source in ready:
            piece = os.read(source, 1 << 16)
            if not piece:
                return bytes(found), True
            found += piece
        elif ready or time.monotonic() >= deadline:  # nobody asks twice at once: who can be read from has gone
            with suppress(ProcessLookupError):
                os.kill(judge, signal.SIGKILL)
            return b"", bool(ready)


# --- in the copy ----------------------------------------------------------------------------------------


def _judge(asked: Question, target: int) -> NoReturn:
    """Judge, write the answer, and end: nothing comes back to who forked."""
    code = 1
    try:
        target = _shut(target)
        limit(asked)
        answer = _answer(asked)
        while answer:
            answer = answer[os.write(target, answer) :]
        code = 0
    except MemoryError:
        code = MEMORY_EXIT
    finally:
        os._exit(code)


def _answer(asked: Question) -> bytes:
    try:
        folder = read_folder(asked.path) if asked.path.is_dir() else None
        archive = [] if folder is not None else [read_archive(asked.path)]
    except InputError as error:
        return json.dumps({"unreadable": [error.what, error.remedy]}).encode()

    def opened() -> Evidence:
        # Handed over: an archive is let go of once it is unpacked.
        return open_bundle(archive.pop()) if folder is None else open_run(folder)

    return _document(verify_opened(opened, memory_words(asked)))


def _document(verdict: Verdict) -> bytes:
    return json.dumps(plain(verdict)).encode()


def _shut(target: int) -> int:
    """Let go of everything but the pipe, which gets the first number beyond those that all programs have."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    if target != 3:
        os.dup2(target, 3)
    os.closerange(4, 4096)  # this program was started with none but the first three, and opened a few
    return 3


def limit(asked: Question) -> None:
    """Set the limits of this process for good; where the system keeps none of memory, it is watched instead."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.disable()  # next to nothing here is in circles, and to look for them takes a third of the time
    cpu_s = int(time.process_time()) + asked.cpu_s
    limits = [
        (resource.RLIMIT_CPU, cpu_s, cpu_s + 2),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NPROC, 0, 0),
        (resource.RLIMIT_NOFILE, MAX_DESCRIPTORS, MAX_DESCRIPTORS),
    ]
    for which, soft, hard in limits:
        _, most = resource.getrlimit(which)
        unlimited = most == resource.RLIM_INFINITY
        resource.setrlimit(which, (soft if unlimited else min(soft, most), hard if unlimited else min(hard, most)))
    if sys.platform == "darwin":
        watch_memory(asked.memory_bytes)
    else:
        resource.setrlimit(resource.RLIMIT_AS, (asked.memory_bytes, asked.memory_bytes))


def watch_memory(memory_bytes: int) -> None:
    """End this process as soon as it is seen to have used more: macOS takes a limit of memory and keeps none."""
    unit = 1 if sys.platform == "darwin" else 1024

    def look(*_: object) -> None:
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit > memory_bytes:
            os._exit(MEMORY_EXIT)

    signal.signal(signal.SIGVTALRM, look)
    signal.setitimer(signal.ITIMER_VIRTUAL, LOOK_S, LOOK_S)

"""One program judged: its test runs beside the kit, its answers come out of the sandbox, and go through here."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from kit.engines.conversation import Conversation
from kit.errors import InternalError
from kit.sandbox.pipes import talking_to
from kit.sandbox.protocol import MIB, Limits, Outcome, Program, Status
from kit.sandbox.sources import ENVIRONMENT, arguments
from kit.text import plain_text

CHECKER_MEMORY_BYTES = 1024 * MIB
START_S = 60.0  # for a process or container, on a machine that has much else to do
END_S = 10.0  # for the system to say how a program ended
DETAIL_CHARS = 200
MAX_TIMEOUT_S = 600.0
VERDICT = b"!"


class TooLongError(Exception):
    """A line longer than any may be."""


class TestEndedError(Exception):
    """The process of the test ended, which what it was answered must have done."""

    __test__ = False


@dataclass(slots=True)
class Lines:
    """Whole lines out of a conversation."""

    talk: Conversation
    limit_bytes: int
    _held: bytes = b""

    def next(self, deadline: float) -> bytes:
        """The next line; `EOFError` where none comes any more, `TimeoutError`, `TooLongError`."""
        pieces, length = [self._held], len(self._held)
        while b"\n" not in pieces[-1]:
            piece = self.talk.receive(deadline)
            if not piece:
                raise EOFError
            pieces.append(piece)
            length += len(piece)
            if length > self.limit_bytes:
                raise TooLongError
        line, _, self._held = b"".join(pieces).partition(b"\n")
        return line + b"\n"


def refusal(program: Program, limits: Limits) -> str:
    """Why a program is not run; empty if it can be."""
    try:
        size = len(program.source.encode())
    except UnicodeEncodeError:
        return "The program is not text."
    if size > limits.source_bytes:
        return f"The program has {size} bytes; at most {limits.source_bytes} are run."
    return ""


def judged(program: Program, talk: Conversation, limits: Limits) -> Outcome:
    """The verdict on a program, which is given to the other end of `talk`: there `kit.sandbox.inside` waits."""
    timeout_s = min(program.timeout_s, MAX_TIMEOUT_S)
    with _checker(program, limits) as test:
        started = time.monotonic()
        try:
            status, detail = _verdict(program, talk, test, limits, started + timeout_s)
        except TimeoutError:
            status, detail = "timeout", f"No verdict within {timeout_s:g} s."
        except TooLongError:
            status, detail = "failed", f"It said more than {limits.value_bytes} bytes at once."
        except TestEndedError:
            status, detail = "failed", "The test ended without a verdict."
        except (EOFError, ConnectionError):
            status, detail = _ended(talk)
        seconds = time.monotonic() - started
    return Outcome(program.id, status, plain_text(detail, DETAIL_CHARS), round(seconds, 3))


def _verdict(
    program: Program, talk: Conversation, test: Lines, limits: Limits, deadline: float
) -> tuple[Status, str]:
    answers = Lines(talk, limits.value_bytes)
    asked = {"source": program.source, "entry_point": program.entry_point, "timeout_s": program.timeout_s}
    talk.send(json.dumps(asked).encode() + b"\n", deadline)
    while True:
        answer = answers.next(deadline)
        try:
            test.talk.send(answer, deadline)
            line = test.next(deadline)
        except (EOFError, ConnectionError):
            raise TestEndedError from None
        if line[:1] == VERDICT:
            verdict = json.loads(line[1:])
            return verdict["status"], verdict["detail"]
        talk.send(line[1:], deadline)


def _ended(talk: Conversation) -> tuple[Status, str]:
    """The verdict on a program that ended before there was one."""
    end = talk.ending(time.monotonic() + END_S)
    if end.out_of_memory:
        return "memory", "It took more memory than it may."
    if end.exit_code is None:
        return "failed", "It closed what it answers through."
    how = f"by signal {-end.exit_code}" if end.exit_code < 0 else f"with exit code {end.exit_code}"
    return "failed", f"It ended {how} before the test did."


@contextlib.contextmanager
def _checker(program: Program, limits: Limits) -> Iterator[Lines]:
    """The test of a program in a process of its own, ready to begin."""
    command = [sys.executable, *arguments("checker", CHECKER_MEMORY_BYTES)]
    pipe = subprocess.PIPE
    try:
        child = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, env=ENVIRONMENT, start_new_session=True
        )
    except OSError as error:
        raise InternalError(
            f"No process can be started for a test: {error.strerror or error}.", "End other programs."
        ) from None
    with talking_to(child) as talk:
        deadline = time.monotonic() + START_S
        asked = {"prelude": program.prelude, "test": program.test, "entry_point": program.entry_point}
        lines = Lines(talk, 2 * limits.value_bytes)
        try:
            talk.send(json.dumps(asked).encode() + b"\n", deadline)
            lines.next(deadline)
        except (EOFError, ConnectionError, TimeoutError):
            raise InternalError(
                f"The test of {plain_text(program.id)} cannot be run.", "Report it.", talk.last_words()
            ) from None
        yield lines

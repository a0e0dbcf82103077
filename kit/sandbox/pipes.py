"""A conversation with a child process through pipes, with deadlines."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import IO, cast

from kit.engines.conversation import Ending
from kit.engines.interrupts import holding_interrupts
from kit.engines.logtail import TAIL_BYTES, safe_tail

PIECE_BYTES = 1 << 16


class PipeConversation:
    """See `kit.engines.conversation.Conversation`. The child has pipes for its standard streams."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child
        self._in, self._out, self._error = (
            cast(IO[bytes], pipe).fileno() for pipe in (child.stdin, child.stdout, child.stderr)
        )
        for number in (self._in, self._out, self._error):
            os.set_blocking(number, False)

    def send(self, data: bytes, deadline: float) -> None:
        while data:
            _, ready, _ = select.select([], [self._in], [], _left(deadline))
            if not ready:
                raise TimeoutError
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(self._in, data) :]

    def receive(self, deadline: float) -> bytes:
        ready, _, _ = select.select([self._out], [], [], _left(deadline))
        if not ready:
            raise TimeoutError
        return os.read(self._out, PIECE_BYTES)

    def ending(self, deadline: float) -> Ending:
        try:
            return Ending(self._child.wait(_left(deadline)))
        except subprocess.TimeoutExpired:
            return Ending(None)

    def last_words(self) -> tuple[str, ...]:
        with contextlib.suppress(BlockingIOError):
            return safe_tail(os.read(self._error, TAIL_BYTES), 3)
        return ()


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())


@contextlib.contextmanager
def talking_to(child: subprocess.Popen[bytes]) -> Iterator[PipeConversation]:
    """A conversation with a child that leads a session of its own; all of it is killed after the block."""
    try:
        yield PipeConversation(child)
    finally:
        with holding_interrupts():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            for pipe in (child.stdin, child.stdout, child.stderr):
                with contextlib.suppress(OSError):
                    cast(IO[bytes], pipe).close()
            child.wait()

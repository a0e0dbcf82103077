"""Programs run one after the other, or some at once, each in a fresh place of its own."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from kit.engines.conversation import Conversation
from kit.errors import EngineError
from kit.sandbox.checking import START_S, Lines, judged, refusal
from kit.sandbox.protocol import Limits, Outcome, Program, SandboxFacts

# Starts `kit.sandbox.inside` in a fresh place; it ends with the block.
Start = Callable[[], AbstractContextManager[Conversation]]

MAX_FOUND_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Found:
    """What a place says of itself before anything that a model wrote is in it."""

    python: str
    writable: tuple[str, ...]
    capabilities: int
    refuses: bool

    def missing(self) -> str:
        """What it lacks to confine a program; empty if nothing."""
        if self.writable:
            return f"a program could write to {self.writable[0]}"
        if self.capabilities:
            return "a program would keep capabilities"
        return "" if self.refuses else "its kernel refuses no calls to a program (seccomp)"


def found_by(talk: Conversation) -> Found:
    """What `kit.sandbox.inside` says first; `EngineError` if it says nothing."""
    try:
        line = Lines(talk, MAX_FOUND_BYTES).next(time.monotonic() + START_S)
        value: dict[str, Any] = json.loads(line)
        return Found(
            str(value["python"]), tuple(value["writable"]), int(value["capabilities"]), bool(value["refuses"])
        )
    except (EOFError, OSError, ValueError, KeyError, TypeError):
        raise EngineError(
            "Python did not start in a sandbox.", "Its last lines are above.", talk.last_words()
        ) from None


@dataclass(frozen=True, slots=True)
class RunningSandbox:
    """See `kit.sandbox.protocol.Sandbox`."""

    facts: SandboxFacts
    start: Start
    limits: Limits
    workers: int

    def run(self, programs: Iterable[Program]) -> Iterator[Outcome]:
        if self.workers <= 1:
            yield from map(self._outcome, programs)
            return
        waiting: deque[Future[Outcome]] = deque()
        left = iter(programs)
        with ThreadPoolExecutor(self.workers) as pool:
            try:
                while True:
                    more = islice(left, 2 * self.workers - len(waiting))
                    waiting.extend(pool.submit(self._outcome, program) for program in more)
                    if not waiting:
                        return
                    yield waiting.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _outcome(self, program: Program) -> Outcome:
        why_not = refusal(program, self.limits)
        if why_not:
            return Outcome(program.id, "refused", why_not, 0.0)
        with self.start() as talk:
            missing = found_by(talk).missing()
            if missing:
                raise EngineError(f"The sandbox would not hold: {missing}.", "Report it.")
            return judged(program, talk, self.limits)

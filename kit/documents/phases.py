"""Which phase of a cell runs, since when, and how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from kit.documents import Phase

PHASES = ("start", "ready", "device", "correct", "warm-up", "window", "collect", "stop")
# Only what runs in a container has to prove on which device it computes.
CONTAINER_PHASES = frozenset({"device"})


class PhaseLog:
    """Keeps when each phase began, ended and how."""

    def __init__(self, on_phase: Callable[[str], None]) -> None:
        self._zero_ns = time.monotonic_ns()
        self._on_phase = on_phase
        self._current: tuple[str, int] | None = None
        self.phases: list[Phase] = []

    @property
    def name(self) -> str:
        """The phase that runs now, or the last one."""
        if self._current:
            return self._current[0]
        return self.phases[-1].name if self.phases else PHASES[0]

    def begin(self, name: str) -> None:
        """End the phase that runs as ok and begin another; beginning the same again does nothing."""
        if self._current and self._current[0] == name:
            return
        self.end("ok")
        self._current = (name, self._elapsed())
        self._on_phase(name)

    def end(self, outcome: Literal["ok", "failed", "interrupted"]) -> None:
        if self._current:
            self.phases.append(Phase(self._current[0], self._current[1], self._elapsed(), outcome))
            self._current = None

    def _elapsed(self) -> int:
        return time.monotonic_ns() - self._zero_ns

"""How far a run has come, for people and programs that look at it from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class RunningCell:
    """What a run does now: a cell and its phase, or words for what comes before cells; how long both last."""

    cell: str | None
    phase: str
    cell_ns: int
    phase_ns: int


@dataclass(frozen=True, slots=True)
class FailedCell:
    """A cell that failed, and why."""

    id: str
    phase: str
    message: str


@dataclass(frozen=True, slots=True)
class RunStatus:
    """How far a run has come.

    "stopped" runs can be resumed, "complete" ones have no cell left. Of `planned` cells those count as done that
    were measured or failed; `interrupted` ones are taken again. `set_aside` counts attempts that do not count.
    `left_ns` is the time that the cells known to be needed will take, `at_most_ns` that of all that may be.
    """

    schema: Literal["kit/status/1"]
    kit_version: str
    run: str
    platform: str
    state: Literal["running", "stopped", "complete"]
    planned: int
    measured: int
    failed: tuple[FailedCell, ...]
    interrupted: tuple[str, ...]
    set_aside: int
    not_needed: int
    running: RunningCell | None
    left_ns: int
    at_most_ns: int
    resume: str | None

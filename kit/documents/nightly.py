"""What a night found: one document for programs, written by `kit nightly`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

StageName = Literal["run", "correctness", "verify", "report", "gate", "comparison", "accept"]
StageOutcome = Literal["passed", "failed", "not run"]
NightVerdict = Literal["first", "same", "faster", "slower", "undecided"]


@dataclass(frozen=True, slots=True)
class NightlyStage:
    """One step for a platform, and what it has to say; "accept" only where that was asked for."""

    name: StageName
    outcome: StageOutcome
    words: str


@dataclass(frozen=True, slots=True)
class NightlyLine:
    """One figure against the accepted run: ratio new / accepted with its interval."""

    entry: str
    concurrency: int
    metric: str
    verdict: Literal["same", "faster", "slower", "undecided", "new", "gone"]
    ratio: float | None
    low: float | None
    high: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class NightlyPlatform:
    """One platform: its run folder, its steps, and how it compares with `compared_with`, the last accepted run.

    `slower_at_most` is the largest slowdown that the intervals leave possible, a part of the accepted figure.
    `accepted` is the bundle that the run was accepted as.
    """

    platform: str
    run: str
    passed: bool
    measured: bool
    stages: tuple[NightlyStage, ...]
    verdict: NightVerdict | None
    compared_with: str | None
    slower_at_most: float | None
    lines: tuple[NightlyLine, ...]
    accepted: str | None


@dataclass(frozen=True, slots=True)
class Nightly:
    """nightly-TIME.json: every platform of one night and the exit code of the command."""

    schema: Literal["kit/nightly/1"]
    kit_version: str
    started_utc: str
    ended_utc: str
    exit_code: int
    platforms: tuple[NightlyPlatform, ...]

"""What runs and bundles lie in a folder, for people and programs that look for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kit.documents.pins import Sparse


@dataclass(frozen=True, slots=True)
class RunLine(Sparse):
    """One run folder or bundle. `problem` says why it cannot be read; all that it would tell is then None.

    `done` of `planned` cells were measured, or are the `failed` ones. `label` is what `kit verify` says, where
    it was asked.
    """

    name: str
    kind: Literal["run", "bundle"]
    size_bytes: int
    platform: str | None
    machine: str | None
    started_utc: str | None
    state: Literal["running", "stopped", "complete"] | None
    done: int | None
    planned: int | None
    label: Literal["rejected", "self-reported", "consistent"] | None
    problem: str | None
    failed: int = 0


@dataclass(frozen=True, slots=True)
class RunList:
    """The runs in a folder, the newest first."""

    schema: Literal["kit/runs/1"]
    kit_version: str
    folder: str
    runs: tuple[RunLine, ...]

"""One figure of a benchmark beside its target, and what all figures of a run share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured number. `met` is None where there is no target or too little data to judge by it."""

    name: str
    value: float | None
    unit: str
    target: str
    met: bool | None
    how: str


@dataclass(frozen=True, slots=True)
class Bench:
    """One run: a folder for its files, how long it may take, and the folders of its stationary loads."""

    folder: Path
    quick: bool
    stationary: list[Path] = field(default_factory=list)

    def pick(self, quick: int, usual: int) -> int:
        return quick if self.quick else usual

    def new(self, name: str) -> Path:
        """A path in the folder that nobody has used."""
        taken = {path.name.split(".")[0] for path in self.folder.glob(f"{name}-*")}
        return self.folder / f"{name}-{len(taken)}"


Measure = Callable[[Bench], tuple[Figure, ...]]


def at_most(name: str, value: float | None, limit: float, unit: str, how: str) -> Figure:
    return Figure(name, value, unit, f"<= {limit:,g}", None if value is None else value <= limit, how)


def at_least(name: str, value: float | None, limit: float, unit: str, how: str) -> Figure:
    return Figure(name, value, unit, f">= {limit:,g}", None if value is None else value >= limit, how)


def untargeted(name: str, value: float | None, unit: str, how: str) -> Figure:
    return Figure(name, value, unit, "", None, how)

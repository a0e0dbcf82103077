"""What a contract says: metrics, thresholds, weights, grades. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Algorithm = Literal["kit-1", "kit-2", "probador-2.0"]
Better = Literal["higher", "lower"]
Scenario = Literal["interactive", "throughput"]
By = Literal["layer", "profile", "correctness", "output-length", "memory", "cold-start", "power", "scaling"]

SCENARIOS: tuple[Scenario, ...] = ("interactive", "throughput")


@dataclass(frozen=True, slots=True)
class MetricRule:
    """What is scored: the figure at `path`, with its weight at one user (`interactive`) and at more users.

    `fallback` stands in where `path` has too few samples; it must never be better. `raw` is the path of the number
    as it stood in an imported file. `excellent` and `good` hold for every machine; without them the class of the
    machine says them. `zero_at`: the points fall in a line from `good` to nothing there.
    """

    name: str
    title: str
    path: str
    better: Better
    digits: int
    interactive: float
    throughput: float
    fallback: str | None = None
    raw: str | None = None
    excellent: float | None = None
    good: float | None = None
    zero_at: float | None = None

    def weight(self, scenario: Scenario) -> float:
        """Its share of the composite, 0 where it is not scored."""
        return self.interactive if scenario == "interactive" else self.throughput


@dataclass(frozen=True, slots=True)
class Level:
    """What is excellent and what is good from this concurrency on."""

    concurrency: int
    excellent: float
    good: float


@dataclass(frozen=True, slots=True)
class ClassThresholds:
    """The levels of one metric on one class of machines; `source` shows where they are from."""

    metric: str
    source: str
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class PlatformClass:
    """Machines and models that are held to the same thresholds; the first class that fits counts.

    `accelerators` may hold "unknown": a run that says nothing of its machine. Without `memory_gb_s_from` and
    `memory_gb_s_to` (both included) the class is for machines whose bandwidth nobody states. The weights have more
    than `weights_gb_over` and at most `weights_gb_up_to`, in 10^9 bytes. `variants`: only these, if any are named.
    """

    name: str
    title: str
    accelerators: tuple[Literal["none", "nvidia", "rocm", "vulkan", "unknown"], ...]
    weights_gb_over: float
    weights_gb_up_to: float
    jitter_limit_ms: float
    jitter_source: str
    thresholds: tuple[ClassThresholds, ...]
    memory_gb_s_from: float | None = None
    memory_gb_s_to: float | None = None
    variants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Jitter:
    """Points off the score of `metric` for the figure at `path`: none up to the class's limit, then rising in a
    line to `points` at `full_at` times the limit."""

    metric: str
    path: str
    fallback: str | None
    points: float
    full_at: float


@dataclass(frozen=True, slots=True)
class Cap:
    """With an error rate above this, the composite is at most so much."""

    error_rate_above: float
    composite: float


@dataclass(frozen=True, slots=True)
class Grade:
    grade: str
    at_least: float


@dataclass(frozen=True, slots=True)
class ExtraRule:
    """A card beside the composite: one figure against two thresholds."""

    by: By
    title: str
    better: Better
    digits: int
    excellent: float
    good: float


@dataclass(frozen=True, slots=True)
class Contract:
    """A rule set with a version: the same study under the same contract has the same score, for ever.

    `grades` go down and end at 0. `bonus`: points for the best of a group on a metric.
    """

    schema: Literal["kit/contract/1"]
    name: str
    version: str
    title: str
    algorithm: Algorithm
    metrics: tuple[MetricRule, ...]
    bonus: float
    grades: tuple[Grade, ...]
    jitter: Jitter | None = None
    caps: tuple[Cap, ...] = ()
    classes: tuple[PlatformClass, ...] = ()
    extra: tuple[ExtraRule, ...] = ()

    @property
    def is_copy(self) -> bool:
        """Whether it scores as the original does, to the digit, and not by an algorithm of the kit."""
        return self.algorithm == "probador-2.0"

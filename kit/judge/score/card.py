"""What scoring says: one card for each study, entry and concurrency, and cards beside the composite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kit.documents.pins import Sparse
from kit.documents.study import EntryQuality, Origin
from kit.judge.score.contract import Algorithm, By, Scenario

# ambiguous: the original may print another number; class: which thresholds, or why none.
NoteKind = Literal[
    "ambiguous", "bonus", "capped", "class", "failed", "incomplete", "missing", "penalty", "suspect"
]


@dataclass(frozen=True, slots=True)
class Note:
    kind: NoteKind
    text: str


@dataclass(frozen=True, slots=True)
class MetricScore:
    """One metric of a card: its figure, its points (0 to 100) and its share of the composite.

    `score` is after `penalty` and `bonus`, both in points. A score of None was left out of the composite, as
    probador-2.0 does where there is no data; kit-1 gives 0 there. `is_fallback`: `value` is that of the fallback.
    """

    metric: str
    value: float | None
    is_fallback: bool
    score: float | None
    weight: float
    penalty: float
    bonus: float


@dataclass(frozen=True, slots=True)
class Card(Sparse):
    """One entry of a study at one concurrency. No grade without a composite; the notes say why there is none.

    `machine` is what it ran on, `a: EPYC 7763, 8 CPUs, 32 GB`; empty where all studies ran on one. `quality` is
    how right it answers, which no score counts; None where nobody evaluated it.
    """

    study: str
    origin: Origin
    entry: str
    model: str | None
    concurrency: int
    scenario: Scenario
    platform_class: str | None
    metrics: tuple[MetricScore, ...]
    composite: float | None
    grade: str | None
    notes: tuple[Note, ...]
    machine: str = ""
    quality: EntryQuality | None = None


@dataclass(frozen=True, slots=True)
class ContractPin:
    """Which contract the scores are by; two scorecards are comparable only where this is the same."""

    name: str
    version: str
    algorithm: Algorithm
    sha256: str


@dataclass(frozen=True, slots=True)
class Scorecard:
    schema: Literal["kit/scorecard/1"]
    kit_version: str
    contract: ContractPin
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class ExtraRow(Sparse):
    """One line of an extra card; `part` is its bucket, `note` what is missing, `machine` what a run ran on."""

    study: str
    entry: str
    concurrency: int | None
    part: str
    value: float | None
    score: float | None
    grade: str | None
    note: str
    machine: str = ""


@dataclass(frozen=True, slots=True)
class ExtraCards:
    """A card beside the composite: what it shows, its thresholds in words, and its rows."""

    by: By
    title: str
    thresholds: str
    digits: int
    contract: ContractPin
    rows: tuple[ExtraRow, ...]

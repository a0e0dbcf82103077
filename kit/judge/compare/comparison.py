"""What a comparison says: a line for each figure, with a verdict, and the reason where there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kit.documents import MedianInterval
from kit.documents.pins import Sparse
from kit.documents.study import Study
from kit.judge.compare.ratio import Ratio
from kit.judge.machines import machine_text
from kit.metrics.limits import EQUIVALENT_PERCENT

ComparisonOutcome = Literal[
    "faster",
    "slower",
    "better",
    "worse",
    "tied",
    "undecided",
    "reproduced",
    "not reproduced",
    "not comparable",
]
PRODUCT = "decode_times_concurrency"
PASS_AT_1 = "pass_at_1"  # of HumanEval, in percent


@dataclass(frozen=True, slots=True)
class Side(Sparse):
    """Whom the figures are of: a run or imported results, or what somebody published.

    `machine` is what a run ran on, by its facts, in a few words.
    """

    origin: Literal["run", "imported", "published"]
    name: str
    title: str
    identity: str | None
    label: Literal["self-reported", "consistent"] | None
    machine: str = ""


@dataclass(frozen=True, slots=True)
class Line(Sparse):
    """One figure of A against one of B.

    `table` is the published table, empty between studies; `row_b` the entry of B, or the label of the published
    row. The verdict says what A is, against B; `reason` is never empty where that is "undecided" or "not
    comparable". `metric` is a path of `kit.metrics.registry`, or "decode_times_concurrency": decode_tok_s times
    the users. `caveat` is what else to bear in mind, `shape` the kind of request, where there are several.
    """

    table: str
    metric: str
    entry_a: str
    row_b: str
    concurrency: int | None
    a: MedianInterval | None
    b: MedianInterval | None
    ratio: Ratio | None
    verdict: ComparisonOutcome
    reason: str
    caveat: str
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Comparison(Sparse):
    """All lines, in the order of metrics (or published tables), entries and concurrencies.

    `tolerance` is the part by which ours is widened before a published figure must lie in it; None between
    studies.
    `notes` are true of all lines. `two_machines` says by which facts A and B ran on two; empty where on one.
    Between studies, figures that surely differ by less than `within_percent` are tied.
    """

    schema: Literal["kit/comparison/1"]
    kit_version: str
    a: Side
    b: Side
    tolerance: float | None
    lines: tuple[Line, ...]
    notes: tuple[str, ...]
    two_machines: str = ""
    within_percent: float = EQUIVALENT_PERCENT


def side_of(study: Study) -> Side:
    """Who a study is."""
    machine = machine_text(study) if study.machine else ""
    return Side(study.origin, study.name, study.title, study.identity, study.label, machine)

"""Every cell of a run, so that a figure can be followed to the replicates that it is the median of. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kit.documents.study import Study, Subject, Trial
from kit.judge.study import value_of
from kit.metrics.registry import ITL_P50, METRICS, THROUGHPUT, TTFT_P50, TTFT_P99
from kit.report.tables import SUSPECT
from kit.text import NO_DATA, plain_text

SHOWN = (THROUGHPUT, TTFT_P50, TTFT_P99, ITL_P50)
HEADS = ("cell", "state", *(METRICS[path].label for path in SHOWN), "requests", "ended (UTC)")


@dataclass(frozen=True, slots=True)
class CellRow:
    """One replicate; `at` is the place of its subject in the study where it is the first of it, else None."""

    at: int | None
    name: str
    cells: tuple[str, ...]


def cell_rows(study: Study) -> list[CellRow]:
    """Every planned replicate, in the order of the tables."""
    return [
        CellRow(at if not number else None, plain_text(trial.source, 100), _cells(trial))
        for at, subject in enumerate(study.subjects)
        for number, trial in enumerate(subject.trials)
    ]


def places_of(study: Study) -> Mapping[tuple[str, int], int]:
    """Where in the list of cells a subject stands, by entry and users."""
    found: dict[tuple[str, int], int] = {}
    for at, subject in enumerate(study.subjects):
        found.setdefault(_place(subject), at)
    return found


def _place(subject: Subject) -> tuple[str, int]:
    return subject.entry, subject.concurrency


def _cells(trial: Trial) -> tuple[str, ...]:
    state = trial.status + (f" {SUSPECT}" if trial.suspect else "")
    figures = (METRICS[path].shown(value_of(trial, path)) for path in SHOWN)
    ok, failed = value_of(trial, "requests.ok"), value_of(trial, "requests.failed")
    requests = NO_DATA if ok is None else f"{ok:.0f} ok" + (f", {failed:.0f} failed" if failed else "")
    return (state, *figures, requests, (trial.measured_utc or NO_DATA)[:19].replace("T", " "))

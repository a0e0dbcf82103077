"""The cells of tables, from a study: medians with intervals, dashes for no data, marks where suspect. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from kit.documents import MedianInterval
from kit.documents.study import Study, Subject
from kit.judge.study import entries_of, is_lower_bound, median_interval_of, suspicions_of
from kit.metrics.registry import MORE_TABLES, SESSION_TABLES, TABLES, Metric
from kit.report.tables import AT_LEAST, SUSPECT
from kit.text import NO_DATA, plain_text


@dataclass(frozen=True, slots=True)
class TableCell:
    """A cell of a table: the number, and smaller what stands beside it."""

    value: str
    beside: str = ""
    suspect: bool = False

    def text(self) -> str:
        """On one line."""
        beside = self.beside if self.beside.startswith("[") or not self.beside else f"({self.beside})"
        return " ".join(part for part in (self.value, beside, SUSPECT * self.suspect) if part)


@dataclass(frozen=True, slots=True)
class Table:
    """One metric: entries down, concurrency across."""

    title: str
    levels: tuple[int, ...]
    rows: tuple[tuple[str, tuple[TableCell, ...]], ...]


def tables_of(study: Study) -> list[Table]:
    """One table for each metric of which anything is known."""
    made = [_table(study, metric) for metric in (*TABLES, *MORE_TABLES, *SESSION_TABLES)]
    return [table for table in made if any(_says(each) for _, row in table.rows for each in row)]


def _says(figure: TableCell) -> bool:
    return figure.value != NO_DATA or bool(figure.beside)


def _table(study: Study, metric: Metric) -> Table:
    by_place: dict[tuple[str, int], Subject] = {}
    for subject in study.subjects:
        by_place.setdefault((subject.entry, subject.concurrency), subject)
    levels = tuple(sorted({subject.concurrency for subject in study.subjects}))
    rows = tuple(
        (plain_text(entry, 60), tuple(figure_of(by_place.get((entry, level)), metric) for level in levels))
        for entry in entries_of(study)
    )
    return Table(metric.heading, levels, rows)


def figure_of(subject: Subject | None, metric: Metric) -> TableCell:
    """One metric of an entry at a number of users."""
    if subject is None:
        return TableCell(NO_DATA)
    measured = sum(trial.status == "measured" for trial in subject.trials)
    if not measured:
        return TableCell("no result")
    interval = median_interval_of(subject, metric.path)
    at_least = interval.median is not None and is_lower_bound(subject, metric.path)
    notes = [] if at_least else [_interval(interval, metric)]
    if interval.median is None and metric.fallback:
        most = median_interval_of(subject, metric.fallback).median
        notes.append(f"max {metric.shown(most)}" if most is not None else "")
    if measured < len(subject.trials):
        notes.append(f"{measured} of {len(subject.trials)}")
    beside = " ".join(note for note in notes if note)
    value = f"{AT_LEAST} {metric.shown(interval.median)}" if at_least else metric.shown(interval.median)
    return TableCell(value, beside, bool(suspicions_of(subject)))


def _interval(interval: MedianInterval, metric: Metric) -> str:
    if interval.low is None or interval.high is None:
        return ""
    low, high = metric.shown(interval.low), metric.shown(interval.high)
    return "" if low == high == metric.shown(interval.median) else f"[{low}, {high}]"

"""The cells of tables, from a study: medians with intervals, dashes for no data, marks where suspect. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kit.documents import MedianInterval
from kit.documents.study import Study, Subject
from kit.judge.study import entries_of, is_lower_bound, median_interval_of, suspicions_of
from kit.metrics.registry import METRICS, MORE_TABLES, SESSION_TABLES, TABLES, THROUGHPUT, TTFT_P50, Metric
from kit.report.page.cells import places_of
from kit.report.tables import AT_LEAST, SUSPECT
from kit.text import NO_DATA, plain_text

MAX_SIDE_BY_SIDE = 100  # rows


@dataclass(frozen=True, slots=True)
class TableCell:
    """A cell of a table: the number, and smaller what stands beside it.

    `at` is the place of its subject in the study, whose cells it is made of.
    """

    value: str
    beside: str = ""
    suspect: bool = False
    at: int | None = None

    def text(self) -> str:
        """On one line."""
        beside = self.beside if self.beside.startswith("[") or not self.beside else f"({self.beside})"
        return " ".join(part for part in (self.value, beside, SUSPECT * self.suspect) if part)


@dataclass(frozen=True, slots=True)
class Table:
    """One metric: entries down, concurrency across, or whatever `heads` and `corner` say."""

    title: str
    levels: tuple[int, ...]
    rows: tuple[tuple[str, tuple[TableCell, ...]], ...]
    heads: tuple[str, ...] = ()
    corner: str = "users"

    @property
    def columns(self) -> tuple[str, ...]:
        """What stands over each column."""
        return self.heads or tuple(map(str, self.levels))

    def over(self, column: int) -> str:
        """The same where a cell stands alone: `4 users`."""
        if self.heads:
            return self.heads[column]
        return "1 user" if self.levels[column] == 1 else f"{self.levels[column]:,} users"


def tables_of(study: Study) -> list[Table]:
    """One table for each metric of which anything is known."""
    made = [_table(study, metric) for metric in (*TABLES, *MORE_TABLES, *SESSION_TABLES)]
    return [table for table in made if any(_says(each) for _, row in table.rows for each in row)]


def _says(figure: TableCell) -> bool:
    return figure.value != NO_DATA or bool(figure.beside)


def _table(study: Study, metric: Metric) -> Table:
    places = places_of(study)
    levels = tuple(sorted({subject.concurrency for subject in study.subjects}))
    rows = tuple(
        (plain_text(entry, 60), tuple(_figure_at(study, places.get((entry, level)), metric) for level in levels))
        for entry in entries_of(study)
    )
    return Table(metric.heading, levels, rows)


def _figure_at(study: Study, at: int | None, metric: Metric) -> TableCell:
    """A figure that leads to its cells."""
    made = figure_of(None if at is None else study.subjects[at], metric)
    return made if at is None else replace(made, at=at)


def side_by_side(named: Sequence[tuple[str, Study]]) -> list[Table]:
    """Throughput and the wait for the first token of several runs: a row for each entry and number of users."""
    places = dict.fromkeys(
        (each.entry, each.concurrency)
        for _, study in named
        for each in sorted(study.subjects, key=lambda each: (each.entry, each.concurrency))
    )
    if len(named) < 2 or len(places) > MAX_SIDE_BY_SIDE:
        return []
    heads = tuple(name for name, _ in named)
    known = [places_of(study) for _, study in named]
    tables = []
    for metric in (METRICS[THROUGHPUT], METRICS[TTFT_P50]):
        rows = tuple(
            (
                f"{plain_text(entry, 60)}, {level:,} user{'s' * (level != 1)}",
                tuple(
                    figure_of(study.subjects[at] if (at := mine.get((entry, level))) is not None else None, metric)
                    for (_, study), mine in zip(named, known, strict=True)
                ),
            )
            for entry, level in places
        )
        tables.append(Table(metric.heading, (), rows, heads, "entry and users"))
    return tables


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

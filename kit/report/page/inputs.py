"""What a report is made of: studies, and beside each what only its records and documents can say. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from kit.documents import Calibration, Failures, FoundServer, Host, Plan, Record, ServerFacts, Window
from kit.documents.differences import Differences
from kit.documents.quality.evaluation import Quality
from kit.documents.study import Study
from kit.errors import InputError
from kit.judge.costs import Prices
from kit.judge.trial_figures import CellParts
from kit.metrics.failures import failures
from kit.report.count_text import count_lines
from kit.report.page.scorecard import ScorecardPart
from kit.report.plots.distributions import Quantiles, Times, quantiles, times_of
from kit.report.plots.timeline import MAX_MARKS, Timeline, stretch_of, timeline
from kit.report.telemetry_text import telemetry_lines
from kit.text import nearest, plain_text

WHICH: tuple[Times, ...] = ("ttft_ms", "itl_ms")
MAX_TIMELINES = 4


@dataclass(frozen=True, slots=True)
class PageInput:
    """One run or imported study of a report.

    `source` is what it is called in commands. `servers` are what ran, by entry, `running` what already ran;
    `quantiles` by entry and concurrency; `failed` is why requests failed, by entry, cell by cell; `counted` is
    what is not as usual about counts and arrivals: entry, concurrency, sentences. `telemetry` is what that saw,
    `disturbance` which cells were disturbed, and `prices` are those of the cost of tokens, where somebody asks
    for it; `witness` is what those of its cells found.
    """

    study: Study
    source: str
    kind: Literal["bundle", "run", "imported"]
    plan: Plan | None = None
    calibration: Calibration | None = None
    host: Host | None = None
    servers: Mapping[str, ServerFacts] = field(default_factory=dict)
    running: Mapping[str, FoundServer] = field(default_factory=dict)
    quantiles: Mapping[Times, Mapping[tuple[str, int], Quantiles]] = field(default_factory=dict)
    timelines: tuple[Timeline, ...] = ()
    scorecard: ScorecardPart | None = None
    failed: tuple[tuple[str, Failures | None], ...] = ()
    differences: Differences | None = None
    telemetry: tuple[str, ...] = ()
    disturbance: tuple[str, ...] = ()
    counted: tuple[tuple[str, int, tuple[str, ...]], ...] = ()
    prices: Prices | None = None
    quality: Quality | None = None
    witness: tuple[str, ...] = ()


def imported_input(study: Study, source: str) -> PageInput:
    """Of what has no records."""
    return PageInput(study, source, "imported")


def run_input(
    study: Study,
    source: str,
    kind: Literal["bundle", "run"],
    plan: Plan,
    cells: Mapping[str, CellParts],
    calibration: Calibration | None,
    host: Host | None,
    cell: str | None = None,
) -> PageInput:
    """Of a run: `cells` by id are what its study was made of; `cell` is the one whose timeline is wanted.

    `InputError` if there is no such cell or it has no records.
    """
    return PageInput(
        study=study,
        source=source,
        kind=kind,
        plan=plan,
        calibration=calibration,
        host=host,
        servers=_servers(cells),
        running=_running(cells),
        quantiles={which: _quantiles(study, cells, which) for which in WHICH},
        timelines=_timelines([_named(cells, cell)] if cell else _chosen(study, cells), cells),
        failed=tuple(
            (parts.cell.entry, failures(parts.records, window_of(parts))) for parts in cells.values() if parts.cell
        ),
        telemetry=telemetry_lines(parts.cell for parts in cells.values() if parts.cell),
        counted=_counted(study, cells),
    )


def has_records(cells: Mapping[str, CellParts], cell: str) -> bool:
    """Whether a timeline of this cell can be drawn."""
    return cell in cells and bool(cells[cell].records) and window_of(cells[cell]) is not None


def window_of(parts: CellParts) -> Window | None:
    """The measured part of a cell; None where it was not loaded."""
    return parts.cell.facts.window if parts.cell and parts.cell.facts else None


def method_of(parts: CellParts) -> int:
    """The method of a cell's numbers."""
    return parts.cell.load.method if parts.cell and parts.cell.load else 1


def _servers(cells: Mapping[str, CellParts]) -> dict[str, ServerFacts]:
    found: dict[str, ServerFacts] = {}
    for parts in cells.values():
        if parts.cell and parts.cell.server:
            found.setdefault(parts.cell.entry, parts.cell.server)
    return found


def _running(cells: Mapping[str, CellParts]) -> dict[str, FoundServer]:
    found: dict[str, FoundServer] = {}
    for parts in cells.values():
        if parts.cell and parts.cell.found:
            found.setdefault(parts.cell.entry, parts.cell.found)
    return found


def _quantiles(study: Study, cells: Mapping[str, CellParts], which: Times) -> dict[tuple[str, int], Quantiles]:
    """Of the records of all measured replicates together."""
    found = {}
    for subject in study.subjects:
        values: array[int] = array("q")
        for trial in subject.trials:
            parts = cells.get(trial.source)
            window = window_of(parts) if parts else None
            # A p50 is there from one value on; else nothing came, or the cell withholds what came.
            shown = trial.values.get(f"{which}.p50") is not None
            if trial.status == "measured" and parts is not None and window is not None and shown:
                values.extend(times_of(parts.records, window, which, method_of(parts)))
        made = quantiles(subject.entry, subject.concurrency, values)
        if made is not None:
            found[subject.entry, subject.concurrency] = made
    return found


def _counted(study: Study, cells: Mapping[str, CellParts]) -> tuple[tuple[str, int, tuple[str, ...]], ...]:
    """Of the measured replicates of each subject together, as in the tables."""
    found = []
    for subject in study.subjects:
        sources = [trial.source for trial in subject.trials if trial.status == "measured"]
        measured = [cells[source].cell for source in sources if source in cells]
        lines = count_lines([cell.metrics for cell in measured if cell and cell.metrics])
        if lines:
            found.append((subject.entry, subject.concurrency, tuple(lines)))
    return tuple(found)


def _named(cells: Mapping[str, CellParts], cell: str) -> str:
    if has_records(cells, cell):
        return cell
    known = sorted(each for each in cells if has_records(cells, each))
    like = nearest(cell, known)
    raise InputError(
        f'No cell "{plain_text(cell)}" with records.',
        f'Did you mean "{like}"?' if like else f"Give one of: {', '.join(known[:20])}.",
    )


def _chosen(study: Study, cells: Mapping[str, CellParts]) -> list[str]:
    """One cell of each entry at one concurrency: where most entries have one, and of these the highest."""
    there: dict[int, dict[str, str]] = {}
    for subject in study.subjects:
        for trial in subject.trials:
            if trial.status == "measured" and has_records(cells, trial.source):
                there.setdefault(subject.concurrency, {}).setdefault(subject.entry, trial.source)
    if not there:
        return []
    level = max(there, key=lambda each: (len(there[each]), each))
    return list(there[level].values())[:MAX_TIMELINES]


def _timelines(chosen: Sequence[str], cells: Mapping[str, CellParts]) -> tuple[Timeline, ...]:
    """All over stretches of the same length, so that they can be compared."""
    loaded: list[tuple[str, CellParts, Sequence[Record], Window]] = []
    for name in chosen:
        window = window_of(cells[name])
        if window is not None:
            loaded.append((name, cells[name], cells[name].records, window))
    if not loaded:
        return ()
    marks = MAX_MARKS // len(loaded)
    length_s = min(stretch_of(records, window, marks) for _, _, records, window in loaded)
    return tuple(
        timeline(name, parts.cell.entry, parts.cell.concurrency or 0, records, window, length_s)
        for name, parts, records, window in loaded
        if parts.cell is not None
    )

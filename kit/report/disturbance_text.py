"""What a report says of a machine that was not quiet: cells that were measured again, and why. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kit.documents import Cell, Plan
from kit.metrics.disturbance import cell_disturbances, look_disturbances, was_tried
from kit.text import cell as safe
from kit.text import listed, plain_text
from kit.verify.evidence import Evidence

MAX_LINE_CHARS = 400
_HARMLESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .,:;%+-]*")


@dataclass(frozen=True, slots=True)
class DisturbanceText:
    """Plain text: sentences, and a line for each attempt that they are about. Nothing where all was quiet."""

    sentences: tuple[str, ...] = ()
    attempts: tuple[str, ...] = ()

    def markdown(self) -> list[str]:
        """The sentences, and below them the attempts as a list."""
        bullets = [f"- {_markdown(line)}" for line in self.attempts]
        return [*map(_markdown, self.sentences), *[""] * bool(bullets), *bullets]

    def plain(self) -> list[str]:
        """All of it, a line each."""
        return [plain_text(line, MAX_LINE_CHARS) for line in (*self.sentences, *self.attempts)]


def _markdown(line: str) -> str:
    """As it is where nothing in it means something in Markdown; a terminal shows it, too."""
    return line if _HARMLESS.fullmatch(line) and len(line) <= MAX_LINE_CHARS else safe(line, MAX_LINE_CHARS)


def disturbance_of(plan: Plan, evidence: Evidence) -> DisturbanceText:
    """`disturbance_text` of a run or bundle that was opened."""
    cells = {name: files.cell for name, files in evidence.cells.items() if files.cell is not None}
    attempts = {
        name: [files.cell for files in numbered.values() if files.cell is not None]
        for name, numbered in evidence.attempts.items()
    }
    cpus = evidence.host.cpus if evidence.host is not None else 1
    return disturbance_text(plan, cells, attempts, look_disturbances(plan, evidence.look or (), cpus))


def disturbance_text(
    plan: Plan, cells: Mapping[str, Cell], attempts: Mapping[str, Sequence[Cell]], unquiet: Sequence[str]
) -> DisturbanceText:
    """`cells` are those that count and `attempts` those before them, by id; `unquiet` is why the machine was not

    quiet before the start.
    """
    again = [(cell, number) for each in plan.cells for number, cell in enumerate(attempts.get(each.id, ()), 1)]
    disturbed = {cell.id for cell, _ in again if was_tried(cell)}
    interrupted = {cell.id for cell, _ in again if cell.status == "interrupted"}
    last = [cells[each.id] for each in plan.cells if each.id in cells]
    still = [cell for cell in last if cell_disturbances(cell.telemetry)]
    count = len(plan.cells) if plan.search is None else len(last)  # a search measures few of its cells
    sentences = [f"The machine was not quiet before the start: {listed(unquiet)}."] if unquiet else []
    if disturbed:
        sentences.append(f"{_cells(len(disturbed), count)} disturbed and measured again.")
    if interrupted:
        sentences.append(f"{_cells(len(interrupted), count)} interrupted and measured again.")
    if still:
        sentences.append(f"{_cells(len(still), count)} still disturbed at the last attempt: no verdict.")
    return DisturbanceText(tuple(sentences), (*_attempts(again), *_still(still)))


def _attempts(again: Sequence[tuple[Cell, int]]) -> Iterator[str]:
    for cell, number in again:
        reasons = listed(cell_disturbances(cell.telemetry))
        yield f"{cell.id}, attempt {number}: {reasons if was_tried(cell) else cell.status}"


def _still(still: Sequence[Cell]) -> Iterator[str]:
    for cell in still:
        yield f"{cell.id}, attempt {cell.attempt}, the last: {listed(cell_disturbances(cell.telemetry))}"


def _cells(some: int, count: int) -> str:
    return f"{some} of {count} cells {'was' if some == 1 else 'were'}"

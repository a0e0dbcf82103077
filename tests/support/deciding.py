"""Runs that decide, on paper: a plan, and figures of its cells by entry, concurrency and replicate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

from kit.documents import CellResult, Plan
from kit.metrics.sequential import Course, course
from kit.plan.extension import deciding
from kit.plan.plan import cell_order
from tests.support.fakes import demo_plan

S = 1_000_000_000
Figure = Callable[[str, int, int], float | None]


def deciding_plan(
    entries: tuple[str, ...] = ("a", "b"),
    levels: tuple[int, ...] = (1, 4),
    most: int = 10,
    budget_ns: int | None = None,
) -> Plan:
    """A plan of the demo's first entry under several names."""
    plan = demo_plan()
    return deciding(
        replace(
            plan,
            entries=tuple(replace(plan.entries[0], name=name) for name in entries),
            workload=replace(plan.workload, concurrencies=levels, replicates=most),
            cells=cell_order(entries, levels, most),
            method=3,
        ),
        budget_ns,
    )


def followed(
    plan: Plan,
    figure: Figure,
    *,
    until: int = 1000,
    took_ns: int = 10 * S,
    other: Mapping[str, CellResult] | None = None,
) -> Course:
    """The course of a run whose cells up to replicate `until` were measured with these figures.

    None is a cell that failed; lines of `other` stand in place of what was measured.
    """
    lines: dict[str, CellResult] = {}
    figures: dict[str, float | None] = {}
    for cell in plan.cells:
        value = figure(cell.entry, cell.concurrency, cell.replicate)
        status: Literal["missing", "failed", "measured"] = "failed" if value is None else "measured"
        status = "missing" if cell.replicate > until else status
        lines[cell.id] = CellResult(cell.id, cell.entry, cell.concurrency, cell.replicate, status, None, None, ())
        figures[cell.id] = value
    lines |= other or {}
    spent = {name: took_ns for name, line in lines.items() if line.status != "missing"}
    return course(plan, lines, spent, 0, lambda line: figures[line.id])

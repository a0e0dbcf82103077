"""Which tables a result with several kinds of request has: one for each length, rates or users across. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kit.documents import Plan, Result, Shape
from kit.plan.workloads.shapes import milli_text, shape_text


@dataclass(frozen=True, slots=True)
class Columns:
    """What stands across one table: `places` are (shape, concurrency, what stands over it).

    `title` is the shape that the table is of; empty where there is one only.
    """

    title: str
    head: str
    places: tuple[tuple[str, int, str], ...]


def columns_of(plan: Plan | None, result: Result) -> tuple[Columns, ...]:
    """The tables of each metric; one with the concurrencies across where the plan has no shapes."""
    shapes = plan.workload.shapes if plan is not None else ()
    if plan is None or not shapes:
        measured = [row for row in result.rows if row.replicates]  # a search leaves most levels out
        levels = dict.fromkeys((row.shape, row.concurrency) for row in measured or result.rows)
        return (Columns("", "concurrency", tuple((shape, level, str(level)) for shape, level in levels)),)
    work = plan.workload
    if work.loop == "closed":
        closed = [
            Columns(shape_text(shape), "concurrency", tuple((shape.name, c, str(c)) for c in work.concurrencies))
            for shape in shapes
        ]
        return tuple(closed) if len(closed) > 1 else (replace(closed[0], title=""),)
    return _by_arrival(shapes, work.concurrencies[0])


def _by_arrival(shapes: tuple[Shape, ...], concurrency: int) -> tuple[Columns, ...]:
    """One table for each length, with its rates, or the speeds of its trace, across."""
    groups: dict[str, list[Shape]] = {}
    for shape in shapes:
        groups.setdefault(_lengths(shape), []).append(shape)
    head = "requests/s" if shapes[0].rate_milli_per_s is not None else "trace, times as fast"
    return tuple(
        Columns(
            title if len(groups) > 1 else "",
            head,
            tuple(
                (shape.name, concurrency, milli_text(shape.rate_milli_per_s or shape.speed_milli or 0))
                for shape in mine
            ),
        )
        for title, mine in groups.items()
    )


def _lengths(shape: Shape) -> str:
    """The shape but for its arrivals."""
    return shape_text(replace(shape, rate_milli_per_s=None, speed_milli=None))


def place_text(plan: Plan | None, shape: str, concurrency: int) -> str:
    """`concurrency 4`, `concurrency 4 (512 in, 64 out)`, `2.5 requests/s`: where a row stands, in a sentence."""
    found = next((each for each in plan.workload.shapes if each.name == shape), None) if plan else None
    words = shape_text(found) if found else ""
    if plan is not None and plan.workload.loop == "open":
        return words or "these arrivals"
    return f"concurrency {concurrency}" + (f" ({words})" if words else "")

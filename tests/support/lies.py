"""Lies of the drill as bundles, and some more that only one rule is meant for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from random import Random

from benchmarks.drill.forging import Loot, closed, mapped, opened, retimed
from benchmarks.drill.lies import LIES, noisy
from benchmarks.drill.making import made
from benchmarks.drill.telling import BASE, forged
from kit.documents import Record
from kit.documents.telemetry import TelemetrySample


@cache
def base() -> bytes:
    """The honest bundle that lies are made of."""
    return BASE.read_bytes()


@cache
def lie(name: str) -> bytes:
    """The lie of that name."""
    return forged(next(each for each in LIES if each.name == name), base())


@cache
def told(tell: Callable[[Loot], None]) -> bytes:
    """A lie that is no part of the drill."""
    loot = opened(base())
    tell(loot)
    return closed(loot)


def crossed(loot: Loot) -> None:
    """A server with one slot that served two users at once."""
    made(loot, "r1-c2-llamacpp-serial", noisy(Random(1), first_ms=100, gap_ms=11.0, sigma=0.9))


def finely_rounded(loot: Loot) -> None:
    mapped(loot, lambda _, records: [retimed(record, lambda at: at // 20 * 20) for record in records])
    for name, cell in loot.cells.items():
        assert cell.facts
        loot.cells[name] = replace(cell, facts=replace(cell.facts, duration_ns=cell.facts.duration_ns + 20))


def pace(record: Record) -> float | None:
    times = [chunk[0] for chunk in record.chunks]
    return (times[-1] - times[0]) / (len(times) - 1) if record.outcome == "ok" and len(times) > 1 else None


def mean_pace(records: Sequence[Record]) -> float:
    paces = [found for record in records if (found := pace(record)) is not None]
    return sum(paces) / len(paces)


def alike_replicates(loot: Loot) -> None:
    """Every second replicate is stretched about the end of each answer until its mean is that of the first."""
    for name in [name for name in loot.records if name.startswith("r2-")]:
        factor = mean_pace(loot.records["r1" + name[2:]]) / mean_pace(loot.records[name])
        loot.records[name] = [_stretched(record, factor) for record in loot.records[name]]


def _stretched(record: Record, factor: float) -> Record:
    if record.outcome != "ok":
        return record
    last = record.chunks[-1][0]
    chunks = tuple((last - round((last - chunk[0]) * factor), *chunk[1:]) for chunk in record.chunks)
    first = min(chunks[0][0], record.first_event_ns or chunks[0][0])
    return replace(record, chunks=chunks, first_event_ns=first)


def sped_up(samples: list[TelemetrySample]) -> list[TelemetrySample]:
    first = samples[0].at_ns
    return [replace(each, at_ns=first + (each.at_ns - first) * 4 // 5) for each in samples]

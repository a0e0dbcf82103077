"""Little's law over the stationary loads of this run: mean in flight = arrival rate x mean time in system."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.endpoint import paced, reference
from benchmarks.figure import Bench, Figure, at_most
from benchmarks.loads import Ask, kit_load
from kit.documents import Window
from kit.metrics.aggregate import sent_in
from kit.storage.cell_folder import read_records
from kit.storage.names import CELL, RECORDS


def ratio(folder: Path) -> float | None:
    """Of one load: mean in flight in its window / (arrivals per second x mean seconds in system)."""
    cell = json.loads((folder / CELL).read_bytes())
    window, metrics = cell["facts"]["window"], cell["metrics"]
    if window is None or metrics is None:
        return None
    span = Window(window["start_ns"], window["end_ns"])
    times = [
        record.done_ns - record.sent_ns
        for record in read_records(folder / RECORDS)
        if record.sent_ns is not None and sent_in(record, span)
    ]
    in_system = sum(times) / (span.end_ns - span.start_ns)
    in_flight: float = metrics["mean_in_flight"]
    return in_flight / in_system if in_system else None


def measure(bench: Bench) -> tuple[Figure, ...]:
    """Three loads of its own, and all others of this run whose windows have load before and after them."""
    seconds = bench.pick(6, 20)
    asks = (
        Ask(tokens=40, concurrency=4, duration_s=seconds, warmup_s=1),
        Ask(tokens=40, concurrency=32, duration_s=seconds, warmup_s=1),
        Ask(tokens=20, rate=100, duration_s=seconds, warmup_s=1),
    )
    with reference(*paced(30, 3)) as url:
        own = [kit_load(bench, url, ask).folder for ask in asks]
    found = [(abs(value - 1), folder) for folder in bench.stationary if (value := ratio(folder)) is not None]
    mine = ", ".join(f"{ratio(folder):.4f}" for folder in own)
    how = f"worst of {len(found)} loads; closed 4, closed 32, Poisson 100/s after warm-up: {mine}"
    return (at_most("Little's law: worst distance", max(found)[0] * 100, 5, "%", how),)

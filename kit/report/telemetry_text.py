"""What telemetry saw of a run, in a few lines: other programs, memory of the servers, energy. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence

from kit.documents import Cell
from kit.documents.telemetry import TelemetrySummary
from kit.text import bytes_text, listed, number, plain_text

Value = Callable[[TelemetrySummary], float | int | None]


def telemetry_lines(cells: Iterable[Cell]) -> tuple[str, ...]:
    """One line for each thing that is known; none for runs from before cells were sampled."""
    measured = [cell for cell in cells if cell.status == "measured"]
    sampled = [
        (cell.entry, cell.telemetry.summary) for cell in measured if cell.telemetry and cell.telemetry.summary
    ]
    if not sampled:
        return ()
    found = [_others([summary for _, summary in sampled], len(measured))]
    peaks = _by_entry(sampled, lambda summary: summary.server_peak_bytes)
    if peaks:
        words = [f"{entry} {bytes_text(int(max(values)))}" for entry, values in peaks]
        found.append(f"Peak memory of the servers: {listed(words)}.")
    energy = _by_entry(sampled, lambda summary: summary.joules_per_token)
    if energy:
        sources = sorted(
            {s.energy_source for _, s in sampled if s.joules_per_token is not None and s.energy_source}
        )
        words = [f"{entry} {_span(values)} J" for entry, values in energy]
        found.append(f"Energy per token ({'; '.join(sources)}): {listed(words)}.")
    return tuple(plain_text(line, 1000) for line in found)


def _others(summaries: Sequence[TelemetrySummary], measured: int) -> str:
    count = f"{len(summaries)} of {measured} measured cells"
    known = [100 * each.other_share for each in summaries if each.other_share is not None]
    if not known:
        return f"Telemetry of {count}; what other programs took is not known."
    return (
        f"Telemetry of {count}: other programs took {number(statistics.median(known), 1)} % of the CPUs in the "
        f"median window, {number(max(known), 1)} % in the worst."
    )


def _by_entry(sampled: Iterable[tuple[str, TelemetrySummary]], value: Value) -> list[tuple[str, list[float]]]:
    """The values of each entry, in the order of its first cell; without those that have none."""
    found: dict[str, list[float]] = {}
    for entry, summary in sampled:
        if (known := value(summary)) is not None:
            found.setdefault(entry, []).append(known)
    return list(found.items())


def _span(values: Sequence[float]) -> str:
    low, high = f"{min(values):.3g}", f"{max(values):.3g}"
    return low if low == high else f"{low} to {high}"

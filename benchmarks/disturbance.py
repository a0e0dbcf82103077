"""How far the cells of runs stay from the limits of disturbance.

    python -m benchmarks.disturbance RUN|BUNDLE...

One row for each share that the rule looks at: its distribution over the measured cells and attempts, as a part of
the limit beside it. Limits are those on a machine without room; what was sampled decides which apply to a cell.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tabulate import tabulate

from kit.documents.telemetry import TelemetryFacts, TelemetrySummary
from kit.metrics.disturbance import cell_disturbances, max_other_share, max_worst_other_share, percent
from kit.metrics.limits import (
    MAX_MEMORY_PRESSURE_SHARE,
    MAX_SAMPLE_GAP_NS,
    MAX_STEAL_SHARE,
    MAX_THROTTLED_SHARE,
)
from kit.storage.run_folder import read_folder
from kit.verify.evidence import Evidence, open_bundle, open_run

HEADERS = ("", "cells", "min", "median", "p90", "max", "limit", "above")


def opened(path: Path) -> Evidence:
    return open_run(read_folder(path)) if path.is_dir() else open_bundle(path.read_bytes())


def sampled(evidence: Evidence) -> Iterator[TelemetryFacts]:
    """What was sampled beside each measured cell and attempt."""
    files = [
        *evidence.cells.values(),
        *(each for of_cell in evidence.attempts.values() for each in of_cell.values()),
    ]
    for each in files:
        if each.cell is not None and each.cell.status == "measured" and each.cell.telemetry is not None:
            yield each.cell.telemetry


def limits_of(facts: TelemetryFacts) -> dict[str, float]:
    return {
        "other_share": max_other_share(facts.cpus),
        "worst_other_share": max_worst_other_share(facts.cpus),
        "steal_share": MAX_STEAL_SHARE,
        "memory_pressure_share": MAX_MEMORY_PRESSURE_SHARE,
        "throttled_share": MAX_THROTTLED_SHARE,
    }


def row(name: str, found: Sequence[TelemetryFacts]) -> list[str]:
    """The distribution of one share."""
    known = [(value, limits_of(each)[name]) for each in found if (value := _value(each.summary, name)) is not None]
    if not known:
        return [name, "0", *[""] * 6]
    values = sorted(value for value, _ in known)
    shown = (values[0], values[len(values) // 2], values[-(-len(values) * 9 // 10) - 1], values[-1])
    limits = sorted({limit for _, limit in known})
    above = sum(value > limit for value, limit in known)
    return [name, str(len(values)), *map(percent, shown), " to ".join(map(percent, limits)), str(above)]


def _value(summary: TelemetrySummary | None, name: str) -> float | None:
    value = getattr(summary, name, None)
    return None if value is None else float(value)


def table(found: Sequence[TelemetryFacts]) -> str:
    """All shares, the longest gaps, and how often each reason was given."""
    if not found:
        return "No cell with telemetry.\n"
    body = [row(name, found) for name in limits_of(found[0])]
    gaps = sorted((each.summary.longest_gap_ns or 0) / 1e9 for each in found if each.summary)
    reasons = Counter(
        reason.split(",")[0].rstrip("0123456789.% ") for each in found for reason in cell_disturbances(each)
    )
    lines = [tabulate(body, HEADERS, tablefmt="github", disable_numparse=True)]
    lines.append(
        f"Longest gap between samples: {gaps[-1] if gaps else 0:.2f} s, limit {MAX_SAMPLE_GAP_NS / 1e9:g} s."
    )
    disturbed = sum(bool(cell_disturbances(each)) for each in found)
    lines.append(f"Disturbed: {disturbed} of {len(found)}.")
    return "\n".join([*lines, *(f"- {count} x {reason}" for reason, count in reasons.most_common())]) + "\n"


def main(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0].startswith("-"):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    sys.stdout.write(table([facts for name in arguments for facts in sampled(opened(Path(name)))]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

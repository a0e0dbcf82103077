"""Prints the figures of the instrument with their targets.

    python -m benchmarks.instrument [--only NAME,...] [--quick] [--json FILE]

Nothing is asserted: a missed target is a row that says so, and the exit code is 0. It is 1 only if something
could not run.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.figure import Bench, Figure, Measure
from benchmarks.figures import cost, disturbance, fidelity, little, memory, open_loop
from benchmarks.table import json_text, text_table

# Little's law comes late: it looks at the loads of all before it.
FIGURES: Mapping[str, Measure] = {
    "fidelity": fidelity.measure,
    "fidelity-busy": fidelity.measure_busy,
    "saturated": cost.saturated,
    "paced": cost.paced_cost,
    "ceiling": cost.ceiling,
    "many": fidelity.measure_many,
    "open": open_loop.measure,
    "disturbance": disturbance.measure,
    "little": little.measure,
    "memory": memory.measure,
}


def machine() -> str:
    load = os.getloadavg()[0]
    python = platform.python_version()
    return f"{os.cpu_count()} CPUs, {platform.machine()}, Python {python}, load average at the start {load:.2f}"


def measured(names: Sequence[str], bench: Bench) -> tuple[list[Figure], list[str]]:
    """The figures, and what could not run."""
    figures: list[Figure] = []
    failures = []
    for name in names:
        sys.stderr.write(f"{name} ...\n")
        try:
            figures += FIGURES[name](bench)
        except Exception as error:  # whatever it is, the figures that others took minutes for are still printed
            failures.append(f"{name} could not run: {type(error).__name__}: {error}")
    return figures, failures


def options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instrument", description="The kit's figures.")
    parser.add_argument("--only", metavar="NAME,...", help=f"of {', '.join(FIGURES)}")
    parser.add_argument("--quick", action="store_true", help="short loads: about 3 minutes instead of 15")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep records and truth logs in this new folder")
    chosen = parser.parse_args(arguments)
    chosen.names = chosen.only.split(",") if chosen.only else list(FIGURES)
    unknown = [name for name in chosen.names if name not in FIGURES]
    if unknown:
        parser.error(f"no figure {', '.join(unknown)}; known: {', '.join(FIGURES)}")
    return chosen


def main(arguments: Sequence[str]) -> int:
    chosen = options(arguments)
    about = machine()
    with tempfile.TemporaryDirectory(prefix="kit-bench-") as scratch:
        folder = chosen.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        figures, failures = measured(chosen.names, Bench(folder, chosen.quick))
    sys.stdout.write(f"{about}\n\n{text_table(figures)}\n")
    if chosen.json:
        chosen.json.write_text(json_text(figures, about), encoding="utf-8")
    sys.stdout.writelines(f"\n{line}\n" for line in failures)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

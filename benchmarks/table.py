"""Figures as a table for people and as JSON for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict

from tabulate import tabulate

from benchmarks.figure import Figure

WORDS = {True: "met", False: "MISSED", None: ""}


def number(value: float | None) -> str:
    """Three significant digits or more; a dash for no data."""
    if value is None or not math.isfinite(value):
        return "\N{EN DASH}"
    if value == int(value) or abs(value) >= 1000:
        return f"{value + 0.0:,.0f}"
    if abs(value) >= 10:
        return f"{value:.2f}"
    return f"{value:.3f}" if abs(value) >= 0.1 else f"{value:.3g}"


def text_table(figures: Sequence[Figure]) -> str:
    """A markdown table, and below it how each figure came about."""
    rows = [
        (
            each.name,
            number(each.value),
            each.unit,
            each.target,
            WORDS[each.met] if each.value is not None else "no data",
        )
        for each in figures
    ]
    head = ("figure", "measured", "unit", "target", "")
    table = tabulate(
        rows, head, tablefmt="github", disable_numparse=True, colalign=("left", "right", *["left"] * 3)
    )
    return "\n".join([table, "", *(f"- {each.name}: {each.how}" for each in figures if each.how)])


def json_text(figures: Sequence[Figure], machine: str) -> str:
    return json.dumps({"machine": machine, "figures": [asdict(each) for each in figures]}, indent=2) + "\n"

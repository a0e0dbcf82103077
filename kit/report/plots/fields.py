"""The parts that figures share: names of fields, tooltips, short numbers. Pure."""

from __future__ import annotations

from kit.documents import MedianInterval
from kit.report.plots.style import Spec
from kit.text import NO_DATA, number


def plain_axis() -> Spec:
    return {"title": None, "domain": False, "ticks": False, "format": ",~f", "tickCount": 6}


def short(value: float | None) -> float:
    """Six digits: more than a plot can show, and fewer bytes in the page."""
    return float(f"{value:.6g}")


def interval_text(interval: MedianInterval) -> str:
    """`91.2 to 103.1`, or a dash with fewer than three replicates."""
    if interval.low is None or interval.high is None:
        return NO_DATA
    return f"{number(interval.low, 1)} to {number(interval.high, 1)}"


def tooltip(*figures: tuple[str, str]) -> list[Spec]:
    return [
        {"field": "series", "title": "entry"},
        {"field": "users", "title": "users"},
        *(
            spec
            for path, title in figures
            for spec in (
                {"field": name(path), "title": title, "format": ",.1f", "type": "quantitative"},
                {"field": name(f"{path}_interval"), "title": f"{title}, 95 % interval", "type": "nominal"},
            )
        ),
        {"field": "note", "title": "replicates"},
    ]


def name(path: str) -> str:
    """A path as the name of a field: Vega reads a dot as a step into an object."""
    return path.replace(".", "_")


def field(axis: Spec, path: str) -> Spec:
    return {**axis, "field": name(path)}


def escaped(row: Spec) -> Spec:
    return {name(key): value for key, value in row.items()}

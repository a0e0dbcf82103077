"""How every plot looks: colours that the colour-blind tell apart, a shape for each entry, one configuration.

Colours are those of Okabe and Ito (https://jfly.uni-koeln.de/color/). What is ink, grid or paper has a colour of
its own that nothing else has, so that a style sheet can change it where the reader's screen is dark.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from kit.documents.study import Study, Subject
from kit.judge.study import entries_of
from kit.text import plain_text

Spec: TypeAlias = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
INK, MUTED, GRID, PAPER = "#1f2329", "#59636f", "#dde2e8", "#fffffe"
# The same on a dark ground, where the blue of the series would be too dark.
DARK = {INK: "#e6edf3", MUTED: "#9aa4af", GRID: "#32383f", PAPER: "#0d1117", "#0072b2": "#2f94d8"}
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c8c8c")
SHAPES = (
    "circle",
    "square",
    "triangle-up",
    "diamond",
    "cross",
    "triangle-down",
    "triangle-right",
    "triangle-left",
)
SOLID, DASHED = [1, 0], [5, 4]
FONT = "system-ui, -apple-system, Segoe UI, Roboto, sans-serif"
IMPORTED = "imported, unverifiable"
PICK = "pick"
MUTED_OPACITY = 0.1


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot: `id` names its file, `title` and `caption` stand at it, `desc` is for those who cannot see it."""

    id: str
    title: str
    caption: str
    desc: str
    spec: Spec


@dataclass(frozen=True, slots=True)
class Series:
    """One entry of one study: the name in the legend, and how it is drawn; imported ones hollow and dashed."""

    label: str
    colour: str
    shape: str
    imported: bool
    subjects: tuple[Subject, ...]


def colours_of(entries: Iterable[str]) -> dict[str, int]:
    """The number of each entry by its name, in order of appearance: one colour and shape on all of a page."""
    return {entry: number for number, entry in enumerate(dict.fromkeys(entries))}


def series_of(studies: Sequence[Study], numbers: Mapping[str, int] | None = None) -> list[Series]:
    """The series of studies that stand in one plot; subjects rise in concurrency.

    `numbers` are those of `colours_of` over a whole page; without them these studies are the page.
    """
    found = colours_of(entries_of(*studies)) if numbers is None else numbers
    several = sum(study.origin == "imported" for study in studies) > 1
    series = []
    for study in studies:
        for entry in entries_of(study):
            mine = sorted((s for s in study.subjects if s.entry == entry), key=lambda s: s.concurrency)
            number = found.get(entry, len(found))
            series.append(
                Series(
                    label=_label(study, entry, several=several),
                    colour=COLOURS[number % len(COLOURS)],
                    shape=SHAPES[number % len(SHAPES)],
                    imported=study.origin == "imported",
                    subjects=tuple(mine),
                )
            )
    return series


def _label(study: Study, entry: str, *, several: bool) -> str:
    name = plain_text(entry, 60)
    if study.origin != "imported":
        return name
    return f"{name} ({plain_text(study.name, 40)}, {IMPORTED})" if several else f"{name} ({IMPORTED})"


# --- parts of specifications ------------------------------------------------------------------------------


def base(width: int, height: int, title: str, values: Sequence[Mapping[str, object]]) -> Spec:
    """What every specification begins with: size in pixels, the unit as a small title, the data."""
    return {
        "$schema": SCHEMA,
        "width": width,
        "height": height,
        "autosize": {"type": "fit", "contains": "padding"},
        "background": None,
        "padding": 4,
        "title": {"text": title},
        "data": {"values": list(values)},
        "config": config(),
    }


def config() -> Spec:
    """Fonts, colours and lines of all plots."""
    return {
        "font": FONT,
        "aria": False,
        "view": {"stroke": None},
        "title": {
            "anchor": "start",
            "frame": "group",
            "fontSize": 12,
            "fontWeight": "normal",
            "color": MUTED,
            "offset": 10,
        },
        "axis": {
            "labelColor": MUTED,
            "titleColor": MUTED,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "titlePadding": 8,
            "gridColor": GRID,
            "domainColor": MUTED,
            "tickColor": MUTED,
            "labelOverlap": "greedy",
        },
        "legend": {
            "orient": "bottom",
            "title": None,
            "columns": 4,
            "offset": 8,
            "columnPadding": 18,
            "labelColor": INK,
            "labelFontSize": 12,
            "labelLimit": 400,
            "symbolSize": 90,
            "symbolOpacity": 1,
            "symbolStrokeWidth": 2,
        },
    }


def by_series(series: Sequence[Series], attribute: str) -> Spec:
    """The scale from the label of a series to its colour, shape, fill or dash."""
    ranges: dict[str, list[object]] = {
        "colour": [each.colour for each in series],
        "fill": [PAPER if each.imported else each.colour for each in series],
        "shape": [each.shape for each in series],
        "dash": [DASHED if each.imported else SOLID for each in series],
    }
    return {"domain": [each.label for each in series], "range": ranges[attribute]}


def coloured(series: Sequence[Series]) -> Spec:
    """The stroke by series."""
    return {"field": "series", "type": "nominal", "scale": by_series(series, "colour"), "legend": {}}


def points(series: Sequence[Series], x: Spec, y: Spec, tooltip: Sequence[Spec], size: int = 90) -> Spec:
    """The layer of marks at the values, with the legend: hollow where imported or suspect ("open" is true)."""
    field = {"field": "series", "type": "nominal"}
    hollow = {"test": "datum.open", "value": PAPER}
    return {
        "params": [
            {"name": PICK, "select": {"type": "point", "fields": ["series"], "toggle": "true"}, "bind": "legend"}
        ],
        "mark": {"type": "point", "filled": True, "size": size, "strokeWidth": 2, "opacity": 1},
        "encoding": {
            "x": x,
            "y": y,
            "stroke": {**field, "scale": by_series(series, "colour"), "legend": {}},
            "fill": {**field, "scale": by_series(series, "fill"), "condition": hollow, "legend": {}},
            "shape": {**field, "scale": by_series(series, "shape"), "legend": {}},
            "opacity": mutable(),
            "tooltip": list(tooltip),
        },
    }


def mutable(opacity: float = 1.0) -> Spec:
    """Opacity that falls where the reader has chosen another series in the legend."""
    return {"condition": {"param": PICK, "value": opacity}, "value": MUTED_OPACITY}


def log_ticks(low: float, high: float, most: int = 8) -> list[float]:
    """Round numbers between two positive values, the finest row of them that has at most `most`."""
    if not 0 < low <= high:
        return []
    inside: list[float] = []
    for steps in ((1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        ticks = [float(f"{step}e{power}") for power in range(-6, 10) for step in steps]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) <= most:
            return inside
    return inside[:: -(-len(inside) // most)]


def log_axis(values: Sequence[float], title: str, pad: float = 1.15) -> Spec:
    """A logarithmic scale over positive values with some room, and ticks at round numbers."""
    low, high = min(values) / pad, max(values) * pad
    return {
        "type": "quantitative",
        "scale": {"type": "log", "domain": [low, high], "nice": False},
        "axis": {"values": log_ticks(low, high), "format": ",~f", "title": title, "grid": True},
    }

"""Charts over machines: for each model and workload, throughput by users, one small plot for each entry. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from kit.metrics.registry import METRICS, THROUGHPUT
from kit.report.board.lines import Line
from kit.report.plots.style import COLOURS, PAPER, SHAPES, Plot, Spec, base, log_axis
from kit.text import number

WIDTH, HEIGHT = 380, 250
MAX_MACHINES = 12  # more lines in one plot cannot be told apart
MAX_CHARTS = 36  # of a page
# The marks of the legend, as Vega draws them, in a square of 16.
MARKS = {
    "circle": "M8 3a5 5 0 1 0 0 10 5 5 0 1 0 0-10z",
    "square": "M3.6 3.6h8.8v8.8H3.6z",
    "triangle-up": "M8 3.5l5 9H3z",
    "diamond": "M8 2.5L13.5 8 8 13.5 2.5 8z",
    "cross": "M6.4 3h3.2v3.4H13v3.2H9.6V13H6.4V9.6H3V6.4h3.4z",
    "triangle-down": "M8 12.5l5-9H3z",
    "triangle-right": "M12.5 8l-9 5V3z",
    "triangle-left": "M3.5 8l9 5V3z",
}


@dataclass(frozen=True, slots=True)
class Key:
    """One machine in the legend of a group of charts: its colour, and its mark as a path."""

    machine: str
    colour: str
    path: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One entry on all machines that measured it."""

    entry: str
    runtime: str
    plot: Plot


@dataclass(frozen=True, slots=True)
class Group:
    """The charts of one model under one workload, which may be compared; `left_out` machines are not drawn."""

    model: str
    workload: str
    keys: tuple[Key, ...]
    charts: tuple[Chart, ...]
    left_out: int


def groups_of(lines: Sequence[Line]) -> tuple[Group, ...]:
    """One group for each model and workload with figures, at most `MAX_CHARTS` charts in all.

    `lines` as `lines_of` gives them: those of a model and workload together.
    """
    drawn = [line for line in lines if line.figures[0].value]
    groups: list[Group] = []
    room = MAX_CHARTS
    for number_, ((model, workload), mine) in enumerate(
        groupby(drawn, key=lambda line: (line.model, line.workload))
    ):
        made = _group(number_, model, workload, list(mine), room)
        room -= len(made.charts)
        if made.charts:
            groups.append(made)
    return tuple(groups)


def _group(number_: int, model: str, workload: str, lines: Sequence[Line], room: int) -> Group:
    machines = list(dict.fromkeys(line.machine for line in lines))  # the fastest first
    shown = {machine: at for at, machine in enumerate(machines[:MAX_MACHINES])}
    drawn = [line for line in lines if line.machine in shown]
    keys = tuple(
        Key(machine, COLOURS[at % len(COLOURS)], MARKS[SHAPES[at % len(SHAPES)]]) for machine, at in shown.items()
    )
    entries = sorted({(line.runtime, line.entry) for line in drawn})[:room]
    charts = tuple(
        _chart(f"chart-{number_}-{at}", runtime, entry, drawn, shown)
        for at, (runtime, entry) in enumerate(entries)
    )
    return Group(model, workload, keys, charts, len(machines) - len(shown))


def _chart(id_: str, runtime: str, entry: str, lines: Sequence[Line], shown: dict[str, int]) -> Chart:
    """One entry; the axes are those of the whole group, so that its charts can be held side by side."""
    mine = [line for line in lines if line.entry == entry and line.runtime == runtime]
    rows = [_row(line) for line in sorted(mine, key=lambda line: line.users)]
    levels = sorted({line.users for line in lines})
    x: Spec = {
        "field": "users",
        "type": "quantitative",
        "scale": {"type": "log", "base": 2, "domain": [levels[0] / 1.2, levels[-1] * 1.2], "nice": False},
        "axis": {"values": levels, "format": "d", "grid": False, "title": "concurrent users"},
    }
    y: Spec = {"field": "tokens", **log_axis([_tokens(line) for line in lines], "")}
    y["axis"] |= {"title": None, "domain": False, "ticks": False}
    spec = base(WIDTH, HEIGHT, "tokens/s, all users together (log)", rows)
    machines = list(shown)
    colour: Spec = {
        "field": "machine",
        "type": "nominal",
        "scale": {"domain": machines, "range": [COLOURS[at % len(COLOURS)] for at in range(len(machines))]},
        "legend": None,
    }
    shape: Spec = {
        "field": "machine",
        "type": "nominal",
        "scale": {"domain": machines, "range": [SHAPES[at % len(SHAPES)] for at in range(len(machines))]},
        "legend": None,
    }
    fill: Spec = {**colour, "condition": {"test": "datum.open", "value": PAPER}}
    spec["layer"] = [
        {
            "mark": {"type": "line", "strokeWidth": 1.8},
            "encoding": {"x": x, "y": y, "stroke": colour, "detail": {"field": "bundle"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 70, "strokeWidth": 2, "opacity": 1},
            "encoding": {"x": x, "y": y, "stroke": colour, "fill": fill, "shape": shape},
        },
    ]
    return Chart(entry, runtime, Plot(id_, entry, _caption(mine, rows), _said(entry, mine), spec))


def _row(line: Line) -> Spec:
    return {
        "machine": line.machine,
        "bundle": line.exhibit.identity,
        "users": line.users,
        "tokens": _tokens(line),
        "open": line.figures[0].shown.suspect,
    }


def _tokens(line: Line) -> float:
    return float(f"{line.figures[0].value or 0.0:.6g}")


def _caption(lines: Sequence[Line], rows: Sequence[Spec]) -> str:
    bundles, machines = len({line.exhibit.identity for line in lines}), len({line.machine for line in lines})
    words = f"{bundles} bundle{'s' * (bundles != 1)}, {machines} machine{'s' * (machines != 1)}."
    return words + " Open marks are SUSPECT." * any(row["open"] for row in rows)


def _said(entry: str, lines: Sequence[Line]) -> str:
    """The values themselves in words, as far as a description should go."""
    metric = METRICS[THROUGHPUT]
    said = "; ".join(
        f"{line.machine}: {number(line.figures[0].value, metric.digits)} {metric.unit} at {line.users}"
        for line in lines[:24]
    )
    return f"Throughput of {entry} by number of concurrent users. {said}."

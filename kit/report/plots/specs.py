"""Throughput vs. concurrency, latency against throughput, and several runs at a glance. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kit.documents.study import Study, Subject
from kit.judge.study import is_complete, median_interval_of, suspicions_of
from kit.metrics.registry import DECODE, METRICS, THROUGHPUT, TTFT_P50
from kit.report.plots.fields import escaped, field, interval_text, plain_axis, short, tooltip
from kit.report.plots.front import front_of
from kit.report.plots.style import (
    INK,
    MUTED,
    Plot,
    Series,
    Spec,
    base,
    by_series,
    coloured,
    log_axis,
    mutable,
    points,
    series_of,
)
from kit.text import number, plain_text

WIDTH, HEIGHT = 680, 340
MAX_LABELS = 16
SUSPECT_WORDS = "Open marks are SUSPECT: the load generator may have distorted them (see Warnings). "
IMPORTED_WORDS = (
    "Hollow marks on dashed lines are imported: measured by others with another method, not verifiable. "
)
BAR_WORDS = "Shaded bars are 95 % intervals over the replicates. "
NO_BAR_WORDS = "No intervals: they need three replicates. "


def throughput(studies: Sequence[Study], id_: str, numbers: Mapping[str, int] | None = None) -> Plot | None:
    """Tokens per second of all users together against how many they are; None where nothing was measured."""
    series = series_of(studies, numbers)
    rows = [row for each in series for row in _rows(each, (THROUGHPUT,))]
    if not rows:
        return None
    levels = sorted({int(row["users"]) for row in rows})
    x: Spec = {
        "field": "users",
        "type": "quantitative",
        "scale": {"type": "log", "base": 2, "domain": [levels[0] / 1.15, levels[-1] * 1.15], "nice": False},
        "axis": {"values": levels, "format": "d", "grid": False, "title": "concurrent users"},
    }
    y: Spec = {"field": THROUGHPUT, "type": "quantitative", "scale": {"zero": True}, "axis": plain_axis()}
    spec = base(WIDTH, HEIGHT, "tokens/s, all users together", [escaped(row) for row in rows])
    spec["layer"] = [
        *([_bars(series, x, THROUGHPUT)] if any("low" in row for row in rows) else []),
        _line(series, x, field(y, THROUGHPUT)),
        points(series, x, field(y, THROUGHPUT), tooltip((THROUGHPUT, "tokens/s"))),
    ]
    return Plot(
        id=id_,
        title="Throughput vs. concurrency",
        caption="Higher is better. Tokens that arrived in the window / its length. " + _notes(rows, series),
        desc="Throughput in tokens per second by number of concurrent users. "
        + _said(series, THROUGHPUT, "tok/s"),
        spec=spec,
    )


def pareto(studies: Sequence[Study], id_: str, numbers: Mapping[str, int] | None = None) -> Plot | None:
    """Throughput against the wait for the first token (against the pace of one user where nobody knows that)."""
    series = series_of(studies, numbers)
    for path, title in (
        (TTFT_P50, "time to first token, p50 (ms, log)"),
        (DECODE, "decode (tokens/s per user, log)"),
    ):
        rows = [
            row
            for each in series
            for row in _rows(each, (path, THROUGHPUT), (DECODE,))
            if float(str(row[path])) > 0
        ]
        if rows:
            return _pareto(series, rows, id_, path, title, low=METRICS[path].better == "lower")
    return None


def _pareto(series: Sequence[Series], rows: list[Spec], id_: str, path: str, title: str, *, low: bool) -> Plot:
    x = {"field": path, **log_axis([row[path] for row in rows], title, pad=1.25)}
    y: Spec = {"field": THROUGHPUT, "type": "quantitative", "scale": {"zero": True}, "axis": plain_axis()}
    believed = [row for row in rows if not row["open"]]
    front = front_of([(row[path], row[THROUGHPUT], row.get(DECODE)) for row in believed], low=low)
    for row in rows:
        row["front"] = not row["open"] and (row[path], row[THROUGHPUT], row.get(DECODE)) in front
    _label(rows)
    spec = base(WIDTH, HEIGHT, "tokens/s, all users together", [escaped(row) for row in rows])
    xy = field(x, path), field(y, THROUGHPUT)
    unit = METRICS[path].label
    spec["layer"] = [
        *([_front(*xy)] if front else []),
        _line(series, *xy, width=1.2, order="users"),
        points(series, *xy, tooltip((THROUGHPUT, "tokens/s"), (path, unit))),
        {
            "mark": {"type": "text", "dx": 9, "dy": -9, "align": "left", "fontSize": 11, "color": INK},
            "encoding": {"x": xy[0], "y": xy[1], "text": {"field": "label"}, "opacity": mutable()},
        },
    ]
    side = "left" if low else "right"
    return Plot(
        id=id_,
        title="Latency vs. throughput",
        caption=f"Up and {side} is better; numbers are concurrent users. The grey band is the Pareto front: "
        f"nothing else measured is as good in {_dimensions(path)}. " + _notes(rows, series, bars=False),
        desc=f"Throughput vs. {unit} by entry and number of users. On the Pareto front: "
        + (", ".join(f"{row['series']} at {row['users']}" for row in rows if row["front"]) or "nothing")
        + ".",
        spec=spec,
    )


def _label(rows: Sequence[Spec]) -> None:
    """The number of users at each mark, or only at the ends of each series where there are too many to read."""
    ends: dict[str, list[int]] = {}
    for row in rows:
        ends.setdefault(row["series"], []).append(row["users"])
    for row in rows:
        mine = ends[row["series"]]
        shown = len(rows) <= MAX_LABELS or row["users"] in (mine[0], mine[-1])
        row["label"] = str(row["users"]) if shown else ""


def _front(x: Spec, y: Spec) -> Spec:
    """A broad pale band through the points of the front."""
    return {
        "transform": [{"filter": "datum.front"}],
        "mark": {"type": "line", "strokeWidth": 9, "opacity": 0.18, "stroke": MUTED, "strokeCap": "round"},
        "encoding": {"x": x, "y": y, "order": {"field": THROUGHPUT, "type": "quantitative"}},
    }


def _dimensions(path: str) -> str:
    """What the front is of: with the TTFT on the axis the decode of each user counts, too."""
    return "throughput, TTFT and decode" if path == TTFT_P50 else "both"


def overview(studies: Sequence[tuple[str, Study]], numbers: Mapping[str, int] | None = None) -> Plot | None:
    """The highest throughput of each entry of several runs, a row for each (name, study); None without figures."""
    series = {each.label: each for _, study in studies for each in series_of([study], numbers)}
    rows: list[Spec] = []
    for name, study in studies:
        for each in series_of([study], numbers):
            found = _rows(each, (THROUGHPUT,))
            if found:
                rows.append({**max(found, key=lambda row: float(row[THROUGHPUT])), "run": plain_text(name, 60)})
    rows = [row for row in rows if row[THROUGHPUT] > 0]
    if not rows:
        return None
    x = {"field": THROUGHPUT, **log_axis([row[THROUGHPUT] for row in rows], "tokens/s, all users together (log)")}
    names = list(dict.fromkeys(row["run"] for row in rows))
    y: Spec = {
        "field": "run",
        "type": "nominal",
        "sort": names,
        "axis": {"title": None, "grid": True, "domain": False, "ticks": False, "labelLimit": 260},
    }
    spec = base(WIDTH, 90 + 34 * len(names), "", [escaped(row) for row in rows])
    del spec["title"]
    tooltips = [{"field": "run", "title": "run"}, *tooltip((THROUGHPUT, "tokens/s"))]
    spec["layer"] = [points(list(series.values()), field(x, THROUGHPUT), y, tooltips)]
    return Plot(
        id="overview",
        title="Highest throughput per entry",
        caption="Each at its best number of users. Do not compare different machines or models: read along a "
        "row. " + _notes(rows, list(series.values()), bars=False),
        desc="Highest throughput per entry: "
        + "; ".join(f"{row['run']}, {row['series']}: {number(row[THROUGHPUT], 1)} tok/s" for row in rows[:20]),
        spec=spec,
    )


# --- rows and layers --------------------------------------------------------------------------------------


def _rows(series: Series, paths: Sequence[str], more: Sequence[str] = ()) -> list[Spec]:
    """One row for each concurrency that has all `paths`, with the interval of the throughput; `more` may lack."""
    rows = []
    for subject in series.subjects:
        intervals = [median_interval_of(subject, path) for path in paths]
        if any(interval.median is None for interval in intervals):
            continue
        row: Spec = {path: short(interval.median) for path, interval in zip(paths, intervals, strict=True)}
        beside = {path: median_interval_of(subject, path).median for path in more if path not in paths}
        row |= {path: short(value) for path, value in beside.items() if value is not None}
        of_all = intervals[list(paths).index(THROUGHPUT)]
        suspect = bool(suspicions_of(subject))
        for path, interval in zip(paths, intervals, strict=True):
            row[f"{path}_interval"] = interval_text(interval)
        row |= {
            "series": series.label,
            "users": subject.concurrency,
            "open": series.imported or suspect,
            "note": _note(subject, imported=series.imported, suspect=suspect),
        }
        if of_all.low is not None and of_all.high is not None:
            row |= {"low": short(of_all.low), "high": short(of_all.high)}
        rows.append(row)
    return rows


def _note(subject: Subject, *, imported: bool, suspect: bool) -> str:
    measured = sum(trial.status == "measured" for trial in subject.trials)
    words = [f"{measured} of {len(subject.trials)}" if not is_complete(subject) else str(measured)]
    words += ["imported"] * imported + ["SUSPECT"] * suspect
    return ", ".join(words)


def _notes(rows: Sequence[Spec], series: Sequence[Series], *, bars: bool = True) -> str:
    """What a caption says of the kinds of marks that are there."""
    words = ""
    if bars:
        words += BAR_WORDS if any("low" in row for row in rows) else NO_BAR_WORDS
    if any("SUSPECT" in row["note"] for row in rows):
        words += SUSPECT_WORDS
    if any(each.imported for each in series):
        words += IMPORTED_WORDS
    return words.strip()


def _said(series: Sequence[Series], path: str, unit: str) -> str:
    """The values themselves in words, as far as a description should go."""
    parts = []
    for each in series[:12]:
        values = [(row["users"], row[path]) for row in _rows(each, (path,))]
        if values:
            said = ", ".join(f"{number(value, 1)} at {users}" for users, value in values)
            parts.append(f"{each.label}: {said} {unit}")
    return "; ".join(parts) + "."


def _bars(series: Sequence[Series], x: Spec, path: str) -> Spec:
    """Intervals over replicates as broad, pale bars behind the marks."""
    y: Spec = {"field": "low", "type": "quantitative", "scale": {"zero": True}, "axis": plain_axis()}
    return {
        "transform": [{"filter": "isValid(datum.low)"}],
        "mark": {"type": "rule", "strokeWidth": 9, "strokeCap": "butt"},
        "encoding": {
            "x": x,
            "y": y,
            "y2": {"field": "high"},
            "stroke": coloured(series),
            "opacity": mutable(0.3),
            "tooltip": tooltip((path, "tokens/s")),
        },
    }


def _line(series: Sequence[Series], x: Spec, y: Spec, width: float = 2, order: str | None = None) -> Spec:
    encoding: Spec = {
        "x": x,
        "y": y,
        "stroke": coloured(series),
        "strokeDash": {"field": "series", "type": "nominal", "scale": by_series(series, "dash"), "legend": {}},
        "opacity": mutable(0.9),
    }
    if order:
        encoding["order"] = {"field": order, "type": "quantitative"}
    return {"mark": {"type": "line", "strokeWidth": width}, "encoding": encoding}

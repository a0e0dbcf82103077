"""Quantiles of TTFT and ITL for each entry and concurrency, and their plot. Pure; samples never reach a page."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from kit.documents import Record, Window
from kit.documents.study import Study, Subject
from kit.judge.study import median_interval_of, suspicions_of
from kit.metrics.limits import SAMPLE_FLOORS
from kit.metrics.stats import milliseconds, nearest_rank
from kit.metrics.timing import sent_in, timing
from kit.report.plots.specs import IMPORTED_WORDS, SUSPECT_WORDS, WIDTH
from kit.report.plots.style import (
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
from kit.text import number

Times: TypeAlias = Literal["ttft_ms", "itl_ms"]
TITLES: Mapping[Times, str] = {"ttft_ms": "Time to first token", "itl_ms": "Inter-token latency"}
# More values than this are thinned for the quantiles: a million are as good as ten, and sorting takes memory.
SORT_UP_TO = 1_000_000
ROW_PX, LEVEL_GAP_PX = 15, 10


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Of one entry at one concurrency, in ms; None where there are too few samples or nobody knows.

    `n` is the number of samples of all replicates together, None where nobody knows.
    """

    entry: str
    concurrency: int
    n: int | None
    least: float | None
    p25: float | None
    p50: float
    p75: float | None
    p90: float | None
    p99: float | None
    most: float | None


def quantiles(entry: str, concurrency: int, values_ns: Sequence[int]) -> Quantiles | None:
    """The quantiles of integer nanoseconds, nearest rank; None of nothing."""
    n = len(values_ns)
    if not n:
        return None
    step = -(-n // SORT_UP_TO)
    ordered = sorted(values_ns[::step])

    def at(permille: int) -> float | None:
        return _short(milliseconds(nearest_rank(ordered, permille))) if n >= SAMPLE_FLOORS[permille] else None

    return Quantiles(
        entry=entry,
        concurrency=concurrency,
        n=n,
        least=_short(milliseconds(min(values_ns))),
        p25=at(250),
        p50=_short(milliseconds(nearest_rank(ordered, 500))),
        p75=at(750),
        p90=at(900),
        p99=at(990),
        most=_short(milliseconds(max(values_ns))),
    )


def times_of(records: Iterable[Record], window: Window, which: Times, method: int = 1) -> array[int]:
    """The TTFTs, or all ITLs, of the ok requests sent in the window, ns (as kit.metrics.aggregate takes them)."""
    found: array[int] = array("q")
    for record in records:
        if record.outcome != "ok" or not sent_in(record, window):
            continue
        times = timing(record, method)
        if which == "itl_ms":
            found.extend(times.itl_ns)
        elif times.ttft_ns is not None:
            found.append(times.ttft_ns)
    return found


def stated(subject: Subject, which: Times) -> Quantiles | None:
    """The quantiles of a subject without records, from the percentiles that it states."""

    def at(part: str) -> float | None:
        return median_interval_of(subject, f"{which}.{part}").median

    p50 = at("p50")
    if p50 is None:
        return None
    return Quantiles(
        subject.entry, subject.concurrency, None, at("min"), None, p50, None, at("p90"), at("p99"), at("max")
    )


def _short(value: float) -> float:
    return float(f"{value:.5g}")


# --- the plot ---------------------------------------------------------------------------------------------


def distribution_plot(
    studies: Sequence[Study],
    found: Mapping[tuple[str, int], Quantiles],
    which: Times,
    id_: str,
    numbers: Mapping[str, int] | None = None,
) -> Plot | None:
    """A row for each concurrency and entry. `found` holds what is known from records of the runs among `studies`.

    None where nothing is known.
    """
    series = series_of(studies, numbers)
    rows = [row for each in series for row in _rows(each, found, which)]
    if not rows:
        return None
    rows.sort(key=lambda row: int(row["level"]))
    levels = list(dict.fromkeys(row["users"] for row in rows))
    ends = [value for row in rows for key, value in row.items() if key in ("lo", "p50", "hi")]
    spec = base(WIDTH, len(levels) * (len(series) * ROW_PX + LEVEL_GAP_PX) + 90, "", rows)
    del spec["title"]
    known = set().union(*rows)
    spec["layer"] = _layers(series, log_axis(ends, "ms (log)"), levels, known)
    name = TITLES[which]
    return Plot(
        id=id_,
        title=name,
        caption="Further left is better. Mark: median; thick bar: interquartile range; thin line: minimum to "
        "maximum; ticks: p90 and p99 if there are enough samples. " + _words(which, series, rows),
        desc=f"{name} in ms, medians: "
        + "; ".join(f"{row['series']} at {row['users']}: {number(row['p50'], 1)}" for row in rows[:40]),
        spec=spec,
    )


def _words(which: Times, series: Sequence[Series], rows: Sequence[Spec]) -> str:
    words = "Requests" if which == "ttft_ms" else "Gaps between chunks of text, per token,"
    words += " all replicates pooled. "
    if any("SUSPECT" in row["note"] for row in rows):
        words += SUSPECT_WORDS
    if any(each.imported for each in series):
        words += IMPORTED_WORDS
    return words.strip()


def _rows(series: Series, found: Mapping[tuple[str, int], Quantiles], which: Times) -> list[Spec]:
    rows = []
    for subject in series.subjects:
        known = None if series.imported else found.get((subject.entry, subject.concurrency))
        each = known or stated(subject, which)
        if each is None or each.p50 <= 0:
            continue
        suspect = bool(suspicions_of(subject))
        ends = [v for v in (each.least, each.p25, each.p50, each.p75, each.p90, each.p99, each.most) if v]
        parts = {"p25": each.p25, "p50": each.p50, "p75": each.p75, "p90": each.p90, "p99": each.p99}
        row: Spec = {key: value for key, value in parts.items() if value is not None and value > 0}
        row |= {
            "series": series.label,
            "level": subject.concurrency,
            "users": f"{subject.concurrency} user{'s' * (subject.concurrency > 1)}",
            "lo": min(ends),
            "hi": max(ends),
            "n": "not stated" if each.n is None else f"{each.n:,}",
            "open": series.imported or suspect,
            "note": "SUSPECT" if suspect else "imported" if series.imported else "",
        }
        rows.append(row)
    return rows


def _layers(series: Sequence[Series], x: Spec, levels: Sequence[str], known: set[str]) -> list[Spec]:
    """`known` are the fields that at least one row has: a layer without data would be an empty scale."""
    where: Spec = {
        "y": {
            "field": "users",
            "type": "nominal",
            "sort": list(levels),
            "scale": {"paddingInner": 0.16, "paddingOuter": 0.05},
            "axis": {"title": None, "domain": False, "ticks": False, "grid": True, "gridDash": [1, 3]},
        },
        "yOffset": {"field": "series", "type": "nominal", "sort": [each.label for each in series]},
        "tooltip": _tooltip(),
    }
    layers = [_bar(series, x, where, "lo", "hi", 1.5, 0.75)]
    if {"p25", "p75"} <= known:
        layers.append(_bar(series, x, where, "p25", "p75", 7, 0.4))
    layers += [
        _stroke(series, x, where, field, size) for field, size in (("p90", 7), ("p99", 11)) if field in known
    ]
    marks = points(series, {**x, "field": "p50"}, where["y"], where["tooltip"], size=52)
    marks["encoding"]["yOffset"] = where["yOffset"]
    return [*layers, marks]


def _tooltip() -> list[Spec]:
    parts = (("lo", "least"), ("p25",) * 2, ("p50",) * 2, ("p75",) * 2, ("p90",) * 2, ("p99",) * 2, ("hi", "most"))
    return [
        {"field": "series", "title": "entry"},
        {"field": "users", "title": "at"},
        *({"field": key, "title": title, "format": ",.2f", "type": "quantitative"} for key, title in parts),
        {"field": "n", "title": "samples"},
        {"field": "note", "title": "note"},
    ]


def _bar(
    series: Sequence[Series], x: Spec, where: Spec, low: str, high: str, width: float, opacity: float
) -> Spec:
    return {
        "transform": [{"filter": f"isValid(datum.{low}) && isValid(datum.{high})"}],
        "mark": {"type": "rule", "strokeWidth": width},
        "encoding": {
            **where,
            "x": {**x, "field": low},
            "x2": {"field": high},
            "stroke": coloured(series),
            "strokeDash": {"field": "series", "scale": by_series(series, "dash"), "legend": {}},
            "opacity": mutable(opacity),
        },
    }


def _stroke(series: Sequence[Series], x: Spec, where: Spec, field: str, size: int) -> Spec:
    return {
        "transform": [{"filter": f"isValid(datum.{field})"}],
        "mark": {"type": "tick", "thickness": 2, "size": size, "orient": "vertical"},
        "encoding": {**where, "x": {**x, "field": field}, "color": coloured(series), "opacity": mutable()},
    }

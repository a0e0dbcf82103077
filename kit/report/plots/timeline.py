"""A token timeline: every request of a stretch of one cell a row, every piece of text a mark. Pure.

Batching shows as marks of several rows below each other, a stall as a hole in all rows, head-of-line blocking as
long thin lines (waiting) that end when another row does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kit.documents import Record, Window
from kit.report.plots.style import COLOURS, INK, MUTED, Plot, Spec, base
from kit.text import number, plain_text

MAX_ROWS = 32
MAX_MARKS = 4000
# The lengths a stretch may have: round numbers are easier to read than the exact most.
STRETCHES_S = (60, 40, 30, 20, 15, 12, 10, 8, 6, 5, 4, 3, 2.5, 2, 1.5, 1, 0.7, 0.5, 0.3, 0.2, 0.1)
WIDTH, ROW_PX = 560, 13
NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Stream:
    """One request in the stretch; seconds since its start, None where it lies outside. `marks` are chunks."""

    id: int
    sent_s: float
    first_s: float | None
    last_s: float | None
    marks: tuple[float, ...]
    outcome: str
    tokens: int | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """A stretch of a cell: from `start_s` of its window on, `length_s` long.

    `overlapping` is how many requests there were in it, of which `streams` are the first.
    """

    cell: str
    entry: str
    concurrency: int
    start_s: float
    length_s: float
    window_s: float
    streams: tuple[Stream, ...]
    overlapping: int


def stretch_of(records: Sequence[Record], window: Window, marks: int = MAX_MARKS) -> float:
    """How long a stretch in the middle of the window may be, seconds: at most 32 requests and so many marks.

    More requests than that at once are cut to 32, and the marks decide.
    """
    whole_s = (window.end_ns - window.start_ns) / NS_PER_S
    fitting = [length for length in STRETCHES_S if length <= whole_s] or [whole_s]
    crowded = len(_overlapping(records, *_middle(window, fitting[-1]))) > MAX_ROWS
    for length_s in fitting:
        start_ns, end_ns = _middle(window, length_s)
        there = _overlapping(records, start_ns, end_ns)
        shown = there[:MAX_ROWS]
        count = sum(start_ns <= at < end_ns for record in shown for at, _, _ in record.chunks)
        if (crowded or len(there) <= MAX_ROWS) and count <= marks:
            return length_s
    return fitting[-1]


def timeline(
    cell: str, entry: str, concurrency: int, records: Sequence[Record], window: Window, length_s: float
) -> Timeline:
    """The stretch of this length in the middle of the window; at most 32 requests, by time of sending."""
    start_ns, end_ns = _middle(window, length_s)
    there = _overlapping(records, start_ns, end_ns)
    return Timeline(
        cell=cell,
        entry=entry,
        concurrency=concurrency,
        start_s=(start_ns - window.start_ns) / NS_PER_S,
        length_s=length_s,
        window_s=(window.end_ns - window.start_ns) / NS_PER_S,
        streams=tuple(_stream(record, start_ns, end_ns) for record in there[:MAX_ROWS]),
        overlapping=len(there),
    )


def _middle(window: Window, length_s: float) -> tuple[int, int]:
    half = round(length_s * NS_PER_S / 2)
    centre = (window.start_ns + window.end_ns) // 2
    return max(window.start_ns, centre - half), min(window.end_ns, centre + half)


def _overlapping(records: Sequence[Record], start_ns: int, end_ns: int) -> list[Record]:
    """Requests that were under way in [start, end), by time of sending."""
    there = [
        record
        for record in records
        if record.sent_ns is not None and record.sent_ns < end_ns and record.done_ns > start_ns
    ]
    return sorted(there, key=lambda record: (record.sent_ns or 0, record.id))


def _stream(record: Record, start_ns: int, end_ns: int) -> Stream:
    stamps = [at for at, _, _ in record.chunks]
    first, last = (stamps[0], stamps[-1]) if stamps else (None, None)

    def inside(at: int | None) -> float | None:
        """Cut off at the edges: what goes on beyond them is drawn up to them."""
        return None if at is None else _seconds(min(max(at, start_ns), end_ns) - start_ns)

    ended = record.done_ns if first is None else first
    return Stream(
        id=record.id,
        sent_s=inside(record.sent_ns) or 0.0,
        first_s=inside(ended),
        last_s=inside(last),
        marks=tuple(_seconds(at - start_ns) for at in stamps if start_ns <= at < end_ns),
        outcome=record.outcome,
        tokens=record.completion_tokens,
    )


def _seconds(ns: int) -> float:
    return round(ns / NS_PER_S, 4)


# --- the plot ---------------------------------------------------------------------------------------------


def timeline_plot(found: Timeline, id_: str, colour: int = 0, least_rows: int = 6) -> Plot:
    """The plot of a stretch; `colour` is the number of the entry on the page.

    There is room for `least_rows` requests, so that plots side by side have rows of the same height.
    """
    height = max(len(found.streams), least_rows)
    rows = [_row(number_, stream) for number_, stream in enumerate(found.streams)]
    paint = COLOURS[colour % len(COLOURS)]
    entry = plain_text(found.entry, 60)
    spec = base(WIDTH, 70 + ROW_PX * height, "one row per request, in order of sending", rows)
    x: Spec = {
        "type": "quantitative",
        "scale": {"domain": [0, found.length_s], "nice": False},
        "axis": {"title": "seconds", "grid": False, "tickCount": 8},
    }
    y: Spec = {
        "type": "quantitative",
        "scale": {"domain": [-0.7, height - 0.3], "reverse": True, "nice": False},
        "axis": {"title": None, "labels": False, "ticks": False, "grid": False, "domain": False},
    }
    spec["layer"] = [_waiting(x, y), _span(x, y, paint), _marks(x, y, paint), _failed(x, y)]
    users = f"{found.concurrency} user{'s' * (found.concurrency > 1)}"
    return Plot(
        id=id_,
        title=f"{entry} at {users}",
        caption=_caption(found),
        desc=f"Token timeline of {entry} at {users}: {len(rows)} requests in {found.length_s:g} s, with "
        f"{sum(len(stream.marks) for stream in found.streams):,} chunks of text.",
        spec=spec,
    )


def _caption(found: Timeline) -> str:
    words = (
        "the whole window"
        if found.length_s >= found.window_s
        else f"from the middle of the window (from {number(found.start_s, 1)} s of {found.window_s:g} s)"
    )
    words = f"Cell {plain_text(found.cell, 80)}: {found.length_s:g} s, {words}."
    if found.overlapping > len(found.streams):
        words += f" The first {len(found.streams)} of {found.overlapping} requests there."
    return words


def _row(number_: int, stream: Stream) -> Spec:
    return {
        "row": number_,
        "id": stream.id,
        "sent": stream.sent_s,
        "first": stream.first_s,
        "last": stream.last_s,
        "t": list(stream.marks),
        "outcome": stream.outcome,
        "tokens": stream.tokens,
        "wait": round(((stream.first_s or stream.sent_s) - stream.sent_s) * 1000, 1),
    }


def _row_y(y: Spec) -> Spec:
    return {**y, "field": "row"}


def _tooltip() -> list[Spec]:
    return [
        {"field": "id", "title": "request"},
        {"field": "wait", "title": "waiting here (ms)", "format": ",.1f", "type": "quantitative"},
        {"field": "tokens", "title": "tokens"},
        {"field": "outcome", "title": "outcome"},
    ]


def _waiting(x: Spec, y: Spec) -> Spec:
    return {
        "params": [
            {
                "name": "zoom",
                "select": {"type": "interval", "encodings": ["x"], "zoom": "wheel![event.shiftKey]"},
                "bind": "scales",
            }
        ],
        "mark": {"type": "rule", "strokeWidth": 1.2, "stroke": MUTED, "clip": True},
        "encoding": _between(x, y, "sent", "first"),
    }


def _between(x: Spec, y: Spec, start: str, end: str) -> Spec:
    """From one time of a request to another, in its row."""
    return {"x": {**x, "field": start}, "x2": {"field": end}, "y": _row_y(y), "tooltip": _tooltip()}


def _span(x: Spec, y: Spec, paint: str) -> Spec:
    return {
        "transform": [{"filter": "isValid(datum.last)"}],
        "mark": {"type": "rule", "strokeWidth": 9, "stroke": paint, "opacity": 0.16, "clip": True},
        "encoding": _between(x, y, "first", "last"),
    }


def _marks(x: Spec, y: Spec, paint: str) -> Spec:
    """All marks of a request as one broken line: one path in the picture instead of a thousand."""
    return {
        "transform": [
            {"flatten": ["t"]},
            {"calculate": "[0, 1, 2]", "as": "end"},
            {"flatten": ["end"]},
            {"calculate": "datum.end == 2 ? null : datum.row + (datum.end == 0 ? -0.36 : 0.36)", "as": "y"},
        ],
        "mark": {"type": "line", "strokeWidth": 1, "stroke": paint, "clip": True},
        "encoding": {
            "x": {**x, "field": "t"},
            "y": {**y, "field": "y"},
            "detail": {"field": "row"},
            "order": {"value": None},
        },
    }


def _failed(x: Spec, y: Spec) -> Spec:
    return {
        "transform": [{"filter": "datum.outcome == 'failed'"}],
        "mark": {
            "type": "point",
            "shape": "cross",
            "angle": 45,
            "size": 60,
            "filled": True,
            "color": INK,
            "clip": True,
        },
        "encoding": {"x": {**x, "field": "first"}, "y": _row_y(y), "tooltip": _tooltip()},
    }

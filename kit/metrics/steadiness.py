"""Whether a server kept its pace over a window. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from kit.documents import Record, Window
from kit.metrics.limits import MIN_STEADY_CHUNKS, MIN_STEADY_PARTS, STEADY_PARTS, STEADY_WAITS


def slowest_part(records: Sequence[Record], window: Window) -> float | None:
    """The chunks of the slowest part of the window, as a share of the median part; None where it says nothing."""
    length_ns = window.end_ns - window.start_ns
    waits = [
        record.chunks[0][0] - record.sent_ns for record in records if record.chunks and record.sent_ns is not None
    ]
    if not waits:
        return None
    parts = min(STEADY_PARTS, length_ns // max(1, round(STEADY_WAITS * median(waits))))
    if parts < MIN_STEADY_PARTS:
        return None
    counts = [0] * parts
    for record in records:
        for chunk in record.chunks:
            if window.start_ns <= chunk[0] < window.end_ns:
                counts[(chunk[0] - window.start_ns) * parts // length_ns] += 1
    usual = median(counts)
    return min(counts) / usual if usual >= MIN_STEADY_CHUNKS else None

"""Whether a server kept its pace over a window. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from operator import le
from statistics import median

from kit.documents import Record, Window
from kit.documents.chunks import stamps_of
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
    # The first stamp of each part, and the end: (at - start) * parts // length is the part that `at` is in.
    bounds = [window.start_ns - (-part * length_ns // parts) for part in range(parts)] + [window.end_ns]
    for record in records:
        stamps = stamps_of(record.chunks)
        if not all(map(le, stamps, stamps[1:])):
            stamps = sorted(stamps)
        places = [bisect_left(stamps, bound) for bound in bounds]
        for part, (first, end) in enumerate(pairwise(places)):
            counts[part] += end - first
    usual = median(counts)
    return min(counts) / usual if usual >= MIN_STEADY_CHUNKS else None

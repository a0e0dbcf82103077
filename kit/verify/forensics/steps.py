"""Whether streams get their chunks together, as a server that batches gives them, or one by one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log


@dataclass(frozen=True, slots=True)
class Together:
    """Of the chunks that came while another stream was on: their number, the part with a chunk of another stream

    within `within_ns`, and the part that independent streams of the same pace would have.
    """

    chunks: int
    observed: float
    expected: float
    within_ns: int

    @property
    def excess(self) -> float:
        """0 where streams are independent, 1 where they always step together."""
        return (self.observed - self.expected) / (1 - self.expected)


def together(streams: Sequence[Sequence[int]], within_ns: int, most_expected: float) -> Together | None:
    """How the streams step; the reach is made shorter where more than `most_expected` would meet by chance."""
    others = _others(streams)
    if not others:
        return None
    mean_rate = sum(rate for _, _, rate in others) / len(others)
    limit = -log(1 - most_expected) / (2 * mean_rate)
    reach = int(min(within_ns, limit))
    hits = _hits(sorted((at, stream) for stream, times in enumerate(streams) for at in times), reach)
    observed = sum((at, stream) in hits for at, stream, _ in others)
    expected = sum(1 - exp(-2 * reach * rate) for _, _, rate in others)
    return Together(len(others), observed / len(others), expected / len(others), reach)


def _others(streams: Sequence[Sequence[int]]) -> list[tuple[int, int, float]]:
    """Each chunk that came while another stream was on, with the chunks per ns of those others."""
    events: list[tuple[int, int, int]] = []
    rates = []
    for stream, times in enumerate(streams):
        span = times[-1] - times[0]
        rates.append((len(times) - 1) / span if span else 0.0)
        events.append((times[0], 0, stream))
        events += [(at, 1, stream) for at in times]
        events.append((times[-1], 2, stream))
    events.sort()
    found, live = [], set[int]()
    for at, what, stream in events:
        if what == 0:
            live.add(stream)
        elif what == 2:
            live.discard(stream)
        elif len(live) > 1:
            rate = sum(rates[other] for other in live if other != stream)
            if rate:
                found.append((at, stream, rate))
    return found


def _hits(merged: Sequence[tuple[int, int]], reach: int) -> set[tuple[int, int]]:
    """The chunks with one of another stream within reach; `merged` ascends."""
    found: set[tuple[int, int]] = set()
    last_other: tuple[int, int] | None = None  # the last chunk, and the last one that is of another stream
    last: tuple[int, int] | None = None
    for each in merged:
        if last is not None and last[1] != each[1]:
            last_other = last
        if last_other is not None and last_other[1] != each[1] and each[0] - last_other[0] <= reach:
            found.add(each)
            found.add(last_other)
        last = each
    return found


def interleaved(streams: Sequence[Sequence[int]]) -> tuple[int, int]:
    """How many chunks there are, and how many of them came between the first and the last of another stream."""
    chunks = inside = 0
    spans = sorted((times[0], times[-1]) for times in streams)
    for times in streams:
        own = (times[0], times[-1])
        others = [(start, end) for start, end in spans if start < own[1] and end > own[0] and (start, end) != own]
        chunks += len(times)
        inside += sum(any(start < at < end for start, end in others) for at in times) if others else 0
    return chunks, inside

"""Requests that have the gaps of another request, as they are or scaled. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kit.verify.forensics.limits import COPY_GAPS, COPY_TOLERANCE_PERMILLE, MIN_DISTINCT_GAPS


@dataclass(frozen=True, slots=True)
class Stream:
    """The chunks of one request: where it stands, in which load, and when they came."""

    where: str
    load: int
    times: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Copy:
    """Two streams with the same gaps, those of the second so many times those of the first."""

    first: Stream
    second: Stream
    scale: float


def copies(streams: Iterable[Stream]) -> Iterator[Copy]:
    """Each stream whose first gaps are a multiple of those of an earlier one.

    Streams of one load that are on at the same time are no copies of each other: a server that batches gives all
    of them their chunks in the same steps. Unless one lags behind the other by a constant: no server does that.
    """
    seen: dict[tuple[int, ...], list[tuple[Stream, list[int]]]] = {}
    for stream in streams:
        head = [b - a for a, b in zip(stream.times, stream.times[1 : COPY_GAPS + 1], strict=False)]
        if len(head) < COPY_GAPS or len(set(head)) < MIN_DISTINCT_GAPS:
            continue
        order = tuple(sorted(range(COPY_GAPS), key=head.__getitem__))
        before = seen.setdefault(order, [])
        for other, gaps in before:
            if (other.load == stream.load and _at_once(other, stream, gaps == head)) or not _multiple(gaps, head):
                continue
            yield Copy(other, stream, sum(head) / sum(gaps))
            break
        if len(before) < 8:  # a copy of a copy is one of the first too
            before.append((stream, head))


def _at_once(a: Stream, b: Stream, same: bool) -> bool:
    """Whether a server that batches could have made both."""
    overlap = a.times[0] <= b.times[-1] and b.times[0] <= a.times[-1]
    return overlap and not (same and a.times[0] != b.times[0])


def _multiple(a: Sequence[int], b: Sequence[int]) -> bool:
    """Whether b is a times one factor, but for rounding and a trace of noise."""
    total_a, total_b = sum(a), sum(b)
    slack = total_b * total_a * COPY_TOLERANCE_PERMILLE // (1000 * len(a)) + total_a
    return all(abs(y * total_a - x * total_b) <= slack for x, y in zip(a, b, strict=True))

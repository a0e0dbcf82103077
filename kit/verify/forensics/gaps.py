"""The gaps between the chunks of a request, and what the gaps of a cell look like together. Pure."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import gcd, sqrt

from kit.documents import Record, Window
from kit.documents.chunks import stamps_of
from kit.metrics.aggregate import sent_in


def stamps(record: Record, most: int = sys.maxsize) -> list[int]:
    """When its first chunks came, chunks of one read once."""
    found: list[int] = []
    last: int | None = None
    for at in stamps_of(record.chunks):
        if at != last:
            if len(found) >= most:
                break
            found.append(at)
            last = at
    return found


def gaps(times: Sequence[int]) -> list[int]:
    return [later - earlier for earlier, later in pairwise(times)]


def window_gaps(records: Iterable[Record], window: Window, most: int) -> list[list[int]]:
    """The gaps of the requests sent in the window, one list a request, until there are so many."""
    found: list[list[int]] = []
    count = 0
    for record in records:
        if count >= most:
            break
        if sent_in(record, window):
            found.append(gaps(stamps(record, most - count + 1)))
            count += len(found[-1])
    return found


@dataclass(frozen=True, slots=True)
class Noise:
    """The shape of many gaps. `variation` is their deviation from the mean of their request, over the mean.

    `ties` is the part that is equal to another, `following` the correlation of a gap with the next of its request.
    """

    n: int
    variation: float
    skewness: float
    kurtosis: float
    ties: float
    following: float


def noise(groups: Sequence[Sequence[int]]) -> Noise | None:
    """The shape of the gaps; None if they are all one."""
    rows = [[float(gap) for gap in group] for group in groups if group]
    values = [value for row in rows for value in row]
    n = len(values)
    mean = sum(values) / n if n else 0.0
    square = sum((value - mean) ** 2 for value in values) / n if n else 0.0
    if not square:
        return None
    pairs = [(a - mean) * (b - mean) for row in rows for a, b in pairwise(row)]
    deviation = sqrt(square)
    return Noise(
        n=n,
        variation=sqrt(sum(_spread(row) for row in rows) / n) / mean,
        skewness=sum((value - mean) ** 3 for value in values) / n / deviation**3,
        kurtosis=sum((value - mean) ** 4 for value in values) / n / square**2,
        ties=1 - len(set(values)) / n,
        following=sum(pairs) / len(pairs) / square if pairs else 0.0,
    )


def _spread(row: Sequence[float]) -> float:
    mean = sum(row) / len(row)
    return sum((value - mean) ** 2 for value in row)


def common_step(values: Iterable[int]) -> int:
    """The greatest number of nanoseconds that all of them are multiples of; 0 if there are none."""
    found = 0
    for value in values:
        found = gcd(found, value)
        if found == 1:
            break
    return found


def last_digits(values: Iterable[int]) -> list[int]:
    """How often each last digit stands there."""
    counts = [0] * 10
    for value in values:
        counts[value % 10] += 1
    return counts

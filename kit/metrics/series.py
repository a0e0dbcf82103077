"""A quantity at some moments: between them it is taken as a straight line, beyond them nothing is known."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from kit.documents.telemetry import TelemetrySample


@dataclass(frozen=True, slots=True)
class Series:
    """Values at ascending moments."""

    at_ns: tuple[int, ...]
    values: tuple[int, ...]

    def value(self, at_ns: int) -> Fraction | None:
        """The value at a moment, on the line between its neighbours; None before the first and after the last."""
        right = bisect_left(self.at_ns, at_ns)
        if right == len(self.at_ns):
            return None
        if self.at_ns[right] == at_ns:
            return Fraction(self.values[right])
        if right == 0:
            return None
        before, after = self.at_ns[right - 1], self.at_ns[right]
        rise = self.values[right] - self.values[right - 1]
        return self.values[right - 1] + Fraction(rise * (at_ns - before), after - before)

    def growth(self, start_ns: int, end_ns: int) -> Fraction | None:
        """By how much it grew from one moment to another."""
        first, last = self.value(start_ns), self.value(end_ns)
        return None if first is None or last is None else last - first

    def integral(self, start_ns: int, end_ns: int) -> Fraction | None:
        """The area below it, in its unit times nanoseconds."""
        first, last = self.value(start_ns), self.value(end_ns)
        if first is None or last is None:
            return None
        low, high = bisect_right(self.at_ns, start_ns), bisect_left(self.at_ns, end_ns)
        points = [
            (start_ns, first),
            *(
                (at, Fraction(value))
                for at, value in zip(self.at_ns[low:high], self.values[low:high], strict=True)
            ),
            (end_ns, last),
        ]
        return sum(((y + z) / 2 * (b - a) for (a, y), (b, z) in pairwise(points)), Fraction(0))


def series(samples: Sequence[TelemetrySample], value: Callable[[TelemetrySample], int | None]) -> Series:
    """One quantity of the samples that have it."""
    found = [(each.at_ns, known) for each in samples if (known := value(each)) is not None]
    return Series(tuple(at for at, _ in found), tuple(known for _, known in found))

"""When each token is due: delays from distributions, slots with a queue, steps of a common batch.

No clock in here: times are ns that the caller passes in, so the same arrivals give the same schedule.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Generic, Literal, Protocol, TypeVar

from kit.plan.schedule import u64

LANE = "reference"
STANDARD_NORMAL = NormalDist()

Distribution = Literal["constant", "normal", "lognormal"]
Who = TypeVar("Who")


# --- delays ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delay:
    """A distribution of durations; mean and standard deviation are those of the duration itself."""

    distribution: Distribution
    mean_ns: int
    sd_ns: int = 0


def standard_normal(seed: int, stream: str, index: int) -> float:
    """Draw `index` of a named stream of kit-schedule-1, as a standard normal number."""
    # 52 bits and a half: the quantile is never asked for 0 or 1.
    return STANDARD_NORMAL.inv_cdf(((u64(seed, LANE, stream, index) >> 12) + 0.5) / 2**52)


def drawn_ns(delay: Delay, seed: int, stream: str, index: int) -> int:
    """One duration; a normal draw below zero is zero."""
    if delay.distribution == "constant":
        return delay.mean_ns
    z = standard_normal(seed, stream, index)
    if delay.distribution == "normal":
        return max(0, round(delay.mean_ns + delay.sd_ns * z))
    variance = math.log1p((delay.sd_ns / delay.mean_ns) ** 2)
    return round(delay.mean_ns * math.exp(math.sqrt(variance) * z - variance / 2))


# --- who is served when ---------------------------------------------------------------------------------


class Slots(Generic[Who]):
    """`limit` places (None: as many as needed) and a queue, first come first served.

    A place is passed on at the time it was due to be free, not when somebody got round to it.
    """

    def __init__(self, limit: int | None) -> None:
        self._free = limit
        self._waiting: deque[tuple[Who, int]] = deque()

    def arrive(self, who: Who, at_ns: int) -> int | None:
        """When `who` starts: at once, or None for a place in the queue."""
        if self._free is None:
            return at_ns
        if self._free:
            self._free -= 1
            return at_ns
        self._waiting.append((who, at_ns))
        return None

    def leave(self, at_ns: int) -> tuple[Who, int] | None:
        """A place is free since `at_ns`; who takes it, and from when."""
        if self._free is None:
            return None
        if not self._waiting:
            self._free += 1
            return None
        who, arrived_ns = self._waiting.popleft()
        return who, max(arrived_ns, at_ns)

    def give_up(self, who: Who) -> None:
        """`who` leaves the queue."""
        self._waiting = deque(entry for entry in self._waiting if entry[0] != who)


# --- the pace of one stream -----------------------------------------------------------------------------


class Pace(Protocol):
    """Gives the due times of one stream, each from the last; `instant` says that all are the first one."""

    instant: bool

    def first(self, ready_ns: int) -> int: ...
    def later(self, due_ns: int, tokens: int) -> int:
        """When a chunk of so many tokens is due after one that was due at `due_ns`."""
        ...

    def left(self) -> None: ...


class OwnPace:
    """A stream that waits for nobody: a gap before each token, drawn for this request."""

    def __init__(self, gap: Delay, seed: int, request: int) -> None:
        self.instant = gap == Delay("constant", 0)
        self._gap = gap
        self._seed = seed
        self._stream = f"gap.{request}"
        self._token = 0

    def first(self, ready_ns: int) -> int:
        return ready_ns

    def later(self, due_ns: int, tokens: int) -> int:
        if self._gap.distribution == "constant":
            return due_ns + tokens * self._gap.mean_ns
        start, self._token = self._token, self._token + tokens
        gaps = (drawn_ns(self._gap, self._seed, self._stream, token) for token in range(start, self._token))
        return due_ns + sum(gaps)

    def left(self) -> None:
        """Nobody depends on it."""


class Steps:
    """The steps of a batch that all its streams share; `gap` gives the duration of step n (its mean above zero).

    While nobody is in the batch no steps are made: the next to join begins them anew when it is ready.
    """

    def __init__(self, gap: Callable[[int], int]) -> None:
        self._gap = gap
        self._made = 0
        self._members = 0
        self._times = array("q")

    def join(self, ready_ns: int) -> int:
        """The number of the first step at or after `ready_ns`."""
        if not self._members:
            self._times = array("q", [ready_ns])
        self._members += 1
        while self._times[-1] < ready_ns:
            self._make()
        return bisect_left(self._times, ready_ns)

    def leave(self) -> None:
        self._members -= 1

    def time_ns(self, step: int) -> int:
        while step >= len(self._times):
            self._make()
        return self._times[step]

    def _make(self) -> None:
        self._times.append(self._times[-1] + self._gap(self._made))
        self._made += 1


class CommonPace:
    """A stream in a batch: every token at a step of `steps`."""

    instant = False

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._step: int | None = None

    def first(self, ready_ns: int) -> int:
        self._step = self._steps.join(ready_ns)
        return self._steps.time_ns(self._step)

    def later(self, due_ns: int, tokens: int) -> int:  # noqa: ARG002
        assert self._step is not None
        self._step += tokens
        return self._steps.time_ns(self._step)

    def left(self) -> None:
        if self._step is not None:
            self._step = None
            self._steps.leave()

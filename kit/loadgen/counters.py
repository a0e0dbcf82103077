"""What the processes of one load have in common: its ids, its counts and its end. One process has it to itself.

One class over memory that is private, or that forked processes share (`shared_ledger`). Ids, and whatever decides
the end, change under a lock that the system takes back from a process that dies. Nothing here is touched for a
token, only for a request.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import sys
import tempfile
from array import array
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from kit.documents import Load, Window

ABORT_FROM_REQUESTS = 20  # of fewer that have ended, nobody can say which share fails

# How a load ends.
RUNNING, DONE, INTERRUPTED, ABORTED = range(4)

# The numbers of all processes, then those of each.
_NEXT_ID, _COUNTED, _HOW, _END_NS, _COMMON = range(5)
_IN_FLIGHT, _PIECES, _OK, _FAILED, _SETTLED, _OWN = range(6)
_NUMBER_BYTES = 8


@dataclass(frozen=True, slots=True)
class Share:
    """Process `number` of `of`: every `of`-th worker and arrival is its own, from `number` on."""

    number: int = 0
    of: int = 1

    def below(self, count: int) -> range:
        """Which of `count` are its own."""
        return range(self.number, count, self.of)


@dataclass(frozen=True, slots=True)
class Counts:
    """Of all processes together; `pieces` counts reads of answers, about one per token."""

    pieces: int
    ok: int
    failed: int
    in_flight: int


class Ledger:
    """The books of one load, as one of its processes keeps them."""

    def __init__(
        self,
        load: Load,
        process: Share = Share(),
        numbers: memoryview[int] | None = None,
        lock: AbstractContextManager[object] | None = None,
    ) -> None:
        # Of a load by several clients, each of which is one process, the share is that of the client.
        self.share = process if load.clients == 1 else Share(load.client - 1, load.clients)
        self._process = process
        # The first requests of a closed loop that starts at once: worker k sends number k, whoever is quicker.
        self.firsts = _first_requests(load)
        self._load = load
        self._numbers = _opening(load, process.of) if numbers is None else numbers
        self._lock = contextlib.nullcontext() if lock is None else lock
        self._own = _COMMON + process.number * _OWN
        self._step = load.clients

    def of(self, share: Share) -> Ledger:
        """The same books, for another process."""
        return Ledger(self._load, share, self._numbers, self._lock)

    # --- requests ---------------------------------------------------------------------------------------

    def take(self, at_ns: int) -> int | None:
        """The id of a closed loop's request that begins now; None if no more may begin."""
        numbers = self._numbers
        with self._lock:
            if numbers[_HOW] or self._all_begun():
                return None
            taken = numbers[_NEXT_ID]
            numbers[_NEXT_ID] = taken + self._step
            numbers[_COUNTED] += at_ns >= self._load.warmup_ns
            numbers[self._own + _IN_FLIGHT] += 1
        return taken

    def forgo(self, requests: int) -> None:
        """So many requests that a load by number measures will never be sent: their session has ended early."""
        with self._lock:
            self._numbers[_COUNTED] += requests

    def next_id(self) -> int | None:
        """What `take` will give next, where no other process can be quicker."""
        return self._numbers[_NEXT_ID] if self._process.of == 1 else None

    def arrive(self) -> bool:
        """Whether a request of an open loop may begin now; then it counts as in flight."""
        with self._lock:
            if self._numbers[_HOW]:
                return False
            self._numbers[self._own + _IN_FLIGHT] += 1
        return True

    def ended(self, *, good: bool, failed: bool) -> None:
        """A request is no longer in flight."""
        numbers, own = self._numbers, self._own
        with self._lock:
            numbers[own + _IN_FLIGHT] -= 1
            numbers[own + _OK] += good
            numbers[own + _FAILED] += failed

    def note_pieces(self, pieces: int) -> None:
        """How many pieces this process has read so far."""
        self._numbers[self._own + _PIECES] = pieces

    def counts(self) -> Counts:
        return Counts(self._sum(_PIECES), self._sum(_OK), self._sum(_FAILED), self._sum(_IN_FLIGHT))

    def _sum(self, field: int) -> int:
        return sum(self._numbers[_COMMON + field :: _OWN])

    def _all_begun(self) -> bool:
        """Whether a closed loop by number has begun as many requests as it measures."""
        return self._load.requests is not None and self._numbers[_COUNTED] >= self._load.requests

    # --- the end ----------------------------------------------------------------------------------------

    def settle(self) -> None:
        """This process has sent its last arrival, or no request of the window is on its way here any more."""
        if not self._numbers[self._own + _SETTLED]:
            with self._lock:  # not for the number: whoever reads it next has to see the counts of before too
                self._numbers[self._own + _SETTLED] = 1

    def all_settled(self) -> bool:
        return self._sum(_SETTLED) == self._process.of

    def all_ended(self) -> bool:
        """Whether a load by number has begun and ended all its requests."""
        with self._lock:
            begun = self.all_settled() if self._load.loop.kind == "open" else self._all_begun()
            return begun and not self._sum(_IN_FLIGHT)

    def fails_too_often(self) -> bool:
        """By what can be known before answers are parsed: HTTP status, connections, time-outs."""
        limit = self._load.max_error_milli
        if limit is None:
            return False
        failed = self._sum(_FAILED)
        ended = failed + self._sum(_OK)
        return ended >= ABORT_FROM_REQUESTS and failed * 1000 > limit * ended

    def end(self, how: int, now: Callable[[], int]) -> None:
        """The load is over, for all processes; whoever says so first decides how. Nothing begins after it."""
        with self._lock:
            if not self._numbers[_HOW]:
                self._numbers[_END_NS] = now()
                self._numbers[_HOW] = how

    @property
    def how(self) -> int:
        """How the load has ended; RUNNING while it has not."""
        return self._numbers[_HOW]

    @property
    def end_ns(self) -> int:
        """When it ended, by the clock of the load."""
        return self._numbers[_END_NS]

    def window(self) -> Window | None:
        """What was measured; None when the window never closed."""
        load = self._load
        end_ns = self.end_ns if load.window_ns is None else load.warmup_ns + load.window_ns
        if self.how != DONE or end_ns <= load.warmup_ns:
            return None
        return Window(load.warmup_ns, end_ns)


def _first_requests(load: Load) -> int:
    """How many requests a closed loop begins at once; with a ramp, none."""
    workers = load.loop.concurrency or 1
    if load.loop.kind == "open" or load.ramp_ns:
        return 0
    return workers if load.warmup_ns or load.requests is None else min(workers, load.requests)


def _opening(load: Load, processes: int) -> memoryview[int]:
    """The numbers before the load: its first requests count as begun, so that nobody ends it before they are."""
    numbers = array("q", bytes(_NUMBER_BYTES * (_COMMON + processes * _OWN)))
    firsts = _first_requests(load)
    own = range(firsts)
    if load.clients > 1:
        client = Share(load.client - 1, load.clients)
        own = client.below(firsts)
        numbers[_NEXT_ID] = client.number + client.of * len(own)
    else:
        numbers[_NEXT_ID] = firsts
    numbers[_COUNTED] = 0 if load.warmup_ns else len(own)
    for number in range(processes):
        numbers[_COMMON + number * _OWN + _IN_FLIGHT] = len(own[number::processes])
    return memoryview(numbers)


# --- several processes ----------------------------------------------------------------------------------


class _Lock:
    """Held by one process at a time; given back by the system when that process dies."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __enter__(self) -> None:
        fcntl.lockf(self._fd, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        fcntl.lockf(self._fd, fcntl.LOCK_UN)


@contextlib.contextmanager
def shared_ledger(load: Load, processes: int) -> Iterator[Ledger]:
    """Books for processes that are forked inside the block; each takes its own share with `of`."""
    opening = _opening(load, processes)
    shared = memoryview(mmap.mmap(-1, opening.nbytes)).cast("q")
    shared[:] = opening
    fd = _lock_file()
    try:
        yield Ledger(load, Share(0, processes), shared, _Lock(fd))
    finally:
        os.close(fd)


def _lock_file() -> int:
    """A file without a name, in memory where the system has that: locks on it work whatever the disk is."""
    if sys.platform == "linux":
        return os.memfd_create("kit-ledger")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def due_requests(load: Load, arrivals: Iterator[int], share: Share) -> Iterator[tuple[int, int]]:
    """(id, when it is due) of a share of an open loop's arrivals, as many as a load by number measures."""
    counted = 0
    for id_, due_ns in enumerate(arrivals):
        if load.requests is not None:
            if counted >= load.requests:
                return
            counted += due_ns >= load.warmup_ns
        if id_ % share.of == share.number:
            yield id_, due_ns

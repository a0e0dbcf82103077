"""A small event loop: file descriptors, timers to the microsecond, nothing else.

Shared by the load generator and the reference endpoint: asyncio rounds its timers to a millisecond and spends
more on each event than reading a token costs, and neither needs its tasks and transports. On Linux the next
timer is a timerfd in the same epoll.
"""

from __future__ import annotations

import contextlib
import ctypes
import heapq
import os
import select
import sys
import time
from collections.abc import Callable
from itertools import count

READ = 1  # EPOLLIN == POLLIN
WRITE = 4  # EPOLLOUT == POLLOUT
_CLOCK_MONOTONIC = 1
_TFD_NONBLOCK = 0o4000
_TFD_CLOEXEC = 0o2000000
_TFD_TIMER_ABSTIME = 1
_NS_PER_S = 1_000_000_000
_ROUNDS = 8  # as many are remembered, roughly

Callback = Callable[[int], None]


class _TimerSpec(ctypes.Structure):
    _fields_ = [(name, ctypes.c_long) for name in ("interval_s", "interval_ns", "value_s", "value_ns")]


class _TimerFd:
    """A Linux timerfd, through the C library: Python has it only from 3.13."""

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._settime = libc.timerfd_settime
        self._spec = _TimerSpec(0, 0, 0, 0)
        self._spec_pointer = ctypes.byref(self._spec)
        self.fd: int = libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK | _TFD_CLOEXEC)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")

    def arm(self, at_ns: int) -> None:
        """Make the descriptor ready at a monotonic time; forgets an earlier one, expired or not."""
        self._spec.value_s, self._spec.value_ns = divmod(at_ns, _NS_PER_S)
        self._settime(self.fd, _TFD_TIMER_ABSTIME, self._spec_pointer, None)


class Pause:
    """Whether to linger after a round, learned from whether anything came while one would have.

    A server that batches sends the tokens of all its streams in one go, and then none until its next step: after
    the first of them a wait gathers the others, after those it would be a wake-up for nothing. So rounds that
    followed a wait are told apart from rounds that the loop was woken for.
    """

    __slots__ = ("_after_wait", "_paid")

    def __init__(self) -> None:
        self._after_wait = False  # what the last round followed
        self._paid = {False: 1.0, True: 1.0}  # by that: the share of such rounds, of late

    def pays(self) -> bool:
        """Whether to linger after the round that has just ended."""
        return self._paid[self._after_wait] >= 0.5

    def learn(self, *, came: bool) -> None:
        """Whether anything came within a wait from the end of that round on, be it that nobody waited."""
        self._paid[self._after_wait] += (came - self._paid[self._after_wait]) / _ROUNDS

    def begin(self, *, after_wait: bool) -> None:
        """A round begins: with what a wait has gathered, or because something has come."""
        self._after_wait = after_wait


class Reactor:
    """Calls back when a descriptor is ready or a time (monotonic ns) has come, until `stop`."""

    def __init__(self) -> None:
        self.linger_ns = 0
        self._pause = Pause()
        self._callbacks: dict[int, Callback] = {}
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self._stopped = False
        self._epoll = select.epoll() if hasattr(select, "epoll") else None
        self._poll = None if self._epoll else select.poll()
        self._timer: _TimerFd | None = None
        self._armed_ns = 0
        if sys.platform == "linux" and self._epoll:
            with contextlib.suppress(OSError, AttributeError):
                self._timer = _TimerFd()
                # Edge-triggered: each expiry wakes once, and nobody has to read the descriptor.
                self._epoll.register(self._timer.fd, READ | select.EPOLLET)

    def register(self, fd: int, events: int, callback: Callback) -> None:
        """Watch a descriptor; `callback` gets the ready events (errors and hang-ups count as READ)."""
        selector = self._epoll or self._poll
        assert selector is not None
        if fd in self._callbacks:
            selector.modify(fd, events)
        else:
            selector.register(fd, events)
        self._callbacks[fd] = callback

    def unregister(self, fd: int) -> None:
        if self._callbacks.pop(fd, None) is not None:
            selector = self._epoll or self._poll
            assert selector is not None
            with contextlib.suppress(OSError, KeyError):
                selector.unregister(fd)

    def at(self, when_ns: int, callback: Callable[[], None]) -> None:
        """Call once at a monotonic time, or as soon after as possible."""
        heapq.heappush(self._timers, (when_ns, next(self._order), callback))

    def stop(self) -> None:
        self._stopped = True

    def run(self) -> None:
        """Serve until `stop`.

        After a round of descriptors, wait `linger_ns` (or until the next timer) before looking again where that
        has paid (`Pause`): what becomes ready meanwhile costs one wake-up together instead of one each. Only for
        those whose stamps are not taken when they look. It may be changed at any time.
        """
        served = False
        while not self._stopped:
            self._run_timers()
            if self._stopped:
                return
            if not self.linger_ns:
                self._serve(self._wait())
            elif served and self._pause.pays():
                served = self._gather()
            else:
                served = self._woken(lingered=not served)

    def _serve(self, ready: list[tuple[int, int]]) -> bool:
        """Call back for these descriptors; whether there was one, and not only the timer."""
        served = False
        for fd, events in ready:
            callback = self._callbacks.get(fd)  # one before it may have taken it away
            if callback is not None:
                served = True
                callback(events)
        return served

    def _gather(self) -> bool:
        """Linger, then serve what came meanwhile; whether anything did. Lean: after a sleep every line is slow."""
        left_ns = self._timers[0][0] - time.monotonic_ns() if self._timers else self.linger_ns
        if left_ns < self.linger_ns:  # cut short by a timer, which comes first; that teaches nothing
            time.sleep(max(0, left_ns) / _NS_PER_S)
            return False
        time.sleep(self.linger_ns / _NS_PER_S)
        selector = self._epoll or self._poll
        assert selector is not None
        came = self._serve(selector.poll(0))
        self._pause.learn(came=came)
        if came:
            self._pause.begin(after_wait=True)
        return came

    def _woken(self, *, lingered: bool) -> bool:
        """Serve what comes next, and learn whether a wait would have paid, unless there was one."""
        since_ns = 0 if lingered else time.monotonic_ns()
        ready = self._wait()
        waited_ns = 0 if lingered else time.monotonic_ns() - since_ns
        served = self._serve(ready)
        if served:
            if not lingered:
                self._pause.learn(came=waited_ns <= self.linger_ns)
            self._pause.begin(after_wait=False)
        return served

    def _run_timers(self) -> None:
        """Run what is due now. What that adds has to wait for the descriptors, so that late timers starve none."""
        if not self._timers:
            return
        now = time.monotonic_ns()
        due = []
        while self._timers and self._timers[0][0] <= now:
            due.append(heapq.heappop(self._timers)[2])
        for callback in due:
            if self._stopped:
                return
            callback()

    def _wait(self) -> list[tuple[int, int]]:
        left_ns = self._timers[0][0] - time.monotonic_ns() if self._timers else _NS_PER_S
        if self._epoll and (self._timer is None or not self._timers or left_ns <= 0):
            return self._epoll.poll(max(0, left_ns) / _NS_PER_S)
        if self._epoll and self._timer:
            if self._timers[0][0] != self._armed_ns:
                self._armed_ns = self._timers[0][0]
                self._timer.arm(self._armed_ns)
            return self._epoll.poll(-1)
        assert self._poll is not None
        return self._poll.poll(max(0, left_ns) / 1_000_000)

    def close(self) -> None:
        if self._timer:
            os.close(self._timer.fd)
        if self._epoll:
            self._epoll.close()

"""One answer under way: sends each piece when it is due, on a schedule that lateness does not move."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from typing import Protocol

from kit.reference.response_plan import (
    SLOW_HEAD_GAP_NS,
    SLOW_HEAD_PIECE_BYTES,
    After,
    ResponsePlan,
    slow_head_ns,
    tokens_in,
)
from kit.reference.shapes import Script
from kit.reference.timing import Pace


class Line(Protocol):
    """The way to the peer: `send` is False while bytes wait for a slow reader (`drained` tells the end)."""

    def send(self, data: bytes) -> bool: ...


class Timers(Protocol):
    """Calls back at a monotonic time, or as soon after as possible."""

    def at(self, when_ns: int, callback: Callable[[], None]) -> None: ...


class ResponseSender:
    """Goes through a `ResponsePlan`. `on_over` is called once, when nothing more will be sent; not after `stop`.

    `due_ns` is when the first text was to leave, `free_ns` when the place was to be free again; `stamps` are
    the monotonic ns right before the send call of each text chunk (None: nobody keeps them).
    """

    __slots__ = (
        "_at", "_blocked", "_due", "_early_left", "_instant", "_line", "_on_over", "_pace", "_prefix", "_ready",
        "_script", "_silent", "_timers", "_was_blocked", "due_ns", "finished_ns", "over", "plan", "stamps",
    )  # fmt: skip

    def __init__(
        self,
        plan: ResponsePlan,
        script: Script,
        pace: Pace,
        line: Line,
        timers: Timers,
        on_over: Callable[[ResponseSender], None],
        *,
        keep_stamps: bool,
    ) -> None:
        self.plan = plan
        self._timers = timers
        self.due_ns: int | None = None
        self.finished_ns: int | None = None
        self.stamps = array("q") if keep_stamps else None
        self.over = False
        self._script = script
        self._pace = pace
        self._line = line
        self._on_over = on_over
        self._prefix = plan.opening
        self._early_left = plan.early
        self._instant = pace.instant
        self._silent = plan.silent
        self._at = 0  # the chunk that is next
        self._ready = self._due = 0
        self._blocked = self._was_blocked = False

    @property
    def after(self) -> After:
        return self.plan.after

    @property
    def free_ns(self) -> int:
        """When the place of this answer was due to be free; a slow reader has really held it until now."""
        return time.monotonic_ns() if self._was_blocked else self._due

    def begin(self, received_ns: int) -> None:
        """The request is there: send what does not wait for a place."""
        if self.plan.slow_head:
            self._dribble(received_ns)
        elif self._early_left:
            self._line.send(self._early_left)
        if self.plan.at_once and not self.over:
            self._due = received_ns
            self._end()

    def start(self, ready_ns: int, received_ns: int) -> None:
        """There is a place, and the first token is ready at `ready_ns`."""
        self._ready = max(ready_ns, received_ns + slow_head_ns(self.plan))
        self._timers.at(self._ready, self._first)

    def stop(self) -> None:
        """The peer is gone, or the endpoint stops."""
        if not self.over:
            self.over = True
            self._pace.left()

    def drained(self) -> None:
        """All bytes are with the peer; the schedule goes on, perhaps late."""
        if self._blocked and not self.over:
            self._blocked = False
            self._proceed()

    # --- the schedule -----------------------------------------------------------------------------------

    def _dribble(self, due_ns: int) -> None:
        if self.over or not self._early_left:
            return
        piece, self._early_left = (
            self._early_left[:SLOW_HEAD_PIECE_BYTES],
            self._early_left[SLOW_HEAD_PIECE_BYTES:],
        )
        self._line.send(piece)
        next_ns = due_ns + SLOW_HEAD_GAP_NS
        self._timers.at(next_ns, lambda: self._dribble(next_ns))

    def _first(self) -> None:
        if self.over:
            return
        self._due = self._pace.first(self._ready)
        if self._silent and not self._instant:
            self._wait()
        elif self._due <= self._ready:
            self._tick()
        else:
            self._timers.at(self._due, self._tick)

    def _wait(self) -> None:
        """The silence of a replayed stream: goes through the gaps of all chunks but sends none."""
        if self.over:
            return
        self._at += 1
        self._due = self._pace.later(self._due, tokens_in(self._at, self.plan.tokens, self.plan.tokens_per_chunk))
        if self._at < self._silent:
            self._timers.at(self._due, self._wait)
            return
        self._at = 0
        self._instant = True
        self._timers.at(self._due, self._tick)

    def _tick(self) -> None:
        """The hot path: send the chunk that is due, or as many as one send takes where all are due at once."""
        if self.over:
            return
        if self.due_ns is None and (self.plan.full or self.plan.last_tokens):
            self.due_ns = self._due
        left = self.plan.full - self._at
        chunks = min(left, self._script.block) if self._instant else min(left, 1)
        data = self._prefix + self._script.texts(self._at, chunks)
        self._prefix = b""
        self._at += chunks
        texts = chunks
        if chunks == 0 or (self._instant and chunks == left):
            data += self.plan.last
            self._at += 1
            texts += self.plan.last_tokens > 0
        self._stamp(texts)
        if self._line.send(data):
            self._proceed()
        else:
            self._blocked = self._was_blocked = True

    def _stamp(self, texts: int) -> None:
        if self.stamps is not None:
            self.stamps.extend([time.monotonic_ns()] * texts)

    def _proceed(self) -> None:
        if self.over:
            return
        plan = self.plan
        if self._at > plan.full:
            self._end()
            return
        if not self._instant:
            self._due = self._pace.later(
                self._due, plan.tokens_per_chunk if self._at < plan.full else plan.last_tokens
            )
        self._timers.at(self._due, self._tick)

    def _end(self) -> None:
        self.over = True
        if self.after != "hang":
            self.finished_ns = time.monotonic_ns()
        self._pace.left()
        self._on_over(self)

"""Multi-turn sessions: what a platform asks for, what a plan decides, and what the turns of a cell add up to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kit.documents.distribution import Distribution
from kit.documents.pins import Sparse

SessionKind = Literal["chat", "agent"]
Caches = Literal["on", "off"]


@dataclass(frozen=True, slots=True)
class Span:
    """A whole number, uniform on [min, max]."""

    min: int
    max: int


@dataclass(frozen=True, slots=True)
class Seconds:
    """A time, uniform on [min, max]."""

    min: float
    max: float


@dataclass(frozen=True, slots=True)
class SessionWork(Sparse):
    """Sessions as people write them in a platform file; what is left out is that of the kind."""

    kind: SessionKind
    turns: Span | None = None
    first_tokens: Span | None = None
    turn_tokens: Span | None = None
    think_s: Seconds | None = None
    caches: Caches = "on"


@dataclass(frozen=True, slots=True)
class Sessions(Sparse):
    """Sessions of a plan or load, complete: with the seed they give every message of every user.

    `first_tokens` are the words that stand beside the question of the first turn, `turn_tokens` those of each
    later message; `think_ns` is how long a user waits before he sends one. With `caches` "on" servers may keep the
    prefix of a session. A load ends when the first `count` sessions have ended; None is a load by time.
    """

    schedule: Literal["kit-sessions-1"]
    kind: SessionKind
    turns: Span
    first_tokens: Span
    turn_tokens: Span
    think_ns: Span
    caches: Caches = "on"
    count: int | None = None


@dataclass(frozen=True, slots=True)
class PlannedTurn:
    """What the schedule says about one turn: so many `tokens` in words, sent `think_ns` after the last answer."""

    session: int
    turn: int
    turns: int
    prompt: int
    salt: str
    tokens: int
    max_tokens: int
    think_ns: int


@dataclass(frozen=True, slots=True)
class TurnTimes:
    """One turn of all sessions: its ok requests in the window, by its number in its session."""

    turn: int
    n: int
    prompt_tokens_mean: float | None
    hit_rate: float | None
    ttft_p50_ms: float | None


@dataclass(frozen=True, slots=True)
class SessionMetrics:
    """The sessions of a cell: `begun` sent their first turn in the window.

    Of these `whole` ended well before it did, `failed` lost a turn, and `cut` are those that its end met.
    `hit_rate` is the share of prompt tokens that came from a cache by the server's word, None where it does not
    say so of all, or says what cannot be; of the ok requests of the window, as are the TTFTs of first and later
    turns. `session_ms` is of the whole ones, from the first send to the last text; `thinking` is how many users
    thought at a time, on average.
    """

    begun: int
    whole: int
    failed: int
    cut: int
    hit_rate: float | None
    later_hit_rate: float | None
    ttft_first_ms: Distribution
    ttft_later_ms: Distribution
    session_ms: Distribution
    thinking: float
    turns: tuple[TurnTimes, ...]

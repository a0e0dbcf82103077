"""What the turns of a cell say of its sessions: what came from a cache, how first and later turns differ. Pure.

One record at a time, in any order, and parts can be added up separately, as for `kit.metrics.aggregate.Tally`.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from fractions import Fraction

from kit.documents import Record, SessionMetrics, TurnTimes, Window
from kit.metrics.stats import distribution, milliseconds, nearest_rank
from kit.metrics.timing import is_replayed, sent_in

MAX_TURNS_SHOWN = 64  # a row for each of the first turns; later ones count with the others


@dataclass(slots=True)
class _Turn:
    """The ok requests of one turn, over all sessions."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    told: int = 0  # requests with both counts
    counted: int = 0  # requests with the first
    n: int = 0
    ttft: array[int] = field(default_factory=lambda: array("q"))

    def merge(self, other: _Turn) -> None:
        self.prompt_tokens += other.prompt_tokens
        self.cached_tokens += other.cached_tokens
        self.told += other.told
        self.counted += other.counted
        self.n += other.n
        self.ttft.extend(other.ttft)


@dataclass(slots=True)
class _Session:
    """What was seen of one session: when its first turn was sent, when its last one ended, how it went."""

    begun_ns: int | None = None
    ended_ns: int | None = None
    failed: bool = False

    def merge(self, other: _Session) -> None:
        self.begun_ns = other.begun_ns if self.begun_ns is None else self.begun_ns
        self.ended_ns = other.ended_ns if self.ended_ns is None else self.ended_ns
        self.failed |= other.failed


@dataclass(slots=True)
class SessionTally:
    """The turns of a cell, added up. `impossible`: a server said that more came from a cache than there was."""

    window: Window
    sessions: dict[int, _Session] = field(default_factory=dict)
    turns: dict[int, _Turn] = field(default_factory=dict)
    impossible: bool = False
    thinking_ns: int = 0

    def add(self, record: Record) -> None:
        """Add one record of a session."""
        if record.session is None:
            return
        window = self.window
        session = self.sessions.setdefault(record.session, _Session())
        if record.turn == 0:
            session.begun_ns = record.intended_ns if record.sent_ns is None else record.sent_ns
        session.failed |= record.outcome == "failed"
        if record.outcome == "ok" and record.turn + 1 == record.turns:
            session.ended_ns = record.chunks[-1][0]
        since_ns, until_ns = record.intended_ns - record.think_ns, record.intended_ns
        self.thinking_ns += max(0, min(until_ns, window.end_ns) - max(since_ns, window.start_ns))
        if record.outcome == "ok" and sent_in(record, window):
            self._add_turn(record)

    def _add_turn(self, record: Record) -> None:
        turn = self.turns.setdefault(record.turn, _Turn())
        turn.n += 1
        if record.sent_ns is not None and not is_replayed(record):
            turn.ttft.append(record.chunks[0][0] - record.sent_ns)
        prompt, cached = record.prompt_tokens, record.cached_tokens
        if prompt is None:
            return
        turn.counted += 1
        turn.prompt_tokens += prompt
        if cached is not None:
            turn.told += 1
            turn.cached_tokens += cached
            self.impossible |= cached > prompt

    def merge(self, other: SessionTally) -> None:
        """Add what another tally of the same window has."""
        for number, session in other.sessions.items():
            self.sessions.setdefault(number, _Session()).merge(session)
        for number, turn in other.turns.items():
            self.turns.setdefault(number, _Turn()).merge(turn)
        self.impossible |= other.impossible
        self.thinking_ns += other.thinking_ns

    # --- what they add up to ------------------------------------------------------------------------------

    def metrics(self) -> SessionMetrics | None:
        """The numbers; None where no record is of a session."""
        if not self.sessions:
            return None
        window = self.window
        begun = [each for each in self.sessions.values() if _inside(each.begun_ns, window)]
        whole = [each for each in begun if not each.failed and _inside(each.ended_ns, window)]
        failed = sum(each.failed for each in begun)
        first = [turn for number, turn in self.turns.items() if number == 0]
        later = [turn for number, turn in self.turns.items() if number]
        length_ns = window.end_ns - window.start_ns
        return SessionMetrics(
            begun=len(begun),
            whole=len(whole),
            failed=failed,
            cut=len(begun) - len(whole) - failed,
            hit_rate=self._hit_rate([*first, *later]),
            later_hit_rate=self._hit_rate(later),
            ttft_first_ms=distribution(_joined(first)),
            ttft_later_ms=distribution(_joined(later)),
            session_ms=distribution(array("q", [_length_ns(each) for each in whole])),
            thinking=float(round(Fraction(self.thinking_ns, length_ns), 6)),
            turns=tuple(self._row(number) for number in sorted(self.turns) if number < MAX_TURNS_SHOWN),
        )

    def _hit_rate(self, turns: list[_Turn]) -> float | None:
        """Tokens from a cache / tokens of prompts, where every request has both counts and they can be."""
        prompt = sum(turn.prompt_tokens for turn in turns)
        if self.impossible or not prompt or any(turn.told < turn.n for turn in turns):
            return None
        return float(round(Fraction(sum(turn.cached_tokens for turn in turns), prompt), 9))

    def _row(self, number: int) -> TurnTimes:
        turn = self.turns[number]
        mean = float(round(Fraction(turn.prompt_tokens, turn.counted), 6)) if turn.counted else None
        middle = milliseconds(nearest_rank(sorted(turn.ttft), 500)) if turn.ttft else None
        return TurnTimes(number, turn.n, mean, self._hit_rate([turn]), middle)


def _inside(at_ns: int | None, window: Window) -> bool:
    return at_ns is not None and window.start_ns <= at_ns < window.end_ns


def _length_ns(session: _Session) -> int:
    assert session.begun_ns is not None
    assert session.ended_ns is not None
    return session.ended_ns - session.begun_ns


def _joined(turns: list[_Turn]) -> array[int]:
    every = array("q")
    for turn in turns:
        every.extend(turn.ttft)
    return every

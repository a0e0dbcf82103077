"""The times of one request, from its record: TTFT, TPOT, ITL, and what of it falls into a window.

Pure; all arithmetic is on integers of nanoseconds or on exact fractions. Formulas are in docs/method.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from operator import sub

from kit.documents import Record, Window
from kit.metrics.limits import REPLAY_MIN_TOKENS, REPLAY_NS_PER_TOKEN, REPLAY_SPAN_DIVISOR


@dataclass(frozen=True, slots=True)
class Timing:
    """The times of one ok request, ns. None where the request cannot tell (one chunk, a replayed stream).

    `itl_ns` is `gap_ns`, the very same tuple, where every chunk is one token.
    """

    ttft_ns: int | None
    tpot_ns: int | None
    itl_ns: tuple[int, ...]
    gap_ns: tuple[int, ...]
    e2e_ns: int
    replayed: bool


def is_replayed(record: Record) -> bool:
    """Whether a complete answer was sent as if it were streamed; see kit.metrics.limits."""
    tokens = record.completion_tokens or 0
    if tokens < REPLAY_MIN_TOKENS or not record.chunks or record.sent_ns is None:
        return False
    span_ns = record.chunks[-1][0] - record.chunks[0][0]
    latency_ns = record.chunks[-1][0] - record.sent_ns
    return span_ns * REPLAY_SPAN_DIVISOR < latency_ns and span_ns < tokens * REPLAY_NS_PER_TOKEN


def _tokens_of_chunk(record: Record, index: int) -> Fraction:
    """Tokens of one chunk: as the server counts them, else the request's tokens spread evenly."""
    if record.chunk_tokens is not None:
        return Fraction(record.chunk_tokens[index])
    return Fraction(record.completion_tokens or 0, len(record.chunks))


def _per_token(gap_ns: int, tokens: Fraction) -> int:
    """A gap divided by the tokens of the chunk that ended it, rounded half up; a chunk without tokens as one."""
    share = Fraction(gap_ns) / tokens if tokens > 0 else Fraction(gap_ns)
    return int(share + Fraction(1, 2))


def _itl(record: Record, gaps_ns: tuple[int, ...]) -> tuple[int, ...]:
    if record.chunk_tokens is None:
        tokens, chunks = record.completion_tokens or 0, len(record.chunks)
        if tokens <= 0 or tokens == chunks:
            return gaps_ns  # nothing to divide by, or one token each
        return tuple((2 * gap * chunks + tokens) // (2 * tokens) for gap in gaps_ns)
    return tuple(_per_token(gap, _tokens_of_chunk(record, i + 1)) for i, gap in enumerate(gaps_ns))


def _tpot(record: Record) -> int | None:
    tokens = record.completion_tokens or 0
    if tokens < 2 or len(record.chunks) < 2:
        return None
    later = Fraction(tokens) - _tokens_of_chunk(record, 0)
    if later <= 0:
        return None
    return int(Fraction(record.chunks[-1][0] - record.chunks[0][0]) / later + Fraction(1, 2))


def timing(record: Record) -> Timing:
    """The times of one ok record (it has text and was sent)."""
    sent_ns = record.sent_ns if record.sent_ns is not None else record.intended_ns
    stamps = [chunk[0] for chunk in record.chunks]
    e2e_ns = stamps[-1] - sent_ns
    if is_replayed(record):
        return Timing(None, None, (), (), e2e_ns, replayed=True)
    gaps = tuple(map(sub, stamps[1:], stamps))
    return Timing(
        ttft_ns=stamps[0] - sent_ns,
        tpot_ns=_tpot(record),
        itl_ns=_itl(record, gaps),
        gap_ns=gaps,
        e2e_ns=e2e_ns,
        replayed=False,
    )


def sent_in(record: Record, window: Window) -> bool:
    """Whether the request belongs to the latency sets: sent inside [start, end).

    A request that never got as far as being sent (its connection failed) counts by its intended time.
    """
    at = record.sent_ns if record.sent_ns is not None else record.intended_ns
    return window.start_ns <= at < window.end_ns


def tokens_in_window(record: Record, window: Window) -> Fraction:
    """Completion tokens whose chunk arrived inside the window; a failed request's tokens do not count."""
    if record.outcome == "failed" or not record.chunks or not record.completion_tokens:
        return Fraction(0)
    inside = [i for i, chunk in enumerate(record.chunks) if window.start_ns <= chunk[0] < window.end_ns]
    if record.chunk_tokens is not None:
        return Fraction(sum(record.chunk_tokens[i] for i in inside))
    return Fraction(record.completion_tokens * len(inside), len(record.chunks))


def in_flight_ns(record: Record, window: Window) -> int:
    if record.sent_ns is None:
        return 0
    return max(0, min(record.done_ns, window.end_ns) - max(record.sent_ns, window.start_ns))

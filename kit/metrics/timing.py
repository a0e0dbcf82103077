"""The times of one request, from its record: TTFT, TPOT, ITL, and what of it falls into a window.

Pure; all arithmetic is on integers of nanoseconds or on exact fractions. Formulas are in docs/method.md; by method
1 every chunk is an arrival of its own, by method 2 chunks with one stamp are one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from operator import sub

from kit.documents import REASONING, Record, Window
from kit.documents.chunks import channels_of, stamps_of
from kit.metrics.limits import REPLAY_MIN_TOKENS, REPLAY_NS_PER_TOKEN, REPLAY_SPAN_DIVISOR
from kit.stream.counts import MAX_TOKEN_BYTES, SPARE_TOKENS


@dataclass(frozen=True, slots=True)
class Timing:
    """The times of one ok request, ns. None where the request cannot tell (one chunk, a replayed stream).

    `itl_ns` is `gap_ns`, the very same tuple, where every chunk is one token. `coalesced` chunks came with the one
    before them; `reasoning_ns` and `answer_ns` are the times to the first text of either kind. All three are of
    method 2 and nothing in method 1.
    """

    ttft_ns: int | None
    tpot_ns: int | None
    itl_ns: tuple[int, ...]
    gap_ns: tuple[int, ...]
    e2e_ns: int
    replayed: bool
    coalesced: int = 0
    reasoning_ns: int | None = None
    answer_ns: int | None = None


def seen_tokens(record: Record) -> int | None:
    """The tokens that belong to the chunks of a record; None where they cannot be told from others."""
    if record.untimed_tokens is None:
        return None
    return (record.completion_tokens or 0) - record.untimed_tokens


def is_spread(record: Record) -> bool:
    """Whether chunks are of several tokens each, and nobody knows how many which."""
    seen = seen_tokens(record)
    return record.chunk_tokens is None and seen is not None and seen > len(record.chunks) + SPARE_TOKENS


def is_replayed(record: Record) -> bool:
    """Whether a complete answer was sent as if it were streamed: the server says so, or see kit.metrics.limits."""
    if "replayed" in record.dialect:
        return True
    seen = seen_tokens(record)
    tokens = len(record.chunks) if seen is None else seen
    if tokens < REPLAY_MIN_TOKENS or not record.chunks or record.sent_ns is None:
        return False
    span_ns = record.chunks[-1][0] - record.chunks[0][0]
    latency_ns = record.chunks[-1][0] - record.sent_ns
    return span_ns * REPLAY_SPAN_DIVISOR < latency_ns and span_ns < tokens * REPLAY_NS_PER_TOKEN


def _half_up(part: int, whole: int) -> int:
    """part / whole, rounded half up; neither is negative."""
    return (2 * part + whole) // (2 * whole)


def _itl(record: Record, seen: int, gaps_ns: tuple[int, ...], arrivals: list[int] | None) -> tuple[int, ...]:
    """The gaps per token of the arrival that ended each; one without tokens counts as one of one token.

    `arrivals` are the chunks of each arrival, None where each is one chunk. Tokens that the server does not count
    by chunk are spread evenly.
    """
    chunks = len(record.chunks)
    if record.chunk_tokens is not None:
        tokens = record.chunk_tokens if arrivals is None else _sums(record.chunk_tokens, arrivals)
        if tokens.count(1) == len(tokens):
            return gaps_ns
        return tuple([_half_up(gap, n) if n else gap for gap, n in zip(gaps_ns, tokens[1:], strict=True)])
    if seen <= 0 or (arrivals is None and seen == chunks):
        return gaps_ns  # nothing to divide by, or one token each
    if arrivals is None:
        return tuple([_half_up(gap * chunks, seen) for gap in gaps_ns])
    return tuple([_half_up(gap * chunks, seen * n) for gap, n in zip(gaps_ns, arrivals[1:], strict=True)])


def _sums(counts: tuple[int, ...], lengths: list[int]) -> tuple[int, ...]:
    """The sums of consecutive stretches of so many counts."""
    ends = [*accumulate(lengths)]
    return tuple(sum(counts[end - length : end]) for end, length in zip(ends, lengths, strict=True))


def _tpot(record: Record, seen: int, first_arrival: int) -> int | None:
    """The time from first to last text for each token after those that came first, in so many chunks."""
    chunks = len(record.chunks)
    if seen < 2 or chunks < 2:
        return None
    span_ns = record.chunks[-1][0] - record.chunks[0][0]
    if record.chunk_tokens is not None:
        later = seen - sum(record.chunk_tokens[:first_arrival])
        return _half_up(span_ns, later) if later > 0 else None
    later = seen * (chunks - first_arrival)  # in parts of a token, of which one has as many as there are chunks
    return _half_up(span_ns * chunks, later) if later > 0 else None


def timing(record: Record, method: int = 1) -> Timing:
    """The times of one ok record (it has text and was sent)."""
    sent_ns = record.sent_ns if record.sent_ns is not None else record.intended_ns
    stamps = stamps_of(record.chunks)
    e2e_ns = stamps[-1] - sent_ns
    if is_replayed(record):
        return Timing(None, None, (), (), e2e_ns, replayed=True)
    gaps = tuple(map(sub, stamps[1:], stamps))
    arrivals = _arrivals(gaps) if method > 1 and 0 in gaps else None
    if arrivals is not None:
        gaps = tuple(filter(None, gaps))
    seen = seen_tokens(record)
    reasoning_ns, answer_ns = _first_texts(record, sent_ns) if method > 1 else (None, None)
    return Timing(
        ttft_ns=stamps[0] - sent_ns,
        tpot_ns=None if seen is None else _tpot(record, seen, arrivals[0] if arrivals else 1),
        itl_ns=() if seen is None else _itl(record, seen, gaps, arrivals),
        gap_ns=gaps,
        e2e_ns=e2e_ns,
        replayed=False,
        coalesced=0 if arrivals is None else len(stamps) - len(arrivals),
        reasoning_ns=reasoning_ns,
        answer_ns=answer_ns,
    )


def _arrivals(gaps_ns: Iterable[int]) -> list[int]:
    """How many chunks came at once, each time some came."""
    arrivals = [1]
    for gap in gaps_ns:
        if gap:
            arrivals.append(1)
        else:
            arrivals[-1] += 1
    return arrivals


def _first_texts(record: Record, sent_ns: int) -> tuple[int | None, int | None]:
    """Times to the first reasoning and to the first text that is none; None where there is no such text."""
    channels = channels_of(record.chunks)
    if REASONING not in channels:
        return None, record.chunks[0][0] - sent_ns
    answer = next((at for at, _, channel in record.chunks if channel != REASONING), None)
    return record.chunks[channels.index(REASONING)][0] - sent_ns, None if answer is None else answer - sent_ns


def sent_in(record: Record, window: Window) -> bool:
    """Whether the request belongs to the latency sets: sent inside [start, end).

    A request that never got as far as being sent (its connection failed) counts by its intended time.
    """
    at = record.sent_ns if record.sent_ns is not None else record.intended_ns
    return window.start_ns <= at < window.end_ns


def tokens_in_window(record: Record, window: Window) -> Fraction:
    """Completion tokens whose chunk arrived inside the window; a failed request's tokens do not count.

    Tokens of no chunk count nowhere. Where they cannot be told from the others, a chunk counts as the fewest
    tokens that its text can have: one for each MAX_TOKEN_BYTES characters.
    """
    if record.outcome == "failed" or not record.chunks or not record.completion_tokens:
        return Fraction(0)
    stamps = stamps_of(record.chunks)
    inside: Sequence[int] = range(len(stamps))
    if min(stamps) < window.start_ns or max(stamps) >= window.end_ns:
        inside = [i for i, at in enumerate(stamps) if window.start_ns <= at < window.end_ns]
    if record.chunk_tokens is not None:
        return Fraction(sum(record.chunk_tokens[i] for i in inside))
    seen = seen_tokens(record)
    if seen is None:
        return Fraction(sum(-(-record.chunks[i][1] // MAX_TOKEN_BYTES) for i in inside))
    return Fraction(seen * len(inside), len(record.chunks))


def in_flight_ns(record: Record, window: Window) -> int:
    if record.sent_ns is None:
        return 0
    return max(0, min(record.done_ns, window.end_ns) - max(record.sent_ns, window.start_ns))

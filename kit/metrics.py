"""From records to numbers: the only definitions of TTFT, TPOT, ITL, throughput and error rate in the house.

Pure: the maker runs it after a cell, `kit table` and `kit verify` run it again. All arithmetic is on integers
of nanoseconds or on exact fractions; one rounding to a float at the end. Formulas are in docs/method.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from kit.goodput import Felt, meets
from kit.model import Metrics, Record, RequestCounts, Slo, TokenCounts, TokenSource, Window
from kit.stats import distribution, nearest_rank
from kit.validation import judge_all, parse_rule

NS_PER_S = 1_000_000_000
# A finished answer sent in one burst is no stream: its text spans under 5 % of the latency and comes faster
# than any decoder writes. The second bound keeps a queue in front of a real stream from looking like a replay.
REPLAY_MIN_TOKENS = 9
REPLAY_SPAN_DIVISOR = 20
REPLAY_NS_PER_TOKEN = 200_000

Mixed = Literal["mixed"]


@dataclass(frozen=True, slots=True)
class Timing:
    """The times of one ok request, ns. None where the request cannot tell (one chunk, a replayed stream)."""

    ttft_ns: int | None
    tpot_ns: int | None
    itl_ns: tuple[int, ...]
    gap_ns: tuple[int, ...]
    e2e_ns: int
    replayed: bool


def is_replayed(record: Record) -> bool:
    """Whether a complete answer was sent as if it were streamed; see the constants above."""
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


def _itl(record: Record, gaps_ns: Sequence[int]) -> tuple[int, ...]:
    if record.chunk_tokens is None:
        tokens, chunks = record.completion_tokens or 0, len(record.chunks)
        if tokens <= 0:
            return tuple(gaps_ns)
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
    gaps = [later - earlier for earlier, later in pairwise(stamps)]
    return Timing(
        ttft_ns=stamps[0] - sent_ns,
        tpot_ns=_tpot(record),
        itl_ns=_itl(record, gaps),
        gap_ns=tuple(gaps),
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


def _in_flight_ns(record: Record, window: Window) -> int:
    if record.sent_ns is None:
        return 0
    return max(0, min(record.done_ns, window.end_ns) - max(record.sent_ns, window.start_ns))


def _source(records: Sequence[Record]) -> TokenSource | Mixed | None:
    sources = {record.token_source for record in records if record.token_source is not None}
    if len(sources) > 1:
        return "mixed"
    return next(iter(sources), None)


def _token_counts(ok: Sequence[Record]) -> TokenCounts:
    lengths = [record.completion_tokens or 0 for record in ok]
    cached = [record.cached_tokens for record in ok if record.cached_tokens is not None]
    return TokenCounts(
        prompt=sum(record.prompt_tokens or 0 for record in ok),
        completion=sum(lengths),
        cached=sum(cached) if cached else None,
        completion_min=min(lengths, default=None),
        completion_max=max(lengths, default=None),
        source=_source(ok),
        chunks=sum(len(record.chunks) for record in ok),
    )


def _rate(amount: Fraction | int, window: Window) -> float:
    return float(round(Fraction(amount) * NS_PER_S / (window.end_ns - window.start_ns), 6))


def _decode_rate(tpots_ns: Sequence[int]) -> float | None:
    """1 / median TPOT, tokens per second and user."""
    positive = sorted(tpot for tpot in tpots_ns if tpot > 0)
    return float(round(Fraction(NS_PER_S, nearest_rank(positive, 500)), 6)) if positive else None


def _throughput(records: Sequence[Record], window: Window) -> float | None:
    """Tokens per second in the window; None when not one request succeeded: a dead server has no throughput."""
    if not any(record.outcome != "failed" and record.chunks for record in records):
        return None
    return _rate(sum((tokens_in_window(record, window) for record in records), Fraction(0)), window)


def _felt(record: Record, time: Timing, *, open_loop: bool) -> Felt:
    """What a user of this ok request met: in an open loop from the intended send on, which is when they came.

    A replayed answer has no pace, but its user waited for the first text all the same.
    """
    begun_ns = record.intended_ns if open_loop or record.sent_ns is None else record.sent_ns
    return Felt(record.chunks[0][0] - begun_ns, time.tpot_ns, time.itl_ns, record.chunks[-1][0] - begun_ns)


def _good(ok: Sequence[Record], times: Sequence[Timing], slo: Slo, *, open_loop: bool) -> int:
    return sum(
        meets(slo, _felt(record, time, open_loop=open_loop)) for record, time in zip(ok, times, strict=True)
    )


def _share(part: int, whole: int) -> float | None:
    return float(round(Fraction(part, whole), 9)) if whole else None


def cell_metrics(
    records: Iterable[Record],
    window: Window,
    *,
    open_loop: bool,
    slo: Slo | None = None,
    validate: str | None = None,
    texts: Mapping[int, str] | None = None,
) -> Metrics:
    """All numbers of one cell. `window` must not be empty; `open_loop` adds latencies from the intended send.

    `slo` adds goodput; `validate`, a rule of `kit.validation`, judges `texts`, which are by request id.
    """
    every = list(records)
    chosen = [record for record in every if sent_in(record, window)]
    ok = [record for record in chosen if record.outcome == "ok"]
    failed = [record for record in chosen if record.outcome == "failed"]
    times = [timing(record) for record in ok]
    lag = [record.sent_ns - record.intended_ns for record in chosen if record.sent_ns is not None]
    done = sum(
        1 for record in every if record.outcome == "ok" and window.start_ns <= record.done_ns < window.end_ns
    )
    tpots = [time.tpot_ns for time in times if time.tpot_ns is not None]
    live = [(record, time) for record, time in zip(ok, times, strict=True) if time.ttft_ns is not None]
    from_intended = [record.chunks[0][0] - record.intended_ns for record, _ in live]
    ended = len(ok) + len(failed)
    good = None if slo is None or not ended else _good(ok, times, slo, open_loop=open_loop)
    return Metrics(
        window_s=(window.end_ns - window.start_ns) / NS_PER_S,
        throughput_tok_s=_throughput(every, window),
        decode_tok_s=_decode_rate(tpots),
        request_rate_s=_rate(done, window) if ok else None,
        error_rate=_share(len(failed), ended),
        requests=RequestCounts(len(ok), len(failed), len(chosen) - len(ok) - len(failed)),
        errors_by_kind=dict(sorted(Counter(record.error for record in failed if record.error).items())),
        tokens=_token_counts(ok),
        replayed=sum(time.replayed for time in times),
        mean_in_flight=_mean_in_flight(every, window),
        ttft_ms=distribution([time.ttft_ns for time in times if time.ttft_ns is not None]),
        tpot_ms=distribution(tpots),
        itl_ms=distribution([itl for time in times for itl in time.itl_ns]),
        chunk_gap_ms=distribution([gap for time in times for gap in time.gap_ns]),
        e2e_ms=distribution([time.e2e_ns for time in times]),
        send_lag_ms=distribution(lag),
        ttft_from_intended_ms=distribution(from_intended) if open_loop else None,
        e2e_from_intended_ms=(
            distribution([record.chunks[-1][0] - record.intended_ns for record in ok]) if open_loop else None
        ),
        goodput_req_s=None if good is None else _rate(good, window),
        goodput_share=None if good is None else _share(good, ended),
        validation=None if validate is None else judge_all(parse_rule(validate), ok, texts or {}),
    )


def _mean_in_flight(records: Sequence[Record], window: Window) -> float | None:
    if not records:
        return None
    total_ns = sum(_in_flight_ns(record, window) for record in records)
    return float(round(Fraction(total_ns, window.end_ns - window.start_ns), 6))

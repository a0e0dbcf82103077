"""From records to numbers: the only definitions of TTFT, TPOT, ITL, throughput and error rate in the house.

Pure: run after a cell, and again by `kit table` and `kit verify`. Integers of nanoseconds or exact fractions, one
rounding at the end (docs/method.md). One pass, eight bytes for each time: ten million chunks fit easily.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Literal

from kit.documents import Distribution, Metrics, Record, RequestCounts, Slo, TokenCounts, TokenSource, Window
from kit.metrics.goodput import RequestLatencies, meets
from kit.metrics.limits import MAX_CHUNKS_PER_ARRIVAL
from kit.metrics.sessions import SessionTally
from kit.metrics.stats import distribution, nearest_rank
from kit.metrics.timing import (
    Timing,
    in_flight_ns,
    is_replayed,
    is_spread,
    seen_tokens,
    sent_in,
    timing,
    tokens_in_window,
)
from kit.metrics.validation import judge_all, parse_rule

__all__ = ["Tally", "cell_metrics", "is_replayed", "metrics_of", "sent_in", "timing", "tokens_in_window"]

NS_PER_S = 1_000_000_000
MICRO = 1_000_000  # rates are kept in millionths, so that they are distributed by the same arithmetic as times


_TIMES = (
    "lengths", "ttft", "ttft_reasoning", "ttft_answer", "tpot", "itl", "e2e", "lag", "ttft_intended",
    "e2e_intended", "prefill_rates",
)  # fmt: skip
_SUMS = (
    "records", "done", "good", "replayed", "tokens", "in_flight_ns", "prompt_tokens", "cached_tokens",
    "reasoning_tokens", "chunks", "untimed_tokens", "unknown", "unjudged", "spread", "coalesced", "followers",
    "prefilled_tokens",
)  # fmt: skip
_FLAGS = ("answered", "cached_known", "reasoning_known")
_COUNTERS = ("outcomes", "errors", "faults", "dialects")


def _times() -> array[int]:
    return array("q")


class Tally:
    """What the records of a cell add up to, one record at a time; parts of a cell can be added up separately."""

    def __init__(
        self, window: Window, slo: Slo | None, *, open_loop: bool, method: int = 1, prefill: bool = False
    ) -> None:
        self.window, self.slo, self.open_loop, self.method = window, slo, open_loop, method
        self.prefill = prefill
        self.prefilled_tokens, self.prefill_rates = 0, _times()
        self.records = self.done = self.good = self.replayed = 0
        self.answered = False  # whether one request gave text and did not fail
        self.tokens = Fraction(0)
        self.in_flight_ns = 0
        self.outcomes: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.dialects: Counter[str] = Counter()
        self.sources: set[TokenSource] = set()
        self.prompt_tokens = self.cached_tokens = self.reasoning_tokens = self.untimed_tokens = self.chunks = 0
        self.cached_known = self.reasoning_known = False
        self.unknown = self.unjudged = self.spread = 0
        self.coalesced = self.followers = 0  # of the chunks after the first of each request
        self.lengths, self.ttft, self.tpot, self.itl = _times(), _times(), _times(), _times()
        self.ttft_reasoning, self.ttft_answer = _times(), _times()
        self.gap: array[int] | None = None  # as `itl`, as long as every chunk was one token
        self.e2e, self.lag = _times(), _times()
        self.ttft_intended, self.e2e_intended = _times(), _times()
        self.sessions = SessionTally(window)

    def add(self, record: Record) -> None:
        window = self.window
        self.records += 1
        self.answered |= record.outcome != "failed" and bool(record.chunks)
        self.tokens += tokens_in_window(record, window)
        self.in_flight_ns += in_flight_ns(record, window)
        self.done += record.outcome == "ok" and window.start_ns <= record.done_ns < window.end_ns
        self.sessions.add(record)
        if sent_in(record, window):
            self._add_chosen(record)

    def merge(self, other: Tally) -> None:
        """Add what another tally of the same window, limits and method has."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in _FLAGS:
            setattr(self, name, getattr(self, name) or getattr(other, name))
        for name in _COUNTERS:
            getattr(self, name).update(getattr(other, name))
        self.sources |= other.sources
        self._add_gaps(other.itl, other.itl if other.gap is None else other.gap)
        for name in _TIMES:
            getattr(self, name).extend(getattr(other, name))
        self.sessions.merge(other.sessions)

    def _add_chosen(self, record: Record) -> None:
        self.outcomes[record.outcome] += 1
        if record.sent_ns is not None:
            self.lag.append(record.sent_ns - record.intended_ns)
        if record.outcome == "failed" and record.error:
            self.errors[record.error] += 1
        if record.outcome == "ok":
            self._add_tokens(record)
            self._add_times(record, timing(record, self.method))

    def _add_tokens(self, record: Record) -> None:
        self.prompt_tokens += record.prompt_tokens or 0
        self.lengths.append(record.completion_tokens or 0)
        self.chunks += len(record.chunks)
        if record.cached_tokens is not None:
            self.cached_known = True
            self.cached_tokens += record.cached_tokens
        if record.token_source is not None:
            self.sources.add(record.token_source)
        if record.reasoning_tokens is not None:
            self.reasoning_known = True
            self.reasoning_tokens += record.reasoning_tokens
        self.untimed_tokens += record.untimed_tokens or 0
        self.unknown += record.untimed_tokens is None
        self.spread += self.method > 1 and is_spread(record)
        self.dialects.update(record.dialect)
        if record.count_fault is not None:
            self.faults[record.count_fault] += 1

    def _add_times(self, record: Record, time: Timing) -> None:
        self.e2e.append(time.e2e_ns)
        self.e2e_intended.append(record.chunks[-1][0] - record.intended_ns)
        self.replayed += time.replayed
        self._add_gaps(time.itl_ns, time.gap_ns)
        self.itl.extend(time.itl_ns)
        if time.ttft_ns is not None:
            self.ttft.append(time.ttft_ns)
            self.ttft_intended.append(record.chunks[0][0] - record.intended_ns)
            if self.prefill:
                self._add_prefill(record, time.ttft_ns)
            self.coalesced += time.coalesced
            self.followers += len(record.chunks) - 1
        if time.reasoning_ns is not None:
            self.ttft_reasoning.append(time.reasoning_ns)
        if time.answer_ns is not None:
            self.ttft_answer.append(time.answer_ns)
        if time.tpot_ns is not None:
            self.tpot.append(time.tpot_ns)
        if self.slo is not None:
            paced = self.slo.tpot_ns is not None or self.slo.itl_ns is not None
            self.unjudged += paced and seen_tokens(record) is None and not time.replayed
            self.good += meets(self.slo, _request_latencies(record, time, open_loop=self.open_loop))

    def _add_prefill(self, record: Record, ttft_ns: int) -> None:
        """What the server had to read before the first text: prompt tokens that it says were not cached."""
        read = (record.prompt_tokens or 0) - (record.cached_tokens or 0)
        if read > 0 and ttft_ns > 0:
            self.prefilled_tokens += read
            self.prefill_rates.append(read * NS_PER_S * MICRO // ttft_ns)

    def _add_gaps(self, itl_ns: Iterable[int], gap_ns: Iterable[int]) -> None:
        """Before the `itl_ns` are added: from the first chunk of several tokens on, gaps are kept beside them."""
        if self.gap is None and gap_ns is not itl_ns:
            self.gap = self.itl[:]
        if self.gap is not None:
            self.gap.extend(gap_ns)


def _request_latencies(record: Record, time: Timing, *, open_loop: bool) -> RequestLatencies:
    """What a user of this ok request met: in an open loop from the intended send on, which is when they came.

    A replayed answer has no pace, but its user waited for the first text all the same.
    """
    begun_ns = record.intended_ns if open_loop or record.sent_ns is None else record.sent_ns
    return RequestLatencies(
        record.chunks[0][0] - begun_ns, time.tpot_ns, time.itl_ns, record.chunks[-1][0] - begun_ns
    )


def _rate(amount: Fraction | int, window: Window) -> float:
    return float(round(Fraction(amount) * NS_PER_S / (window.end_ns - window.start_ns), 6))


def _share(part: int, whole: int) -> float | None:
    return float(round(Fraction(part, whole), 9)) if whole else None


def _decode_rate(tpots_ns: array[int]) -> float | None:
    """1 / median TPOT, tokens per second and user."""
    positive = sorted(tpot for tpot in tpots_ns if tpot > 0)
    return float(round(Fraction(NS_PER_S, nearest_rank(positive, 500)), 6)) if positive else None


def _token_counts(tally: Tally) -> TokenCounts:
    source: TokenSource | Literal["mixed"] | None = next(iter(tally.sources), None)
    if len(tally.sources) > 1:
        source = "mixed"
    return TokenCounts(
        prompt=tally.prompt_tokens,
        completion=sum(tally.lengths),
        cached=tally.cached_tokens if tally.cached_known else None,
        completion_min=min(tally.lengths, default=None),
        completion_max=max(tally.lengths, default=None),
        source=source,
        chunks=tally.chunks,
        reasoning=tally.reasoning_tokens if tally.reasoning_known else None,
        untimed=tally.untimed_tokens,
        unknown_requests=tally.unknown,
        spread_requests=tally.spread,
        faults=_sorted(tally.faults),
    )


def _sorted(counts: Counter[str]) -> dict[str, int] | None:
    return dict(sorted(counts.items())) or None


def _itl(tally: Tally, gaps: Distribution) -> Distribution:
    """The ITL; only how many there are where chunks come so many at a time that something holds them back."""
    chunks = tally.followers + len(tally.ttft)
    if chunks > MAX_CHUNKS_PER_ARRIVAL * (chunks - tally.coalesced):
        return Distribution(len(tally.itl), None, None, None, None, None, None, None, None)
    return gaps if tally.gap is None else distribution(tally.itl)


def cell_metrics(
    records: Iterable[Record],
    window: Window,
    *,
    open_loop: bool,
    slo: Slo | None = None,
    validate: str | None = None,
    texts: Mapping[int, str] | None = None,
    method: int = 1,
    prefill: bool = False,
) -> Metrics:
    """All numbers of one cell. `window` must not be empty; `open_loop` adds latencies from the intended send.

    `slo` adds goodput; `validate`, a rule of `kit.metrics.validation`, judges `texts`, which are by request id;
    `prefill` adds the rate at which prompts were read.
    """
    tally = Tally(window, slo, open_loop=open_loop, method=method, prefill=prefill)
    judged: list[Record] = []
    for record in records:
        tally.add(record)
        if validate is not None and record.outcome == "ok" and sent_in(record, window):
            judged.append(replace(record, chunks=(), chunk_tokens=None))  # judged by its text, not its times
    metrics = metrics_of(tally)
    if validate is None:
        return metrics
    return replace(metrics, validation=judge_all(parse_rule(validate), judged, texts or {}))


def metrics_of(tally: Tally) -> Metrics:
    """The numbers of all records a tally has seen, without validation."""
    window, open_loop = tally.window, tally.open_loop
    ok, failed = tally.outcomes["ok"], tally.outcomes["failed"]
    ended = ok + failed
    judged = tally.slo is not None and ended > 0 and not tally.unjudged
    length_ns = window.end_ns - window.start_ns
    gaps = distribution(tally.itl if tally.gap is None else tally.gap)
    return Metrics(
        window_s=length_ns / NS_PER_S,
        # None when not one request succeeded: a dead server has no throughput
        throughput_tok_s=_rate(tally.tokens, window) if tally.answered else None,
        decode_tok_s=_decode_rate(tally.tpot),
        request_rate_s=_rate(tally.done, window) if ok else None,
        error_rate=_share(failed, ended),
        requests=RequestCounts(ok, failed, tally.outcomes["unfinished"]),
        errors_by_kind=dict(sorted(tally.errors.items())),
        tokens=_token_counts(tally),
        replayed=tally.replayed,
        mean_in_flight=float(round(Fraction(tally.in_flight_ns, length_ns), 6)) if tally.records else None,
        ttft_ms=distribution(tally.ttft),
        tpot_ms=distribution(tally.tpot),
        itl_ms=_itl(tally, gaps),
        chunk_gap_ms=gaps,
        e2e_ms=distribution(tally.e2e),
        send_lag_ms=distribution(tally.lag),
        ttft_from_intended_ms=distribution(tally.ttft_intended) if open_loop else None,
        e2e_from_intended_ms=distribution(tally.e2e_intended) if open_loop else None,
        goodput_req_s=_rate(tally.good, window) if judged else None,
        goodput_share=_share(tally.good, ended) if judged else None,
        coalesced_share=_share(tally.coalesced, tally.followers) if tally.method > 1 else None,
        ttft_reasoning_ms=distribution(tally.ttft_reasoning) if tally.ttft_reasoning else None,
        ttft_answer_ms=distribution(tally.ttft_answer) if tally.ttft_reasoning else None,
        dialects=_sorted(tally.dialects),
        prefill_tok_s=distribution(tally.prefill_rates) if tally.prefill else None,
        prefill_total_tok_s=_rate(tally.prefilled_tokens, window) if tally.prefill_rates else None,
        sessions=tally.sessions.metrics(),
    )

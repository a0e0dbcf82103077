"""The numbers of a cell by the plainest means: docs/method.md word for word, one list for each number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import groupby
from math import ceil

from hypothesis import strategies as st

from kit.documents import (
    REASONING,
    CountFault,
    Dialect,
    Distribution,
    ErrorKind,
    Metrics,
    Outcome,
    Record,
    RequestCounts,
    Slo,
    TokenCounts,
    TokenSource,
    Window,
)
from tests.support.records import make_record

FLOORS = {"p50": (500, 1), "p90": (900, 44), "p95": (950, 90), "p99": (990, 459), "p999": (999, 4603)}
OUTCOMES: tuple[Outcome, ...] = ("ok", "ok", "ok", "failed", "unfinished")
ERRORS: tuple[ErrorKind, ...] = ("connect", "http_status", "truncated")
SOURCES: tuple[TokenSource, ...] = ("usage", "chunks")
FAULTS: tuple[CountFault | None, ...] = (None, None, "below-chunks", "missing-part")
DIALECTS: tuple[tuple[Dialect, ...], ...] = ((), (), ("no-done",), ("no-done", "choices"))


@st.composite
def any_records(draw: st.DrawFn) -> Record:
    """A request around a window of 0.1 to 0.9 s: of any outcome, replayed or not, counted by chunk or not."""
    outcome = draw(st.sampled_from(OUTCOMES))
    sent_ms = draw(st.integers(0, 1000)) + draw(st.sampled_from([0.0, 0.000_001]))
    count = draw(st.integers(1 if outcome == "ok" else 0, 12))
    step_us = draw(st.sampled_from([0, 50, 5_001, 40_000]))  # a burst of twelve after a while is a replay
    together = draw(st.sampled_from([1, 1, 2, 5]))  # so many chunks come in one read
    first_ms = sent_ms + draw(st.integers(1, 200))
    counts = tuple(draw(st.lists(st.integers(0, 3), min_size=count, max_size=count)))
    by_chunk = draw(st.booleans()) and sum(counts) > 0
    tokens = sum(counts) if by_chunk else draw(st.integers(0 if outcome != "ok" else 1, 30))
    record = make_record(
        draw(st.integers(0, 99)),
        sent_ms=sent_ms if draw(st.integers(0, 9)) or outcome == "ok" else None,
        intended_ms=max(0, sent_ms - draw(st.integers(0, 30))),
        chunks_ms=tuple(first_ms + at // together * step_us / 1000 for at in range(count)),
        tokens=tokens,
        chunk_tokens=counts if by_chunk else None,
        done_ms=first_ms + count * step_us / 1000 + draw(st.integers(0, 3)),
        outcome=outcome,
        error=draw(st.sampled_from(ERRORS)) if outcome == "failed" else None,
        source=draw(st.sampled_from(SOURCES)),
    )
    record = replace(
        record,
        cached_tokens=draw(st.none() | st.integers(0, 9)),
        prompt_tokens=draw(st.none() | st.integers(1, 9)),
        reasoning_tokens=draw(st.none() | st.integers(0, 9)),
        count_fault=draw(st.sampled_from(FAULTS)),
        dialect=draw(st.sampled_from(DIALECTS)),
        chunks=tuple(
            (at, draw(st.sampled_from([1, 16, 17])), draw(st.integers(0, 2))) for at, _, _ in record.chunks
        ),
    )
    return _with_untimed(record, draw(st.none() | st.integers(0, 9)))


def _with_untimed(record: Record, untimed: int | None) -> Record:
    """With so many tokens that belong to no chunk, as far as that can be; None: who knows."""
    if record.chunk_tokens is not None:
        more = untimed or 0
        return replace(record, untimed_tokens=more, completion_tokens=(record.completion_tokens or 0) + more)
    if untimed is None:
        return replace(record, untimed_tokens=None)
    return replace(record, untimed_tokens=min(untimed, max(0, (record.completion_tokens or 0) - 1)))


def naive_metrics(
    records: Sequence[Record], window: Window, *, open_loop: bool, slo: Slo | None, method: int = 1
) -> Metrics:
    """What `cell_metrics` should give."""
    length = Fraction(window.end_ns - window.start_ns, 10**9)
    chosen = [one for one in records if within(one.intended_ns if one.sent_ns is None else one.sent_ns, window)]
    ok = [one for one in chosen if one.outcome == "ok"]
    failed = [one for one in chosen if one.outcome == "failed"]
    done = [one for one in records if one.outcome == "ok" and within(one.done_ns, window)]
    tpots = [tpot for one in ok if (tpot := tpot_of(one, method)) is not None]
    pace = sorted(tpot for tpot in tpots if tpot > 0)
    answered = any(one.outcome != "failed" and one.chunks for one in records)
    ended = len(ok) + len(failed)
    good = sum(kept(one, slo, open_loop=open_loop, method=method) for one in ok) if slo else 0
    streams = [one for one in ok if not replayed(one)]
    paced = slo is not None and (slo.tpot_ns is not None or slo.itl_ns is not None)
    judged = slo is not None and ended > 0 and not (paced and any(seen(one) is None for one in streams))
    intended = spread if open_loop else nothing
    itl = spread([each for one in streams for each in itls(one, method)])
    thought, answered_ms = first_texts(streams) if method == 2 else (None, None)
    return Metrics(
        window_s=float(length),
        throughput_tok_s=rounded(sum(arrived(one, window) for one in records) / length, 6) if answered else None,
        decode_tok_s=rounded(Fraction(10**9, at_rank(pace, 500)), 6) if pace else None,
        request_rate_s=rounded(len(done) / length, 6) if ok else None,
        error_rate=rounded(Fraction(len(failed), ended), 9) if ended else None,
        requests=RequestCounts(len(ok), len(failed), len(chosen) - ended),
        errors_by_kind=dict(sorted(Counter(one.error for one in failed if one.error).items())),
        tokens=counts(ok, method),
        replayed=len(ok) - len(streams),
        mean_in_flight=rounded(sum(busy(one, window) for one in records) / length, 6) if records else None,
        ttft_ms=spread([one.chunks[0][0] - sent(one) for one in streams]),
        tpot_ms=spread(tpots),
        itl_ms=replace(spread([]), n=itl.n) if flushed(streams, method) else itl,
        chunk_gap_ms=spread([gap for one in streams for gap in gaps(one, method)]),
        e2e_ms=spread([one.chunks[-1][0] - sent(one) for one in ok]),
        send_lag_ms=spread([one.sent_ns - one.intended_ns for one in chosen if one.sent_ns is not None]),
        ttft_from_intended_ms=intended([one.chunks[0][0] - one.intended_ns for one in streams]),
        e2e_from_intended_ms=intended([one.chunks[-1][0] - one.intended_ns for one in ok]),
        goodput_req_s=rounded(good / length, 6) if judged else None,
        goodput_share=rounded(Fraction(good, ended), 9) if judged else None,
        coalesced_share=coalesced(streams) if method == 2 else None,
        dialects=dict(sorted(Counter(word for one in ok for word in one.dialect).items())) or None,
        ttft_reasoning_ms=thought,
        ttft_answer_ms=answered_ms,
    )


def nothing(_: Sequence[int]) -> None:
    return None


def within(at_ns: int, window: Window) -> bool:
    return at_ns in range(window.start_ns, window.end_ns)


def sent(one: Record) -> int:
    assert one.sent_ns is not None
    return one.sent_ns


def rounded(value: Fraction | int, digits: int) -> float:
    return float(round(Fraction(value), digits))


# --- tokens and arrivals --------------------------------------------------------------------------------


def seen(one: Record) -> int | None:
    """Tokens that belong to chunks, where that is known."""
    return None if one.untimed_tokens is None else (one.completion_tokens or 0) - one.untimed_tokens


def tokens_by_chunk(one: Record) -> list[Fraction]:
    """As the server counts them; spread evenly; where nobody knows one for each 16 characters."""
    if one.chunk_tokens is not None:
        return [Fraction(count) for count in one.chunk_tokens]
    known = seen(one)
    if known is None:
        return [Fraction(ceil(chars / 16)) for _, chars, _ in one.chunks]
    return [Fraction(known, len(one.chunks)) for _ in one.chunks]


def arrivals(one: Record, method: int) -> list[tuple[int, Fraction]]:
    """When chunks came, and the tokens of all that came then; by method 1 every chunk came alone."""
    pairs = list(zip([chunk[0] for chunk in one.chunks], tokens_by_chunk(one), strict=True))
    if method == 1:
        return pairs
    return [(at, sum((t for _, t in group), Fraction(0))) for at, group in groupby(pairs, lambda pair: pair[0])]


def arrived(one: Record, window: Window) -> Fraction:
    if one.outcome == "failed" or not one.completion_tokens:
        return Fraction(0)
    pairs = zip(one.chunks, tokens_by_chunk(one), strict=True)
    return sum((tokens for chunk, tokens in pairs if within(chunk[0], window)), Fraction(0))


def coalesced(streams: Iterable[Record]) -> float | None:
    later = [
        (after[0], before[0]) for one in streams for before, after in zip(one.chunks, one.chunks[1:], strict=False)
    ]
    return rounded(Fraction(sum(at == before for at, before in later), len(later)), 9) if later else None


def flushed(streams: Iterable[Record], method: int) -> bool:
    """More than three chunks a time, on average."""
    found = [(len(one.chunks), len(arrivals(one, method))) for one in streams]
    return sum(chunks for chunks, _ in found) > 3 * sum(times for _, times in found)


def first_texts(streams: Iterable[Record]) -> tuple[Distribution, Distribution] | tuple[None, None]:
    thought: list[int] = []
    answered: list[int] = []
    for one in streams:
        thought += [at - sent(one) for at, _, channel in one.chunks if channel == REASONING][:1]
        answered += [at - sent(one) for at, _, channel in one.chunks if channel != REASONING][:1]
    if not thought:
        return None, None
    return spread(thought), spread(answered)


def busy(one: Record, window: Window) -> Fraction:
    """Seconds of the window in which the request was in flight."""
    if one.sent_ns is None:
        return Fraction(0)
    begun, ended = sorted([window.start_ns, one.sent_ns])[1], sorted([window.end_ns, one.done_ns])[0]
    return Fraction(ended - begun, 10**9) if ended > begun else Fraction(0)


def replayed(one: Record) -> bool:
    """Nine tokens or more, within 5 % of the latency, faster than 0.2 ms a token."""
    span_ms = Fraction(one.chunks[-1][0] - one.chunks[0][0], 10**6)
    latency_ms = Fraction(one.chunks[-1][0] - sent(one), 10**6)
    known = seen(one)
    tokens = len(one.chunks) if known is None else known
    return tokens >= 9 and span_ms < latency_ms / 20 and span_ms < tokens * Fraction(2, 10)


# --- paces ----------------------------------------------------------------------------------------------


def half_up(value: Fraction) -> int:
    return ceil(value - Fraction(1, 2)) + (value % 1 == Fraction(1, 2))


def tpot_of(one: Record, method: int) -> int | None:
    tokens = seen(one)
    if tokens is None or replayed(one) or tokens < 2 or len(one.chunks) < 2:
        return None
    later = tokens - arrivals(one, method)[0][1]
    return half_up((one.chunks[-1][0] - one.chunks[0][0]) / later) if later > 0 else None


def gaps(one: Record, method: int) -> list[int]:
    stamps = [at for at, _ in arrivals(one, method)]
    return [stamps[at] - stamps[at - 1] for at in range(1, len(stamps))]


def itls(one: Record, method: int) -> list[int]:
    """A gap divided by the tokens that ended it; where these are none it counts as it is."""
    if seen(one) is None:
        return []
    shares = [tokens for _, tokens in arrivals(one, method)][1:]
    return [half_up(gap / t) if t > 0 else gap for gap, t in zip(gaps(one, method), shares, strict=True)]


def kept(one: Record, slo: Slo, *, open_loop: bool, method: int) -> bool:
    begun = one.intended_ns if open_loop else sent(one)
    found: dict[str, int | None] = {
        "ttft_ns": one.chunks[0][0] - begun,
        "tpot_ns": tpot_of(one, method),
        "itl_ns": max(itls(one, method), default=None) if not replayed(one) else None,
        "e2e_ns": one.chunks[-1][0] - begun,
    }
    limits: dict[str, int | None] = {name: getattr(slo, name) for name in found}
    return not any(_over(found[name], limits[name]) for name in found)


def _over(value: int | None, limit: int | None) -> bool:
    return value is not None and limit is not None and value > limit


# --- counts and distributions ---------------------------------------------------------------------------


def counts(ok: Sequence[Record], method: int) -> TokenCounts:
    lengths = [one.completion_tokens or 0 for one in ok]
    cached = [one.cached_tokens for one in ok if one.cached_tokens is not None]
    told = [one.reasoning_tokens for one in ok if one.reasoning_tokens is not None]
    sources = {one.token_source for one in ok if one.token_source is not None}
    several = [one for one in ok if one.chunk_tokens is None and (seen(one) or 0) > len(one.chunks) + 2]
    faults = Counter(one.count_fault for one in ok if one.count_fault is not None)
    return TokenCounts(
        prompt=sum(one.prompt_tokens or 0 for one in ok),
        completion=sum(lengths),
        cached=sum(cached) if cached else None,
        completion_min=min(lengths) if lengths else None,
        completion_max=max(lengths) if lengths else None,
        source="mixed" if len(sources) > 1 else sources.pop() if sources else None,
        chunks=sum(len(one.chunks) for one in ok),
        reasoning=sum(told) if told else None,
        untimed=sum(one.untimed_tokens or 0 for one in ok),
        unknown_requests=sum(one.untimed_tokens is None for one in ok),
        spread_requests=len(several) if method == 2 else 0,
        faults=dict(sorted(faults.items())) or None,
    )


def at_rank(ordered: Sequence[int], permille: int) -> int:
    return ordered[ceil(Fraction(len(ordered) * permille, 1000)) - 1]


def spread(values: Sequence[int]) -> Distribution:
    if not values:
        return Distribution(0, None, None, None, None, None, None, None, None)
    ordered, n = sorted(values), len(values)
    parts = {name: at_rank(ordered, p) / 10**6 if n >= floor else None for name, (p, floor) in FLOORS.items()}
    return Distribution(
        n=n, min=ordered[0] / 10**6, max=ordered[-1] / 10**6, mean=sum(ordered) // n / 10**6, **parts
    )

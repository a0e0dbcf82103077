"""How right the load generator is, against a reference endpoint of known timing. Pure.

The maker calibrates with it; kit.metrics.suspicion marks cells by it. The method is in docs/method.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Protocol

from kit.documents import (
    Accuracy,
    CalibrationPoint,
    Ceiling,
    ErrorSpread,
    Fault,
    Record,
    Window,
)
from kit.metrics.aggregate import NS_PER_S, sent_in
from kit.metrics.limits import MAX_ERROR_MS, MIN_PACE
from kit.metrics.stats import milliseconds, nearest_rank

# Words that mean nothing in Markdown: they stand in result.json, in tables and on terminals alike.
FAULT_WORDS: Mapping[str, str] = {
    "ttft_error": "TTFT error",
    "gap_error": "gap error",
    "lost": "lost chunks or requests",
    "pace": "streams slower than asked for",
}


class TrueTimes(Protocol):
    """What really happened to a request: absolute monotonic ns, as `kit.reference.truth` logs them."""

    @property
    def salt(self) -> str | None: ...
    @property
    def received_ns(self) -> int: ...
    @property
    def sent(self) -> tuple[tuple[int, int], ...]:
        """When each text chunk left, and its tokens."""
        ...


# --- errors -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Pair:
    """One request as it was measured and as it was."""

    record: Record
    truth: TrueTimes

    @property
    def stamps(self) -> list[int]:
        return [chunk[0] for chunk in self.record.chunks]

    @property
    def left(self) -> list[int]:
        return [at for at, _ in self.truth.sent]

    @property
    def whole(self) -> bool:
        """Whether chunks can be held against each other: none was lost, none was cut in two."""
        return bool(self.truth.sent) and len(self.record.chunks) == len(self.truth.sent)


def error_spread(errors_ns: Sequence[int]) -> ErrorSpread:
    """The spread of the absolute values of some errors in ns."""
    if not errors_ns:
        return ErrorSpread(0, None, None, None)
    ordered = sorted(map(abs, errors_ns))
    median, high = nearest_rank(ordered, 500), nearest_rank(ordered, 990)
    return ErrorSpread(len(ordered), milliseconds(median), milliseconds(high), milliseconds(ordered[-1]))


def accuracy(
    records: Sequence[Record], truths: Mapping[str, TrueTimes], window: Window, origin_ns: int
) -> Accuracy:
    """The errors of the requests sent in `window`; `truths` by salt, `origin_ns` the origin of the records.

    Requests that the end of the load cut do not count.
    """
    chosen = [record for record in records if record.outcome != "unfinished" and sent_in(record, window)]
    pairs = [_Pair(record, truths[record.salt]) for record in chosen if record.salt in truths]
    whole = [pair for pair in pairs if pair.whole]
    return Accuracy(
        requests=len(chosen),
        matched=len(whole),
        chunks=sum(len(pair.stamps) for pair in whole),
        lost_chunks=sum(max(0, len(pair.left) - len(pair.stamps)) for pair in pairs),
        ttft_error_ms=error_spread([error for pair in whole for error in _ttft_errors(pair)]),
        gap_error_ms=error_spread([error for pair in whole for error in _gap_errors(pair)]),
        receive_error_ms=error_spread(
            [at + origin_ns - left for pair in whole for at, left in zip(pair.stamps, pair.left, strict=True)]
        ),
        send_lag_ms=error_spread(
            [record.sent_ns - record.intended_ns for record in chosen if record.sent_ns is not None]
        ),
    )


def _ttft_errors(pair: _Pair) -> Iterator[int]:
    if pair.record.sent_ns is not None:
        yield (pair.stamps[0] - pair.record.sent_ns) - (pair.left[0] - pair.truth.received_ns)


def _gap_errors(pair: _Pair) -> Iterator[int]:
    stamps, left = pair.stamps, pair.left
    for (before, after), (left_before, left_after) in zip(pairwise(stamps), pairwise(left), strict=True):
        yield (after - before) - (left_after - left_before)


# --- one point --------------------------------------------------------------------------------------------


def pace(records: Sequence[Record], window: Window, rate_tok_s: float) -> float | None:
    """The pace that streams had, as a part of `rate_tok_s`; None without a stream of two chunks.

    Over the ok requests sent in the window; one token a chunk.
    """
    ok = [r for r in records if r.outcome == "ok" and len(r.chunks) > 1 and sent_in(r, window)]
    span_ns = sum(record.chunks[-1][0] - record.chunks[0][0] for record in ok)
    gaps = sum(len(record.chunks) - 1 for record in ok)
    if not span_ns:
        return None
    return round(float(Fraction(gaps * NS_PER_S, span_ns) / Fraction(rate_tok_s)), 6)


def arrived_tok_s(records: Sequence[Record], window: Window) -> float:
    """Chunks of one token that arrived in the window / its length."""
    stamps = (chunk[0] for record in records for chunk in record.chunks)
    inside = sum(window.start_ns <= at < window.end_ns for at in stamps)
    return float(round(Fraction(inside * NS_PER_S, window.end_ns - window.start_ns), 3))


def faults(found: Accuracy, pace_held: float | None) -> tuple[Fault, ...]:
    """Why a point does not hold; empty if it does."""
    wrong: dict[Fault, bool] = {
        "ttft_error": _above(found.ttft_error_ms),
        "gap_error": _above(found.gap_error_ms),
        "lost": not found.requests or found.matched < found.requests or found.lost_chunks > 0,
        "pace": pace_held is None or pace_held < MIN_PACE,
    }
    return tuple(name for name, is_so in wrong.items() if is_so)


def _above(errors: ErrorSpread) -> bool:
    return errors.p99 is None or errors.p99 > MAX_ERROR_MS


def calibration_point(
    concurrency: int,
    rate_tok_s: float,
    records: Sequence[Record],
    truths: Mapping[str, TrueTimes],
    window: Window,
    origin_ns: int,
) -> CalibrationPoint:
    """One point from the records of a load at `rate_tok_s` per stream, one token a chunk, and the truth."""
    found = accuracy(records, truths, window, origin_ns)
    held = pace(records, window, rate_tok_s)
    wrong = faults(found, held)
    return CalibrationPoint(
        concurrency=concurrency,
        rate_tok_s=rate_tok_s,
        expected_tok_s=concurrency * rate_tok_s,
        tok_s=arrived_tok_s(records, window),
        pace=held,
        accuracy=found,
        ok=not wrong,
        faults=wrong,
    )


def fault_text(names: Sequence[Fault]) -> str:
    """Faults in words."""
    return " and ".join(FAULT_WORDS[name] for name in names)


def streams_text(count: int) -> str:
    return f"{count} stream{'' if count == 1 else 's'}"


def proven(points: Sequence[CalibrationPoint]) -> Ceiling | None:
    """The most tokens per second and the most streams among the points that hold; None if none does."""
    good = [point for point in points if point.ok]
    if not good:
        return None
    return Ceiling(max(point.tok_s for point in good), max(point.concurrency for point in good))

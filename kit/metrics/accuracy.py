"""How right the load generator is, against a reference endpoint of known timing. Pure.

The maker calibrates with it; kit.metrics.suspicion marks cells by it. The method is in docs/method.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import islice, pairwise
from typing import Protocol

from kit.documents import (
    Accuracy,
    CalibrationPoint,
    CalibrationRecord,
    Ceiling,
    ErrorSpread,
    Fault,
    Record,
    Window,
)
from kit.metrics.aggregate import NS_PER_S
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


def calibration_records(
    load: int, records: Sequence[Record], truths: Mapping[str, TrueTimes], origin_ns: int
) -> list[CalibrationRecord]:
    """The requests of a load beside the truth; `truths` by salt, `origin_ns` the origin of the records."""
    return [_beside(load, record, truths.get(record.salt), origin_ns) for record in records]


def _beside(load: int, record: Record, truth: TrueTimes | None, origin_ns: int) -> CalibrationRecord:
    received_ns = None if truth is None else truth.received_ns - origin_ns
    left = [] if truth is None else [at - origin_ns for at, _ in truth.sent]
    return CalibrationRecord(
        load=load,
        id=record.id,
        outcome=record.outcome,
        intended_ns=record.intended_ns,
        sent_ns=record.sent_ns,
        received_ns=received_ns,
        arrived=_steps(record.sent_ns, [chunk[0] for chunk in record.chunks]),
        left=_steps(received_ns, left),
    )


def _steps(from_ns: int | None, stamps: Sequence[int]) -> tuple[int, ...]:
    return tuple(after - before for before, after in pairwise((from_ns or 0, *stamps)))


def _whole(record: CalibrationRecord) -> bool:
    """Whether chunks can be held against each other: none was lost, none was cut in two."""
    return bool(record.left) and len(record.arrived) == len(record.left)


def error_spread(errors_ns: Sequence[int]) -> ErrorSpread:
    """The spread of the absolute values of some errors in ns."""
    if not errors_ns:
        return ErrorSpread(0, None, None, None)
    ordered = sorted(map(abs, errors_ns))
    median, high = nearest_rank(ordered, 500), nearest_rank(ordered, 990)
    return ErrorSpread(len(ordered), milliseconds(median), milliseconds(high), milliseconds(ordered[-1]))


def accuracy(records: Sequence[CalibrationRecord], window: Window) -> Accuracy:
    """The errors of the requests sent in `window`. Requests that the end of the load cut do not count."""
    chosen = [record for record in records if record.outcome != "unfinished" and _sent_in(record, window)]
    known = [record for record in chosen if record.received_ns is not None]
    whole = [record for record in known if _whole(record)]
    return Accuracy(
        requests=len(chosen),
        matched=len(whole),
        chunks=sum(len(record.arrived) for record in whole),
        lost_chunks=sum(max(0, len(record.left) - len(record.arrived)) for record in known),
        ttft_error_ms=error_spread(
            [record.arrived[0] - record.left[0] for record in whole if record.sent_ns is not None]
        ),
        gap_error_ms=error_spread(
            [
                gap - left
                for record in whole
                for gap, left in islice(zip(record.arrived, record.left, strict=True), 1, None)
            ]
        ),
        receive_error_ms=error_spread(
            [at - left for record in whole for at, left in zip(record.arrived_ns(), record.left_ns(), strict=True)]
        ),
        send_lag_ms=error_spread(
            [record.sent_ns - record.intended_ns for record in chosen if record.sent_ns is not None]
        ),
    )


def _sent_in(record: CalibrationRecord, window: Window) -> bool:
    at = record.sent_ns if record.sent_ns is not None else record.intended_ns
    return window.start_ns <= at < window.end_ns


# --- one point --------------------------------------------------------------------------------------------


def pace(records: Sequence[CalibrationRecord], window: Window, rate_tok_s: float) -> float | None:
    """The pace that streams had, as a part of `rate_tok_s`; None without a stream of two chunks.

    Over the ok requests sent in the window; one token a chunk.
    """
    ok = [r for r in records if r.outcome == "ok" and len(r.arrived) > 1 and _sent_in(r, window)]
    span_ns = sum(sum(record.arrived) - record.arrived[0] for record in ok)
    gaps = sum(len(record.arrived) - 1 for record in ok)
    if not span_ns:
        return None
    return round(float(Fraction(gaps * NS_PER_S, span_ns) / Fraction(rate_tok_s)), 6)


def arrived_tok_s(records: Sequence[CalibrationRecord], window: Window) -> float:
    """Chunks of one token that arrived in the window / its length."""
    stamps = (at for record in records for at in record.arrived_ns())
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
    concurrency: int, rate_tok_s: float, records: Sequence[CalibrationRecord], window: Window
) -> CalibrationPoint:
    """One point from the requests of a load at `rate_tok_s` per stream, one token a chunk."""
    found = accuracy(records, window)
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

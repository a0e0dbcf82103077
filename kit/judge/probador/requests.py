"""One successful request as probador would have timed it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kit.documents import Record
from kit.metrics.stats import milliseconds
from kit.metrics.timing import is_replayed


@dataclass(frozen=True, slots=True)
class Seen:
    """Milliseconds; `itl_ms` is None where an answer has no pace. `sent_ms` since the origin of the load."""

    sent_ms: float
    latency_ms: float
    ttft_ms: float
    itl_ms: float | None
    completion_tokens: int
    prompt_tokens: int
    finish_reason: str | None


def seen(records: Iterable[Record]) -> list[Seen]:
    """Ok records in the order in which they were sent."""
    return [_seen(record) for record in sorted(records, key=lambda record: (_sent_ns(record), record.id))]


def _sent_ns(record: Record) -> int:
    return record.sent_ns if record.sent_ns is not None else record.intended_ns


def _seen(record: Record) -> Seen:
    sent_ns = _sent_ns(record)
    tokens = record.completion_tokens or 0
    latency_ms = milliseconds(record.done_ns - sent_ns)
    stamps = [chunk[0] for chunk in record.chunks]
    if not stamps or is_replayed(record):
        # An answer in one piece is no stream: probador's definitions for one that was not streamed.
        ttft_ms, itl_ms = latency_ms, latency_ms / tokens if tokens > 1 else None
    else:
        ttft_ms = milliseconds(stamps[0] - sent_ns)
        itl_ms = milliseconds(stamps[-1] - stamps[0]) / (len(stamps) - 1) if len(stamps) > 1 else None
    return Seen(
        sent_ms=milliseconds(sent_ns),
        latency_ms=latency_ms,
        ttft_ms=ttft_ms,
        itl_ms=itl_ms,
        completion_tokens=tokens,
        prompt_tokens=record.prompt_tokens or 0,
        finish_reason=record.finish_reason,
    )

"""What a calibration of the load generator found: its errors against a reference endpoint of known timing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Literal

from kit.documents.pins import Sparse
from kit.documents.record import Window
from kit.documents.vocabulary import Outcome, StampSource

# Why a point of a calibration does not hold.
Fault = Literal["ttft_error", "gap_error", "lost", "pace"]
# What ended the search for the ceiling: a fault of its last step, the number of steps, its time; or the point at
# the largest concurrency did not hold, so that there was nothing to search from.
SearchEnd = Literal["ttft_error", "gap_error", "lost", "pace", "steps", "time", "largest_point"]


@dataclass(frozen=True, slots=True)
class ErrorSpread:
    """Absolute errors in milliseconds, nearest rank on integer nanoseconds; None where there is no sample."""

    n: int
    p50: float | None
    p99: float | None
    max: float | None


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The requests sent in the window of one load, held against what the reference endpoint really did.

    `ttft_error_ms` is (first chunk - send) less (first chunk left - request received); `gap_error_ms` the
    same for gaps between chunks; `receive_error_ms` stamp of a chunk less the time it left.
    """

    requests: int
    matched: int
    chunks: int
    lost_chunks: int
    ttft_error_ms: ErrorSpread
    gap_error_ms: ErrorSpread
    receive_error_ms: ErrorSpread
    send_lag_ms: ErrorSpread


@dataclass(frozen=True, slots=True)
class CalibrationRecord:
    """One request of a calibration as it was measured and as it was: one line of calibration.jsonl.

    `load` is its place among the points and then the steps. Stamps are ns since the origin of that load;
    `received_ns` is None where the reference endpoint knows nothing of the request. `arrived` are steps from
    `sent_ns` (0 where nothing was sent) to the first chunk and from chunk to chunk, `left` those from
    `received_ns`.
    """

    load: int
    id: int
    outcome: Outcome
    intended_ns: int
    sent_ns: int | None
    received_ns: int | None
    arrived: Sequence[int]
    left: Sequence[int]

    def arrived_ns(self) -> Iterator[int]:
        """When each chunk arrived."""
        return islice(accumulate(self.arrived, initial=self.sent_ns or 0), 1, None)

    def left_ns(self) -> Iterator[int]:
        """When each chunk left the endpoint."""
        return islice(accumulate(self.left, initial=self.received_ns or 0), 1, None)


@dataclass(frozen=True, slots=True)
class CalibrationPoint(Sparse):
    """One load against the reference endpoint.

    `rate_tok_s` is the pace of one stream; `expected_tok_s` that of all while all stream; `tok_s` what arrived
    in the window / its length (less, for each request begins with a silence); `pace` the part of `rate_tok_s`
    that the streams really had. `window` is known where the records are kept.
    """

    concurrency: int
    rate_tok_s: float
    expected_tok_s: float
    tok_s: float
    pace: float | None
    accuracy: Accuracy
    ok: bool
    faults: tuple[Fault, ...]
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Ceiling:
    """How far the load generator is proven: so many tokens per second and so many streams at once."""

    tok_s: float
    streams: int


@dataclass(frozen=True, slots=True)
class Calibration(Sparse):
    """calibration.json: one point for each concurrency, then the steps of the search for the ceiling.

    `records_sha256` is of calibration.jsonl, where the records are kept.
    """

    schema: Literal["kit/calibration/1"]
    kit_version: str
    started_utc: str
    duration_ns: int
    cpus: int
    stamp_source: StampSource
    limit_ms: float
    min_pace: float
    points: tuple[CalibrationPoint, ...]
    steps: tuple[CalibrationPoint, ...]
    ended_by: SearchEnd
    ceiling: Ceiling | None
    records_sha256: str | None = None

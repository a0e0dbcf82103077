"""What was seen: one request on the wire, parsed, kept as a record, and the numbers of many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from kit.documents.vocabulary import ErrorKind, Outcome, TokenSource


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request on the wire as the load generator saw it: stamps and bytes, nothing parsed.

    `pieces` are (stamp_ns, body bytes) after HTTP framing was removed. `failure` is set when the connection
    or a time-out ended the exchange; a complete answer has `complete` true. `connect_ns` is None when the
    request went over a kept-alive connection.
    """

    id: int
    worker: int
    intended_ns: int
    connect_ns: int | None
    sent_ns: int | None
    headers_ns: int | None
    done_ns: int
    status: int | None
    pieces: tuple[tuple[int, bytes], ...]
    complete: bool
    failure: ErrorKind | None = None
    failure_detail: str = ""
    unfinished: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a stream said, parsed from (stamp, bytes) pairs by `kit.stream.record`.

    `chunks` are (stamp_ns, characters, channel) of every piece of generated text, in order; `chunk_tokens`
    stands beside them only where the server counts tokens per chunk (else None).
    """

    text: str
    chunks: tuple[tuple[int, int, int], ...]
    chunk_tokens: tuple[int, ...] | None
    first_event_ns: int | None
    last_event_ns: int | None
    finish_reason: str | None
    done_seen: bool
    usage: Usage | None
    predicted_tokens: int | None
    model: str | None
    error: ErrorKind | None
    error_detail: str


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of one request: one line of records.jsonl. The text itself is in texts.jsonl.

    Stamps are ns since the origin of the load: intended <= sent <= headers <= chunks <= done.
    `completion_tokens` is the count by `token_source`; None when nothing was generated.
    """

    id: int
    worker: int
    prompt: int
    salt: str
    max_tokens: int
    intended_ns: int
    connect_ns: int | None
    sent_ns: int | None
    headers_ns: int | None
    first_event_ns: int | None
    done_ns: int
    status: int | None
    outcome: Outcome
    error: ErrorKind | None
    error_detail: str
    finish_reason: str | None
    done_seen: bool
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    token_source: TokenSource | None
    model: str | None
    text_chars: int
    text_sha256: str
    chunks: tuple[tuple[int, int, int], ...]
    chunk_tokens: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Window:
    """The measured part of a load: [start, end) in ns since its origin."""

    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """Milliseconds, nearest rank on integer nanoseconds; a percentile is None below its sample floor."""

    n: int
    min: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    p999: float | None
    max: float | None
    mean: float | None


@dataclass(frozen=True, slots=True)
class RequestCounts:
    ok: int
    failed: int
    unfinished: int


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """Tokens of the ok requests sent in the window."""

    prompt: int
    completion: int
    cached: int | None
    completion_min: int | None
    completion_max: int | None
    source: TokenSource | Literal["mixed"] | None
    chunks: int


@dataclass(frozen=True, slots=True)
class ValidationCounts:
    """How many texts of ok requests sent in the window passed the load's rule.

    Reasons are as in kit.metrics.validation. `distinct` is the number of different texts among them.
    """

    checked: int
    passed: int
    failed_by_reason: Mapping[str, int]
    distinct: int


@dataclass(frozen=True, slots=True)
class Metrics:
    """The numbers of one cell: a pure function of its records and window (see docs/method.md).

    Goodput is None without limits (`Load.slo`), `validation` without a rule (`Load.validate`).
    """

    window_s: float
    throughput_tok_s: float | None
    decode_tok_s: float | None
    request_rate_s: float | None
    error_rate: float | None
    requests: RequestCounts
    errors_by_kind: Mapping[str, int]
    tokens: TokenCounts
    replayed: int
    mean_in_flight: float | None
    ttft_ms: Distribution
    tpot_ms: Distribution
    itl_ms: Distribution
    chunk_gap_ms: Distribution
    e2e_ms: Distribution
    send_lag_ms: Distribution
    ttft_from_intended_ms: Distribution | None
    e2e_from_intended_ms: Distribution | None
    goodput_req_s: float | None = None
    goodput_share: float | None = None
    validation: ValidationCounts | None = None

"""What was seen: one request on the wire, parsed, kept as a record, and the numbers of many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal

from kit.documents.distribution import Distribution
from kit.documents.pins import Sparse
from kit.documents.sessions import SessionMetrics
from kit.documents.vocabulary import CountFault, Dialect, ErrorKind, Outcome, TokenSource


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request on the wire as the load generator saw it: stamps and bytes, nothing parsed.

    `pieces` are (stamp_ns, body bytes) after HTTP framing was removed. `failure` is set when the connection
    or a time-out ended the exchange; a complete answer has `complete` true. `connect_ns` is None when the
    request went over a kept-alive connection. In a load of sessions it is turn `turn` of `session`, and
    `messages_sha256` that of the messages that were sent (kit.plan.workloads.sessions).
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
    session: int | None = None
    turn: int = 0
    messages_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a server counted; None for what it left out, or wrote as no count. `fault` is of the completion."""

    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None = None
    fault: CountFault | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a stream said, parsed from (stamp, bytes) pairs by `kit.stream.record`.

    `chunks` are (stamp_ns, characters, channel) of every piece of generated text, in order; `chunk_tokens`
    stands beside them only where the server counts tokens per chunk (else None), and `silent_tokens` are then
    those by which its count grew without a chunk.
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
    silent_tokens: int = 0
    dialect: tuple[Dialect, ...] = ()


@dataclass(frozen=True, slots=True)
class Record(Sparse):
    """What is kept of one request: one line of records.jsonl. The text itself is in texts.jsonl.

    Stamps are ns since the origin of the load: intended <= sent <= headers <= chunks <= done.
    `completion_tokens` is the count by `token_source`; None when nothing was generated. `untimed_tokens` of them
    belong to no chunk that was seen (None: that cannot be told), `reasoning_tokens` is what the server says of its
    reasoning, and `count_fault` why its count was not believed. `chunks` are a tuple where they were seen, and
    `kit.documents.chunks` where they were read. From `session` on, fields are of loads of sessions: turn `turn` of
    `turns`, meant for `think_ns` after the turn before it had ended, with these messages.
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
    chunks: Sequence[tuple[int, int, int]]
    chunk_tokens: tuple[int, ...] | None
    reasoning_tokens: int | None = None
    untimed_tokens: int | None = 0
    count_fault: CountFault | None = None
    dialect: tuple[Dialect, ...] = ()
    session: int | None = None
    turn: int = 0
    turns: int = 0
    think_ns: int = 0
    messages_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """The measured part of a load: [start, end) in ns since its origin."""

    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class RequestCounts:
    ok: int
    failed: int
    unfinished: int


@dataclass(frozen=True, slots=True)
class TokenCounts(Sparse):
    """Tokens of the ok requests sent in the window.

    `reasoning` are those that servers say were reasoning, `untimed` those without a chunk. `unknown_requests` have
    tokens that cannot be told from untimed ones, `spread_requests` several tokens a chunk, spread evenly, and
    `faults` are requests whose usage was not believed, by the reason.
    """

    prompt: int
    completion: int
    cached: int | None
    completion_min: int | None
    completion_max: int | None
    source: TokenSource | Literal["mixed"] | None
    chunks: int
    reasoning: int | None = None
    untimed: int = 0
    unknown_requests: int = 0
    spread_requests: int = 0
    faults: Mapping[str, int] | None = None


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
class Metrics(Sparse):
    """The numbers of one cell: a pure function of its records and window (see docs/method.md).

    Goodput is None without limits (`Load.slo`), `validation` without a rule (`Load.validate`). From
    `coalesced_share` on, fields are of method 2 and left out where there is nothing to say. `prefill_tok_s` is of
    each request, `prefill_total_tok_s` of all together, in loads that ask for them;
    `sessions` are those of a load of sessions.
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
    coalesced_share: float | None = None
    ttft_reasoning_ms: Distribution | None = None
    ttft_answer_ms: Distribution | None = None
    dialects: Mapping[str, int] | None = None
    prefill_tok_s: Distribution | None = None
    prefill_total_tok_s: float | None = None
    sessions: SessionMetrics | None = None

    def written(self) -> Iterator[tuple[str, object]]:
        """The fields that are written: all of the first method, and those of the second that are known."""
        for field in fields(self):
            value: object = getattr(self, field.name)
            if field.name not in _OF_METHOD_2 or value is not None:
                yield field.name, value


_OF_METHOD_2 = frozenset({"coalesced_share", "ttft_reasoning_ms", "ttft_answer_ms", "dialects"}) | {
    "prefill_tok_s",
    "prefill_total_tok_s",
    "sessions",
}

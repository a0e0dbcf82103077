"""What is sent for one request: pieces of bytes and what becomes of the connection. Pure.

A fault in mid-stream happens right after half of the text chunks (rounded down).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from kit.reference.behaviour import Behaviour
from kit.reference.documents import completion_body, document, error_body, stream_head
from kit.reference.faults import Fault
from kit.reference.requests import Ask
from kit.reference.shapes import (
    GARBAGE,
    Counts,
    ending,
    failure,
    head_leaves_early,
    role,
    role_leaves_early,
    text,
)

SLOW_HEAD_PIECE_BYTES = 16
SLOW_HEAD_GAP_NS = 20_000_000

After = Literal["keep", "close", "reset", "hang"]
STATUS_FAULTS: dict[Fault, int] = {"status-500": 500, "status-429": 429}
_AFTER: dict[Fault, After] = {"cut": "close", "reset": "reset", "stall": "hang"}


@dataclass(frozen=True, slots=True)
class ResponsePlan:
    """One answer: `early` at once; then `full` whole text chunks, each when due; then `last`, when it is due.

    `opening` goes out with the first of them, `last_tokens` is the text in the last. `silent` chunks are
    waited for before the first, and then all leaves in a burst. `slow_head` dribbles what is early. `at_once`:
    the early bytes are everything, and no slot is needed. `tokens` were asked for, in chunks of
    `tokens_per_chunk`.
    """

    tokens: int
    tokens_per_chunk: int

    after: After
    early: bytes = b""
    opening: bytes = b""
    full: int = 0
    last: bytes = b""
    last_tokens: int = 0
    silent: int = 0
    slow_head: bool = False
    at_once: bool = False


def response_plan(
    behaviour: Behaviour,
    ask: Ask,
    request: int,
    fault: Fault | None,
    *,
    close: bool,
    cached_tokens: int | None = None,
) -> ResponsePlan | None:
    """The answer to request number `request`, of whose prompt so much came from a cache; None for no answer."""
    if fault == "no-answer":
        return None
    if fault in STATUS_FAULTS:
        status = STATUS_FAULTS[fault]
        body = error_body(behaviour.shape, status, "the reference endpoint was asked to refuse this")
        answer = document(status, body, close=close, request=request)
        return ResponsePlan(ask.tokens, behaviour.tokens_per_chunk, _kept(close), early=answer, at_once=True)
    counts = _counts(ask, fault, cached_tokens)
    if not ask.stream:
        return _whole(behaviour, ask, request, fault, counts, close=close)
    return _streamed(behaviour, ask, request, fault, counts, close=close)


def _counts(ask: Ask, fault: Fault | None, cached_tokens: int | None) -> Counts:
    """What usage says of a whole answer; a lie says that all of the prompt was known, its newest words too."""
    told = ask.prompt_tokens if fault == "cached-lie" else cached_tokens
    return Counts(ask.prompt_tokens, ask.tokens, told, tells=fault != "no-cached")


def chunks_of(tokens: int, tokens_per_chunk: int) -> int:
    return -(-tokens // tokens_per_chunk)


def tokens_in(chunk: int, tokens: int, tokens_per_chunk: int) -> int:
    """How many of the tokens chunk number `chunk` carries."""
    return min(tokens_per_chunk, tokens - chunk * tokens_per_chunk)


def _kept(close: bool) -> After:
    return "close" if close else "keep"


def _streamed(
    behaviour: Behaviour, ask: Ask, request: int, fault: Fault | None, counts: Counts, *, close: bool
) -> ResponsePlan:
    shape, size = behaviour.shape, behaviour.tokens_per_chunk
    chunks = chunks_of(ask.tokens, size)
    sent = _chunks_sent(chunks, fault)
    last_tokens = tokens_in(sent - 1, ask.tokens, size) if sent else 0
    complete = sent == chunks
    head = stream_head(shape, request, close=close)
    early, opening = (head, b"") if head_leaves_early(shape) or fault == "slow-headers" else (b"", head)
    if role_leaves_early(shape):
        early += role(shape, ask.api)
    else:
        opening += role(shape, ask.api)
    last_text = text(shape, (sent - 1) * size, last_tokens, last=complete, api=ask.api) if sent else b""
    return ResponsePlan(
        ask.tokens,
        size,
        _AFTER.get(fault, _kept(close)) if fault else _kept(close),
        early=early,
        opening=opening,
        full=max(0, sent - 1),
        last=last_text + _tail(behaviour, ask, fault, counts, sent=sent),
        last_tokens=last_tokens,
        silent=chunks - 1 if fault == "replay" else 0,
        slow_head=fault == "slow-headers",
    )


def _chunks_sent(chunks: int, fault: Fault | None) -> int:
    if fault == "empty":
        return 0
    return chunks // 2 if fault in ("error-event", "garbage", *_AFTER) else chunks


def _tail(behaviour: Behaviour, ask: Ask, fault: Fault | None, counts: Counts, *, sent: int) -> bytes:
    if fault in _AFTER:
        return b""
    if fault == "error-event":
        return failure(behaviour.shape, ask.api)
    tokens = min(ask.tokens, sent * behaviour.tokens_per_chunk)
    tail = ending(
        behaviour.shape,
        replace(counts, completion_tokens=tokens),
        include_usage=ask.include_usage,
        counted=fault != "no-usage",
        after_text=tokens == ask.tokens,
        api=ask.api,
    )
    return GARBAGE + tail if fault == "garbage" else tail


def _whole(
    behaviour: Behaviour, ask: Ask, request: int, fault: Fault | None, counts: Counts, *, close: bool
) -> ResponsePlan:
    """An answer that is no stream: it leaves when its last token is due."""
    tokens = 0 if fault == "empty" else ask.tokens
    counts = replace(counts, completion_tokens=tokens)
    body = completion_body(behaviour.shape, counts, counted=fault != "no-usage", api=ask.api)
    if fault == "garbage":
        body = body[: len(body) // 2] + b"\0"
    answer = document(200, body, close=close, request=request)
    if fault == "error-event":
        tokens = 0
        body = error_body(behaviour.shape, 500, "the reference endpoint was asked to fail here")
        answer = document(500, body, close=close, request=request)
    if fault in _AFTER:
        tokens, answer = 0, answer[: -(len(body) // 2)]
    slow = fault == "slow-headers"
    return ResponsePlan(
        ask.tokens,
        behaviour.tokens_per_chunk,
        _AFTER.get(fault, _kept(close)) if fault else _kept(close),
        early=answer[: -len(body)] if slow else b"",
        last=answer[-len(body) :] if slow else answer,
        last_tokens=tokens,
        silent=chunks_of(ask.tokens, behaviour.tokens_per_chunk) - 1,
        slow_head=slow,
    )


def slow_head_ns(plan: ResponsePlan) -> int:
    """How long the early bytes take, piece by piece; 0 where they go at once."""
    pieces = chunks_of(len(plan.early), SLOW_HEAD_PIECE_BYTES)
    return pieces * SLOW_HEAD_GAP_NS if plan.slow_head else 0

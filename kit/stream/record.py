"""From an exchange to its `Record`: what its stream said (`kit.stream.answer`), and the verdict on it.

Nothing here raises on any bytes.
"""

from __future__ import annotations

import hashlib

from kit.documents import Answer, Dialect, ErrorKind, Exchange, PlannedRequest, Record
from kit.stream.answer import MAX_NAME_CHARS, MAX_TEXT_CHARS, parse
from kit.stream.counts import MAX_TOKENS, counted
from kit.stream.error_words import MAX_DETAIL_CHARS, clean, words_of_body

__all__ = [
    "MAX_DETAIL_CHARS",
    "MAX_NAME_CHARS",
    "MAX_TEXT_CHARS",
    "MAX_TOKENS",
    "is_success",
    "parse",
    "record",
]

_GZIP = b"\x1f\x8b"
_PACKED = "a compressed body (gzip), though nobody asked for one"


def is_success(status: int | None) -> bool:
    """Whether an answer with this HTTP status is one: some gateways send streams as 201 or 202."""
    return status is not None and 200 <= status < 300


def record(exchange: Exchange, request: PlannedRequest, *, limited: bool = True) -> tuple[Record, str]:
    """Judge one exchange: its record, and the text of the answer (as much of it as arrived).

    `limited`: the server was told of `max_tokens`, so no count above it can be.
    """
    answer = parse(exchange.pieces if is_success(exchange.status) else ())
    fault, detail = (None, "") if exchange.unfinished else _fault(exchange, answer)
    count, usage = counted(answer, request.max_tokens if limited else None), answer.usage
    ok = not fault and not exchange.unfinished
    return Record(
        id=exchange.id,
        worker=exchange.worker,
        prompt=request.prompt,
        salt=request.salt,
        max_tokens=request.max_tokens,
        intended_ns=exchange.intended_ns,
        connect_ns=exchange.connect_ns,
        sent_ns=exchange.sent_ns,
        headers_ns=exchange.headers_ns,
        first_event_ns=answer.first_event_ns,
        done_ns=exchange.done_ns,
        status=exchange.status,
        outcome="unfinished" if exchange.unfinished else "failed" if fault else "ok",
        error=fault,
        error_detail=clean(detail),
        finish_reason=answer.finish_reason,
        done_seen=answer.done_seen,
        prompt_tokens=usage.prompt_tokens if usage else None,
        completion_tokens=count.tokens,
        cached_tokens=usage.cached_tokens if usage else None,
        token_source=count.source,
        model=answer.model,
        text_chars=len(answer.text),
        text_sha256=hashlib.sha256(answer.text.encode()).hexdigest(),
        chunks=answer.chunks,
        chunk_tokens=count.chunk_tokens,
        reasoning_tokens=usage.reasoning_tokens if usage else None,
        untimed_tokens=count.untimed,
        count_fault=count.fault,
        dialect=(*_NO_DONE, *answer.dialect) if ok and not answer.done_seen else answer.dialect,
    ), answer.text


_NO_DONE: tuple[Dialect, ...] = ("no-done",)


def _fault(exchange: Exchange, answer: Answer) -> tuple[ErrorKind | None, str]:
    """What is wrong with a finished exchange, by the first thing that is; (None, "") when nothing is."""
    if exchange.failure is not None:
        return exchange.failure, exchange.failure_detail
    if exchange.status is None:
        return "truncated", "the connection ended before an answer"
    if not is_success(exchange.status):
        return "http_status", _said(exchange) or exchange.failure_detail or f"HTTP {exchange.status}"
    if answer.error is not None:
        return answer.error, answer.error_detail
    if answer.done_seen and answer.finish_reason is None:
        before = "[DONE] without" if answer.chunks else "[DONE] before any text and without"
        return "truncated", f"{before} a finish reason: the server ended the answer early"
    if not answer.chunks:
        return "empty", _why_empty(exchange, answer)
    if answer.finish_reason is None or not exchange.complete:
        return "truncated", _what_is_missing(exchange, answer)
    return None, ""


def _why_empty(exchange: Exchange, answer: Answer) -> str:
    if answer.first_event_ns is None:
        return f"no events: {_said(exchange, packed=_PACKED)}"
    tokens = answer.usage.completion_tokens if answer.usage else None
    if tokens:
        return f"no text came, though the server counts {tokens} tokens"
    return "no text came"


def _what_is_missing(exchange: Exchange, answer: Answer) -> str:
    missing = (
        "" if answer.finish_reason else "no finish reason",
        "" if answer.done_seen else "no [DONE]",
        "" if exchange.complete else "the body was cut",
    )
    return ", ".join(filter(None, missing))


def _said(exchange: Exchange, packed: str = "") -> str:
    """What a body without events says; `packed` for a compressed one."""
    body = b"".join([data for _, data in exchange.pieces])
    return packed if body.startswith(_GZIP) else words_of_body(body)

"""From an exchange to its `Record`: what its stream said (`kit.stream.answer`), and the verdict on it.

Nothing here raises on any bytes.
"""

from __future__ import annotations

import hashlib

from kit.documents import Answer, ErrorKind, Exchange, PlannedRequest, Record, TokenSource
from kit.stream.answer import MAX_NAME_CHARS, MAX_TEXT_CHARS, MAX_TOKENS, parse
from kit.stream.error_words import MAX_DETAIL_CHARS, clean, words_of_body

__all__ = ["MAX_DETAIL_CHARS", "MAX_NAME_CHARS", "MAX_TEXT_CHARS", "MAX_TOKENS", "parse", "record"]


def record(exchange: Exchange, request: PlannedRequest) -> tuple[Record, str]:
    """Judge one exchange: its record, and the text of the answer (as much of it as arrived)."""
    answer = parse(exchange.pieces if exchange.status == 200 else ())
    fault, detail = (None, "") if exchange.unfinished else _fault(exchange, answer)
    tokens, source = _tokens(answer)
    usage = answer.usage
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
        completion_tokens=tokens,
        cached_tokens=usage.cached_tokens if usage else None,
        token_source=source,
        model=answer.model,
        text_chars=len(answer.text),
        text_sha256=hashlib.sha256(answer.text.encode()).hexdigest(),
        chunks=answer.chunks,
        chunk_tokens=answer.chunk_tokens,
    ), answer.text


def _fault(exchange: Exchange, answer: Answer) -> tuple[ErrorKind | None, str]:
    """What is wrong with a finished exchange, by the first thing that is; (None, "") when nothing is."""
    if exchange.failure is not None:
        return exchange.failure, exchange.failure_detail
    if exchange.status is None:
        return "truncated", "the connection ended before an answer"
    if exchange.status != 200:
        return "http_status", _said(exchange) or exchange.failure_detail or f"HTTP {exchange.status}"
    if answer.error is not None:
        return answer.error, answer.error_detail
    if not answer.chunks:
        return "empty", "no text came" if answer.first_event_ns is not None else f"no events: {_said(exchange)}"
    if answer.finish_reason is None or not answer.done_seen or not exchange.complete:
        return "truncated", _what_is_missing(exchange, answer)
    if answer.usage is not None and answer.usage.completion_tokens == 0:
        return "protocol", f"usage counts 0 tokens for {len(answer.text)} characters"
    return None, ""


def _what_is_missing(exchange: Exchange, answer: Answer) -> str:
    missing = (
        "" if answer.finish_reason else "no finish reason",
        "" if answer.done_seen else "no [DONE]",
        "" if exchange.complete else "the body was cut",
    )
    return ", ".join(filter(None, missing))


def _said(exchange: Exchange) -> str:
    """What a body without events says."""
    return words_of_body(b"".join([data for _, data in exchange.pieces]))


def _tokens(answer: Answer) -> tuple[int | None, TokenSource | None]:
    """The token count and who counted. A count of 0 beside text is no count (see `_fault`)."""
    if not answer.chunks:
        return None, None
    if answer.usage is not None and answer.usage.completion_tokens:
        return answer.usage.completion_tokens, "usage"
    if answer.predicted_tokens:
        return answer.predicted_tokens, "timings"
    return len(answer.chunks), "chunks"

"""Records made by hand for tests: times in milliseconds, everything else ordinary."""

from __future__ import annotations

from hashlib import sha256

from kit.documents import ErrorKind, Outcome, Record, TokenSource

MS = 1_000_000


def make_record(
    id_: int = 0,
    *,
    sent_ms: float | None = 0,
    chunks_ms: tuple[float, ...] = (50, 60, 70, 80),
    tokens: int | None = None,
    chunk_tokens: tuple[int, ...] | None = None,
    done_ms: float | None = None,
    intended_ms: float | None = None,
    outcome: Outcome = "ok",
    error: ErrorKind | None = None,
    source: TokenSource | None = "usage",
    worker: int = 0,
) -> Record:
    """A record whose chunks come at these times; one token a chunk unless `tokens` says otherwise."""
    text = "x" * len(chunks_ms)
    last_ms = chunks_ms[-1] if chunks_ms else (sent_ms or 0)
    sent_ns = None if sent_ms is None else round(sent_ms * MS)
    return Record(
        id=id_,
        worker=worker,
        prompt=0,
        salt="0" * 16,
        max_tokens=1000,
        intended_ns=round((sent_ms or 0) * MS) if intended_ms is None else round(intended_ms * MS),
        connect_ns=None,
        sent_ns=sent_ns,
        headers_ns=sent_ns,
        first_event_ns=sent_ns,
        done_ns=round((last_ms if done_ms is None else done_ms) * MS),
        status=200 if outcome != "failed" else 500,
        outcome=outcome,
        error=error,
        error_detail="",
        finish_reason="length" if outcome == "ok" else None,
        done_seen=outcome == "ok",
        prompt_tokens=10,
        completion_tokens=(len(chunks_ms) if tokens is None else tokens) or None,
        cached_tokens=0,
        token_source=source if chunks_ms else None,
        model="m",
        text_chars=len(text),
        text_sha256=sha256(text.encode()).hexdigest(),
        chunks=tuple((round(at * MS), 1, 0) for at in chunks_ms),
        chunk_tokens=chunk_tokens,
    )

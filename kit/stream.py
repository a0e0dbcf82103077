"""What a stream said: from (stamp, bytes) pairs to an `Answer`, and from an exchange to its `Record`.

Server-sent events are read as in the WHATWG HTML standard, section 9.2 "Server-sent events"; the chunks of
the runtimes differ in what they leave out, which docs/method.md lists. Nothing here raises on any bytes: a
stream that breaks the rules becomes an answer whose `error` says so, with all that was read before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from kit.model import (
    CONTENT,
    REASONING,
    TOOL,
    Answer,
    ErrorKind,
    Exchange,
    PlannedRequest,
    Record,
    TokenSource,
    Usage,
)
from kit.sse import DONE, MAX_EVENT_BYTES, BadStreamError, as_list, as_object, as_text, events, json_object

MAX_TEXT_CHARS = 4 << 20  # four characters for each of a million tokens; memory per answer stays bounded
MAX_TOKENS = 1_000_000_000  # a larger count is a mistake, and would bend every sum it enters
MAX_NAME_CHARS = 200  # of a finish reason or model name, which are copied into every record
MAX_DETAIL_CHARS = 200  # of an error text, likewise


def _name(value: object, name: str) -> str | None:
    text = as_text(value, name)
    if len(text) > MAX_NAME_CHARS:
        raise BadStreamError(f"{name} is longer than {MAX_NAME_CHARS} characters")
    return text or None


def _count(value: object, name: str) -> int:
    # bool is an int to isinstance, and `true` is no count
    if type(value) is not int or not 0 <= value <= MAX_TOKENS:
        raise BadStreamError(f"{name} is not a token count")
    return value


def _usage(value: object) -> Usage:
    usage = as_object(value, "usage")
    details = as_object(usage.get("prompt_tokens_details"), "prompt_tokens_details")
    cached = details.get("cached_tokens")
    return Usage(
        _count(usage.get("prompt_tokens"), "prompt_tokens"),
        _count(usage.get("completion_tokens"), "completion_tokens"),
        None if cached is None else _count(cached, "cached_tokens"),
    )


def _message(error: object) -> str:
    """The words of an error in any of the shapes servers use; the JSON itself where none is known."""
    if isinstance(error, str):
        return error
    if isinstance(error, dict):
        for key in ("error", "message", "detail"):
            if error.get(key):
                return _message(error[key])
    return json.dumps(error, ensure_ascii=False)


def _clean(text: str) -> str:
    printable = "".join(c if c.isprintable() else " " for c in text[: 4 * MAX_DETAIL_CHARS])
    return " ".join(printable.split())[:MAX_DETAIL_CHARS].rstrip()


# --- the chunks of a completion -------------------------------------------------------------------------


@dataclass(slots=True)
class _Reading:
    """The answer so far. `counts` are the server's running token counts beside text, where it sends them."""

    texts: list[str] = field(default_factory=list)
    chunks: list[tuple[int, int, int]] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    chars: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    finish_reason: str | None = None
    done: bool = False
    usage: Usage | None = None
    predicted_tokens: int | None = None
    model: str | None = None
    error: ErrorKind | None = None
    error_detail: str = ""

    def take(self, stamp_ns: int, data: bytes) -> None:
        if self.first_ns is None:
            self.first_ns = stamp_ns
        self.last_ns = stamp_ns
        self.done = data.strip() == DONE
        if not self.done:
            self._take_event(stamp_ns, json_object(data))

    def fail(self, kind: ErrorKind, detail: str) -> None:
        if self.error is None:
            self.error, self.error_detail = kind, _clean(detail)

    def _take_event(self, stamp_ns: int, event: dict[str, object]) -> None:
        if event.get("error") is not None or event.get("object") == "error":
            self.fail("error_event", _message(event))
            return
        usage = None if event.get("usage") is None else _usage(event["usage"])
        self.usage = usage or self.usage
        for choice in as_list(event.get("choices"), "choices"):
            self._take_choice(stamp_ns, as_object(choice, "a choice"), usage)
        if event.get("timings") is not None:
            predicted = as_object(event["timings"], "timings").get("predicted_n")
            if predicted is not None:
                self.predicted_tokens = _count(predicted, "predicted_n")
        model = _name(event.get("model"), "model")
        self.model = self.model or model

    def _take_choice(self, stamp_ns: int, choice: dict[str, object], usage: Usage | None) -> None:
        if choice.get("index") not in (0, None):
            raise BadStreamError("more than one choice")
        # "" is how some servers write "not yet", so only a word counts as a reason
        self.finish_reason = _name(choice.get("finish_reason"), "finish_reason") or self.finish_reason
        delta = as_object(choice.get("delta"), "delta")
        self._add(stamp_ns, REASONING, _reasoning(delta), usage)
        # `text` is the field of the older completions endpoint
        self._add(stamp_ns, CONTENT, as_text(delta.get("content", choice.get("text")), "content"), usage)
        self._add(stamp_ns, TOOL, _arguments(delta.get("tool_calls")), usage)

    def _add(self, stamp_ns: int, channel: int, text: str, usage: Usage | None) -> None:
        if not text:
            return
        if self.chars + len(text) > MAX_TEXT_CHARS:
            raise BadStreamError(f"more than {MAX_TEXT_CHARS} characters of text")
        self.chars += len(text)
        self.texts.append(text)
        self.chunks.append((stamp_ns, len(text), channel))
        if usage is not None:
            self.counts.append(usage.completion_tokens)

    def answer(self) -> Answer:
        return Answer(
            text="".join(self.texts),
            chunks=tuple(self.chunks),
            chunk_tokens=_chunk_tokens(self.counts, len(self.chunks), self.usage),
            first_event_ns=self.first_ns,
            last_event_ns=self.last_ns,
            finish_reason=self.finish_reason,
            done_seen=self.done,
            usage=self.usage,
            predicted_tokens=self.predicted_tokens,
            model=self.model,
            error=self.error,
            error_detail=self.error_detail,
        )


def _reasoning(delta: dict[str, object]) -> str:
    """The reasoning under either of its names; servers in transition send the same text under both."""
    new = as_text(delta.get("reasoning"), "reasoning")
    old = as_text(delta.get("reasoning_content"), "reasoning_content")
    return new if new == old else new + old


def _arguments(calls: object) -> str:
    functions = [
        as_object(as_object(call, "a tool call").get("function"), "function")
        for call in as_list(calls, "tool_calls")
    ]
    return "".join([as_text(function.get("arguments"), "arguments") for function in functions])


def _chunk_tokens(counts: list[int], chunks: int, usage: Usage | None) -> tuple[int, ...] | None:
    """Tokens of each chunk out of running counts; None where they do not cover all chunks and all tokens."""
    if not counts or len(counts) != chunks or usage is None or counts[-1] != usage.completion_tokens:
        return None
    steps = tuple(after - before for before, after in pairwise([0, *counts]))
    return steps if min(steps) >= 0 else None


def parse(pieces: Iterable[tuple[int, bytes]]) -> Answer:
    """Read a stream, given as (stamp_ns, body bytes after HTTP framing) in the order of arrival.

    Every event bears the stamp of the piece that completes it. Reading ends at `[DONE]` and at the first
    event that breaks the protocol; an error event is kept and reading goes on.
    """
    reading = _Reading()
    try:
        for stamp_ns, data in events(pieces):
            reading.take(stamp_ns, data)
            if reading.done:
                break
    except BadStreamError as error:
        reading.fail("protocol", str(error))
    return reading.answer()


# --- the judgement of a request -------------------------------------------------------------------------


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
        error_detail=_clean(detail),
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
    """The error that a body without events tells, else the start of the body."""
    body = b"".join([data for _, data in exchange.pieces])[:MAX_EVENT_BYTES]
    try:
        return _message(json_object(body))
    except BadStreamError:
        return body[: 4 * MAX_DETAIL_CHARS].decode("utf-8", "replace")


def _tokens(answer: Answer) -> tuple[int | None, TokenSource | None]:
    """The token count and who counted. A count of 0 beside text is no count (see `_fault`)."""
    if not answer.chunks:
        return None, None
    if answer.usage is not None and answer.usage.completion_tokens:
        return answer.usage.completion_tokens, "usage"
    if answer.predicted_tokens:
        return answer.predicted_tokens, "timings"
    return len(answer.chunks), "chunks"

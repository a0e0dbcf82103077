"""What a stream said: from (stamp, bytes) pairs to an `Answer`.

Server-sent events are read as in the WHATWG HTML standard, section 9.2 "Server-sent events"; the chunks of
the runtimes differ in what they leave out, which docs/method.md lists. Nothing here raises on any bytes: a
stream that breaks the rules becomes an answer whose `error` says so, with all that was read before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise, repeat

from kit.documents import CONTENT, REASONING, TOOL, Answer, ErrorKind, Usage
from kit.stream.error_words import clean, message_of
from kit.stream.sse import DONE, BadStreamError, Events, as_list, as_object, as_text, json_object
from kit.stream.template import PROBE, Template, template_of

MAX_TEXT_CHARS = 4 << 20  # four characters for each of a million tokens; memory per answer stays bounded
MAX_TOKENS = 1_000_000_000  # a larger count is a mistake, and would bend every sum it enters
MAX_NAME_CHARS = 200  # of a finish reason or model name, which are copied into every record
SHORT_STRETCH = 8  # a stretch of fewer events alike costs more to look for than it saves ...
MAX_STRETCHES = 16  # ... and after so many of them nobody looks any more
MAX_LESSONS = 4  # after so many events that are no template, the stream is of another kind: stop trying


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
    template: Template | None = None
    lessons: int = MAX_LESSONS
    stretches: int = MAX_STRETCHES

    def take(self, stamp_ns: int, data: bytes) -> None:
        if self.first_ns is None:
            self.first_ns = stamp_ns
        self.last_ns = stamp_ns
        text = None if self.template is None else self.template.text(data)
        if text is not None:
            self._add(stamp_ns, CONTENT, text, None)
            return
        self.done = data.strip() == DONE
        if not self.done:
            before = len(self.chunks)
            self._take_event(stamp_ns, json_object(data))
            if len(self.chunks) == before + 1 and self.lessons:
                self._learn(data)

    def take_alike(self, stream: Events, template: Template) -> None:
        """Take the events that follow and are of the template's form, all at once: what `take` does with each."""
        stamps, texts = stream.alike(template.before, template.after)
        self.stretches -= len(texts) < SHORT_STRETCH
        if not texts:
            return
        self.last_ns = stamps[-1]
        said = b"".join(texts).decode("ascii")
        if self.chars + len(said) > MAX_TEXT_CHARS:
            for stamp_ns, text in zip(stamps, texts, strict=True):
                self._add(stamp_ns, CONTENT, text.decode("ascii"), None)  # up to the one that is too much
            return
        self.chars += len(said)
        self.texts.append(said)
        self.chunks.extend(zip(stamps, map(len, texts), repeat(CONTENT), strict=False))

    def fail(self, kind: ErrorKind, detail: str) -> None:
        if self.error is None:
            self.error, self.error_detail = kind, clean(detail)

    def _learn(self, data: bytes) -> None:
        """Take the event as a template, if it does nothing but add its text: a probe of it is read in full."""
        template = template_of(data, self.texts[-1])
        if template is not None:
            probed, expected = _Reading(model=self.model), _Reading(model=self.model)
            probed._take_event(0, json_object(template.probe()))
            expected._add(0, CONTENT, PROBE.decode(), None)
            if probed == expected:
                self.template = template
                return
        self.lessons -= 1

    def _take_event(self, stamp_ns: int, event: dict[str, object]) -> None:
        if event.get("error") is not None or event.get("object") == "error":
            self.fail("error_event", message_of(event))
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
        stream = Events(pieces)
        for stamp_ns, data in stream:
            reading.take(stamp_ns, data)
            if reading.done:
                break
            if reading.template is not None and reading.stretches:
                reading.take_alike(stream, reading.template)
    except BadStreamError as error:
        reading.fail("protocol", str(error))
    return reading.answer()

"""What a stream said: from (stamp, bytes) pairs to an `Answer`.

Server-sent events are read as in the WHATWG HTML standard, section 9.2 "Server-sent events"; the chunks of
the runtimes differ in what they leave out, which docs/method.md lists. Nothing here raises on any bytes: a
stream that breaks the rules becomes an answer whose `error` says so, with all that was read before.

Strict with what holds text, lenient with all else: a heartbeat, an odd member and a long name cost no answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import get_args

from kit.documents import CONTENT, REASONING, TOOL, Answer, Dialect, ErrorKind, Usage
from kit.stream.counts import MAX_TOKENS, SPARE_TOKENS, least_tokens, merged, usage_of
from kit.stream.deltas import arguments_of, content_of, reasoning_of
from kit.stream.error_words import clean, message_of
from kit.stream.sse import DONE, Events
from kit.stream.template import PROBE, Template, template_of
from kit.stream.values import BadStreamError, as_count, as_list, as_name, as_object, as_text, event_object

MAX_TEXT_CHARS = 4 << 20  # four characters for each of a million tokens; memory per answer stays bounded
MAX_NAME_CHARS = 200  # of a finish reason or model name, which are copied into every record
SHORT_STRETCH = 8  # a stretch of fewer events alike costs more to look for than it saves ...
MAX_STRETCHES = 16  # ... and after so many of them nobody looks any more
MAX_LESSONS = 4  # after so many events that are no template, the stream is of another kind: stop trying
_PLAIN_MEMBERS = frozenset({"role", "content"})
_DONE_MARKS = frozenset({DONE, b'"[DONE]"'})
_NO_REASON = frozenset({"", "null", "none"})  # how servers write "not yet" where they may not leave it out


def _is_error(event: dict[str, object]) -> bool:
    """Whether an event tells of an error; one without any words or number is how some servers say "none"."""
    error = event.get("error")
    told = any(error.values()) if isinstance(error, dict) else bool(error)
    return told or event.get("object") == "error"


# --- the chunks of a completion -------------------------------------------------------------------------


@dataclass(slots=True)
class _Reading:
    """The answer so far.

    `steps` are the tokens of each chunk by the server's running count, where it sends one beside every chunk;
    `running` is that count, and `silent` what it grew by in events without text.
    """

    texts: list[str] = field(default_factory=list)
    chunks: list[tuple[int, int, int]] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    running: int = 0
    silent: int = 0
    fell: bool = False
    chars: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    finish_reason: str | None = None
    done: bool = False
    usage: Usage | None = None
    predicted_tokens: int | None = None
    cached_tokens: int | None = None
    model: str | None = None
    error: ErrorKind | None = None
    error_detail: str = ""
    dialect: set[Dialect] = field(default_factory=set)
    index: int | None = None  # of the choice that is read
    template: Template | None = None
    lessons: int = MAX_LESSONS
    stretches: int = MAX_STRETCHES

    def take(self, stamp_ns: int, data: bytes, *, is_error: bool = False) -> None:
        text = None if self.template is None or is_error else self.template.text(data)
        if text is not None:
            self.last_ns = stamp_ns  # the first event was the one that gave the template, or came before it
            self._add(stamp_ns, CONTENT, text)
            return
        words = data.strip()
        self.done = len(words) <= len(DONE) + 2 and words in _DONE_MARKS
        event = None if self.done else event_object(words)
        if self.done or event is not None or is_error:
            self.last_ns = stamp_ns
            if self.first_ns is None:
                self.first_ns = stamp_ns
        if is_error:
            said = words.decode("utf-8", "replace") or "an error without words"
            self.fail("error_event", message_of(event or said))
        elif event is not None:
            before = len(self.chunks)
            self._take_event(stamp_ns, event)
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
                self._add(stamp_ns, CONTENT, text.decode("ascii"))  # up to the one that is too much
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
            probed, expected = (_Reading(model=self.model, index=self.index) for _ in range(2))
            probed._take_event(0, event_object(template.probe()) or {})
            expected._add(0, CONTENT, PROBE.decode())
            if probed == expected:
                self.template = template
                return
        self.lessons -= 1

    def _take_event(self, stamp_ns: int, event: dict[str, object]) -> None:
        if ("error" in event or event.get("object") == "error") and _is_error(event):
            self.fail("error_event", message_of(event))
            return
        before = len(self.chunks)
        for place, choice in enumerate(as_list(event.get("choices"), "choices")):
            self._take_choice(stamp_ns, as_object(choice, "a choice"), place)
        usage = usage_of(event["usage"]) if event.get("usage") is not None else None
        if usage is not None:
            self.usage = merged(self.usage, usage)
            if usage.completion_tokens:  # a zero behind a count takes nothing back
                self._count(usage.completion_tokens, max(0, len(self.chunks) - before))
        if isinstance(timings := event.get("timings"), dict):
            predicted = as_count(timings.get("predicted_n"), MAX_TOKENS)
            self.predicted_tokens = self.predicted_tokens if predicted is None else predicted
            cached = as_count(timings.get("cache_n"), MAX_TOKENS)
            self.cached_tokens = self.cached_tokens if cached is None else cached
        if event.get("stream_mode") == "replayed":
            self.dialect.add("replayed")
        if self.model is None:
            self.model = as_name(event.get("model"), MAX_NAME_CHARS)

    def _count(self, running: int, chunks: int) -> None:
        """Book what the running count grew by: on the chunks of its event, or on none."""
        grown = running - self.running
        self.fell |= grown < 0
        self.running = running
        if chunks:
            self.steps += [grown] + [0] * (chunks - 1)
        else:
            self.silent += grown

    def _take_choice(self, stamp_ns: int, choice: dict[str, object], place: int) -> None:
        index = choice.get("index", place)
        if index != self.index and type(index) is int and not self._is_ours(index):
            return
        if choice.get("finish_reason"):
            self._finish(choice["finish_reason"])
        delta = as_object(choice.get("delta"), "delta")
        # `text` is the field of the older completions endpoint
        said = delta.get("content", choice.get("text"))
        if (said is None or isinstance(said, str)) and delta.keys() <= _PLAIN_MEMBERS:
            if said:
                self._add(stamp_ns, CONTENT, as_text(said, "content"))
            return  # most events have nothing else
        if not isinstance(said, str) and said:
            self.dialect.add("content-parts")
        thought, content = content_of(said)
        self._add(stamp_ns, REASONING, reasoning_of(delta) + thought)
        self._add(stamp_ns, CONTENT, content + as_text(delta.get("refusal"), "refusal"))
        self._add(stamp_ns, TOOL, arguments_of(delta))

    def _is_ours(self, index: int) -> bool:
        """Whether to read a choice that is numbered otherwise than the one that was read: if it comes before that.

        Nobody asked for a second one, and only the first is timed. Most servers number from 0, some from 1.
        """
        if self.index is not None:
            self.dialect.add("choices")
            if index > self.index:
                return False
            self.texts, self.chunks, self.steps, self.chars = [], [], [], 0
            self.finish_reason = self.template = None
        self.index = index
        return True

    def _finish(self, value: object) -> None:
        """Keep a finish reason. It is the end of the answer in whatever form; only its words may get lost."""
        if not isinstance(value, str):
            self.dialect.add("odd-finish")
            named = value.get("type") if isinstance(value, dict) else None
            value = named if isinstance(named, str) and named else json.dumps(value)
        reason = as_name(value, MAX_NAME_CHARS)
        if reason is not None and reason.lower() not in _NO_REASON:
            self.finish_reason = reason

    def _add(self, stamp_ns: int, channel: int, text: str) -> None:
        if not text:
            return
        if self.chars + len(text) > MAX_TEXT_CHARS:
            raise BadStreamError(f"more than {MAX_TEXT_CHARS} characters of text")
        self.chars += len(text)
        self.texts.append(text)
        self.chunks.append((stamp_ns, len(text), channel))

    def _chunk_tokens(self, text: str) -> tuple[int, ...] | None:
        """Tokens of each chunk out of running counts; None where they are none, or cannot be right.

        They must cover all chunks and never fall, give most chunks a token, and no chunk many more than its bytes:
        then it brought the count of tokens that were never sent.
        """
        if not self.steps or len(self.steps) != len(self.chunks) or self.fell:
            return None
        if sum(self.steps) < least_tokens(len(self.chunks)):
            return None
        place = 0
        for step, (_, chars, _) in zip(self.steps, self.chunks, strict=True):
            if step > chars + SPARE_TOKENS and step > len(text[place : place + chars].encode()) + SPARE_TOKENS:
                return None
            place += chars
        return tuple(self.steps)

    def _usage(self) -> Usage | None:
        """The usage; llama.cpp says in its timings what came from its cache, older ones only there."""
        usage = self.usage
        if usage is None or usage.cached_tokens is not None or self.cached_tokens is None:
            return usage
        return replace(usage, cached_tokens=self.cached_tokens)

    def answer(self) -> Answer:
        text = "".join(self.texts)
        chunk_tokens = self._chunk_tokens(text)
        if self.index:
            self.dialect.add("odd-index")
        return Answer(
            text=text,
            chunks=tuple(self.chunks),
            chunk_tokens=chunk_tokens,
            first_event_ns=self.first_ns,
            last_event_ns=self.last_ns,
            finish_reason=self.finish_reason,
            done_seen=self.done,
            usage=self._usage(),
            predicted_tokens=self.predicted_tokens,
            model=self.model,
            error=self.error,
            error_detail=self.error_detail,
            silent_tokens=0 if chunk_tokens is None else self.silent,
            dialect=tuple(word for word in get_args(Dialect) if word in self.dialect) if self.dialect else (),
        )


def parse(pieces: Iterable[tuple[int, bytes]]) -> Answer:
    """Read a stream, given as (stamp_ns, body bytes after HTTP framing) in the order of arrival.

    Every event bears the stamp of the piece that completes it. Reading ends at `[DONE]` and at the first
    event that breaks the protocol; an error event is kept and reading goes on.
    """
    reading = _Reading()
    try:
        stream = Events(pieces)
        for stamp_ns, data in stream:
            reading.take(stamp_ns, data, is_error=stream.is_error)
            if reading.done:
                break
            if reading.template is not None and reading.stretches:
                reading.take_alike(stream, reading.template)
        if stream.single_newlines:
            reading.dialect.add("single-newlines")
    except BadStreamError as error:
        reading.fail("protocol", str(error))
    return reading.answer()

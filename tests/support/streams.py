"""Sample streams in the shape of each runtime, as bytes of a body after HTTP framing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from types import FrameType

from kit.documents import Answer

Words = Sequence[str]
DONE = b"data: [DONE]\n\n"


def event(value: object) -> bytes:
    """One event whose data is the value as JSON, or the string as it is."""
    data = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"data: {data}\n\n".encode()


def chunk(delta: object = None, finish: str | None = None, **more: object) -> dict[str, object]:
    """One chat completion chunk; `more` are further members of the chunk."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"object": "chat.completion.chunk", "model": "m", "choices": [choice], **more}


def usage(completion: int, prompt: int = 7, cached: int | None = None) -> dict[str, object]:
    details = {} if cached is None else {"prompt_tokens_details": {"cached_tokens": cached}}
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        **details,
    }


def llamacpp(words: Words) -> bytes:
    """Role with null content, one word a chunk, `delta: {}` at the finish, usage and timings apart; pings."""
    last = {"choices": [], "usage": usage(len(words), cached=0), "timings": {"predicted_n": len(words)}}
    texts = [event(chunk({"content": word})) for word in words]
    head, tail = event(chunk({"role": "assistant", "content": None})), event(chunk({}, "stop"))
    return head + b":\n\n" + b"".join(texts) + tail + event({"model": "m", **last}) + DONE


def ollama(words: Words) -> bytes:
    """The role beside every word, the first included; usage apart."""
    texts = [event(chunk({"role": "assistant", "content": word})) for word in words]
    tail = event(chunk({"role": "assistant", "content": ""}, "stop"))
    return b"".join(texts) + tail + event({"model": "m", "choices": [], "usage": usage(len(words))}) + DONE


def vllm(words: Words, *, continuous: bool = False) -> bytes:
    """Role with "", the finish reason on the last word, usage apart or (continuous) in every chunk too."""
    body = event(chunk({"role": "assistant", "content": ""}, usage=usage(0) if continuous else None))
    for number, word in enumerate(words, start=1):
        finish = "length" if number == len(words) else None
        body += event(chunk({"content": word}, finish, usage=usage(number) if continuous else None))
    return body + event({"model": "m", "choices": [], "usage": usage(len(words))}) + DONE


def realizar(words: Words) -> bytes:
    """Role before prefill, words, `delta: {}` with "stop"; no usage; named keep-alive comments."""
    texts = [event(chunk({"content": word})) for word in words]
    head, tail = event(chunk({"role": "assistant"})), event(chunk({}, "stop"))
    return b": keep-alive\n\n" + head + b"".join(texts) + tail + DONE


SHAPES: dict[str, Callable[[Words], bytes]] = {
    "llamacpp": llamacpp,
    "ollama": ollama,
    "vllm": vllm,
    "vllm-continuous": lambda words: vllm(words, continuous=True),
    "realizar": realizar,
}


def cut(body: bytes, places: Sequence[int]) -> list[tuple[int, bytes]]:
    """The body cut at the places; the piece that starts at byte n bears the stamp 10 n + 1."""
    edges = sorted({0, len(body), *(place % (len(body) + 1) for place in places)})
    return [(10 * start + 1, body[start:end]) for start, end in pairwise(edges)]


def reads(body: bytes, size: int) -> list[tuple[int, bytes]]:
    """The body in pieces of this size, each with its place as the stamp."""
    return [(start, body[start : start + size]) for start in range(0, len(body), size)]


def stamp_at(pieces: Sequence[tuple[int, bytes]], place: int) -> int:
    """The stamp of the piece that holds the byte at this place of a body that `cut` has cut."""
    return max(stamp for stamp, _ in pieces if stamp <= 10 * place + 1)


def unstamped(answer: Answer) -> Answer:
    chunks = tuple((0, chars, channel) for _, chars, channel in answer.chunks)
    return replace(answer, chunks=chunks, first_event_ns=0, last_event_ns=0)


def calls_made(work: Callable[[], object]) -> int:
    """The number of calls and returns, of Python and C functions, that the work makes: time without a clock."""
    calls = 0

    def count(_frame: FrameType, _kind: str, _value: object) -> None:
        nonlocal calls
        calls += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls

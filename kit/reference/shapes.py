"""The bytes of a stream in the shape of each runtime: one server-sent event to an HTTP chunk.

After facts that docs/method.md lists: what comes before the text, where the finish reason stands, whether
there is usage, how an error in mid-stream looks. Everything that can be the same for all requests is (id,
time, model), so that it is encoded once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from kit.documents.shape import Api

Shape = Literal["llamacpp", "ollama", "vllm", "realizar"]

MODEL: Final = "reference"
CREATED: Final = 1_700_000_000
ID: Final = "chatcmpl-reference"
RAW_ID: Final = "cmpl-reference"
# The words of every answer, in a circle; one word is one token.
WORDS: Final = (
    *(" one", " clock", " tells", " all", " the", " streams", " when"),
    *(" each", " of", " these", " small", " words", " may", " go"),
)
END: Final = b"0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Counts:
    """What usage says of one answer."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int | None = None  # of the prompt; None where the endpoint has no cache, or does not say
    tells: bool = True  # whether a shape that speaks of its cache does so here


def text_of(start: int, tokens: int) -> str:
    """The words of tokens [start, start + tokens) of any answer."""
    return "".join(WORDS[token % len(WORDS)] for token in range(start, start + tokens))


def packed(value: object) -> bytes:
    """JSON as servers write it, without spaces."""
    return json.dumps(value, separators=(",", ":")).encode()


def framed(data: bytes) -> bytes:
    """One HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def _event(value: object) -> bytes:
    return framed(b"data: " + packed(value) + b"\n\n")


DONE: Final = framed(b"data: [DONE]\n\n")
GARBAGE: Final = framed(b'data: {"choices":[{"delta":{"content"\x00\n\n')


# --- chunks ---------------------------------------------------------------------------------------------


def _chunk(
    shape: Shape, delta: dict[str, object], finish: str | None = None, api: Api = "chat"
) -> dict[str, object]:
    """One chunk with one choice, members in the order of the runtime."""
    if api == "completions":
        said = {"text": delta.get("content") or "", "index": 0, "logprobs": None, "finish_reason": finish}
        return _around(shape, [said], api)
    choice: dict[str, object] = {"index": 0, "delta": delta, "finish_reason": finish}
    if shape == "llamacpp":
        choice = {"finish_reason": finish, "index": 0, "delta": delta}
    elif shape == "vllm":
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return _around(shape, [choice])


def _around(shape: Shape, choices: list[object] | list[dict[str, object]], api: Api = "chat") -> dict[str, object]:
    what = {"id": ID, "object": "chat.completion.chunk", "created": CREATED, "model": MODEL}
    if api == "completions":
        what |= {"id": RAW_ID, "object": "text_completion"}
    if shape == "llamacpp":
        return {"choices": choices, **what, "system_fingerprint": "b1-reference"}
    if shape == "ollama":
        return {**what, "system_fingerprint": "fp_ollama", "choices": choices}
    return {**what, "choices": choices}


def head_leaves_early(shape: Shape) -> bool:
    """Whether the HTTP head is sent before the first token is there."""
    return shape in ("vllm", "realizar")


def role_leaves_early(shape: Shape) -> bool:
    """Whether the role is sent before prefill, so that it says nothing of the first token."""
    return shape == "realizar"


@lru_cache
def role(shape: Shape, api: Api = "chat") -> bytes:
    """The event that says who speaks; Ollama says so beside each text instead, and a raw prompt has nobody."""
    if shape == "ollama" or api == "completions":
        return b""
    delta: dict[str, object] = {"role": "assistant"}
    if shape != "realizar":
        delta["content"] = None if shape == "llamacpp" else ""
    return _event(_chunk(shape, delta))


def finish_reason(shape: Shape) -> str:
    """Every answer is as long as was allowed; realizar says "stop" whatever happened."""
    return "stop" if shape == "realizar" else "length"


@lru_cache(maxsize=4096)
def text(shape: Shape, start: int, tokens: int, *, last: bool = False, api: Api = "chat") -> bytes:
    """The event with tokens [start, start + tokens); only vLLM lets the last one carry the finish reason."""
    delta: dict[str, object] = {"content": text_of(start, tokens)}
    if shape == "ollama":
        delta = {"role": "assistant", **delta}
    return _event(_chunk(shape, delta, finish_reason(shape) if last and shape == "vllm" else None, api))


# --- endings --------------------------------------------------------------------------------------------


def usage(shape: Shape, counts: Counts) -> dict[str, object]:
    speaks = shape == "llamacpp" or (shape == "vllm" and counts.cached_tokens is not None)
    details = {"prompt_tokens_details": {"cached_tokens": counts.cached_tokens or 0}}
    return {
        "prompt_tokens": counts.prompt_tokens,
        "completion_tokens": counts.completion_tokens,
        "total_tokens": counts.prompt_tokens + counts.completion_tokens,
        **(details if speaks and counts.tells else {}),
    }


def _finish(shape: Shape, more: dict[str, object], api: Api = "chat") -> bytes:
    delta: dict[str, object] = {}
    if shape == "ollama":
        delta = {"role": "assistant", "content": ""}
    elif shape == "vllm":
        delta = {"content": ""}
    return _event(_chunk(shape, delta, finish_reason(shape), api) | more)


def ending(
    shape: Shape, counts: Counts, *, include_usage: bool, counted: bool, after_text: bool, api: Api = "chat"
) -> bytes:
    """What follows the last text: finish chunk, usage, [DONE] and the end of the body.

    `counted` False leaves out every count; `after_text` says that a last text (which vLLM finishes with) came.
    """
    cached = counts.cached_tokens or 0
    timings = {"cache_n": cached} if counts.tells else {}
    timings |= {"prompt_n": max(0, counts.prompt_tokens - cached), "predicted_n": counts.completion_tokens}
    more: dict[str, object] = {"timings": timings} if shape == "llamacpp" and counted else {}
    apart = include_usage and counted and shape != "realizar"
    parts = [] if shape == "vllm" and after_text else [_finish(shape, {} if apart else more, api)]
    if apart:
        parts.append(_event(_around(shape, [], api) | {"usage": usage(shape, counts)} | more))
    return b"".join([*parts, DONE, END])


def failure(shape: Shape, api: Api = "chat") -> bytes:
    """An error in mid-stream, to the end of the body; Ollama swallows it."""
    if shape == "ollama":
        return END
    message = "the reference endpoint was asked to fail here"
    error: object = {"code": 500, "message": message, "type": "server_error"}
    if shape == "realizar":
        return _event({"error": message}) + _finish(shape, {}, api) + DONE + END
    return _event({"error": error}) + (DONE if shape == "vllm" else b"") + END


# --- scripts --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Script:
    """The text events of all answers: `cycle[n]` is chunk n; it is as long as one send and one turn need."""

    turn: int
    block: int
    cycle: tuple[bytes, ...]

    def texts(self, chunk: int, chunks: int) -> bytes:
        """The events of up to `block` chunks from number `chunk`."""
        start = chunk % self.turn
        return self.cycle[start] if chunks == 1 else b"".join(self.cycle[start : start + chunks])


@lru_cache(maxsize=64)
def script(shape: Shape, tokens_per_chunk: int, block_bytes: int, api: Api = "chat") -> Script:
    """All full text events of a shape; a block is what fits into `block_bytes`, at least one."""
    turn = len(WORDS)
    once = tuple(text(shape, chunk * tokens_per_chunk % turn, tokens_per_chunk, api=api) for chunk in range(turn))
    block = max(1, block_bytes // max(map(len, once)))
    return Script(turn, block, once * (2 + block // turn))

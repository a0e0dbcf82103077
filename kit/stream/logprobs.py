"""The tokens of a streamed answer with their log probabilities, where a server sends them. Raises on no bytes.

In the form of OpenAI's chat completions, as llama.cpp, vLLM, SGLang and Ollama stream it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from kit.documents.witness import OtherToken, WitnessToken
from kit.stream.sse import DONE, Events
from kit.stream.values import BadStreamError, event_object

MAX_TOKENS = 4096
MAX_OTHERS = 20
MAX_TOKEN_BYTES = 256
LEAST_MILLINATS = -100_000  # servers write -9999 or worse for what is all but impossible


def tokens_of(pieces: Iterable[tuple[int, bytes]], text: str) -> tuple[WitnessToken, ...]:
    """The tokens that make up `text` (the last may be cut); none where they do not, or there are none."""
    try:
        found = [token for _, data in Events(pieces) for token in _tokens(data)]
    except BadStreamError:
        return ()
    whole = text.encode()
    if len(found) > MAX_TOKENS or not b"".join(data for data, _ in found).startswith(whole):
        return ()
    kept: list[WitnessToken] = []
    at = 0
    for data, token in found:
        if at >= len(whole):
            break
        kept.append(token)
        at += len(data)
    return tuple(kept)


def _tokens(data: bytes) -> list[tuple[bytes, WitnessToken]]:
    """Those of one event, each with its bytes."""
    words = data.strip()
    event = None if words == DONE else event_object(words)
    choices = event.get("choices") if event else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    said = choice.get("logprobs") if isinstance(choice, dict) else None
    content = said.get("content") if isinstance(said, dict) else None
    found = []
    for item in content if isinstance(content, list) else ():
        if not isinstance(item, dict):
            raise BadStreamError("a token is no object")
        token = bytes_of(item)
        found.append((token, WitnessToken(len(token), _millinats(item.get("logprob")), _others(item, token))))
    return found


def _others(item: dict[str, object], chosen: bytes) -> tuple[OtherToken, ...]:
    listed = item.get("top_logprobs")
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    made = [(bytes_of(row), _millinats(row.get("logprob"))) for row in rows[:MAX_OTHERS]]
    return tuple(OtherToken(data.decode("utf-8", "replace"), value) for data, value in made if data != chosen)


def bytes_of(item: dict[str, object]) -> bytes:
    """The bytes of a token, which may be a part of a character; those of its text where it does not say them."""
    listed = item.get("bytes")
    if isinstance(listed, list) and listed:
        if len(listed) <= MAX_TOKEN_BYTES and all(type(byte) is int and 0 <= byte <= 255 for byte in listed):
            return bytes(listed)
        raise BadStreamError("the bytes of a token are no bytes")
    token = item.get("token")
    if not isinstance(token, str) or len(token) > MAX_TOKEN_BYTES:
        raise BadStreamError("a token has no text")
    return token.encode("utf-8", "replace")


def _millinats(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return LEAST_MILLINATS
    return max(LEAST_MILLINATS, min(0, round(value * 1000)))

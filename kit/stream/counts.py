"""How many tokens an answer has: what servers say of it, what of that can be, and what of it was seen.

The rules and their reasons are in docs/method.md, "Tokens". Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kit.documents import REASONING, Answer, CountFault, TokenSource, Usage
from kit.stream.values import as_count

MAX_TOKENS = 1_000_000_000  # a larger count is a mistake, and would bend every sum it enters
SPARE_TOKENS = 2  # the end of an answer is a token without text, and its last piece of text may be held back
MIN_BYTES_PER_TOKEN = 3  # prose has four to five, code three to four: fewer, and tokens were not streamed
MAX_TOKEN_BYTES = 16  # hardly a token of any vocabulary is longer
MAX_TOKENS_PER_PIECE = 3  # of a word and its like: one or two in English, more in languages of long words

_CJK = "\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
# What tokenizers cut text into first (a word with the blank before it, a run of marks, a run of blanks): no token
# goes over such a cut, and one token seldom has more than three signs of a script without blanks.
_PIECE = rf"[{_CJK}]{{1,3}}|[^\r\n\w]?(?:(?![{_CJK}])\w)+| ?[^\s\w]+[\r\n]*|\s+"
_SYMBOL = re.compile("[\u2190-\u2bff\U0001f000-\U0001faff]")  # emoji and the like, shown with their last token
TOKENS_OF_SYMBOL = 4  # at most: one for each of its bytes


_USUAL = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})


# --- what servers say -----------------------------------------------------------------------------------


def usage_of(value: object) -> Usage | None:
    """The usage of an event: every member that is a count, None for the others; None where there is no usage."""
    if value is None:
        return None
    if not isinstance(value, dict):
        return Usage(None, None, None, fault="not-a-count")
    completion = value.get("completion_tokens", value.get("output_tokens"))
    count = as_count(completion, MAX_TOKENS)
    usual = value.keys() <= _USUAL  # where a count runs, this is done for every chunk
    return Usage(
        as_count(value.get("prompt_tokens", value.get("input_tokens")), MAX_TOKENS),
        count,
        None if usual else _detail(value, ("prompt_tokens_details",), "cached_tokens"),
        None if usual else _reasoning(value),
        None if count is not None else "missing-part" if completion is None else "not-a-count",
    )


def _reasoning(usage: dict[str, object]) -> int | None:
    found = _detail(usage, ("completion_tokens_details", "output_tokens_details"), "reasoning_tokens")
    return as_count(usage.get("reasoning_tokens"), MAX_TOKENS) if found is None else found


def _detail(usage: dict[str, object], places: Sequence[str], name: str) -> int | None:
    for place in places:
        details = usage.get(place)
        if isinstance(details, dict) and (count := as_count(details.get(name), MAX_TOKENS)) is not None:
            return count
    return None


def merged(before: Usage | None, after: Usage | None) -> Usage | None:
    """What two events say together: of each member the later count; a later zero takes none back."""
    if before is None or after is None:
        return after or before
    if after.prompt_tokens and after.completion_tokens and before.cached_tokens == before.reasoning_tokens is None:
        return after  # a count that runs
    completion = _later(before.completion_tokens, after.completion_tokens)
    return Usage(
        _later(before.prompt_tokens, after.prompt_tokens),
        completion,
        _later(before.cached_tokens, after.cached_tokens),
        _later(before.reasoning_tokens, after.reasoning_tokens),
        after.fault if completion is None else None,
    )


def _later(before: int | None, after: int | None) -> int | None:
    return before if not after and before is not None else after


# --- what of it can be ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Counted:
    """The tokens of an answer, as they stand in its record."""

    tokens: int | None
    source: TokenSource | None
    untimed: int | None = 0
    chunk_tokens: tuple[int, ...] | None = None
    fault: CountFault | None = None


def counted(answer: Answer, max_tokens: int | None) -> Counted:
    """The best count there is of an answer's tokens: usage, timings, chunks, the first of them that can be.

    `max_tokens` is None where the server was told of no limit.
    """
    chunks = len(answer.chunks)
    if not chunks:
        return Counted(None, None)
    told = answer.usage.completion_tokens if answer.usage else None
    fault: CountFault | None = answer.usage.fault if answer.usage else None
    if "choices" in answer.dialect:
        fault = "several-choices" if answer.usage else None  # its count is of all of them together
    elif told is not None:
        fault = _impossible(told, chunks, max_tokens)
        if fault is None:
            return _timed(answer, told, "usage")
    predicted = None if "choices" in answer.dialect else answer.predicted_tokens
    if predicted:
        wrong = _impossible(predicted, chunks, max_tokens)
        if wrong is None:
            return _timed(answer, predicted, "timings", fault)
        fault = fault or wrong
    return Counted(chunks, "chunks", fault=fault)


def least_tokens(chunks: int) -> int:
    """So many tokens so many chunks have at least: the end may flush a piece of text that is no token's own."""
    return max(1, chunks - 1)


def _impossible(tokens: int, chunks: int, max_tokens: int | None) -> CountFault | None:
    if tokens < least_tokens(chunks):
        return "below-chunks"
    return "above-limit" if max_tokens is not None and tokens > max_tokens else None


def _timed(answer: Answer, tokens: int, source: TokenSource, fault: CountFault | None = None) -> Counted:
    if source == "usage" and answer.chunk_tokens is not None:
        return Counted(tokens, source, tokens - sum(answer.chunk_tokens), answer.chunk_tokens)
    told = answer.usage.reasoning_tokens if answer.usage else None
    return Counted(tokens, source, untimed_tokens(tokens, answer.chunks, answer.text, told), fault=fault)


# --- what of it was seen --------------------------------------------------------------------------------


def untimed_tokens(
    tokens: int, chunks: Sequence[tuple[int, int, int]], text: str, reasoning_tokens: int | None
) -> int | None:
    """How many of these tokens belong to no chunk, for a server that does not count by chunk; None: who knows.

    Reasoning that is told of and never came was not seen. What is left must fit the chunks: one token each, or as
    many as their text can hold.
    """
    hidden = reasoning_tokens or 0
    if hidden and (tokens - hidden < least_tokens(len(chunks)) or any(chunk[2] == REASONING for chunk in chunks)):
        hidden = 0  # it was not counted with the others, or it was seen
    seen = tokens - hidden
    if seen <= len(chunks) + SPARE_TOKENS:
        return hidden
    return hidden if _holds(text, chunks, seen) else None


def _holds(text: str, chunks: Sequence[tuple[int, int, int]], tokens: int) -> bool:
    """Whether a text in these chunks is one of so many tokens: long enough, and cut into pieces of several."""
    symbols = len(_SYMBOL.findall(text))
    if len(_SYMBOL.sub("", text).encode()) < MIN_BYTES_PER_TOKEN * (tokens - TOKENS_OF_SYMBOL * symbols):
        return False
    more = (TOKENS_OF_SYMBOL - 1) * symbols
    place = 0
    for _, chars, _ in chunks:
        piece = text[place : place + chars]
        place += chars
        pieces = max(sum(1 for _ in re.finditer(_PIECE, piece)), -(-len(piece.encode()) // MAX_TOKEN_BYTES))
        more += MAX_TOKENS_PER_PIECE * (pieces - 1)
    return tokens - len(chunks) <= more

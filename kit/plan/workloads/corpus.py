"""Prompts of any length out of the kit's own corpus: sentences of common words, the same for the same seed. Pure.

`kit-corpus-1`: a prompt is a row of words and marks. Sentence after sentence a pattern is drawn, then a word for
each capital letter in it, by draws of `kit-schedule-1`; the row is cut after so many words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Literal

from kit.assets import asset
from kit.documents.shape import MadeUp
from kit.plan.prompts import PromptSet, load_prompts
from kit.plan.schedule import below, u64
from kit.strict import read_yaml, typed

NAME = "corpus"
MAX_PROMPTS, MIN_PROMPTS = 32, 4
MAX_TOKENS_OF_ALL = 400_000  # of the prompts of one length together: what is sent to the load generator
_PIECE = re.compile(r"[A-Za-z]+|[.,]")
_MARKS = frozenset(".,")


@dataclass(frozen=True, slots=True)
class _Corpus:
    schema: Literal["kit/corpus/1"]
    name: Literal["corpus"]
    title: str
    task: str
    patterns: tuple[str, ...]
    lists: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Words:
    """The corpus, ready to be drawn from: each pattern in pieces."""

    task: str
    patterns: tuple[tuple[str, ...], ...]
    lists: Mapping[str, tuple[str, ...]]
    sha256: str


@lru_cache(maxsize=1)
def _words() -> _Words:
    data = asset("prompts", f"{NAME}.yaml").read_bytes()
    where = f"prompts/{NAME}.yaml"
    read = typed(_Corpus, read_yaml(data, where).value, where)
    return _Words(
        read.task,
        tuple(tuple(_PIECE.findall(pattern)) for pattern in read.patterns),
        {name: tuple(words.split()) for name, words in read.lists.items()},
        sha256(data).hexdigest(),
    )


def planned_prompts(name: str) -> PromptSet:
    """The prompts that a platform names: a set of the kit, or its corpus, whose texts are then its patterns."""
    if name != NAME:
        return load_prompts(name)
    found = _words()
    ids = tuple(f"{NAME}-{number}" for number in range(1, len(found.patterns) + 1))
    return PromptSet(NAME, tuple(map(" ".join, found.patterns)), ids, found.sha256, origin="corpus")


def prompt_count(input_tokens: int) -> int:
    """How many prompts of a length there are; every request has its own salt besides."""
    return max(MIN_PROMPTS, min(MAX_PROMPTS, MAX_TOKENS_OF_ALL // input_tokens))


def corpus_prompts(seed: int, made_up: MadeUp) -> PromptSet:
    """The prompts of one length."""
    length = made_up.input_tokens
    numbers = range(prompt_count(length))
    texts = tuple(corpus_text(seed, length, number, made_up.words) for number in numbers)
    ids = tuple(f"{NAME}-{length}-{number + 1}" for number in numbers)
    return PromptSet(NAME, texts, ids, _words().sha256, origin="corpus")


def corpus_text(seed: int, input_tokens: int, number: int, words: int) -> str:
    """Prompt `number` of a length, cut after so many words and marks."""
    corpus = _words()
    draws = _draws(seed, f"{NAME}-{input_tokens}-{number}")
    pieces: list[str] = []
    while len(pieces) < words:
        pattern = corpus.patterns[below(next(draws), len(corpus.patterns))]
        for piece in pattern:
            choice = corpus.lists.get(piece)
            pieces.append(piece if choice is None else choice[below(next(draws), len(choice))])
    said = "".join(piece if piece in _MARKS else f" {piece}" for piece in pieces[:words])
    return f"{corpus.task}{said}"


def _draws(seed: int, lane: str) -> Iterator[int]:
    """Draws of 16 bits, as the upper bits of 64: four of each of the schedule's, so that long ones are cheap."""
    index = 0
    while True:
        draw = u64(seed, lane, "word", index)
        for shift in (48, 32, 16, 0):
            yield (draw >> shift & 0xFFFF) << 48
        index += 1

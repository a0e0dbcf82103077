"""What the entries of one run made of the same requests: how their answers differ, beside how fast they came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kit.documents.vocabulary import TokenSource


@dataclass(frozen=True, slots=True)
class EntryAnswers:
    """The answers of one entry over all its measured cells; None where there is nothing to say it from.

    `prompt_tokens` is the median over the prompts that every entry was sent, as its server counts them.
    `ended_early` is the part of its answers that ended before their limit, `length_of_limit` the median length as
    a part of the limit. `repeated` is the part of the correctness answers that were the same each time the
    question was asked.
    """

    entry: str
    runtime: str
    variant: str
    model_sha256: str | None
    requests: int
    prompt_tokens: float | None
    ended_early: float | None
    length_of_limit: float | None
    counted_by: tuple[TokenSource, ...]
    asked_for: tuple[str, ...]
    named: tuple[str, ...]
    chat: Literal["system-user", "user"]
    ignore_eos: bool
    repeated: float | None


@dataclass(frozen=True, slots=True)
class SameAnswers:
    """How often two entries said the same, letter by letter, to the same question and to the same prompt."""

    first: str
    second: str
    questions: int
    same_answers: int
    prompts: int
    same_texts: int


@dataclass(frozen=True, slots=True)
class Differences:
    """What differs between the answers of a run's entries; `shared_prompts` were sent to all of them."""

    schema: Literal["kit/differences/1"]
    kit_version: str
    plan_sha256: str
    shared_prompts: int
    entries: tuple[EntryAnswers, ...]
    pairs: tuple[SameAnswers, ...]

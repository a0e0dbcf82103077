"""Which tasks servers are asked, and how: as people wish it, and as a plan has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kit.documents.pins import Sparse
from kit.documents.shape import Api

# How a task is put into words, and how a program is found in an answer: kit.evaluation.
Form = Literal["kit-chat-1"]
FORM: Form = "kit-chat-1"


@dataclass(frozen=True, slots=True)
class EvaluationWish(Sparse):
    """What a platform says of it: a suite, its first `limit` tasks (None: all), so many asked at once."""

    suite: str
    limit: int | None = None
    concurrencies: tuple[int, ...] = (1, 8)


@dataclass(frozen=True, slots=True)
class Evaluation(Sparse):
    """The evaluation of a plan: the first `tasks` of the `of` tasks of a suite, once at each concurrency.

    `sha256` is that of the suite's file. An answer has at most `max_tokens` and may take `answer_ns`, a program
    that it gives `program_ns`. An evaluation `alone` has no cells beside it.
    """

    suite: str
    sha256: str
    of: int
    tasks: int
    concurrencies: tuple[int, ...]
    max_tokens: int
    answer_ns: int
    program_ns: int
    form: Form
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """One request: its number, and its body as JSON text."""

    number: int
    body: str


@dataclass(frozen=True, slots=True)
class Questions:
    """What the load generator asks in place of a load: each question once, so many `at_once`; in no bundle."""

    schema: Literal["kit/questions/1"]
    url: str
    api: Api
    at_once: int
    answer_ns: int
    questions: tuple[Question, ...]
    insecure: bool = False


QUESTIONS: Literal["kit/questions/1"] = "kit/questions/1"

"""What is kept of an evaluation: tasks, answers, verdicts, and the numbers that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from kit.documents.found import FoundServer, ServerFacts
from kit.documents.pins import Sparse
from kit.documents.result import CellFailure, Phase

# What became of a program; "no answer" and "no program": there was none to run.
TaskStatus = Literal["passed", "failed", "timeout", "memory", "refused", "no program", "no answer"]


@dataclass(frozen=True, slots=True)
class Task:
    """One line of tasks.jsonl: what is asked and how answers are tested.

    `prompt` is the head of the function `entry_point`, with imports and functions that it needs before it; `test`
    defines `check(candidate)`.
    """

    id: str
    entry_point: str
    prompt: str
    test: str


@dataclass(frozen=True, slots=True)
class TaskAnswer(Sparse):
    """One line of answers.jsonl: the answer to the task at place `number`, as the server gave it.

    Stamps are ns since the round was first begun; `error` is why there is no answer.
    """

    number: int
    task: str
    sent_ns: int
    done_ns: int
    text: str
    finish_reason: str | None
    model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class TaskVerdict(Sparse):
    """One line of verdicts.jsonl: what the tests said of the program in an answer.

    `program_sha256` is that of the program as it was run, None where the answer has none.
    """

    number: int
    task: str
    status: TaskStatus
    program_sha256: str | None
    duration_ns: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Proportion:
    """A share with its Wilson interval of 95 %."""

    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Confined(Sparse):
    """What programs ran in: as `kit.sandbox` says, and the Python that ran them."""

    kind: Literal["container", "process"]
    how: str
    python: str
    image_id: str = ""


@dataclass(frozen=True, slots=True)
class EvalScore(Sparse):
    """What the verdicts add up to. `cut` answers ended at their limit of tokens; `by_status` counts them all."""

    tasks: int
    passed: int
    cut: int
    by_status: Mapping[str, int]
    pass_at_1: Proportion
    cut_share: float
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class EvalRound(Sparse):
    """eval.json: one entry, asked every task at one concurrency, and how its programs did.

    `model` is the name that it was asked for, `origin_utc` when stamps begin, `sandbox` what its programs ran in.
    One that was interrupted goes on where it stopped, with a server of its own: `starts` counts those.
    """

    schema: Literal["kit/eval/1"]
    id: str
    entry: str
    concurrency: int
    status: Literal["done", "failed", "interrupted"]
    failure: CellFailure | None
    started_utc: str
    ended_utc: str
    duration_ns: int
    phases: tuple[Phase, ...]
    model: str | None
    server: ServerFacts | None
    origin_utc: str | None
    answers_sha256: str | None
    sandbox: Confined | None
    verdicts_sha256: str | None
    score: EvalScore | None
    found: FoundServer | None = None
    starts: int = 1


@dataclass(frozen=True, slots=True)
class QualityRow(Sparse):
    """One entry at one concurrency; without a score the status says why."""

    entry: str
    concurrency: int
    status: Literal["done", "failed", "interrupted", "missing"]
    score: EvalScore | None
    failure: CellFailure | None = None


@dataclass(frozen=True, slots=True)
class QualityPair:
    """The same tasks at two concurrencies of one entry: how many passed at both, at one, at neither.

    `same_text` counts answers that are equal, character by character; `p_value` is of McNemar's exact test.
    """

    entry: str
    low: int
    high: int
    tasks: int
    both: int
    only_low: int
    only_high: int
    neither: int
    same_text: int
    p_value: float


@dataclass(frozen=True, slots=True)
class Quality:
    """quality.json: everything that follows from the verdicts of a run; `kit verify` computes it again."""

    schema: Literal["kit/quality/1"]
    kit_version: str
    plan_sha256: str
    suite: str
    tasks: int
    of: int
    rows: tuple[QualityRow, ...]
    pairs: tuple[QualityPair, ...]

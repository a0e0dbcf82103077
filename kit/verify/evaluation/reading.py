"""What a bundle or a run folder holds of an evaluation, read strictly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from kit.documents import AnswerCheck
from kit.documents.quality.evaluation import EvalRound, Quality, Task, TaskAnswer, TaskVerdict
from kit.evaluation.rounds import ANSWERS, EVALS, QUALITY, ROUND, TASKS, VERDICTS
from kit.evaluation.scoring import Asked
from kit.storage.names import CORRECT
from kit.strict import Json, StrictError, typed
from kit.strict.schema import problems
from kit.text import path_text

MAX_TASKS = 10_000
MAX_LINE_BYTES = 4 << 20

T = TypeVar("T")


class Reader(Protocol):
    """Reads files by name, and keeps what was wrong with them; nothing is raised."""

    files: Mapping[str, bytes]

    def document(self, name: str, cls: type[T], schema: str) -> T | None: ...

    def lines(
        self, name: str, convert: Callable[[Json, str], T], max_line_bytes: int = ..., max_lines: int = ...
    ) -> tuple[T, ...] | None: ...


@dataclass(frozen=True, slots=True)
class RoundFiles:
    """What the folder of one round holds; None where a file is missing or could not be read."""

    id: str
    round: EvalRound | None
    answers: tuple[TaskAnswer, ...] | None
    verdicts: tuple[TaskVerdict, ...] | None
    checks: tuple[AnswerCheck, ...] | None

    @property
    def asked(self) -> Asked | None:
        """The round with its lines, as scores are made of it."""
        if self.round is None:
            return None
        return Asked(self.round, self.answers or (), self.verdicts or ())


@dataclass(frozen=True, slots=True)
class EvalEvidence:
    """Everything there is to judge of an evaluation; the rounds by their id."""

    tasks: tuple[Task, ...] | None = None
    quality: Quality | None = None
    rounds: Mapping[str, RoundFiles] = field(default_factory=dict)

    @property
    def scored(self) -> bool:
        """Whether a round has an answer and verdicts on them all."""
        return any(each.round and each.round.status == "done" and each.answers for each in self.rounds.values())


NOTHING = EvalEvidence()


def read_evaluation(reader: Reader) -> EvalEvidence:
    """What there is of an evaluation; nothing in runs without one."""
    parts = [name.split("/") for name in reader.files if name.startswith(f"{EVALS}/")]
    names = sorted({part[1] for part in parts if len(part) == 3})
    if not parts and QUALITY not in reader.files:
        return NOTHING
    return EvalEvidence(
        tasks=_lines(reader, TASKS, Task, "eval-task"),
        quality=reader.document(QUALITY, Quality, "quality"),
        rounds={name: _round(reader, name, f"{EVALS}/{name}") for name in names},
    )


def _round(reader: Reader, name: str, folder: str) -> RoundFiles:
    return RoundFiles(
        id=name,
        round=reader.document(f"{folder}/{ROUND}", EvalRound, "eval"),
        answers=_lines(reader, f"{folder}/{ANSWERS}", TaskAnswer, "eval-answer"),
        verdicts=_lines(reader, f"{folder}/{VERDICTS}", TaskVerdict, "eval-verdict"),
        checks=_lines(reader, f"{folder}/{CORRECT}", AnswerCheck, "answer"),
    )


def _lines(reader: Reader, name: str, cls: type[T], schema: str) -> tuple[T, ...] | None:
    def convert(value: Json, where: str) -> T:
        found = problems(value, schema, limit=1)
        if found:
            raise StrictError(where, path_text(found[0].path), found[0].message)
        return typed(cls, value, where)

    return reader.lines(name, convert, max_line_bytes=MAX_LINE_BYTES, max_lines=MAX_TASKS)


def required_files(evidence: EvalEvidence) -> set[str]:
    """The files that must be there: of each round what its eval.json calls for."""
    names: set[str] = set()
    for name, files in evidence.rounds.items():
        kept = [ROUND]
        made = files.round
        if made is not None and made.answers_sha256 is not None:
            kept.append(ANSWERS)
        if made is not None and made.status == "done":
            kept += [ANSWERS, VERDICTS]
        names |= {f"{EVALS}/{name}/{each}" for each in kept} | {TASKS}
    return names

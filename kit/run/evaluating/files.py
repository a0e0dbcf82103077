"""The files of an evaluation in a run folder: written as answers come, read back when a run goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from kit.documents import Plan
from kit.documents.quality.evaluation import EvalRound, Quality, Task, TaskAnswer, TaskVerdict
from kit.evaluation.rounds import ANSWERS, EVALS, QUALITY, ROUND, TASKS, VERDICTS, PlannedRound, rounds_of
from kit.evaluation.scoring import Asked, quality_of
from kit.evaluation.suites import task_line
from kit.storage.run_folder import read_document, write_document
from kit.storage.whole import replace_file
from kit.strict import Json, plain, read_jsonl, typed, write_jsonl_line

MAX_LINE_BYTES = 4 << 20

T = TypeVar("T")


def write_tasks(run: Path, tasks: Iterable[Task]) -> None:
    """Write tasks.jsonl: what is asked, in its order."""
    (run / EVALS).mkdir(exist_ok=True)
    replace_file(run / TASKS, b"".join(map(task_line, tasks)))


def round_folder(run: Path, planned: PlannedRound) -> Path:
    """The folder of a round."""
    return run / EVALS / planned.id


def add_answer(folder: Path, answer: TaskAnswer) -> None:
    """Put one answer behind those that are there: on disk when this returns."""
    with (folder / ANSWERS).open("ab") as file:
        file.write(write_jsonl_line(plain(answer)))


def write_verdicts(folder: Path, verdicts: Sequence[TaskVerdict]) -> None:
    """Write verdicts.jsonl, whole or not at all."""
    replace_file(folder / VERDICTS, b"".join(write_jsonl_line(plain(each)) for each in verdicts))


def write_round(folder: Path, made: EvalRound) -> None:
    """Write eval.json."""
    write_document(folder / ROUND, made, "eval")


def file_sha256(folder: Path, name: str) -> str | None:
    """The sha256 of a file of a round; None where there is none."""
    path = folder / name
    return sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def read_round(folder: Path) -> EvalRound | None:
    """eval.json of a round; None where it was never written."""
    path = folder / ROUND
    return read_document(path.read_bytes(), EvalRound, "eval", str(path)) if path.is_file() else None


def read_answers(folder: Path) -> tuple[TaskAnswer, ...]:
    """The answers that there are, in the order in which they came."""
    return _lines(folder / ANSWERS, lambda value, where: typed(TaskAnswer, value, where))


def read_verdicts(folder: Path) -> tuple[TaskVerdict, ...]:
    """The verdicts of a round that was scored."""
    return _lines(folder / VERDICTS, lambda value, where: typed(TaskVerdict, value, where))


def _lines(path: Path, convert: Callable[[Json, str], T]) -> tuple[T, ...]:
    if not path.is_file():
        return ()
    lines = read_jsonl(path.read_bytes(), str(path), max_line_bytes=MAX_LINE_BYTES)
    return tuple(convert(value, f"{path}:{number}") for number, value in lines)


def read_asked(run: Path, plan: Plan) -> dict[str, Asked]:
    """The rounds of a run that have an eval.json, by id."""
    found: dict[str, Asked] = {}
    for planned in rounds_of(plan):
        folder = round_folder(run, planned)
        made = read_round(folder)
        if made is not None:
            found[planned.id] = Asked(made, read_answers(folder), read_verdicts(folder))
    return found


def write_quality(run: Path, plan: Plan, plan_sha256: str) -> Quality | None:
    """Write quality.json from the rounds there are; None for a plan without an evaluation."""
    found = quality_of(plan, plan_sha256, read_asked(run, plan))
    if found is not None:
        write_document(run / QUALITY, found, "quality")
    return found

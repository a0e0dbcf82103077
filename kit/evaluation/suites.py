"""The suites of the kit: `basics`, whose tasks lie here, and `humaneval`, which is fetched and known by hashes."""

from __future__ import annotations

import gzip
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from importlib.resources import files

from kit.documents import Plan
from kit.documents.quality.asked import FORM, Evaluation, EvaluationWish
from kit.documents.quality.evaluation import Task
from kit.documents.quality.suite import SuiteFile, SuiteTask
from kit.errors import InputError, InternalError
from kit.evaluation.rounds import rounds_of
from kit.strict import plain, read_jsonl, read_yaml, typed, write_jsonl_line
from kit.text import hint, plain_text

NAMES = ("basics", "humaneval")
NS_PER_S = 1_000_000_000
ANSWER_S = 1800  # a slow CPU with eight users needs minutes for an answer
MAX_FILE_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite with all its tasks, in their order; `sha256` is that of its file."""

    name: str
    title: str
    sha256: str
    tasks: tuple[SuiteTask, ...]
    max_tokens: int
    program_s: int


@dataclass(frozen=True, slots=True)
class _Line:
    """A task as the file of HumanEval has it."""

    task_id: str
    prompt: str
    entry_point: str
    canonical_solution: str
    test: str


def _bytes(name: str) -> bytes:
    if name not in NAMES:
        raise InputError(
            f"There is no suite called {plain_text(name)!r}.",
            hint(name, NAMES, also=f"Known: {', '.join(NAMES)}."),
        )
    return files("kit.evaluation").joinpath(f"{name}.yaml").read_bytes()


@cache
def suite_file(name: str) -> SuiteFile:
    """What the kit says of a suite; `InputError` naming the nearest if there is none of that name."""
    # Checked by the exact types of the class; the schema beside it is for readers outside and is tested to agree.
    where = f"kit/evaluation/{name}.yaml"
    return typed(SuiteFile, read_yaml(_bytes(name), where).value, where)


def suite_sha256(name: str) -> str:
    """The sha256 of the file with the tasks: the kit's own, or the one that is fetched."""
    said = suite_file(name)
    return sha256(_bytes(name)).hexdigest() if said.file is None else said.file.sha256


def load_suite(name: str, data: bytes | None = None) -> Suite:
    """A suite; `data` is the file of one whose tasks do not lie here. `InputError` if that is another file."""
    said = suite_file(name)
    if said.file is None:
        tasks = said.tasks
    elif data is None or sha256(data).hexdigest() != said.file.sha256:
        raise InputError(f"The file of the suite {name} is not the one the kit knows.", "Fetch it again.")
    else:
        tasks = _tasks_in(data, name)
    return Suite(name, said.title, suite_sha256(name), tasks, said.max_tokens, said.program_s)


def _tasks_in(data: bytes, name: str) -> tuple[SuiteTask, ...]:
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
        lines = packed.read(MAX_FILE_BYTES)
    found = (typed(_Line, value, f"{name}:{number}") for number, value in read_jsonl(lines, name))
    return tuple(
        SuiteTask(each.task_id, each.entry_point, each.prompt, each.canonical_solution, each.test)
        for each in found
    )


def task_of(task: SuiteTask) -> Task:
    """What is kept of a task in a run: all but its solution."""
    return Task(task.id, task.entry_point, task.prompt, task.test)


def task_line(task: Task) -> bytes:
    """The line of a task in tasks.jsonl."""
    return write_jsonl_line(plain(task))


@cache
def known_tasks(name: str) -> Mapping[str, str]:
    """The sha256 of the line of every task, by its id and in their order: without fetching anything."""
    said = suite_file(name)
    if said.task_sha256s:
        return said.task_sha256s
    return {task.id: sha256(task_line(task_of(task))).hexdigest() for task in said.tasks}


def foreign_task(name: str, tasks: Sequence[Task]) -> str | None:
    """The id of the first task that is not of this suite of the kit, word for word; None if all are."""
    known = known_tasks(name) if name in NAMES else {}
    return next((task.id for task in tasks if known.get(task.id) != sha256(task_line(task)).hexdigest()), None)


def planned_evaluation(wish: EvaluationWish, *, alone: bool = False) -> Evaluation:
    """What a plan says of an evaluation that is wished for; `InputError` if the suite has not so many tasks."""
    said, of = suite_file(wish.suite), len(known_tasks(wish.suite))
    if wish.limit is not None and wish.limit > of:
        raise InputError(
            f"The suite {wish.suite} has {of} tasks, not {wish.limit}.", f"Give --limit {of} or less."
        )
    if len(set(wish.concurrencies)) != len(wish.concurrencies) or not wish.concurrencies:
        raise InputError("An evaluation needs each concurrency once.", "Give them like 1,8.")
    return Evaluation(
        suite=wish.suite,
        sha256=suite_sha256(wish.suite),
        of=of,
        tasks=of if wish.limit is None else wish.limit,
        concurrencies=tuple(sorted(wish.concurrencies)),
        max_tokens=said.max_tokens,
        answer_ns=ANSWER_S * NS_PER_S,
        program_ns=said.program_s * NS_PER_S,
        form=FORM,
        alone=alone,
    )


def with_evaluation(plan: Plan, wish: EvaluationWish | None, *, alone: bool = False) -> Plan:
    """A plan with the evaluation wished for; `alone`, it measures no cell. `InputError` if nobody is asked."""
    if wish is None:
        return plan
    found = replace(plan, evaluation=planned_evaluation(wish, alone=alone))
    if not rounds_of(found):
        raise InputError("No entry goes up to the concurrencies of the evaluation.", "Give lower ones.")
    return replace(found, cells=(), calibrate=False) if alone else found


def asked_tasks(evaluation: Evaluation, suite: Suite) -> tuple[Task, ...]:
    """The tasks that a plan asks, in their order; `InternalError` if this is another suite."""
    if suite.sha256 != evaluation.sha256:
        raise InternalError(f"The suite {suite.name} here is not the one the plan was made with.")
    return tuple(task_of(task) for task in suite.tasks[: evaluation.tasks])

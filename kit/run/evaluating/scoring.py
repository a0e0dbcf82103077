"""Verdicts on the programs in answers: each is run in a sandbox, never anywhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from kit.documents.quality.asked import Evaluation
from kit.documents.quality.evaluation import Confined, Task, TaskAnswer, TaskVerdict
from kit.evaluation.scoring import program_of, program_sha256, without_program
from kit.evaluation.suites import Suite
from kit.sandbox import Program, Sandbox

NS_PER_S = 1_000_000_000
MAX_DETAIL_CHARS = 1000

OpenSandbox = Callable[[], AbstractContextManager[Sandbox]]


@dataclass(frozen=True, slots=True)
class Evaluator:
    """What an evaluation needs beside a plan: the tasks, and where programs may run."""

    suite: Suite
    open_sandbox: OpenSandbox


def verdicts_on(
    answers: Sequence[TaskAnswer], tasks: Sequence[Task], evaluation: Evaluation, sandbox: Sandbox
) -> tuple[TaskVerdict, ...]:
    """The verdict on each answer, in the order of the tasks."""
    ordered = sorted(answers, key=lambda answer: answer.number)
    programs = {answer.number: program_of(answer, tasks[answer.number]) for answer in ordered}
    ran = run_programs({n: p for n, p in programs.items() if p is not None}, tasks, evaluation, sandbox)
    return tuple(ran.get(answer.number) or without_program(answer) for answer in ordered)


def run_programs(
    programs: Mapping[int, str], tasks: Sequence[Task], evaluation: Evaluation, sandbox: Sandbox
) -> dict[int, TaskVerdict]:
    """The verdicts on programs, by the number of their task."""
    numbers = list(programs)
    asked = [_program(tasks[number], programs[number], evaluation) for number in numbers]
    return {
        number: TaskVerdict(
            number=number,
            task=tasks[number].id,
            status=outcome.status,
            program_sha256=program_sha256(programs[number]),
            duration_ns=round(outcome.seconds * NS_PER_S),
            detail=outcome.detail[:MAX_DETAIL_CHARS],
        )
        for number, outcome in zip(numbers, sandbox.run(asked), strict=True)
    }


def _program(task: Task, source: str, evaluation: Evaluation) -> Program:
    return Program(
        id=task.id,
        source=source,
        entry_point=task.entry_point,
        test=task.test,
        prelude=task.prompt,
        timeout_s=evaluation.program_ns / NS_PER_S,
    )


def confined_by(sandbox: Sandbox) -> Confined:
    """What the sandbox says of itself, as it is kept."""
    facts = sandbox.facts
    return Confined(facts.kind, facts.how, facts.python, facts.image_id)

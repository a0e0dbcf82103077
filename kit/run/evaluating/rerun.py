"""The programs of a bundle run again: do the tests say what the bundle says they said?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from kit.documents.quality.evaluation import TaskStatus
from kit.errors import InputError
from kit.evaluation.scoring import program_of
from kit.evaluation.suites import foreign_task
from kit.run.evaluating.scoring import run_programs
from kit.sandbox import Sandbox
from kit.text import plain_text
from kit.verify.evidence import Evidence

# What a slower or smaller machine may say of a right program.
OF_THIS_MACHINE = frozenset({"timeout", "memory", "refused"})


@dataclass(frozen=True, slots=True)
class Again:
    """One program that was run again: what the bundle says of it, and what its tests say here.

    "open": one of the two reached a limit of its machine, so neither contradicts the other.
    """

    round: str
    task: str
    said: TaskStatus
    now: TaskStatus

    @property
    def outcome(self) -> Literal["same", "open", "other"]:
        if self.said == self.now:
            return "same"
        return "open" if OF_THIS_MACHINE & {self.said, self.now} else "other"


def rerun(evidence: Evidence, sandbox: Sandbox) -> Iterator[Again]:
    """Every program of every round that is done, taken from its answer again and run in a sandbox.

    Tests run beside the kit, not in the sandbox: `InputError` if one is not of a suite of the kit, word for word.
    """
    plan, tasks = evidence.plan, evidence.evals.tasks
    if plan is None or plan.evaluation is None or tasks is None:
        return
    if (other := foreign_task(plan.evaluation.suite, tasks)) is not None:
        raise InputError(
            f"The test of {plain_text(other, 100)} is not the kit's, so nothing is run.",
            "Verify without --rerun-eval.",
        )
    for name, files in evidence.evals.rounds.items():
        if files.round is None or files.round.status != "done":
            continue
        said = {verdict.number: verdict.status for verdict in files.verdicts or ()}
        programs = {
            answer.number: program
            for answer in files.answers or ()
            if answer.number in said and (program := program_of(answer, tasks[answer.number])) is not None
        }
        for number, verdict in run_programs(programs, tasks, plan.evaluation, sandbox).items():
            yield Again(name, verdict.task, said[number], verdict.status)

"""What rules of evaluations look at: the planned rounds that say that they are done."""

from __future__ import annotations

from dataclasses import dataclass

from kit.documents.quality.asked import Evaluation
from kit.documents.quality.evaluation import EvalRound, Task, TaskAnswer, TaskVerdict
from kit.evaluation.rounds import PlannedRound, rounds_of
from kit.verify.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Done:
    """A planned round that says it is done, with its files."""

    planned: PlannedRound
    evaluation: Evaluation
    round: EvalRound
    answers: tuple[TaskAnswer, ...]
    verdicts: tuple[TaskVerdict, ...]


def done_rounds(evidence: Evidence) -> list[Done]:
    """Those of a plan, in its order."""
    plan = evidence.plan
    if plan is None or plan.evaluation is None:
        return []
    found = []
    for planned in rounds_of(plan):
        files = evidence.evals.rounds.get(planned.id)
        if files is not None and files.round is not None and files.round.status == "done":
            found.append(Done(planned, plan.evaluation, files.round, files.answers or (), files.verdicts or ()))
    return found


def tasks_of(evidence: Evidence) -> dict[int, Task]:
    """The tasks that were asked, by their number."""
    return dict(enumerate(evidence.evals.tasks or ()))

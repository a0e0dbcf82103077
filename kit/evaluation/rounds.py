"""The rounds of an evaluation: which entry is asked at which concurrency, and where what they leave lies."""

from __future__ import annotations

from dataclasses import dataclass

from kit.documents import Plan

EVALS = "evals"  # the folder of a run
TASKS = f"{EVALS}/tasks.jsonl"
QUALITY = "quality.json"
ROUND, ANSWERS, VERDICTS = "eval.json", "answers.jsonl", "verdicts.jsonl"
CORRECT = "correct.jsonl"  # the gate before the tasks, as before a load (kit.storage.names)


@dataclass(frozen=True, slots=True)
class PlannedRound:
    """One entry at one concurrency: every task once."""

    id: str
    entry: str
    concurrency: int

    def file(self, name: str) -> str:
        """The place of one of its files in a run."""
        return f"{EVALS}/{self.id}/{name}"


def rounds_of(plan: Plan) -> tuple[PlannedRound, ...]:
    """The rounds of a plan in their order: entry after entry, those above its highest concurrency left out."""
    if plan.evaluation is None:
        return ()
    return tuple(
        PlannedRound(f"{entry.name}-c{concurrency}", entry.name, concurrency)
        for entry in plan.entries
        for concurrency in plan.evaluation.concurrencies
        if entry.max_concurrency is None or concurrency <= entry.max_concurrency
    )


def evaluation_names(plan: Plan) -> list[str]:
    """The names of all files that an evaluation leaves in a bundle."""
    kept = (ROUND, ANSWERS, VERDICTS, CORRECT)
    return [TASKS, QUALITY, *(each.file(name) for each in rounds_of(plan) for name in kept)]

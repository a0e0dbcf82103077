"""From answers to programs, and from verdicts to numbers. Pure: maker and verifier run these same lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from kit.documents import Plan
from kit.documents.quality.evaluation import (
    EvalRound,
    EvalScore,
    Proportion,
    Quality,
    QualityPair,
    QualityRow,
    Task,
    TaskAnswer,
    TaskVerdict,
)
from kit.evaluation.extraction import program_in
from kit.evaluation.rounds import rounds_of
from kit.metrics.probability.proportions import mcnemar, wilson

CUT = "length"  # the word of OpenAI's interface for an answer that ended at its limit


@dataclass(frozen=True, slots=True)
class Asked:
    """A round with the lines of its files."""

    round: EvalRound
    answers: tuple[TaskAnswer, ...]
    verdicts: tuple[TaskVerdict, ...]


def program_of(answer: TaskAnswer, task: Task) -> str | None:
    """The program in an answer; None where there is no answer, or no program in it."""
    return None if answer.error else program_in(answer.text, task)


def program_sha256(program: str) -> str:
    """The sha256 of a program as it is run."""
    return sha256(program.encode("utf-8", "replace")).hexdigest()


def without_program(answer: TaskAnswer) -> TaskVerdict:
    """The verdict on an answer that gives nothing to run."""
    return TaskVerdict(answer.number, answer.task, "no answer" if answer.error else "no program", None)


def was_cut(answer: TaskAnswer, max_tokens: int) -> bool:
    """Whether an answer ended at its limit, by the server's word or by its count."""
    return answer.finish_reason == CUT or (answer.completion_tokens or 0) >= max_tokens


def score_of(answers: Sequence[TaskAnswer], verdicts: Sequence[TaskVerdict], max_tokens: int) -> EvalScore:
    """What a whole round adds up to."""
    tasks, counts = len(verdicts), Counter(each.status for each in verdicts)
    passed = counts["passed"]
    cut = sum(was_cut(answer, max_tokens) for answer in answers if not answer.error)
    tokens = [answer.completion_tokens for answer in answers if not answer.error]
    known = [count for count in tokens if count is not None]
    return EvalScore(
        tasks=tasks,
        passed=passed,
        cut=cut,
        by_status=dict(sorted(counts.items())),
        pass_at_1=proportion(passed, tasks),
        cut_share=cut / tasks,
        completion_tokens=sum(known) if known and len(known) == len(tokens) else None,
    )


def proportion(hits: int, of: int) -> Proportion:
    """A share with its interval."""
    return Proportion(hits / of, *wilson(hits, of))


def pair_of(low: Asked, high: Asked) -> QualityPair:
    """Two rounds of one entry, task by task."""
    first, second = _passed(low.verdicts), _passed(high.verdicts)
    both = first.keys() & second.keys()
    counts = Counter((first[number], second[number]) for number in both)
    texts = {answer.number: answer.text for answer in low.answers if not answer.error}
    same = sum(texts.get(answer.number) == answer.text for answer in high.answers if not answer.error)
    only_low, only_high = counts[True, False], counts[False, True]
    return QualityPair(
        entry=low.round.entry,
        low=low.round.concurrency,
        high=high.round.concurrency,
        tasks=len(both),
        both=counts[True, True],
        only_low=only_low,
        only_high=only_high,
        neither=counts[False, False],
        same_text=same,
        p_value=mcnemar(only_low, only_high),
    )


def _passed(verdicts: Iterable[TaskVerdict]) -> dict[int, bool]:
    return {each.number: each.status == "passed" for each in verdicts}


def quality_of(plan: Plan, plan_sha256: str, asked: Mapping[str, Asked]) -> Quality | None:
    """quality.json from the rounds there are, by id; None for a plan without an evaluation."""
    evaluation = plan.evaluation
    if evaluation is None:
        return None
    rows: list[QualityRow] = []
    pairs: list[QualityPair] = []
    lowest: dict[str, Asked] = {}
    for planned in rounds_of(plan):
        found = asked.get(planned.id)
        done = found is not None and found.round.status == "done"
        score = score_of(found.answers, found.verdicts, evaluation.max_tokens) if found and done else None
        rows.append(
            QualityRow(
                entry=planned.entry,
                concurrency=planned.concurrency,
                status=found.round.status if found else "missing",
                score=score,
                failure=found.round.failure if found else None,
            )
        )
        if found is not None and done:
            first = lowest.setdefault(planned.entry, found)
            if first is not found:
                pairs.append(pair_of(first, found))
    return Quality(
        schema="kit/quality/1",
        kit_version=plan.kit_version,
        plan_sha256=plan_sha256,
        suite=evaluation.suite,
        tasks=evaluation.tasks,
        of=evaluation.of,
        rows=tuple(rows),
        pairs=tuple(pairs),
    )

"""Rules about programs, verdicts, and what they add up to."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from kit.documents.quality.asked import Evaluation
from kit.documents.quality.evaluation import TaskVerdict
from kit.evaluation.rounds import QUALITY, ROUND, VERDICTS, rounds_of
from kit.evaluation.scoring import program_of, program_sha256, score_of, without_program
from kit.verify.difference import differences
from kit.verify.evaluation.computed import quality_in
from kit.verify.evaluation.rounds import done_rounds, tasks_of
from kit.verify.evidence import Evidence
from kit.verify.rule import Issue, Steps, rule

MANY_CUT = 0.1
# A program is started, answers and ends: more than its own time, and no more than this beside it.
GRACE_NS = 60_000_000_000


@rule(
    "eval.programs",
    "reject",
    "programs",
    "The program taken from each answer again is the one that its verdict is on",
)
def eval_programs(evidence: Evidence) -> Steps:
    tasks = tasks_of(evidence)
    for done in done_rounds(evidence):
        verdicts = {verdict.number: verdict for verdict in done.verdicts}
        place = done.planned.file(VERDICTS)
        for answer in done.answers:
            verdict, task = verdicts.get(answer.number), tasks.get(answer.number)
            if verdict is None or task is None:
                continue  # refused by eval.verdicts and eval.answers
            yield 1
            program = program_of(answer, task)
            if program is None and verdict != without_program(answer):
                yield Issue(place, f"the answer to {answer.task} has no program that could have been run")
            elif program is not None and verdict.program_sha256 != program_sha256(program):
                yield Issue(place, f"the verdict on {answer.task} is on another program than its answer gives")


@rule(
    "eval.verdicts",
    "reject",
    "verdicts",
    "There is one verdict on each answer, of a program that ran within its time",
)
def eval_verdicts(evidence: Evidence) -> Steps:
    for done in done_rounds(evidence):
        yield len(done.verdicts)
        place = done.planned.file(VERDICTS)
        if sha256(evidence.files.get(place, b"")).hexdigest() != done.round.verdicts_sha256:
            yield Issue(place, "has another sha256 than eval.json says")
        answered = {answer.number: answer.task for answer in done.answers}
        if [verdict.number for verdict in done.verdicts] != sorted(answered):
            yield Issue(place, "does not have one verdict on each answer, in the order of the tasks")
        for verdict in done.verdicts:
            if answered.get(verdict.number) != verdict.task:
                yield Issue(place, f"{verdict.task} has a verdict, but was never answered")
            yield from (Issue(place, f"{verdict.task} {why}") for why in _verdict_faults(verdict, done.evaluation))


def _verdict_faults(verdict: TaskVerdict, evaluation: Evaluation) -> Iterator[str]:
    ran = verdict.status not in ("no answer", "no program", "refused")
    if ran and verdict.program_sha256 is None:
        yield "has a verdict on a program that is none"
    if verdict.duration_ns > evaluation.program_ns + GRACE_NS:
        yield "ran longer than a program may"
    if verdict.status == "passed" and not 0 < verdict.duration_ns <= evaluation.program_ns:
        yield "passed in no time, or after its time was over"


@rule("eval.score", "reject", "rounds", "pass@1, its interval and all counts follow from the verdicts and answers")
def eval_score(evidence: Evidence) -> Steps:
    for done in done_rounds(evidence):
        yield 1
        if not done.verdicts or done.round.score is None:
            yield Issue(done.planned.file(ROUND), "has a score of nothing")
            continue
        made = score_of(done.answers, done.verdicts, done.evaluation.max_tokens)
        place = f"{done.planned.file(ROUND)}: score"
        yield from (Issue(place, words) for words in differences(made, done.round.score))


@rule(
    "eval.quality", "reject", "documents", "quality.json is what the rounds come to, pairs and p-values included"
)
def eval_quality(evidence: Evidence) -> Steps:
    plan = evidence.plan
    if plan is None or plan.evaluation is None:
        if evidence.evals.quality is not None:
            yield 1
            yield Issue(QUALITY, "is of an evaluation that the plan does not have")
        return
    yield 1
    if evidence.evals.quality is None:
        yield Issue(QUALITY, "is missing")
        return
    made = quality_in(evidence)
    if made is not None:  # else refused by eval.score
        yield from (Issue(QUALITY, words) for words in differences(made, evidence.evals.quality))


@rule("eval.complete", "flag", "rounds", "Every round of the evaluation was asked and scored")
def eval_complete(evidence: Evidence) -> Steps:
    plan = evidence.plan
    if plan is None or plan.evaluation is None:
        return
    done = {each.planned.id for each in done_rounds(evidence)}
    for planned in rounds_of(plan):
        yield 1
        files = evidence.evals.rounds.get(planned.id)
        if planned.id not in done:
            status = files.round.status if files and files.round else "missing"
            yield Issue(planned.file(ROUND), f"the round is {status}")


@rule("eval.cut", "note", "rounds", "Few answers ended at their limit of tokens: what is cut cannot be right")
def eval_cut(evidence: Evidence) -> Steps:
    for done in done_rounds(evidence):
        yield 1
        score = done.round.score
        if score is not None and score.cut_share > MANY_CUT:
            words = f"{score.cut} of {score.tasks} answers were cut: a larger context may solve more"
            yield Issue(done.planned.file(ROUND), words)


RULES = (eval_programs, eval_verdicts, eval_score, eval_quality, eval_complete, eval_cut)

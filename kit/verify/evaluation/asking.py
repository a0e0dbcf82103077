"""Rules about what was asked in an evaluation, and what was answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import pairwise

from kit.documents import Plan
from kit.documents.quality.asked import EvaluationWish
from kit.documents.quality.evaluation import EvalRound, TaskAnswer
from kit.errors import KitError
from kit.evaluation.rounds import ANSWERS, ROUND, TASKS, PlannedRound, rounds_of
from kit.evaluation.suites import NAMES, known_tasks, planned_evaluation, task_line
from kit.metrics.limits import MIN_SAME_CHARS
from kit.plan.weights import weights_of
from kit.storage.names import CORRECT, PLAN
from kit.verify.difference import differences
from kit.verify.evaluation.rounds import done_rounds, tasks_of
from kit.verify.evidence import Evidence
from kit.verify.known import known_suite
from kit.verify.rule import Issue, Steps, rule
from kit.verify.rules_answers import check_faults

# No server gives one user 20,000 tokens a second, and none answers before light has been to the next machine.
MIN_NS_PER_TOKEN = 50_000
MIN_ANSWER_NS = 20_000


@rule(
    "eval.plan",
    "reject",
    "evaluations",
    "The evaluation of a plan is one that the kit makes of a suite of its own",
)
def eval_plan(evidence: Evidence) -> Steps:
    plan = evidence.plan
    if plan is None or plan.evaluation is None:
        return
    yield 1
    asked = plan.evaluation
    if asked.suite not in NAMES:
        yield Issue(f"{PLAN}: evaluation", f"the kit has no suite {asked.suite}")
        return
    wish = EvaluationWish(asked.suite, asked.tasks, asked.concurrencies)
    try:
        made = planned_evaluation(wish, alone=asked.alone)
    except KitError as error:
        yield Issue(f"{PLAN}: evaluation", error.what)
        return
    yield from (Issue(f"{PLAN}: evaluation", words) for words in differences(made, asked))


@rule(
    "eval.tasks",
    "reject",
    "tasks",
    "The tasks asked are the first of the suite, word for word, and their tests are its tests",
)
def eval_tasks(evidence: Evidence) -> Steps:
    plan, tasks = evidence.plan, evidence.evals.tasks
    if plan is None or plan.evaluation is None or tasks is None or plan.evaluation.suite not in NAMES:
        return
    yield len(tasks)
    known = list(known_tasks(plan.evaluation.suite).items())[: plan.evaluation.tasks]
    if [task.id for task in tasks] != [name for name, _ in known]:
        yield Issue(TASKS, "does not hold the tasks that the plan asks, in their order")
        return
    for task, (name, digest) in zip(tasks, known, strict=True):
        if sha256(task_line(task)).hexdigest() != digest:
            yield Issue(TASKS, f"{name} is not the task of that name in the suite")


@rule(
    "eval.rounds",
    "reject",
    "rounds",
    "Each round is one of the plan, of its entry, on the weights that this names",
)
def eval_rounds(evidence: Evidence) -> Steps:
    plan = evidence.plan
    if plan is None:
        return
    planned = {each.id: each for each in rounds_of(plan)}
    for name, files in evidence.evals.rounds.items():
        if files.round is None:
            continue
        yield 1
        where = f"evals/{name}/{ROUND}"
        if name not in planned:
            yield Issue(where, "is of no round that the plan asks")
            continue
        yield from (Issue(where, words) for words in _round_faults(plan, planned[name], files.round))


def _round_faults(plan: Plan, planned: PlannedRound, made: EvalRound) -> Iterator[str]:
    if (made.id, made.entry, made.concurrency) != (planned.id, planned.entry, planned.concurrency):
        yield "names another round than its folder"
    entry = next(each for each in plan.entries if each.name == planned.entry)
    server = made.server
    if made.status != "done":
        if made.score is not None or made.verdicts_sha256 is not None:
            yield "is not done, but has a score"
        return
    if made.failure is not None or made.score is None or made.sandbox is None or made.model is None:
        yield "is done, but lacks a score, a sandbox or the name of the model, or has a failure"
    if (entry.url is None) != (server is not None) or (entry.url is not None) != (made.found is not None):
        yield "does not say which server was started, or found"
    if server is not None and server.model_sha256 != weights_of(plan, entry).sha256:
        yield f"was asked on weights of sha256 {server.model_sha256}, which are not those of the plan"


@rule(
    "eval.correct",
    "reject",
    "answers",
    "Before its tasks each server passed every correctness test, checked again here",
)
def eval_correct(evidence: Evidence) -> Steps:
    plan = evidence.plan
    suite = known_suite(plan.correctness.name, plan.correctness_level) if plan else None
    if suite is None:
        return  # refused by correct.passed
    for done in done_rounds(evidence):
        checks = evidence.evals.rounds[done.planned.id].checks or ()
        yield len(checks)
        place = done.planned.file(CORRECT)
        yield from (Issue(place, why) for why in check_faults(suite, checks, done.planned.concurrency))


@rule(
    "eval.answers",
    "reject",
    "answers",
    "Every task was asked once in each round; the answers are those that eval.json names by hash",
)
def eval_answers(evidence: Evidence) -> Steps:
    tasks = tasks_of(evidence)
    for done in done_rounds(evidence):
        yield len(done.answers)
        place = done.planned.file(ANSWERS)
        if sha256(evidence.files.get(place, b"")).hexdigest() != done.round.answers_sha256:
            yield Issue(place, "has another sha256 than eval.json says")
        if sorted(answer.number for answer in done.answers) != list(range(done.evaluation.tasks)):
            yield Issue(place, "does not have one answer to each task")
        for answer in done.answers:
            task = tasks.get(answer.number)
            if task is None or task.id != answer.task:
                yield Issue(
                    place, f"answer {answer.number} is to {answer.task}, which is not the task of that number"
                )
            if answer.error and answer.text:
                yield Issue(place, f"{answer.task} has both an answer and a reason why there is none")


@rule(
    "eval.times",
    "reject",
    "answers",
    "No answer came before it was asked, at an impossible pace, or beyond the concurrency",
)
def eval_times(evidence: Evidence) -> Steps:
    for done in done_rounds(evidence):
        yield len(done.answers)
        place = done.planned.file(ANSWERS)
        for answer in done.answers:
            took_ns = answer.done_ns - answer.sent_ns
            if took_ns < 0:
                yield Issue(place, f"{answer.task} was answered before it was asked")
            elif not answer.error and took_ns < max(
                MIN_ANSWER_NS, MIN_NS_PER_TOKEN * (answer.completion_tokens or 0)
            ):
                yield Issue(place, f"{answer.task} was answered within {took_ns / 1e6:g} ms, which no server can")
        if (most := _most_at_once(done.answers)) > done.planned.concurrency:
            yield Issue(place, f"{most} tasks were asked at once, the plan says {done.planned.concurrency}")
        last_ns = max((answer.done_ns for answer in done.answers), default=0)
        asking_ns = sum(phase.ended_ns - phase.started_ns for phase in done.round.phases)
        if done.round.starts == 1 and last_ns > asking_ns:
            yield Issue(place, "ends after the round itself")


def _most_at_once(answers: Sequence[TaskAnswer]) -> int:
    """How many questions were open at the same time; one that ends as another begins was not."""
    steps = [(answer.sent_ns, 1) for answer in answers] + [(answer.done_ns, -1) for answer in answers]
    open_now = most = 0
    for _, step in sorted(steps):
        open_now += step
        most = max(most, open_now)
    return most


@rule("eval.copies", "flag", "answers", "No two tasks of a round have the same long answer")
def eval_copies(evidence: Evidence) -> Steps:
    for done in done_rounds(evidence):
        first: dict[str, str] = {}
        for answer in done.answers:
            if len(answer.text) < MIN_SAME_CHARS:
                continue
            yield 1
            if answer.text in first:
                words = f"{answer.task} has the same answer as {first[answer.text]}"
                yield Issue(done.planned.file(ANSWERS), words)
            first.setdefault(answer.text, answer.task)


@rule(
    "eval.asked", "flag", "answers", "Tasks follow each other, and every answer names the model that was asked for"
)
def eval_asked(evidence: Evidence) -> Steps:
    for done in done_rounds(evidence):
        yield len(done.answers)
        place = done.planned.file(ANSWERS)
        other = next((each for each in done.answers if each.model not in (None, done.round.model)), None)
        if other is not None:
            yield Issue(place, f"{other.task} was answered by {other.model}, not by {done.round.model}")
        if done.planned.concurrency == 1:
            ordered = sorted(done.answers, key=lambda answer: answer.sent_ns)
            if any(later.number < earlier.number for earlier, later in pairwise(ordered)):
                yield Issue(place, "the tasks were not asked in their order")


RULES = (eval_plan, eval_tasks, eval_rounds, eval_correct, eval_answers, eval_times, eval_copies, eval_asked)

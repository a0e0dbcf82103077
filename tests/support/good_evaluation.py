"""A good run with an evaluation, made by code: the good run, and answers of a model that solves two of four.

Its verdicts are written down, not run: what verification makes of them is looked at, not the sandbox.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256

from kit.documents import Cell, MedianInterval, Phase, Plan, Result
from kit.documents.quality.asked import Evaluation, EvaluationWish
from kit.documents.quality.evaluation import Confined, EvalRound, Quality, Task, TaskAnswer, TaskVerdict
from kit.evaluation.rounds import PlannedRound, rounds_of
from kit.evaluation.scoring import (
    Asked,
    program_of,
    program_sha256,
    quality_of,
    score_of,
    without_program,
)
from kit.evaluation.suites import asked_tasks, load_suite, task_line, with_evaluation
from kit.storage.bundle import pack_files
from kit.strict import plain, read_json, typed, write_json, write_jsonl_line
from kit.timestamps import utc_ns, utc_text
from tests.support.good_bundle import Files, good_checks, good_files, good_plan, jsonl
from tests.support.toy_server import MS, SERVED_MODEL

WISH = EvaluationWish("basics", 4, (1, 2))
SUITE = load_suite("basics")
OTHER = "0" * 64
GAP_NS, ANSWER_NS, PROGRAM_NS = 1 * MS, 40 * MS, 20 * MS


@dataclass(frozen=True, slots=True)
class Changes:
    """What is done to the documents of the last round, before what follows from them is made."""

    plan: Callable[[Plan], Plan] = lambda plan: plan
    tasks: Callable[[tuple[Task, ...]], Sequence[Task]] = lambda tasks: tasks
    answers: Callable[[list[TaskAnswer]], Sequence[TaskAnswer]] = lambda answers: answers
    verdicts: Callable[[list[TaskVerdict]], Sequence[TaskVerdict]] = lambda verdicts: verdicts
    round: Callable[[EvalRound], EvalRound] = lambda made: made
    quality: Callable[[Quality], Quality] = lambda quality: quality
    files: Callable[[Files], object] = dict


def evaluated_plan() -> Plan:
    """The good plan with four tasks, alone and two at a time."""
    return with_evaluation(good_plan(), WISH)


def evaluation_of(plan: Plan) -> Evaluation:
    assert plan.evaluation is not None
    return plan.evaluation


def said(number: int) -> str:
    """A right answer, a wrong one, a right one without a fence, and words."""
    task = SUITE.tasks[number]
    whole = f"{task.prompt}{task.solution}"
    wrong = f"def {task.entry_point}(*numbers):\n    return None"
    return [f"```python\n{whole}```", f"```\n{wrong}\n```", whole, "That is easy: use Python."][number]


def answers_of(tasks: Sequence[Task], users: int) -> list[TaskAnswer]:
    """Each user asks one task after the other; they take the same time."""
    found = []
    for number, task in enumerate(tasks):
        sent_ns = 5 * MS + number // users * (ANSWER_NS + GAP_NS)
        last = number == len(tasks) - 1
        found.append(
            TaskAnswer(
                number=number,
                task=task.id,
                sent_ns=sent_ns,
                done_ns=sent_ns + ANSWER_NS,
                text=said(number),
                finish_reason="length" if last else "stop",
                model=SERVED_MODEL,
                prompt_tokens=90,
                completion_tokens=512 if last else 40,
            )
        )
    return found


def verdicts_of(answers: Sequence[TaskAnswer], tasks: Sequence[Task]) -> list[TaskVerdict]:
    """As the programs deserve."""
    found = []
    for answer in sorted(answers, key=lambda each: each.number):
        program = program_of(answer, tasks[answer.number])
        if program is None:
            found.append(without_program(answer))
            continue
        wrong = answer.number % 2 == 1
        found.append(
            TaskVerdict(
                number=answer.number,
                task=answer.task,
                status="failed" if wrong else "passed",
                program_sha256=program_sha256(program),
                duration_ns=PROGRAM_NS,
                detail="AssertionError" if wrong else "",
            )
        )
    return found


def _round(plan: Plan, planned: PlannedRound, like: Cell, start_ns: int, asked: Asked | None) -> EvalRound:
    names, step_ns = ("start", "ready", "correct", "evaluate", "stop"), 250 * MS
    duration_ns = len(names) * step_ns
    return EvalRound(
        schema="kit/eval/1",
        id=planned.id,
        entry=planned.entry,
        concurrency=planned.concurrency,
        status="done",
        failure=None,
        started_utc=utc_text(start_ns),
        ended_utc=utc_text(start_ns + duration_ns),
        duration_ns=duration_ns,
        phases=tuple(Phase(name, at * step_ns, (at + 1) * step_ns, "ok") for at, name in enumerate(names)),
        model=SERVED_MODEL,
        server=like.server,
        origin_utc=utc_text(start_ns + 600 * MS),
        answers_sha256=None,
        sandbox=Confined("process", "bubblewrap", "3.11.2"),
        verdicts_sha256=None,
        score=score_of(asked.answers, asked.verdicts, evaluation_of(plan).max_tokens) if asked else None,
    )


def evaluated_files(changes: Changes | None = None, *, alone: bool = False) -> Files:
    """The files of the run; `changes` are made to its last round, and what follows from them after that."""
    do = changes or Changes()
    base = with_evaluation(good_plan(), WISH, alone=True) if alone else evaluated_plan()
    plan = do.plan(base)
    files: Files = dict(good_files())
    cells = [name for name in files if name.startswith("cells/") and name.endswith("cell.json")]
    like = {cell.entry: cell for name in cells for cell in [typed(Cell, read_json(files[name], name), name)]}
    files["plan.json"] = write_json(plain(plan))
    digest = sha256(files["plan.json"]).hexdigest()
    result = typed(Result, read_json(files["result.json"], "result.json"), "result.json")
    if alone:
        dropped = ("cells/", "calibration", "telemetry")
        files = {name: data for name, data in files.items() if not name.startswith(dropped)}
        rows = tuple(
            replace(row, replicates=0, measured=0, spreads=_empty(row.spreads), suspect=()) for row in result.rows
        )
        result = replace(result, cells=(), rows=rows)
    files["result.json"] = write_json(plain(replace(result, plan_sha256=digest)))
    tasks = asked_tasks(evaluation_of(base), SUITE)
    files["evals/tasks.jsonl"] = b"".join(map(task_line, do.tasks(tasks)))
    found: dict[str, Asked] = {}
    start_ns = max(utc_ns(cell.ended_utc) for cell in like.values()) + 10**9
    rounds = rounds_of(base)
    for planned in rounds:
        answers: Sequence[TaskAnswer] = answers_of(tasks, planned.concurrency)
        last = planned is rounds[-1]
        answers = do.answers(list(answers)) if last else answers
        verdicts: Sequence[TaskVerdict] = verdicts_of([a for a in answers if a.number < len(tasks)], tasks)
        verdicts = do.verdicts(list(verdicts)) if last else verdicts
        folder = f"evals/{planned.id}"
        files[f"{folder}/answers.jsonl"] = b"".join(write_jsonl_line(plain(each)) for each in answers)
        files[f"{folder}/verdicts.jsonl"] = b"".join(write_jsonl_line(plain(each)) for each in verdicts)
        files[f"{folder}/correct.jsonl"] = jsonl(good_checks(planned.concurrency))
        made = _round(plan, planned, like[planned.entry], start_ns, None)
        asked = Asked(made, tuple(answers), tuple(verdicts))
        made = replace(
            made,
            answers_sha256=sha256(files[f"{folder}/answers.jsonl"]).hexdigest(),
            verdicts_sha256=sha256(files[f"{folder}/verdicts.jsonl"]).hexdigest(),
            score=score_of(asked.answers, asked.verdicts, evaluation_of(base).max_tokens) if verdicts else None,
        )
        made = do.round(made) if last else made
        files[f"{folder}/eval.json"] = write_json(plain(made))
        found[planned.id] = replace(asked, round=made)
        start_ns += 2 * 10**9
    quality = quality_of(plan, digest, found)
    assert quality is not None
    files["quality.json"] = write_json(plain(do.quality(quality)))
    do.files(files)
    return files


def _empty(spreads: Mapping[str, MedianInterval]) -> dict[str, MedianInterval]:
    return {path: MedianInterval(0, None, None, None) for path in spreads}


@cache
def evaluated_bundle() -> bytes:
    """The archive of the good run with an evaluation."""
    return pack_files(evaluated_files()).data


def changed_evaluation(changes: Changes) -> bytes:
    """The same with changes, everything that follows made again."""
    return pack_files(evaluated_files(changes)).data


# --- changes ------------------------------------------------------------------------------------------------


def answer_fields(number: int, /, **values: object) -> Changes:
    """Another answer to one task."""

    def change(answers: list[TaskAnswer]) -> list[TaskAnswer]:
        return [replace(a, **values) if a.number == number else a for a in answers]  # type: ignore[arg-type]

    return Changes(answers=change)


def verdict_fields(number: int, /, **values: object) -> Changes:
    """Another verdict on one answer."""

    def change(verdicts: list[TaskVerdict]) -> list[TaskVerdict]:
        return [replace(v, **values) if v.number == number else v for v in verdicts]  # type: ignore[arg-type]

    return Changes(verdicts=change)


def round_fields(**values: object) -> Changes:
    """Another eval.json."""
    return Changes(round=lambda made: replace(made, **values))  # type: ignore[arg-type]


def asked_fields(**values: object) -> Changes:
    """Another evaluation in the plan."""
    return Changes(plan=lambda plan: replace(plan, evaluation=replace(evaluation_of(plan), **values)))  # type: ignore[arg-type]


def _other_weights(made: EvalRound) -> EvalRound:
    assert made.server is not None
    return replace(made, server=replace(made.server, model_sha256=OTHER))


def _better(made: EvalRound) -> EvalRound:
    assert made.score is not None
    return replace(made, score=replace(made.score, passed=4))


def _narrower(made: EvalRound) -> EvalRound:
    assert made.score is not None
    return replace(made, score=replace(made.score, pass_at_1=replace(made.score.pass_at_1, low=0.45)))


def _luckier(quality: Quality) -> Quality:
    return replace(quality, pairs=tuple(replace(pair, p_value=0.5) for pair in quality.pairs))


def _wrong_gate(files: Files) -> None:
    name = next(name for name in sorted(files) if name.startswith("evals/") and name.endswith("-c2/correct.jsonl"))
    files[name] = files[name].replace(b"2 + 2 = 4", b"2 + 2 = 5")


def _bare(files: Files) -> None:
    for name in [each for each in files if each.startswith("evals/")] + ["quality.json"]:
        del files[name]


def _of_no_plan(files: Files) -> None:
    """The evaluation taken out of the plan, but not out of the files."""
    plan = good_plan()
    files["plan.json"] = write_json(plain(plan))
    digest = sha256(files["plan.json"]).hexdigest()
    result = typed(Result, read_json(files["result.json"], "result.json"), "result.json")
    files["result.json"] = write_json(plain(replace(result, plan_sha256=digest)))


def _without(name: str) -> Callable[[Files], None]:
    return lambda files: files.update({each: b"" for each in files if each.endswith(f"-c2/{name}")})


LONG = "```python\n" + "# " + "very " * 60 + "long\ndef f(): ...\n```"

# What each rule of evaluations must find: rule, what was done, how.
FOUND: tuple[tuple[str, str, Changes], ...] = (
    ("eval.plan", "another suite", asked_fields(suite="advanced")),
    ("eval.plan", "another file of it", asked_fields(sha256=OTHER)),
    ("eval.plan", "longer answers", asked_fields(max_tokens=4096)),
    ("eval.plan", "more time for programs", asked_fields(program_ns=10**12)),
    ("eval.plan", "a suite of four tasks", asked_fields(of=4)),
    ("eval.tasks", "an easier test", Changes(tasks=lambda t: [replace(t[0], test="def check(c): ...\n"), *t[1:]])),
    ("eval.tasks", "in another order", Changes(tasks=lambda t: t[::-1])),
    ("eval.tasks", "one left out", Changes(tasks=lambda t: t[:3])),
    ("eval.rounds", "other weights", Changes(round=_other_weights)),
    ("eval.rounds", "another concurrency", round_fields(concurrency=8)),
    ("eval.rounds", "no sandbox", round_fields(sandbox=None)),
    ("eval.rounds", "no server", round_fields(server=None)),
    ("eval.correct", "a wrong answer at the gate", Changes(files=_wrong_gate)),
    ("eval.answers", "a task left out", Changes(answers=lambda a: a[:3])),
    (
        "eval.answers",
        "a task asked twice",
        Changes(answers=lambda a: [*a, replace(a[0], done_ns=a[0].done_ns + 1)]),
    ),
    ("eval.answers", "another hash", round_fields(answers_sha256=OTHER)),
    ("eval.answers", "to another task", answer_fields(1, task="basics/add")),
    ("eval.answers", "an answer and an error", answer_fields(3, error="it broke off")),
    ("eval.times", "answered before it was asked", answer_fields(1, done_ns=0)),
    ("eval.times", "a token in a microsecond", answer_fields(3, done_ns=47 * MS + 10**6, completion_tokens=512)),
    ("eval.times", "three at once", answer_fields(2, sent_ns=20 * MS)),
    ("eval.times", "after the end", answer_fields(3, done_ns=10**12)),
    ("eval.programs", "another program ran", verdict_fields(0, program_sha256=OTHER)),
    (
        "eval.programs",
        "a verdict on words",
        verdict_fields(3, status="failed", program_sha256=OTHER, duration_ns=1),
    ),
    ("eval.verdicts", "one that was never answered", Changes(verdicts=lambda v: [*v, replace(v[0], number=9)])),
    ("eval.verdicts", "one left out", Changes(verdicts=lambda v: v[:3])),
    ("eval.verdicts", "on another task", verdict_fields(1, task="basics/zero")),
    ("eval.verdicts", "another hash", round_fields(verdicts_sha256=OTHER)),
    ("eval.verdicts", "passed in no time", verdict_fields(0, duration_ns=0)),
    ("eval.verdicts", "passed after its time", verdict_fields(0, duration_ns=6 * 10**9)),
    ("eval.verdicts", "ran for a day", verdict_fields(1, duration_ns=86_400 * 10**9)),
    ("eval.verdicts", "failed without a program", verdict_fields(1, program_sha256=None)),
    ("eval.score", "more were solved", Changes(round=_better)),
    ("eval.score", "a narrower interval", Changes(round=_narrower)),
    ("eval.quality", "a likelier difference", Changes(quality=_luckier)),
    ("eval.quality", "of no plan", Changes(files=_of_no_plan)),
    ("eval.quality", "nothing of an evaluation", Changes(files=_bare)),
    ("eval.complete", "a round that failed", round_fields(status="failed", score=None, verdicts_sha256=None)),
    ("eval.copies", "the same long answer", Changes(answers=lambda a: [replace(each, text=LONG) for each in a])),
    ("eval.asked", "another model", answer_fields(1, model="a-better-one")),
    ("eval.cut", "many cut answers", answer_fields(0, finish_reason="length")),
)
EVALUATED = tuple(
    (rule, what, lambda changes=changes: changed_evaluation(changes)) for rule, what, changes in FOUND
)

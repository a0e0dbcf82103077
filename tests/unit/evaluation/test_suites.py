"""kit.evaluation.suites: tasks whose solutions pass, known by hashes, and what a plan says of them."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from kit.documents.quality.asked import EvaluationWish
from kit.documents.quality.suite import SuiteTask
from kit.errors import InputError, InternalError
from kit.evaluation import suites
from kit.evaluation.asking import question_of, task_body
from kit.evaluation.rounds import rounds_of
from kit.evaluation.suites import (
    NAMES,
    asked_tasks,
    known_tasks,
    load_suite,
    planned_evaluation,
    suite_file,
    suite_sha256,
    task_of,
    with_evaluation,
)
from kit.strict import plain
from kit.strict.schema import check
from tests.support.fakes import demo_plan

BASICS = suite_file("basics").tasks


def test_the_solution_of_each_task_passes_its_test() -> None:
    """Only the kit's own text runs here."""
    for task in BASICS:
        names: dict[str, Any] = {}
        exec(f"{task.prompt}{task.solution}\n{task.test}", names)
        names["check"](names[task.entry_point])


def test_a_wrong_solution_passes_no_test() -> None:
    """What returns nothing, the first argument, 0 or an empty list solves no task."""
    for wrong in ("None", "list(arguments)[0]", "0", "[]", "''", "True"):
        for task in BASICS:
            names: dict[str, Any] = {}
            exec(f"def {task.entry_point}(*arguments):\n    return {wrong}\n{task.test}", names)
            with pytest.raises((AssertionError, TypeError, IndexError)):
                names["check"](names[task.entry_point])


def test_suites_are_as_their_schema_says() -> None:
    """Both files, and ids and functions are distinct."""
    for name in NAMES:
        check(plain(suite_file(name)), "suite", name)
        assert len(known_tasks(name)) == {"basics": 60, "humaneval": 164}[name]
    assert len({task.id for task in BASICS}) == len({task.entry_point for task in BASICS}) == 60


def test_the_tasks_of_humaneval_are_believed_only_by_their_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the file as a whole; a suite without its file is refused."""
    with pytest.raises(InputError, match="not the one the kit knows"):
        load_suite("humaneval")
    with pytest.raises(InputError, match="not the one the kit knows"):
        load_suite("humaneval", b"other")
    line = {"task_id": "a/0", "prompt": "def f():\n", "entry_point": "f", "canonical_solution": "    return 1\n"}
    data = gzip.compress(json.dumps({**line, "test": "def check(c): ..."}).encode() + b"\n")
    said = suite_file("humaneval")
    assert said.file is not None
    other = replace(said, file=replace(said.file, sha256=sha256(data).hexdigest()))
    monkeypatch.setattr(suites, "suite_file", lambda _: other)
    suite = load_suite("humaneval", data)
    assert suite.tasks == (SuiteTask("a/0", "f", "def f():\n", "    return 1\n", "def check(c): ..."),)


def test_an_unknown_suite_names_the_nearest() -> None:
    """So does every place that reads one."""
    with pytest.raises(InputError) as caught:
        suite_file("basic")
    assert "Did you mean 'basics'?" in caught.value.remedy


def test_a_plan_says_all_that_is_asked() -> None:
    """The suite by hash, how many of its tasks, its limits; concurrencies in order."""
    made = planned_evaluation(EvaluationWish("basics", 20, (8, 1)))
    assert (made.suite, made.sha256, made.of, made.tasks) == ("basics", suite_sha256("basics"), 60, 20)
    assert (made.concurrencies, made.max_tokens, made.program_ns, made.alone) == ((1, 8), 512, 5 * 10**9, False)
    assert planned_evaluation(EvaluationWish("humaneval")).tasks == 164


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (EvaluationWish("basics", 61), "has 60 tasks, not 61"),
        (EvaluationWish("basics", None, (1, 1)), "each concurrency once"),
        (EvaluationWish("basics", None, ()), "each concurrency once"),
    ],
)
def test_what_cannot_be_asked_is_refused(wish: EvaluationWish, words: str) -> None:
    """Before anything starts."""
    with pytest.raises(InputError, match=words):
        planned_evaluation(wish)


def test_rounds_are_each_entry_at_each_concurrency_it_goes_up_to() -> None:
    """An entry leaves out what is above its limit; where none is left, the plan is refused."""
    plan = demo_plan()
    first = plan.entries[0]
    plan = replace(plan, entries=(replace(first, max_concurrency=4), replace(first, name="other")))
    made = with_evaluation(plan, EvaluationWish("basics", 2, (1, 8)))
    assert [each.id for each in rounds_of(made)] == [f"{first.name}-c1", "other-c1", "other-c8"]
    assert made.cells == plan.cells
    assert rounds_of(plan) == ()
    limited = replace(plan, entries=plan.entries[:1])
    with pytest.raises(InputError, match="No entry goes up to"):
        with_evaluation(limited, EvaluationWish("basics", 2, (8,)))


def test_an_evaluation_alone_measures_no_cell() -> None:
    """And needs no calibration; without a wish the plan is as it was."""
    plan = demo_plan()
    made = with_evaluation(plan, EvaluationWish("basics"), alone=True)
    assert (made.cells, made.calibrate) == ((), False)
    assert with_evaluation(plan, None) is plan


def test_tasks_of_another_suite_are_not_asked() -> None:
    """The plan names the file by its hash."""
    made = planned_evaluation(EvaluationWish("basics", 2))
    suite = load_suite("basics")
    assert asked_tasks(made, suite) == tuple(map(task_of, BASICS[:2]))
    with pytest.raises(InternalError):
        asked_tasks(replace(made, sha256="0" * 64), suite)


def test_a_task_is_asked_at_temperature_0_within_the_limit_of_its_suite() -> None:
    """As a chat in our words, or, where there is none, as the begun function."""
    task = task_of(BASICS[0])
    chat = task_body(task, "m", 512, "chat")
    assert chat["messages"] == [{"role": "user", "content": question_of(task)}]
    assert (chat["temperature"], chat["max_tokens"], chat["stream"]) == (0, 512, False)
    assert task.prompt.rstrip() in question_of(task)
    raw = task_body(task, "m", 512, "completions")
    assert raw["prompt"] == task.prompt
    assert "messages" not in raw

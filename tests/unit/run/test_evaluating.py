"""Evaluations for real: a scripted server, the load generator as a process, programs in a sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from kit.documents import Plan
from kit.documents.quality.asked import EvaluationWish
from kit.documents.quality.evaluation import Quality, TaskAnswer
from kit.documents.quality.suite import SuiteTask
from kit.engines.process import ProcessEngine
from kit.errors import EngineError, NoResultError
from kit.evaluation.suites import with_evaluation
from kit.plan.choosing.server_choice import chosen_servers
from kit.plan.choosing.wishes import Wishes
from kit.plan.correctness import load_suite as load_level
from kit.plan.plan import make_plan
from kit.plan.prompts import load_prompts
from kit.report.quality.quality_text import quality_text
from kit.run.evaluating.files import read_answers, read_round, read_verdicts
from kit.run.evaluating.scoring import Evaluator
from kit.run.reproduce import Outcome, reproduce
from kit.sandbox import Outcome as SandboxOutcome
from kit.sandbox import Program, Sandbox, open_sandbox
from kit.storage.bundle import pack_run
from kit.storage.run_folder import read_folder
from kit.supply.supply import process_supply
from kit.verify.evidence import open_bundle, open_run
from kit.verify.verdict import verify
from tests.support.answering_server import BASICS, AnsweringServer, Reply, right, wrong
from tests.support.fakes import Silent

LEVEL = load_level("correctness", "tiny")
FLAGS = {"server.started"}  # somebody else did


@pytest.fixture
def server() -> Iterator[AnsweringServer]:
    with AnsweringServer() as made:
        yield made


def plan_of(server: AnsweringServer, tasks: int, concurrencies: tuple[int, ...] = (1, 2)) -> Plan:
    """An evaluation alone of one server that already runs."""
    platform = chosen_servers([server.url], None, Wishes()).platform
    plan = make_plan(platform, None, load_prompts("short"), LEVEL, cpus=2, seed=1, calibrate=False)
    return with_evaluation(plan, EvaluationWish("basics", tasks, concurrencies), alone=True)


def run_it(plan: Plan, folder: Path, observer: Silent | None = None, sandbox: object = None) -> Outcome:
    open_one = partial(open_sandbox, "process") if sandbox is None else sandbox
    evaluator = Evaluator(BASICS, open_one)  # type: ignore[arg-type]
    supply = process_supply(plan, {})
    return reproduce(plan, folder, ProcessEngine(), supply, LEVEL, observer or Silent(), evaluator)


def quality_of(outcome: Outcome) -> Quality:
    assert outcome.quality is not None
    return outcome.quality


def rounds(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "evals").iterdir() if path.is_dir())


def by_task(**replies: Callable[[SuiteTask, int], Reply]) -> Callable[[SuiteTask, int], Reply]:
    """Another reply to some tasks, by the name of their function."""
    return lambda task, at_once: replies.get(task.entry_point, right)(task, at_once)


def test_answers_are_asked_scored_packed_and_verified(server: AnsweringServer, tmp_path: Path) -> None:
    """Right and wrong programs, words, a cut answer, an error: each counted as what it is; all of it verifies."""
    server.answer = by_task(
        subtract=wrong,
        multiply=lambda *_: Reply("Multiply them."),
        square=lambda task, _: Reply(f"```python\n{task.prompt}", "length", tokens=512),
        double=lambda *_: Reply("out of memory", status=500),
    )
    plan, run = plan_of(server, 6), tmp_path / "run"
    quality = quality_of(run_it(plan, run))
    assert [(row.concurrency, row.status) for row in quality.rows] == [(1, "done"), (2, "done")]
    score = quality.rows[0].score
    assert score is not None
    assert (score.passed, score.tasks, score.cut) == (2, 6, 1)
    assert score.by_status == {"failed": 2, "no answer": 1, "no program": 1, "passed": 2}
    verdicts = {each.task: each for each in read_verdicts(rounds(run)[0])}
    assert verdicts["basics/is_even"].status == "passed"
    answers = {each.task: each for each in read_answers(rounds(run)[0])}
    assert answers["basics/double"].error == "HTTP status 500: out of memory"
    assert answers["basics/square"].finish_reason == "length"
    assert server.asked[:6] == [task.id for task in BASICS.tasks[:6]]
    assert (quality.pairs[0].both, quality.pairs[0].neither, quality.pairs[0].same_text) == (2, 4, 5)
    for evidence in (open_run(read_folder(run)), open_bundle(pack_run(run).data)):
        verdict = verify(evidence)
        assert {f.rule for f in verdict.findings if f.level != "note"} == FLAGS
        assert verdict.label == "self-reported"
        assert verdict.checked["eval.programs"] == 12
    report = (run / "REPORT.md").read_text()
    assert "33\\.3 %" in report or "33.3 %" in report


def test_answers_stand_on_disk_as_they_come(server: AnsweringServer, tmp_path: Path) -> None:
    """Not at the end of a round."""
    run, seen = tmp_path / "run", list[int]()

    class Looking(Silent):
        def evaluating(self, words: str, *, again: bool = False) -> None:
            if again and "-c1" in words:
                seen.append(len(read_answers(rounds(run)[0])))

    run_it(plan_of(server, 4, (1,)), run, Looking())
    assert seen == [1, 2, 3, 4]


def test_so_many_tasks_are_open_as_the_concurrency_says(server: AnsweringServer, tmp_path: Path) -> None:
    """Up to the last: no group waits for its slowest."""
    most: list[int] = []

    def noting(task: SuiteTask, at_once: int) -> Reply:
        most.append(at_once)
        return replace(right(task), delay_s=0.02 + 0.01 * len(most))

    server.answer = noting
    run_it(plan_of(server, 12, (4,)), tmp_path / "run")
    assert max(most) == 4
    assert most.count(4) >= 5  # in groups of four it were three


def test_a_server_that_answers_garbage_to_several_is_told(server: AnsweringServer, tmp_path: Path) -> None:
    """Solved alone and not together: the pairs say so, beyond chance."""
    server.answer = lambda task, at_once: right(task) if at_once == 1 else wrong(task)
    quality = quality_of(run_it(plan_of(server, 12, (1, 4)), tmp_path / "run"))
    pair = quality.pairs[0]
    assert pair.only_low >= 8
    assert pair.p_value < 0.01
    assert "solves fewer tasks with 4 users than with 1" in quality_text(quality)


def test_an_interrupted_evaluation_goes_on_and_asks_nothing_twice(server: AnsweringServer, tmp_path: Path) -> None:
    """What was answered is kept; eval.json says how often it was begun; all of it verifies."""
    run, plan = tmp_path / "run", plan_of(server, 6, (1,))

    class Interrupting(Silent):
        def evaluating(self, words: str, *, again: bool = False) -> None:
            if again and "3 of 6" in words:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_it(plan, run, Interrupting())
    made = read_round(rounds(run)[0])
    assert made is not None
    assert made.status == "interrupted"
    kept = {answer.task: answer for answer in read_answers(rounds(run)[0])}
    assert len(kept) >= 3
    asked = len(server.asked)
    outcome = run_it(plan, run)
    after = {answer.task: answer for answer in read_answers(rounds(run)[0])}
    assert {task: after[task] for task in kept} == kept
    assert len(server.asked) - asked == 6 - len(kept)
    made = read_round(rounds(run)[0])
    assert made is not None
    assert (made.status, made.starts) == ("done", 2)
    assert quality_of(outcome).rows[0].score is not None
    verdict = verify(open_run(read_folder(run)))
    assert {f.rule for f in verdict.findings if f.level != "note"} == FLAGS


def test_what_a_killed_run_left_of_a_round_is_asked_again(server: AnsweringServer, tmp_path: Path) -> None:
    """Without eval.json nobody knows when its stamps begin."""
    run, plan = tmp_path / "run", plan_of(server, 3, (1,))
    run_it(plan, run)
    (rounds(run)[0] / "eval.json").unlink()
    asked = len(server.asked)
    run_it(plan, run)
    assert len(server.asked) - asked == 3


def test_a_round_that_was_asked_and_not_scored_is_only_scored(server: AnsweringServer, tmp_path: Path) -> None:
    """The server is not needed any more."""
    run, plan = tmp_path / "run", plan_of(server, 3, (1,))

    @contextmanager
    def breaking() -> Iterator[Sandbox]:
        with open_sandbox("process") as sandbox:
            yield _Breaking(sandbox)

    with pytest.raises(EngineError, match="went away"):
        run_it(plan, run, None, breaking)
    server.close()
    assert quality_of(run_it(plan, run)).rows[0].status == "done"


class _Breaking:
    """A sandbox whose engine goes away."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.facts = sandbox.facts

    def run(self, programs: Iterable[Program]) -> Iterator[SandboxOutcome]:
        del programs
        raise EngineError("The engine went away.", "Start it.")


def test_a_server_that_goes_away_fails_its_round(server: AnsweringServer, tmp_path: Path) -> None:
    """With the reason; a run without one result says so, and its exit code is its own."""
    run, plan = tmp_path / "run", plan_of(server, 6, (1,))

    class Closing(Silent):
        def evaluating(self, words: str, *, again: bool = False) -> None:
            if again and "2 of 6" in words:
                server.close()

    with pytest.raises(NoResultError, match="in phase evaluate"):
        run_it(plan, run, Closing())
    made = read_round(rounds(run)[0])
    assert made is not None
    assert made.status == "failed"
    assert made.failure is not None
    assert made.failure.kind == "RuntimeNotReadyError"


def test_wrong_answers_at_the_gate_ask_nothing(server: AnsweringServer, tmp_path: Path) -> None:
    """As before a load."""
    server._gates = dict.fromkeys(server._gates, "no")
    with pytest.raises(NoResultError, match="correctness answers are wrong"):
        run_it(plan_of(server, 3, (1,)), tmp_path / "run")
    assert server.asked == []


def test_without_a_sandbox_nothing_is_asked(server: AnsweringServer, tmp_path: Path) -> None:
    """Before the first server is looked at."""

    @contextmanager
    def none() -> Iterator[Sandbox]:
        raise EngineError("Nothing here can confine a program.", "Install bubblewrap.")
        yield

    with pytest.raises(EngineError, match="confine"):
        run_it(plan_of(server, 3), tmp_path / "run", None, none)
    assert server.asked == []


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply("x" * 140_000), "content length"),
        (Reply(""), ""),
        (Reply("words", tokens=None), ""),
    ],
    ids=["far too long", "empty", "no counts"],
)
def test_odd_answers_are_no_reason_to_stop(
    server: AnsweringServer, tmp_path: Path, reply: Reply, expected: str
) -> None:
    """Each is an answer without a program, or none."""
    server.answer = by_task(subtract=lambda *_: reply)
    run = tmp_path / "run"
    run_it(plan_of(server, 3, (1,)), run)
    answers: dict[str, TaskAnswer] = {each.task: each for each in read_answers(rounds(run)[0])}
    assert expected in answers["basics/subtract"].error
    assert {v.task: v.status for v in read_verdicts(rounds(run)[0])}["basics/subtract"] in (
        "no answer",
        "no program",
    )
    verdict = verify(open_run(read_folder(run)))
    assert {f.rule for f in verdict.findings if f.level != "note"} == FLAGS

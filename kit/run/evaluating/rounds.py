"""The rounds of a run's evaluation: started, gated and asked like a cell, scored when the server is gone."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from kit.documents import CellFailure, CellPlan, Plan
from kit.documents.phases import CORRECT, DEVICE, EVALUATE, READY, START, STOP
from kit.documents.quality.asked import Evaluation
from kit.documents.quality.evaluation import EvalRound, Task
from kit.engines.protocol import Engine
from kit.errors import InternalError, KitError, StorageError
from kit.evaluation.rounds import ANSWERS, VERDICTS, PlannedRound, rounds_of
from kit.evaluation.scoring import score_of
from kit.evaluation.suites import asked_tasks
from kit.plan.correctness import SuiteLevel
from kit.run.cell import MAX_FAILURE_CHARS, server_facts, start_server, stop_server
from kit.run.evaluating.asking import ask_tasks
from kit.run.evaluating.files import (
    file_sha256,
    read_answers,
    read_round,
    round_folder,
    write_round,
    write_tasks,
    write_verdicts,
)
from kit.run.evaluating.scoring import Evaluator, confined_by, verdicts_on
from kit.run.gates import check_answers, check_weights, prove_device, wait_until_ready
from kit.run.phases import CellInputs, CellState, Observer, PhaseRunner, Step
from kit.run.running import find_server, with_own_key
from kit.supply.supply import Supply
from kit.timestamps import utc_now


class RoundObserver(Observer, Protocol):
    """Who wants to know how an evaluation goes on; `again`: there will be more of these words."""

    def evaluating(self, words: str, *, again: bool = False) -> None: ...


@dataclass(frozen=True, slots=True)
class Rounds:
    """Everything that the rounds of a run need."""

    plan: Plan
    run: Path
    engine: Engine
    supply: Supply
    level: SuiteLevel
    observer: RoundObserver
    evaluator: Evaluator

    @property
    def evaluation(self) -> Evaluation:
        if self.plan.evaluation is None:
            raise InternalError("The plan has no evaluation.")
        return self.plan.evaluation


def rounds_ahead(plan: Plan, run: Path) -> tuple[PlannedRound, ...]:
    """The rounds that are still to be asked or scored."""
    return tuple(
        planned
        for planned in rounds_of(plan)
        if (made := read_round(round_folder(run, planned))) is None or made.status == "interrupted"
    )


def require_sandbox(rounds: Rounds | None) -> None:
    """`EngineError` with the remedy, before anything is started, where nothing can confine programs."""
    if rounds is not None and rounds_ahead(rounds.plan, rounds.run):
        with rounds.evaluator.open_sandbox():
            pass  # there is one


def evaluate(rounds: Rounds) -> None:
    """Ask and score what is ahead, round after round. One that fails is kept as failed, and the next begins."""
    ahead = rounds_ahead(rounds.plan, rounds.run)
    if not ahead:
        return
    tasks = asked_tasks(rounds.evaluation, rounds.evaluator.suite)
    write_tasks(rounds.run, tasks)
    for planned in ahead:
        rounds.observer.evaluating(f"{planned.id}: asking {len(tasks)} tasks of {rounds.evaluation.suite}")
        made = _asked(rounds, planned, tasks)
        if made.status == "interrupted" and made.answers_sha256 is not None:
            rounds.observer.evaluating(f"{planned.id}: running the programs in its answers")
            made = _score(rounds, planned, tasks, made)
        rounds.observer.evaluating(f"{planned.id}: {_summary(made)}")


def _asked(rounds: Rounds, planned: PlannedRound, tasks: Sequence[Task]) -> EvalRound:
    """A round with all its answers, or failed. What a killed run left of one is thrown away."""
    folder = round_folder(rounds.run, planned)
    before = read_round(folder)
    if before is None and folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if before is not None and len(read_answers(folder)) == len(tasks):
        return before
    return _ask(rounds, planned, tasks, folder, before)


def _ask(
    rounds: Rounds, planned: PlannedRound, tasks: Sequence[Task], folder: Path, before: EvalRound | None
) -> EvalRound:
    """Start, gate, ask and stop; eval.json is written however it ends, as interrupted until it is scored."""
    cell = CellPlan(f"eval-{planned.id}", 0, planned.entry, planned.concurrency, 1, "evaluation")
    inputs = CellInputs(rounds.plan, cell, folder, rounds.engine, rounds.supply, rounds.level, rounds.observer)
    running = inputs.entry.url is not None
    if running:
        inputs = with_own_key(inputs)
    done = {answer.number: answer for answer in read_answers(folder)}
    count, known = len(done), before.origin_utc if before else None
    origin: list[str | None] = [known]

    def ask(state: CellState) -> CellState:
        def on_answer(_: object) -> None:
            nonlocal count
            count += 1
            rounds.observer.evaluating(f"{planned.id}: {count} of {len(tasks)} answers", again=True)

        ask_tasks(state, rounds.evaluation, tasks, done, known, origin.append, on_answer)
        check_weights(state)
        return state

    gates = (Step((CORRECT,), check_answers), Step((EVALUATE,), ask))
    started = (Step((START,), start_server), Step((READY,), wait_until_ready), Step((DEVICE,), prove_device))
    steps = (Step((READY,), find_server), *gates) if running else (*started, *gates, Step((STOP,), stop_server))
    servers = ExitStack()
    runner, started_utc, started_ns = PhaseRunner(inputs, servers), utc_now(), time.monotonic_ns()
    try:
        with suppress(KitError), servers:  # each error is kept by the runner
            runner.run(steps)
    finally:
        status, failure = _outcome(runner, all_there=len(read_answers(folder)) == len(tasks))
        state = runner.state
        made = EvalRound(
            schema="kit/eval/1",
            id=planned.id,
            entry=planned.entry,
            concurrency=planned.concurrency,
            status=status,
            failure=failure,
            started_utc=before.started_utc if before else started_utc,
            ended_utc=utc_now(),
            duration_ns=time.monotonic_ns() - started_ns + (before.duration_ns if before else 0),
            phases=tuple(runner.phases),
            model=state.model_name or None,
            server=server_facts(state),
            origin_utc=origin[-1],
            answers_sha256=file_sha256(folder, ANSWERS),
            sandbox=None,
            verdicts_sha256=None,
            score=None,
            found=state.found,
            starts=before.starts + 1 if before else 1,
        )
        write_round(folder, made)
    for _, error in runner.errors:
        if not isinstance(error, KitError) or isinstance(error, InternalError | StorageError):
            raise error
    return made


def _outcome(
    runner: PhaseRunner, *, all_there: bool
) -> tuple[Literal["failed", "interrupted"], CellFailure | None]:
    """Interrupted until it is scored; failed where the first error was the server's."""
    if not runner.errors:
        if all_there:
            return "interrupted", None
        return "failed", CellFailure(EVALUATE, "NoAnswers", "Not every task was answered.")
    phase, error = runner.errors[0]
    if not isinstance(error, KitError) or isinstance(error, StorageError | InternalError):
        return "interrupted", None
    message = "\n  ".join((error.what, *error.detail))
    return "failed", CellFailure(phase, type(error).__name__, message[:MAX_FAILURE_CHARS])


def _summary(made: EvalRound) -> str:
    if made.score is not None:
        return f"{made.score.passed} of {made.score.tasks} solved"
    return f"failed in {made.failure.phase}: {made.failure.message}" if made.failure else made.status


def _score(rounds: Rounds, planned: PlannedRound, tasks: Sequence[Task], made: EvalRound) -> EvalRound:
    """Run the programs of a round whose server is gone, and write what they come to."""
    folder, evaluation = round_folder(rounds.run, planned), rounds.evaluation
    answers = read_answers(folder)
    with rounds.evaluator.open_sandbox() as sandbox:
        confined = confined_by(sandbox)
        verdicts = verdicts_on(answers, tasks, evaluation, sandbox)
    write_verdicts(folder, verdicts)
    made = replace(
        made,
        status="done",
        sandbox=confined,
        verdicts_sha256=file_sha256(folder, VERDICTS),
        score=score_of(answers, verdicts, evaluation.max_tokens),
    )
    write_round(folder, made)
    return made

"""The night: each platform measured, verified, reported, graded and compared with its last accepted run.

A platform that fails, in whatever way, stops none of the others. `STEPS` is the order.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kit import __version__
from kit.documents import Result
from kit.documents.nightly import (
    Nightly,
    NightlyLine,
    NightlyPlatform,
    NightlyStage,
    NightVerdict,
    StageName,
    StageOutcome,
)
from kit.errors import InputError, InternalError, KitError, NoResultError, WrongAnswersError
from kit.judge.nightly import TOLERANCE, night_lines, night_verdict, slower_at_most
from kit.judge.open import OpenedStudy, verified_study
from kit.judge.score import Contract, failures, scorecard
from kit.run.accepted import last_accepted
from kit.storage.archive import DEFAULT
from kit.storage.bundle import pack_run
from kit.storage.run_folder import read_folder
from kit.text import plain_text
from kit.timestamps import utc_now
from kit.verify.evidence import open_bundle, open_run

PASSED, FAILED, NO_RESULT = 0, 1, NoResultError.exit_code
MAX_WORDS = 1000


@dataclass(frozen=True, slots=True)
class NightPlatform:
    """A platform of the night; `measure` fills a run folder, `report` makes a folder of a run folder."""

    name: str
    measure: Callable[[Path], Result]
    report: Callable[[Path, Path], object]


@dataclass(frozen=True, slots=True)
class NightOptions:
    """Where runs go and accepted ones are, whether to accept, and what a run must reach."""

    out: Path
    accepted: Path
    accept: bool
    contract: Contract
    grade: str
    tolerance: float = TOLERANCE


@dataclass(frozen=True, slots=True)
class _State:
    """What is known of one platform's night; each step gives another one, which knows more."""

    platform: NightPlatform
    options: NightOptions
    run: Path
    result: Result | None = None
    found: OpenedStudy | None = None
    lines: tuple[NightlyLine, ...] = ()
    verdict: NightVerdict | None = None
    compared_with: Path | None = None
    accepted: Path | None = None

    @property
    def log(self) -> Path:
        return self.run.with_name(f"{self.run.name}.log")

    @property
    def measured(self) -> Result:
        """The result, in every step after the first."""
        if self.result is None:
            raise InternalError("A step began before the run.")
        return self.result

    @property
    def verified(self) -> OpenedStudy:
        """The verified run, in every step after its verification."""
        if self.found is None:
            raise InternalError("A step began before the run was verified.")
        return self.found


@dataclass(frozen=True, slots=True)
class _Done:
    """A step that came to an answer, be it no."""

    state: _State
    words: str
    passed: bool = True


Step = Callable[[_State], _Done]
Told = Callable[[str, StageName], None]


def nightly(platforms: Sequence[NightPlatform], options: NightOptions, told: Told) -> Nightly:
    """The whole night; `told` hears of each platform and step as it comes.

    Nothing is raised for what becomes of a platform: that is in the document and in its log, with the reason.
    """
    started_utc = utc_now()
    found = tuple(_night_of(platform, options, told) for platform in platforms)
    return Nightly(
        schema="kit/nightly/1",
        kit_version=__version__,
        started_utc=started_utc,
        ended_utc=utc_now(),
        exit_code=exit_code(found),
        platforms=found,
    )


def exit_code(platforms: Sequence[NightlyPlatform]) -> int:
    """8 if a platform has no result, else 1 if one did not pass, else 0."""
    if not all(each.measured for each in platforms):
        return NO_RESULT
    return PASSED if all(each.passed for each in platforms) else FAILED


# --- one platform -----------------------------------------------------------------------------------------


def _night_of(platform: NightPlatform, options: NightOptions, told: Told) -> NightlyPlatform:
    state = _State(platform, options, _new_folder(options.out, platform.name))
    stages: list[NightlyStage] = []
    for name, step in STEPS.items():
        stopped = bool(stages) and (state.result is None or (state.found is None and stages[-1].name not in EARLY))
        state, stage = _not_run(state, name) if stopped else _carried_out(state, name, step, told)
        stages.append(stage)
    if options.accept:
        passed = all(stage.outcome == "passed" for stage in stages)
        state, stage = _carried_out(state, "accept", _accept, told) if passed else _not_run(state, "accept")
        stages.append(stage)
    return NightlyPlatform(
        platform=platform.name,
        run=str(state.run),
        passed=all(stage.outcome == "passed" for stage in stages),
        measured=state.result is not None,
        stages=tuple(stages),
        verdict=state.verdict,
        compared_with=None if state.compared_with is None else str(state.compared_with),
        slower_at_most=slower_at_most(state.lines),
        lines=state.lines,
        accepted=None if state.accepted is None else str(state.accepted),
    )


def _not_run(state: _State, name: StageName) -> tuple[_State, NightlyStage]:
    return state, NightlyStage(name, "not run", "")


def _carried_out(state: _State, name: StageName, step: Step, told: Told) -> tuple[_State, NightlyStage]:
    """The state after a step and how it ended. Whatever is raised in it is told, and the night goes on."""
    told(state.platform.name, name)
    try:
        done = step(state)
    except KitError as error:
        for line in error.detail:
            _write(state.log, f"  {line}")
        done = _Done(state, str(error), passed=False)
    except Exception as error:
        _write(state.log, "".join(traceback.format_exception(error)))
        done = _Done(state, f"internal error in the kit: {type(error).__name__} (see {state.log})", passed=False)
    outcome: StageOutcome = "passed" if done.passed else "failed"
    words = plain_text(done.words, MAX_WORDS)
    _write(state.log, f"{utc_now()} {name} {outcome}: {words}")
    return done.state, NightlyStage(name, outcome, words)


def _new_folder(out: Path, name: str) -> Path:
    stamp = utc_now()[:19].replace("-", "").replace(":", "").replace("T", "-")
    for number in range(1, 1000):
        folder = out / (f"{name}-{stamp}" if number == 1 else f"{name}-{stamp}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise InputError(f"{out} has no place for another run of {name}.", "Give another folder with --out.")


def _write(log: Path, text: str) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write(f"{text.rstrip()}\n")


# --- steps ------------------------------------------------------------------------------------------------


def _run(state: _State) -> _Done:
    result = state.platform.measure(state.run)
    state = replace(state, result=result)
    planned = [cell for cell in result.cells if cell.status != "not needed"]
    lost = [cell for cell in planned if cell.status != "measured"]
    words = f"{len(planned) - len(lost)} of {len(planned)} cells measured"
    if lost:
        why = f"{lost[0].failure.phase}: {lost[0].failure.message}" if lost[0].failure else lost[0].status
        return _Done(state, f"{words}; {lost[0].id}: {why}", passed=False)
    return _Done(state, words)


def _correctness(state: _State) -> _Done:
    """Every server was asked before each of its loads, so there is nothing left to ask."""
    failed = [cell.failure for cell in state.measured.cells if cell.failure]
    wrong = [failure for failure in failed if failure.kind == WrongAnswersError.__name__]
    if wrong:
        return _Done(state, f"{len(wrong)} cells had wrong answers: {wrong[0].message}", passed=False)
    return _Done(state, "no wrong answer")


def _verify(state: _State) -> _Done:
    found = verified_study(open_run(read_folder(state.run)), str(state.run))
    return _Done(replace(state, found=found), str(found.study.label))


def _report(state: _State) -> _Done:
    folder = state.run.with_name(f"{state.run.name}-report")
    state.platform.report(state.run, folder)
    return _Done(state, str(folder))


def _gate(state: _State) -> _Done:
    options = state.options
    found = scorecard([state.verified.study], options.contract)
    failed = failures(found, options.contract, options.grade)
    if not failed and found.cards:
        return _Done(state, f"{len(found.cards)} cards of at least {options.grade}")
    first = f": {failed[0].entry} at {failed[0].concurrency} has {failed[0].grade or 'no grade'}" if failed else ""
    return _Done(state, f"{len(failed)} of {len(found.cards)} cards below {options.grade}{first}", passed=False)


def _comparison(state: _State) -> _Done:
    before = last_accepted(state.options.accepted, state.platform.name)
    if before is None:
        return _Done(replace(state, verdict="first"), "no run was accepted before")
    evidence = open_run(read_folder(before)) if before.is_dir() else open_bundle(_bundle_bytes(before))
    lines = night_lines(state.verified.study, verified_study(evidence, str(before)).study, state.options.tolerance)
    verdict = night_verdict(lines)
    state = replace(state, lines=lines, verdict=verdict, compared_with=before)
    if verdict in ("same", "faster"):
        return _Done(state, verdict)
    worst = next((line for line in lines if line.verdict == verdict), None)
    if worst is None:
        return _Done(state, "the accepted run has no figure in common with this one", passed=False)
    why = f" ({worst.reason})" if worst.reason else ""
    words = f"{verdict}: {worst.entry} at {worst.concurrency}, {worst.metric}{why}"
    return _Done(state, words, passed=False)


def _bundle_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(DEFAULT.compressed_bytes + 1)


def _accept(state: _State) -> _Done:
    """The run as a bundle among the accepted ones, whole or not at all."""
    target = state.options.accepted / f"{state.run.name}.tar.gz"
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(pack_run(state.run).data)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return _Done(replace(state, accepted=target), str(target))


# What is looked at before the run is verified.
EARLY: tuple[StageName, ...] = ("run", "correctness")
STEPS: Mapping[StageName, Step] = {
    "run": _run,
    "correctness": _correctness,
    "verify": _verify,
    "report": _report,
    "gate": _gate,
    "comparison": _comparison,
}

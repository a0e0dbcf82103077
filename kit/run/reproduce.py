"""The story: plan, then each cell, then result, tables and report. Each cell is on disk before the next starts."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from kit.documents import Calibration, Cell, CellFailure, CellPlan, Plan, Result
from kit.documents.quality.evaluation import Quality
from kit.engines.protocol import Engine, RunEngine
from kit.errors import InputError, StorageError
from kit.judge.differences import differences_of
from kit.metrics.disturbance import look_disturbances
from kit.metrics.results import cells_ahead, course_of, is_ahead, make_result, search_of
from kit.metrics.witness.words import with_witness
from kit.plan.correctness import SuiteLevel
from kit.plan.extension import is_extension
from kit.plan.workloads.levels import calibrated_levels
from kit.report.course_text import course_notes
from kit.report.differences_text import difference_notes
from kit.report.disturbance_text import disturbance_text
from kit.report.host_text import host_lines
from kit.report.quality.quality_text import quality_text
from kit.report.search_text import search_notes
from kit.report.tables import report
from kit.report.telemetry_text import telemetry_lines
from kit.run.around.no_result import no_result
from kit.run.around.quiet import Quiet, QuietObserver
from kit.run.attempts import AttemptObserver, measure_undisturbed, set_aside_all_disturbed
from kit.run.caches import CacheObserver, fill_caches
from kit.run.calibrate import RATE_TOK_S, RUN_TOK_S, Step, calibrate
from kit.run.evaluating.files import write_quality
from kit.run.evaluating.rounds import RoundObserver, Rounds, evaluate, require_sandbox
from kit.run.evaluating.scoring import Evaluator
from kit.run.host import changes, host_of
from kit.run.phases import CellInputs, Observer
from kit.run.telemetry import run_look
from kit.storage.attempts import read_attempts, set_aside
from kit.storage.cell_folder import Event, read_checks, read_records
from kit.storage.live import LiveFile, live_file
from kit.storage.names import (
    CALIBRATED,
    CALIBRATION,
    CELL,
    CELLS,
    CORRECT,
    HOST,
    PAGE,
    PLAN,
    RECORDS,
    REPORT,
    RESULT,
)
from kit.storage.run_folder import (
    bundle_names,
    create,
    read_calibration,
    read_cells,
    read_host,
    read_plan,
    require_trace,
    write_document,
)
from kit.supply.supply import Supply


class RunObserver(CacheObserver, AttemptObserver, QuietObserver, RoundObserver, Protocol):
    """Who watches a whole run."""

    def calibrating(self, step: Step) -> None: ...

    def ahead(self, done: Mapping[str, Cell], cells: Sequence[CellPlan]) -> None: ...

    def cell_started(self, cell: CellPlan) -> None: ...

    def cell_ended(self, cell: Cell) -> None: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run that came to an end (or was interrupted): its result, its calibration, the sha256 of its plan.

    `notes` say what a run decided and what differs between the entries' answers, `disturbance` which cells were
    disturbed.
    """

    result: Result
    calibration: Calibration | None
    plan_sha256: str
    notes: tuple[str, ...] = ()
    disturbance: tuple[str, ...] = ()
    quality: Quality | None = None


def reproduce(
    plan: Plan,
    folder: Path,
    engine: RunEngine,
    supply: Supply,
    suite: SuiteLevel,
    observer: RunObserver,
    evaluator: Evaluator | None = None,
) -> Outcome:
    """Carry a plan out into a run folder. An interrupt goes on after result.json and REPORT.md are written.

    A cell that was disturbed is measured again, as often as the plan allows (see kit.run.attempts).

    A new folder gets the plan; one that holds this very plan, or this plan before it was extended, is continued:
    what was measured or failed is neither measured again nor changed, and an interrupted cell is set aside and
    taken again. `InputError` if the folder holds anything else, `NoResultError` when not one cell could be
    measured; `StorageError` when the disk refuses.
    """
    if not (folder / PLAN).is_file():
        create(folder)
    require_trace(folder, plan)
    with live_file(folder) as live:
        plan_sha256 = _begin(plan, folder, engine)
        try:
            rounds = Rounds(plan, folder, engine, supply, suite, observer, evaluator) if evaluator else None
            require_sandbox(rounds)
            _measure(plan, folder, engine, supply, suite, observer, live)
            if rounds is not None:
                live.tell(None, "evaluating")
                evaluate(rounds)
        except StorageError as error:
            raise StorageError(error.what, f"Free some space, then: kit reproduce --resume {folder}") from None
        except OSError as error:
            raise _storage(error, folder) from None
        finally:
            with suppress(OSError):  # told by what led here; a run that goes on does it again
                set_aside_all_disturbed(plan, folder)
            outcome = conclude(plan, plan_sha256, folder)
    rows = outcome.quality.rows if outcome.quality else ()
    found: list[tuple[str, CellFailure | None]] = [(line.status, line.failure) for line in outcome.result.cells]
    found += [(row.status, row.failure) for row in rows]
    if not any(status in ("measured", "done") for status, _ in found):
        raise no_result(plan, folder, next((failure for _, failure in found if failure), None))
    return outcome


def _measure(
    plan: Plan,
    folder: Path,
    engine: Engine,
    supply: Supply,
    suite: SuiteLevel,
    observer: RunObserver,
    live: LiveFile,
) -> None:
    """Everything between the first look at the machine and the last cell."""
    set_aside_all_disturbed(plan, folder)
    done = read_cells(folder, plan)
    quiet = Quiet(plan, engine, observer)
    live.tell(None, "calibrating")
    if cells_ahead(plan, done, read_calibration(folder)):
        quiet.before_the_start(folder)
    _calibrate(plan, folder, engine, observer, quiet)
    calibration = read_calibration(folder)
    live.tell(None, "compiling")
    fill_caches(plan, done, engine, supply, suite, observer)
    told = _Told(observer, live)
    while ahead := cells_ahead(plan, done, calibration):
        planned = ahead[0]
        observer.ahead(done, ahead)
        observer.cell_started(planned)
        inputs = CellInputs(plan, planned, folder / CELLS / planned.id, engine, supply, suite, told)
        done[planned.id] = measure_undisturbed(inputs, folder, quiet.wait, observer)
        observer.cell_ended(done[planned.id])


@dataclass(frozen=True, slots=True)
class _Told:
    """Passes on what a cell tells, and leaves it where `kit status` looks."""

    observer: Observer
    live: LiveFile

    def phase(self, cell: str, name: str) -> None:
        self.live.tell(cell, name)
        self.observer.phase(cell, name)

    def progress(self, cell: str, event: Event) -> None:
        self.observer.progress(cell, event)


def _begin(plan: Plan, folder: Path, engine: RunEngine) -> str:
    """Plan and host in a new run folder, or what is kept of an old one; returns the sha256 of plan.json."""
    here = host_of(plan, engine)  # first: an engine that cannot be looked at leaves no document behind
    if not (folder / PLAN).is_file():
        plan_sha256 = sha256(write_document(folder / PLAN, plan, "plan")).hexdigest()
        write_document(folder / HOST, here, "host")
        return plan_sha256
    kept, plan_sha256 = read_plan(folder)
    if kept != plan and not is_extension(plan, kept):
        raise InputError(f"{folder} holds a run of another plan.", "Give another folder with --out.")
    if not (folder / HOST).is_file():  # killed between the two
        write_document(folder / HOST, here, "host")
    changed = changes(read_host(folder), here)
    if changed:
        raise InputError(
            f"The run in {folder} was started on another machine, or this one has changed ({changed}).",
            "Old and new cells would not be comparable: start a new run.",
        )
    for planned in plan.cells:
        remains = folder / CELLS / planned.id
        if remains.is_dir() and not (remains / CELL).is_file():
            shutil.rmtree(remains)  # the kit was killed in the midst of this cell: what it left says nothing
    for name, cell in read_cells(folder, plan).items():
        if is_ahead(plan, cell):
            set_aside(folder, name)
    for name in (RESULT, PAGE):  # they are of the run as it was
        (folder / name).unlink(missing_ok=True)
    if kept != plan:
        plan_sha256 = sha256(write_document(folder / PLAN, plan, "plan")).hexdigest()
    return plan_sha256


def _calibrate(plan: Plan, folder: Path, engine: Engine, observer: RunObserver, quiet: Quiet) -> None:
    """Write calibration.json, at the plan's concurrencies, and the requests that it is of; if the plan wants it.

    What does not hold is tried again on a quiet machine, if there is one.
    """
    if not plan.calibrate or read_calibration(folder) is not None:
        return
    with tempfile.TemporaryDirectory(prefix="kit-calibrate-") as scratch:
        found = calibrate(
            calibrated_levels(plan),
            RATE_TOK_S,
            engine,
            Path(scratch),
            observer.calibrating,
            at_most_tok_s=RUN_TOK_S,
            before_retry=quiet.wait,
            cpus=read_host(folder).cpus_usable,
            keep=folder / CALIBRATED if CALIBRATED in bundle_names(plan) else None,
        )
    write_document(folder / CALIBRATION, found, "calibration")


def _storage(error: OSError, folder: Path) -> StorageError:
    return StorageError(
        f"The run stopped: {error.strerror or error} ({error.filename or folder}).",
        f"Resume it: kit reproduce --resume {folder}",
    )


def conclude(plan: Plan, plan_sha256: str, folder: Path) -> Outcome:
    """Write result.json and REPORT.md from the cells there are, measured, failed or interrupted."""
    calibration, cells = read_calibration(folder), read_cells(folder, plan)
    result = make_result(plan, plan_sha256, cells, calibration)
    try:
        write_document(folder / RESULT, result, "result")
        notes = _difference_notes(plan, plan_sha256, folder, cells)
        notes = (*course_notes(plan, course_of(plan, cells, calibration)), *notes)
        notes = (*search_notes(plan, search_of(plan, cells, calibration)), *notes)
        notes = with_witness(plan, result, notes)
        seen, host = telemetry_lines(cells.values()), read_host(folder)
        unquiet = look_disturbances(plan, run_look(folder), host.cpus)
        disturbance = tuple(disturbance_text(plan, cells, read_attempts(folder, plan), unquiet).markdown())
        text = report(plan, result, calibration, host_lines(host), plan_sha256, notes, seen, disturbance)
        quality = write_quality(folder, plan, plan_sha256)
        text += f"\n{quality_text(quality)}" if quality else ""
        (folder / REPORT).write_text(text, encoding="utf-8")
    except OSError as error:
        raise _storage(error, folder) from None
    return Outcome(result, calibration, plan_sha256, notes, disturbance, quality)


def _difference_notes(plan: Plan, plan_sha256: str, folder: Path, cells: Mapping[str, Cell]) -> tuple[str, ...]:
    """What differs between the entries' answers; nothing where there is one entry, or records cannot be read."""
    if len(plan.entries) < 2:
        return ()
    places = [(cell, folder / CELLS / name) for name, cell in cells.items() if cell.status == "measured"]
    answers = ((cell, read_records(place / RECORDS), read_checks(place / CORRECT)) for cell, place in places)
    try:
        return tuple(difference_notes(differences_of(plan, plan_sha256, answers)))
    except (InputError, OSError):
        return ()  # `kit verify` says what is wrong with them

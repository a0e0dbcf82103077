"""How far the run in a folder has come, whether another process is at it or nobody."""

from __future__ import annotations

import shlex
import time
from pathlib import Path

from kit import __version__
from kit.documents.status import FailedCell, RunningCell, RunStatus
from kit.errors import InputError
from kit.metrics.results import cells_ahead, is_ahead, progress_of
from kit.plan.forecast import Underway, left_ns
from kit.run.evaluating.rounds import rounds_ahead
from kit.storage.attempts import read_attempts
from kit.storage.live import Live, read_live
from kit.storage.names import PLAN
from kit.storage.run_folder import read_calibration, read_cells, read_plan

MAX_NS = 10**15  # what documents can say: eleven days


def latest_run(runs: Path) -> Path:
    """The run folder in `runs` that was begun last; `InputError` if there is none."""
    plans = [path for path in runs.glob(f"*/{PLAN}") if path.is_file()]
    if not plans:
        raise InputError(f"There is no run in {runs}.", "Give its folder: kit status RUN")
    return max(plans, key=lambda path: (path.stat().st_mtime_ns, path)).parent


def status_of(folder: Path) -> RunStatus:
    """The status of a run folder; raises what reading it raises."""
    live = read_live(folder)
    plan, _ = read_plan(folder)
    cells, calibration = read_cells(folder, plan), read_calibration(folder)
    ahead = () if plan.loads else cells_ahead(plan, cells, calibration)  # loads by hand do not go on
    more = bool(ahead) or bool(rounds_ahead(plan, folder))
    command = "eval" if plan.evaluation is not None and plan.evaluation.alone else "reproduce"
    course = progress_of(plan, cells, calibration)
    spared = {cell.id for cell in plan.cells if course is not None and course.status_of(cell) == "not needed"}
    possible = [cell for cell in plan.cells if is_ahead(plan, cells.get(cell.id)) and cell.id not in spared]
    possible = [] if plan.loads else possible
    underway = _underway(live)
    return RunStatus(
        schema="kit/status/1",
        kit_version=__version__,
        run=str(folder),
        platform=plan.platform,
        state="running" if live is not None else "stopped" if more else "complete",
        planned=len(plan.cells),
        measured=sum(cell.status == "measured" for cell in cells.values()),
        failed=tuple(
            FailedCell(name, cell.failure.phase, cell.failure.message)
            for name, cell in cells.items()
            if cell.failure is not None
        ),
        interrupted=tuple(name for name, cell in cells.items() if cell.status == "interrupted"),
        set_aside=sum(len(each) for each in read_attempts(folder, plan).values()),
        not_needed=len(spared - cells.keys()),
        running=_running(live),
        left_ns=min(left_ns(plan, ahead, cells, underway), MAX_NS),
        at_most_ns=min(left_ns(plan, possible, cells, underway), MAX_NS),
        resume=f"kit {command} --resume {shlex.quote(str(folder))}" if live is None and more else None,
    )


def _running(live: Live | None) -> RunningCell | None:
    if live is None:
        return None
    now_ns = time.monotonic_ns()
    return RunningCell(
        live.cell, live.phase, max(0, now_ns - live.cell_began_ns), max(0, now_ns - live.phase_began_ns)
    )


def _underway(live: Live | None) -> Underway | None:
    found = _running(live)
    if found is None or found.cell is None:
        return None
    return Underway(found.cell, found.phase, found.phase_ns, found.cell_ns)

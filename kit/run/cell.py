"""One cell, from start to stop: start, ready, device, correct, warm-up, window, collect, stop.

The order is the specification; tests hold it on success and on the failure of each phase. Whatever happens,
the server is gone and cell.json is written when `measure_cell` returns or raises.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from kit.documents import (
    Cell,
    CellFailure,
    CellPlan,
    CellStatus,
    Entry,
    Load,
    LoadFacts,
    Metrics,
    Plan,
    ServerFacts,
    Setting,
)
from kit.documents.container import ContainerFacts
from kit.documents.phases import PhaseLog
from kit.engines.protocol import Engine, Running
from kit.errors import InternalError, KitError
from kit.plan.correctness import SuiteLevel
from kit.plan.plan import cell_load, entry_of
from kit.plan.prompts import load_prompts
from kit.probe import Visitor, visitor_for
from kit.probe.http import EndpointError
from kit.run.gates import examine, pass_gates
from kit.runtimes import RUNTIMES
from kit.runtimes.protocol import ServerSpec
from kit.storage.cell_folder import (
    LOG,
    Event,
    keep_cell,
    metrics_of,
    parse_event,
    raise_load_error,
    read_facts,
    remove_load,
    too_many_errors,
    write_load,
)
from kit.supply.supply import Supply
from kit.timestamps import utc_now


class Observer(Protocol):
    """Who wants to see a run while it goes on; every call must return at once."""

    def phase(self, cell: str, name: str) -> None: ...

    def progress(self, cell: str, event: Event) -> None: ...


@dataclass(slots=True)
class _Found:
    """What is known of a cell so far; grows from phase to phase."""

    load: Load | None = None
    facts: LoadFacts | None = None
    metrics: Metrics | None = None
    command: tuple[str, ...] = ()
    started_utc: str = ""
    stopped_utc: str | None = None
    exit_code: int | None = None
    version: str | None = None
    reported: dict[str, Setting] = field(default_factory=dict)
    before: dict[str, int] | None = None
    after: dict[str, int] | None = None
    device: str | None = None
    container: ContainerFacts | None = None


@dataclass(frozen=True, slots=True)
class CellJob:
    """Everything one cell needs."""

    plan: Plan
    cell: CellPlan
    folder: Path
    engine: Engine
    supply: Supply
    suite: SuiteLevel
    observer: Observer

    @property
    def entry(self) -> Entry:
        return entry_of(self.plan, self.cell)


def measure_cell(job: CellJob) -> Cell:
    """Measure one cell and write its folder. A failure of the cell is in the returned value, not raised;

    KeyboardInterrupt and errors of the kit itself go on after everything was stopped and written.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    log = PhaseLog(lambda name: job.observer.phase(job.cell.id, name))
    found = _Found()
    started_utc, started_ns = utc_now(), time.monotonic_ns()
    status: CellStatus = "interrupted"
    failure: CellFailure | None = None
    try:
        failure = _run_phases(job, log, found)
        status = "failed" if failure else "measured"
    except KitError as error:
        status = "failed"
        detail = "".join(f"\n  {line}" for line in error.detail)
        failure = CellFailure(_failed_phase(log), type(error).__name__, f"{error.what}{detail}"[:2000])
        if isinstance(error, InternalError):
            raise
    finally:
        cell = Cell(
            schema="kit/cell/1",
            id=job.cell.id,
            entry=job.entry.name,
            runtime=job.entry.runtime,
            variant=job.entry.variant,
            concurrency=job.cell.concurrency,
            replicate=job.cell.replicate,
            status=status,
            failure=failure,
            started_utc=started_utc,
            ended_utc=utc_now(),
            duration_ns=time.monotonic_ns() - started_ns,
            phases=tuple(log.phases),
            load=found.load,
            facts=found.facts,
            server=_server_facts(job, found),
            metrics=found.metrics,
        )
        keep_cell(job.folder, cell)
    return cell


def _failed_phase(log: PhaseLog) -> str:
    return next((phase.name for phase in log.phases if phase.outcome == "failed"), log.name)


def _run_phases(job: CellJob, log: PhaseLog, found: _Found) -> CellFailure | None:
    """The story of a cell. Returns why it failed although the load ran, or None."""
    log.begin("start")
    spec = job.supply.server(job.entry, job.cell.id, job.engine.free_port())
    found.command = _shown_command(spec.command, job)
    running: Running | None = None
    failure: CellFailure | None = None
    try:
        with job.engine.server(spec, job.folder / LOG) as running:
            try:
                found.started_utc = running.started_utc
                failure = _with_server(job, log, found, running, spec)
            except KeyboardInterrupt:
                log.end("interrupted")
                raise
            except BaseException:
                log.end("failed")
                raise
            finally:
                log.begin("stop")
    except BaseException as error:
        log.end("interrupted" if isinstance(error, KeyboardInterrupt) else _last(running))
        raise
    finally:
        if running is not None:
            found.exit_code = running.exit_code()
            found.stopped_utc = utc_now()
            found.container = running.facts()
    log.end("ok")
    return failure


def _last(running: Running | None) -> Literal["ok", "failed"]:
    """How the phase that runs while an error passes ends: stopping a started server is no failure of its own."""
    return "failed" if running is None else "ok"


def _with_server(
    job: CellJob, log: PhaseLog, found: _Found, running: Running, spec: ServerSpec
) -> CellFailure | None:
    log.begin("ready")
    visitor = visitor_for(running)
    passed = pass_gates(
        job.entry,
        spec,
        running,
        visitor,
        job.supply.preparation(job.entry),
        job.plan.model.name,
        log.begin,
        job.supply.unseen_weights(job.entry),
    )
    found.version, found.reported, found.device = passed.version, passed.reported, passed.device
    log.begin("correct")
    examine(job.folder, visitor, job.suite, passed.model_name, job.cell.concurrency)
    found.before = _counters(job, visitor)
    log.begin("warm-up")
    found.load = cell_load(job.plan, job.cell, running.url, passed.model_name)
    _run_load(job, log, found.load)
    log.begin("collect")
    found.facts = read_facts(job.folder)
    if found.facts.interrupted:
        raise KeyboardInterrupt
    if found.facts.aborted:
        return too_many_errors(found.load, found.facts.requests)
    found.metrics = metrics_of(job.folder, found.facts, found.load)
    death = _death(running)
    if death is None:
        found.after = _counters(job, visitor)
    return death


def _death(running: Running) -> CellFailure | None:
    """Why a server that should have outlived its load did not; None if it lives."""
    code, facts = running.exit_code(), running.facts()
    lines = "".join(f"\n  {line}" for line in running.log_tail(5))
    if facts is not None and facts.oom_killed:  # perhaps only one of its processes: what is left is another server
        return CellFailure(
            "window", "OutOfMemory", f"The server ran out of memory during the load and was killed.{lines}"
        )
    if code is None:
        return None
    return CellFailure("window", "ServerDied", f"The server ended with exit code {code} during the load.{lines}")


def _counters(job: CellJob, visitor: Visitor) -> dict[str, int] | None:
    runtime = RUNTIMES[job.entry.runtime]
    if runtime.COUNTERS_PATH is None:
        return None
    try:
        return runtime.counters(visitor.fetch_text(runtime.COUNTERS_PATH)) or None
    except EndpointError:
        return None


def _run_load(job: CellJob, log: PhaseLog, load: Load) -> None:
    plan_file = write_load(job.folder, load, load_prompts(job.plan.prompts.name))
    errors: list[Event] = []

    def on_line(line: str) -> None:
        event = parse_event(line)
        if event.get("event") == "error":
            errors.append(event)
        elif event.get("phase") in ("window", "drain"):
            log.begin("window")
        job.observer.progress(job.cell.id, event)

    try:
        code = job.engine.run_load(plan_file, job.folder, on_line)
    finally:
        remove_load(job.folder)
    raise_load_error(code, errors)


def _shown_command(command: tuple[str, ...], job: CellJob) -> tuple[str, ...]:
    """The command as it goes into records: without the paths of this machine."""
    file = job.supply.weights_file(job.entry)
    shown = (part.replace(file, job.plan.model.file) if file else part for part in command)
    return tuple("python" if part == sys.executable else part for part in shown)


def _server_facts(job: CellJob, found: _Found) -> ServerFacts | None:
    if not found.started_utc:
        return None
    return ServerFacts(
        command=found.container.command if found.container else found.command,
        version=found.version,
        reported=found.reported,
        started_utc=found.started_utc,
        stopped_utc=found.stopped_utc,
        exit_code=found.exit_code,
        model_sha256=job.supply.weights_sha256(job.entry),
        counters_before=found.before,
        counters_after=found.after,
        device=found.device,
        container=found.container,
    )

"""One cell, from start to stop. The order of `STEPS` is the specification.

Whatever happens, the server is gone and cell.json is written when `measure_cell` returns or raises.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

from kit.documents import Cell, CellFailure, CellStatus, Metrics, ServerFacts, TracePin
from kit.documents.phases import COLLECT, CORRECT, DEVICE, READY, START, STOP, WARM_UP, WINDOW, WITNESS
from kit.documents.telemetry import FIRST_SAMPLED, TelemetryFacts
from kit.engines.protocol import Running
from kit.errors import InternalError, KitError, StorageError
from kit.metrics.clocks import with_its_clock_checked
from kit.metrics.disturbance import cell_disturbances
from kit.plan.target import with_access
from kit.plan.weights import weights_of
from kit.plan.workloads.kit_traces import kit_trace
from kit.probe import probe_of
from kit.probe.http import EndpointError
from kit.probe.running import access_of
from kit.run.around.witness import witnessed
from kit.run.empty_window import empty_window
from kit.run.fitting import fitted_load, prompts_of_load
from kit.run.gates import check_answers, check_weights, prove_device, wait_until_ready
from kit.run.load import run_generator
from kit.run.phases import CellInputs, CellState, PhaseRunner, Server, Step
from kit.run.running import find_server, with_own_key
from kit.run.telemetry import LEAD_S, Sampled, run_look, sampled, telemetry_facts
from kit.runtimes import RUNTIMES
from kit.runtimes.protocol import ServerSpec
from kit.storage.cell_folder import (
    Event,
    metrics_of,
    read_facts,
    read_records,
    remove_hand_over,
    remove_load,
    too_many_errors,
    write_cell,
    write_load,
)
from kit.storage.names import RECORDS, SERVER_LOG, TRACE
from kit.text import listed
from kit.timestamps import utc_now

MAX_FAILURE_CHARS = 2000


def measure_cell(inputs: CellInputs) -> Cell:
    """Measure one cell and write its folder. A failure of the cell is in the returned value, not raised;

    KeyboardInterrupt and errors of the kit itself go on after everything was stopped and written.
    """
    running = inputs.entry.url is not None
    if running:
        inputs = with_own_key(inputs)
    inputs.folder.mkdir(parents=True, exist_ok=True)
    started_utc, started_ns = utc_now(), time.monotonic_ns()
    servers = ExitStack()
    runner = PhaseRunner(inputs, servers)
    try:
        with suppress(KitError), servers:  # each error is kept by the runner
            runner.run(RUNNING_STEPS if running else STEPS)
    finally:
        status, failure = _outcome(runner)
        state = runner.state
        cell = Cell(
            schema="kit/cell/1",
            id=inputs.cell.id,
            entry=inputs.entry.name,
            runtime=inputs.entry.runtime,
            variant=inputs.entry.variant,
            concurrency=inputs.cell.concurrency,
            replicate=inputs.cell.replicate,
            status=status,
            failure=failure,
            started_utc=started_utc,
            ended_utc=utc_now(),
            duration_ns=time.monotonic_ns() - started_ns,
            phases=tuple(runner.phases),
            load=state.load,
            facts=state.facts,
            server=server_facts(state),
            metrics=None if WITNESS in (phase for phase, _ in runner.errors) else state.metrics,
            attempt=inputs.attempt,
            telemetry=state.telemetry,
            found=state.found,
            witness=state.witness,
        )
        cell = with_its_clock_checked(cell)
        remove_hand_over(inputs.folder)
        write_cell(inputs.folder, cell)
    for _, error in runner.errors:
        if not isinstance(error, KitError) or isinstance(error, InternalError | StorageError):
            raise error
    return cell


def _outcome(runner: PhaseRunner) -> tuple[CellStatus, CellFailure | None]:
    """How the cell ended: what went wrong first decides, whatever went wrong after it."""
    if runner.state.failure is not None:
        return "failed", runner.state.failure
    if not runner.errors:
        last = {STOP} if runner.state.found is None else {COLLECT, WITNESS}
        whole = bool(runner.phases) and runner.phases[-1].name in last
        return ("measured" if whole else "interrupted"), None
    phase, error = runner.errors[0]
    if not isinstance(error, KitError) or isinstance(error, StorageError):
        return "interrupted", None  # what the disk refused is no fault of the server's
    message = "\n  ".join((error.what, *error.detail))
    return "failed", CellFailure(phase, type(error).__name__, message[:MAX_FAILURE_CHARS])


# --- phases -----------------------------------------------------------------------------------------------


def start_server(state: CellState) -> CellState:
    """The server of the entry, started."""
    inputs = state.inputs
    spec = inputs.supply.server(inputs.entry, inputs.cell.id, inputs.engine.free_port())
    running = state.servers.enter_context(inputs.engine.server(spec, inputs.folder / SERVER_LOG))
    return replace(state, started=Server(spec, running, probe_of(running)))


def fix_load(state: CellState) -> CellState:
    """Right answers; then the counters before the load, and the load itself."""
    state = check_answers(state)
    load = fitted_load(state)
    if state.found is not None:
        load = with_access(load, access_of(state.inputs.entry))
    return replace(state, counters_before=_counters(state), load=load)


def run_load(state: CellState) -> CellState:
    """Warm-up and window are one load: the generator tells when the window opens."""
    inputs = state.inputs
    if state.load is None:
        raise InternalError("There is no load to run.")

    def on_event(event: Event) -> None:
        if event.get("phase") not in (None, WARM_UP):
            state.reach(WINDOW)
        inputs.observer.progress(inputs.cell.id, event)

    file = write_load(inputs.folder, state.load, prompts_of_load(state.load, inputs.plan.prompts.name))
    if state.load.trace is not None:
        (inputs.folder / TRACE).write_bytes(_trace(state.load.trace, inputs.folder))
    beside: Sampled | None = None
    try:
        if inputs.plan.method < FIRST_SAMPLED:
            run_generator(inputs.engine, file, inputs.folder, on_event)
        else:
            spec = state.server.spec.container
            with sampled(inputs.engine, inputs.folder, spec.accelerator if spec else "none") as beside:
                time.sleep(LEAD_S)
                run_generator(inputs.engine, file, inputs.folder, on_event)
    finally:
        remove_load(inputs.folder)
        (inputs.folder / TRACE).unlink(missing_ok=True)  # it is the kit's, or the run's
    return replace(state, facts=read_facts(inputs.folder), sampled=beside)


def _trace(pin: TracePin, folder: Path) -> bytes:
    """The trace of the kit, or the user's that lies at the top of the run."""
    return kit_trace(pin.name) if pin.file_sha256 is None else (folder.parents[1] / TRACE).read_bytes()


def collect(state: CellState) -> CellState:
    """The numbers of the records, and whether the server outlived its load."""
    load, facts = state.load, state.facts
    if load is None or facts is None:
        raise InternalError("There is no load to collect.")
    if facts.interrupted:
        raise KeyboardInterrupt
    if facts.aborted:
        return replace(state, failure=too_many_errors(load, facts))
    check_weights(state)
    folder = state.inputs.folder
    metrics = metrics_of(folder, facts, load)
    death = _death(state.server.running)
    empty = None
    if death is None and metrics is not None:
        empty = empty_window(load, metrics, read_records(folder / RECORDS), "kit reproduce PLATFORM --window")
    metrics = None if empty else metrics
    telemetry = _telemetry(state, metrics)
    return replace(
        state,
        metrics=metrics,
        failure=death or (empty and _with_its_reasons(empty, telemetry)),
        counters_after=None if death else _counters(state),
        telemetry=telemetry,
    )


def _with_its_reasons(empty: CellFailure, telemetry: TelemetryFacts | None) -> CellFailure:
    """A longer window may not be what is missing where the machine was not quiet."""
    reasons = listed(cell_disturbances(telemetry))
    return replace(empty, message=f"{empty.message} It was disturbed: {reasons}.") if reasons else empty


def _telemetry(state: CellState, metrics: Metrics | None) -> TelemetryFacts | None:
    if state.sampled is None:
        return None
    run = state.inputs.folder.parents[1]  # RUN/cells/ID
    return telemetry_facts(state.sampled, run_look(run), state.facts, metrics)


def stop_server(state: CellState) -> CellState:
    """The server is gone, and its log complete."""
    state.servers.close()
    return replace(state, stopped_utc=utc_now())


STEPS = (
    Step((START,), start_server),
    Step((READY,), wait_until_ready),
    Step((DEVICE,), prove_device),
    Step((CORRECT,), fix_load),
    Step((WARM_UP, WINDOW), run_load),
    Step((COLLECT,), collect),
    Step((WITNESS,), witnessed),
    Step((STOP,), stop_server),
)
# Of a server that already runs nothing is started, no device proved and nothing stopped.
RUNNING_STEPS = (
    Step((READY,), find_server),
    Step((CORRECT,), fix_load),
    Step((WARM_UP, WINDOW), run_load),
    Step((COLLECT,), collect),
    Step((WITNESS,), witnessed),
)


def _death(running: Running) -> CellFailure | None:
    """Why a server that should have outlived its load did not; None if it lives."""
    code, facts = running.exit_code(), running.facts()
    lines = "".join(f"\n  {line}" for line in running.log_tail(5))
    if facts is not None and facts.oom_killed:  # perhaps only one of its processes: what is left is another server
        return CellFailure(
            WINDOW, "OutOfMemory", f"The server ran out of memory during the load and was killed.{lines}"
        )
    if code is None:
        return None
    return CellFailure(WINDOW, "ServerDied", f"The server ended with exit code {code} during the load.{lines}")


def _counters(state: CellState) -> dict[str, int] | None:
    runtime = RUNTIMES.get(state.inputs.entry.runtime)
    if runtime is None or runtime.COUNTERS_PATH is None:
        return None
    try:
        return runtime.counters(state.server.probe.fetch_text(runtime.COUNTERS_PATH)) or None
    except EndpointError:
        return None


def _shown_command(spec: ServerSpec, inputs: CellInputs) -> tuple[str, ...]:
    """The command as it goes into records: without the paths of this machine."""
    file, name = inputs.supply.weights_file(inputs.entry), weights_of(inputs.plan, inputs.entry).file
    places = dict(spec.hidden)
    for written in (file, json.dumps(file)[1:-1]) if file else ():  # in JSON a path of other letters has escapes
        places[written] = name
    shown = list(spec.command)
    for place, words in places.items():
        shown = [part.replace(place, words) for part in shown]
    return tuple("python" if part == sys.executable else part for part in shown)


def server_facts(state: CellState) -> ServerFacts | None:
    """What ran, after its end; None if the kit started nothing."""
    if state.started is None or state.found is not None:
        return None
    running, inputs = state.started.running, state.inputs
    container = running.facts()
    return ServerFacts(
        command=container.command if container else _shown_command(state.started.spec, inputs),
        version=state.version,
        reported=state.reported,
        started_utc=running.started_utc,
        stopped_utc=state.stopped_utc,
        exit_code=running.exit_code(),
        model_sha256=inputs.supply.weights_sha256(inputs.entry),
        counters_before=state.counters_before,
        counters_after=state.counters_after,
        device=state.device,
        container=container,
        log=state.log,
    )

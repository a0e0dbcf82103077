"""The gates before load: alive, loaded, on the device, right answers. A cell that fails one has no number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

from kit.documents import AnswerCheck, Entry, Setting
from kit.engines.protocol import Running
from kit.errors import EngineError, RuntimeNotReadyError, SourceError, WrongDeviceError
from kit.probe import Probe
from kit.probe.examiner import OnCheck, require_right
from kit.probe.http import EndpointError
from kit.run.phases import CellState
from kit.runtimes import RUNTIMES
from kit.runtimes.log_lines import log_facts
from kit.runtimes.protocol import DeviceEvidence, ServedModel, Step, Upload
from kit.storage.cell_folder import write_checks

Json = object
MODELS = "/models"  # where every compose file mounts the weights


def wait_until_ready(state: CellState) -> CellState:
    """Alive, loaded, with the planned settings, and what its log said of build and device; raises why not."""
    inputs, server = state.inputs, state.server
    server.probe.wait_ready(server.spec.ready_path, server.spec.start_budget_s)
    check_weights(state)
    for step in inputs.supply.preparation(inputs.entry):
        _prepare(step, server.probe, inputs.supply.weights_file(inputs.entry))
    version, reported = _settings(inputs.entry, server.running, server.probe)
    model_name = None if inputs.entry.url else RUNTIMES[inputs.entry.runtime].MODEL_NAME
    if model_name is None:
        with _not_ready("does not list its models"):
            model_name = server.probe.served_model() or inputs.plan.model.name
    said = None if inputs.entry.url else log_facts(inputs.entry.runtime, server.running.log_start())
    return replace(state, version=version, reported=reported, model_name=model_name, log=said)


def check_weights(state: CellState) -> None:
    """`SourceError` if the weights are not the plan's (any more). Hashed when first seen, and whenever touched."""
    supply, entry, probe = state.inputs.supply, state.inputs.entry, state.server.probe
    if entry.url is not None:
        return  # nobody here can look at the file of a server that already runs
    supply.require_untouched(entry)
    mounted = supply.mounted_weights(entry)
    if mounted is None:
        return
    try:
        mark = probe.mark(f"{MODELS}/{mounted.file}")
    except EndpointError as error:
        raise SourceError(f"The weights in the volume {mounted.volume} cannot be read: {error}.") from None
    if mark != supply.seen_as(mounted):
        _require_same_weights(mounted, probe)
        supply.weights_seen(mounted, mark)


def prove_device(state: CellState) -> CellState:
    """The server computes where its variant says."""
    return replace(state, device=device_of(state.inputs.entry, state.server.running, state.server.probe))


def check_answers(state: CellState) -> CellState:
    """Right answers one by one, then at the cell's concurrency; kept in correct.jsonl even when wrong."""
    checks: list[AnswerCheck] = []
    if not state.inputs.suite.tests:
        return state  # asked for without a gate: kit verify says so
    rounds = sorted({1, state.inputs.cell.concurrency})
    told = _told(state, sum(len(state.inputs.suite.tests) if each == 1 else each for each in rounds))
    for requests in rounds:
        with _not_ready("does not answer the correctness prompts"):
            checks += state.server.probe.examine(
                state.inputs.suite, state.model_name, requests, state.inputs.plan.workload.api, told
            )
        write_checks(state.inputs.folder, checks)
        require_right(checks)
    return state


def _told(state: CellState, questions: int) -> OnCheck:
    """Tells the observer how many of the answers have come."""
    counted = count(1)

    def tell(*_: object) -> None:
        event = {"event": "checked", "done": next(counted), "of": questions}
        state.inputs.observer.progress(state.inputs.cell.id, event)

    return tell


@contextmanager
def _not_ready(words: str, log_tail: Callable[[], tuple[str, ...]] = tuple) -> Iterator[None]:
    """A server that gives no answer in this block is not ready, with what it did not do."""
    try:
        yield
    except EndpointError as error:
        raise RuntimeNotReadyError(f"The server {words}: {error}.", "", log_tail()) from None


def _require_same_weights(mounted: ServedModel, probe: Probe) -> None:
    """`SourceError` if what lies in the server's mount is not what was put there."""
    try:
        found = probe.sha256(f"{MODELS}/{mounted.file}")
    except EndpointError as error:
        raise SourceError(f"The weights in the volume {mounted.volume} cannot be read: {error}.") from None
    if found != mounted.sha256:
        raise SourceError(
            f"The weights in the volume {mounted.volume} have sha256 {found}, the plan says {mounted.sha256}.",
            "Remove the volume and run again: kit clean --models",
        )


def _prepare(step: Step, probe: Probe, file: str | None) -> None:
    """`file` is where the weights lie for a server that is a process; else they are in its mount."""
    with _not_ready(f"did not accept the model ({step.path})"):
        if isinstance(step, Upload):
            probe.upload(step.path, file or f"{MODELS}/{step.file}", step.timeout_s)
            return
        answer = probe.post(step.path, step.document, step.timeout_s)
    if isinstance(answer, dict) and answer.get("error"):
        raise RuntimeNotReadyError(f"The server did not accept the model ({step.path}): {answer['error']!r:.200}.")


def _settings(entry: Entry, running: Running, probe: Probe) -> tuple[str | None, dict[str, Setting]]:
    """The server's own word on its version and settings; `EngineError` if it did not take a setting."""
    runtime = RUNTIMES[entry.runtime]
    path = runtime.settings_path(entry.variant)
    with _not_ready(f"is up but does not answer at {runtime.FACTS_PATH}", running.log_tail):
        facts = probe.fetch_json(runtime.FACTS_PATH)
        told = facts if path == runtime.FACTS_PATH else probe.fetch_json(path)
    reported = runtime.reported(told)
    wrong = runtime.disagreements(entry.settings, reported)
    if wrong:
        raise EngineError(f"The server's settings differ from the plan: {'; '.join(wrong)}.")
    return runtime.version(facts), reported


def device_of(entry: Entry, running: Running, probe: Probe) -> str | None:
    """Where the server computes; `WrongDeviceError` if that is not where its variant says."""
    runtime = RUNTIMES[entry.runtime]
    command = runtime.device_command(entry.variant)
    listing = running.run_inside(command)[1] if command else ""
    facts: Json = None
    if runtime.DEVICE_PATH is not None:
        try:
            facts = probe.fetch_json(runtime.DEVICE_PATH)
        except EndpointError:
            facts = None
    found = runtime.device(entry.variant, DeviceEvidence(running.log_start(), listing, facts))
    if not found.ok:
        raise WrongDeviceError(
            f"The server is not on the device of {entry.runtime}/{entry.variant}: {found.reason}.",
            "Check driver and passthrough: kit doctor.",
            running.log_tail(5),
        )
    return found.device

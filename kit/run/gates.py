"""The gates before load: alive, loaded, on the device, right answers. A cell that fails one has no number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kit.documents import Entry, Setting
from kit.engines.protocol import Running
from kit.errors import EngineError, RuntimeNotReadyError, SourceError, WrongDeviceError
from kit.plan.correctness import SuiteLevel
from kit.probe import Visitor
from kit.probe.http import EndpointError, require_right
from kit.runtimes import RUNTIMES
from kit.runtimes.protocol import DeviceEvidence, ServedModel, ServerSpec, Step, Upload
from kit.storage.cell_folder import keep_checks

Json = object
MODELS = "/models"  # where every compose file mounts the weights


@dataclass(frozen=True, slots=True)
class Passed:
    """What the gates found out about a server."""

    version: str | None
    reported: dict[str, Setting]
    device: str | None
    model_name: str


def pass_gates(
    entry: Entry,
    spec: ServerSpec,
    running: Running,
    visitor: Visitor,
    preparation: tuple[Step, ...],
    model: str,
    on_phase: Callable[[str], None],
    mounted: ServedModel | None = None,
) -> Passed:
    """Alive, loaded, with the planned settings, on the device; raises what says why not.

    `model` is what requests call it if the server lists none; `mounted` are weights that are to be hashed where
    the server sees them.
    """
    visitor.wait_ready(spec.ready_path, spec.start_budget_s)
    if mounted is not None:
        _same_weights(mounted, visitor)
    for step in preparation:
        _prepare(step, visitor)
    version, reported = _facts(entry, running, visitor)
    model_name = visitor.served_model() or model
    device = None
    if spec.container is not None:
        on_phase("device")
        device = _device(entry, running, visitor)
    return Passed(version, reported, device, model_name)


def _same_weights(mounted: ServedModel, visitor: Visitor) -> None:
    """`SourceError` if what lies in the server's mount is not what was put there."""
    try:
        found = visitor.sha256(f"{MODELS}/{mounted.file}")
    except EndpointError as error:
        raise SourceError(f"The weights in the volume {mounted.volume} cannot be read: {error}.") from None
    if found != mounted.sha256:
        raise SourceError(
            f"The weights in the volume {mounted.volume} have sha256 {found}, the plan says {mounted.sha256}.",
            "Remove the volume and run again: kit clean --models",
        )


def _prepare(step: Step, visitor: Visitor) -> None:
    try:
        if isinstance(step, Upload):
            visitor.upload(step.path, f"{MODELS}/{step.file}", step.timeout_s)
            return
        answer = visitor.post(step.path, step.document, step.timeout_s)
    except EndpointError as error:
        raise RuntimeNotReadyError(f"The server did not take the model ({step.path}): {error}.") from None
    if isinstance(answer, dict) and answer.get("error"):
        raise RuntimeNotReadyError(f"The server did not take the model ({step.path}): {answer['error']!r:.200}.")


def _facts(entry: Entry, running: Running, visitor: Visitor) -> tuple[str | None, dict[str, Setting]]:
    """The server's own word on its version and settings; `EngineError` if it did not take a setting."""
    runtime = RUNTIMES[entry.runtime]
    try:
        facts = visitor.fetch_json(runtime.FACTS_PATH)
        told = facts if runtime.SETTINGS_PATH == runtime.FACTS_PATH else visitor.fetch_json(runtime.SETTINGS_PATH)
    except EndpointError as error:
        raise RuntimeNotReadyError(
            f"The server is up but does not answer at {runtime.FACTS_PATH}: {error}.", "", running.log_tail()
        ) from None
    reported = runtime.reported(told)
    wrong = runtime.disagreements(entry.settings, reported)
    if wrong:
        raise EngineError(f"The server's settings differ from the plan: {'; '.join(wrong)}.")
    return runtime.version(facts), reported


def _device(entry: Entry, running: Running, visitor: Visitor) -> str | None:
    """Where the server computes; `WrongDeviceError` if that is not where its variant says."""
    runtime = RUNTIMES[entry.runtime]
    command = runtime.device_command(entry.variant)
    listing = running.run_inside(command)[1] if command else ""
    facts: Json = None
    if runtime.DEVICE_PATH is not None:
        try:
            facts = visitor.fetch_json(runtime.DEVICE_PATH)
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


def examine(folder: Path, visitor: Visitor, level: SuiteLevel, model: str, concurrency: int) -> None:
    """Right answers one by one, then at the cell's concurrency; kept in correct.jsonl even when wrong."""
    checks = visitor.examine(level, model, 1)
    keep_checks(folder, checks)
    require_right(checks)
    if concurrency > 1:
        checks = [*checks, *visitor.examine(level, model, concurrency)]
        keep_checks(folder, checks)
        require_right(checks)

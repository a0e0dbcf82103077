"""Carries the phases of a cell out; the one place where a phase begins and ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from kit.documents import (
    CellFailure,
    CellPlan,
    Entry,
    FoundServer,
    Load,
    LoadFacts,
    LogFacts,
    Metrics,
    Phase,
    Plan,
    Setting,
)
from kit.documents.phases import CONTAINER_PHASES, STOP, WITNESS_PHASES
from kit.documents.telemetry import TelemetryFacts
from kit.documents.witness import WitnessFacts
from kit.engines.protocol import Engine, Running
from kit.errors import InternalError
from kit.plan.correctness import SuiteLevel
from kit.plan.plan import entry_of
from kit.probe import Probe
from kit.run.telemetry import Sampled
from kit.runtimes.protocol import ServerSpec
from kit.storage.cell_folder import Event
from kit.supply.supply import Supply


class Observer(Protocol):
    """Who wants to see a run while it goes on; every call must return at once."""

    def phase(self, cell: str, name: str) -> None: ...

    def progress(self, cell: str, event: Event) -> None: ...


@dataclass(frozen=True, slots=True)
class CellInputs:
    """Everything one cell needs. `attempt` counts the times that it is measured, this one included."""

    plan: Plan
    cell: CellPlan
    folder: Path
    engine: Engine
    supply: Supply
    suite: SuiteLevel
    observer: Observer
    attempt: int = 1

    @property
    def entry(self) -> Entry:
        return entry_of(self.plan, self.cell)


@dataclass(frozen=True, slots=True)
class Server:
    """A server that was started, or found, and what asks it."""

    spec: ServerSpec
    running: Running
    probe: Probe


@dataclass(frozen=True, slots=True)
class CellState:
    """What is known of a cell so far; each phase gives another one, which knows more.

    `servers` ends with the cell. `reach` tells that the next phase of a step has come, once or more often.
    `failure` is why a cell failed although its load ran; `found` is what is known of a server that already ran.
    """

    inputs: CellInputs
    servers: ExitStack
    reach: Callable[[str], None]
    started: Server | None = None
    version: str | None = None
    reported: dict[str, Setting] = field(default_factory=dict)
    model_name: str = ""
    device: str | None = None
    log: LogFacts | None = None
    counters_before: dict[str, int] | None = None
    load: Load | None = None
    facts: LoadFacts | None = None
    sampled: Sampled | None = None
    metrics: Metrics | None = None
    failure: CellFailure | None = None
    counters_after: dict[str, int] | None = None
    telemetry: TelemetryFacts | None = None
    stopped_utc: str | None = None
    found: FoundServer | None = None
    witness: WitnessFacts | None = None

    @property
    def server(self) -> Server:
        """The server, in every phase after the first."""
        if self.started is None:
            raise InternalError("A phase began before the server was started.")
        return self.started

    @property
    def in_container(self) -> bool:
        return self.server.spec.container is not None


@dataclass(frozen=True, slots=True)
class Step:
    """What is done in a phase; one load goes through two of them, as the load generator tells."""

    phases: tuple[str, ...]
    act: Callable[[CellState], CellState]


class PhaseRunner:
    """Carries out steps; keeps the state they reached, when each phase began and how it ended, and each error."""

    def __init__(self, inputs: CellInputs, servers: ExitStack) -> None:
        self.state = CellState(inputs, servers, self._reach)
        self.phases: list[Phase] = []
        self.errors: list[tuple[str, BaseException]] = []  # with the phase that each ended
        self._zero_ns = time.monotonic_ns()
        self._begun: tuple[str, int] | None = None
        self._ahead: tuple[str, ...] = ()

    def run(self, steps: Sequence[Step]) -> None:
        """One after the other until one fails; the stop in any case, once a server was started."""
        try:
            for step in steps:
                if step.phases != (STOP,) and self._is_due(step):
                    self._run(step)
        finally:
            for step in steps:
                if step.phases == (STOP,) and self.state.started is not None:
                    self._run(step)

    def _is_due(self, step: Step) -> bool:
        if CONTAINER_PHASES.issuperset(step.phases):
            return self.state.in_container
        if WITNESS_PHASES.issuperset(step.phases):  # of a cell that has numbers to stand for
            return self.state.inputs.plan.witness is not None and self.state.metrics is not None
        return True

    def _run(self, step: Step) -> None:
        name, *ahead = step.phases
        self._ahead = tuple(ahead)
        try:
            self._begin(name)
            self.state = step.act(self.state)
        except BaseException as error:
            phase = self._end("interrupted" if isinstance(error, KeyboardInterrupt) else "failed")
            self.errors.append((phase, error))
            raise
        self._end("ok")

    def _reach(self, name: str) -> None:
        if name in self._ahead:
            self._end("ok")
            self._ahead = self._ahead[self._ahead.index(name) + 1 :]
            self._begin(name)

    def _begin(self, name: str) -> None:
        self._begun = name, self._elapsed_ns()
        inputs = self.state.inputs
        inputs.observer.phase(inputs.cell.id, name)

    def _end(self, outcome: Literal["ok", "failed", "interrupted"]) -> str:
        if self._begun is None:
            raise InternalError("A phase ended that had not begun.")
        name, started_ns = self._begun
        self.phases.append(Phase(name, started_ns, self._elapsed_ns(), outcome))
        return name

    def _elapsed_ns(self) -> int:
        return time.monotonic_ns() - self._zero_ns

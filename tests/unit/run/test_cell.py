"""The order of a cell's phases on success and on the failure of each, and what is on disk afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kit.documents import Cell, CellPlan, LogFacts, Window
from kit.documents.phases import CONTAINER_PHASES, WITNESS_PHASES
from kit.documents.phases import PHASES as ALL_PHASES
from kit.errors import EngineError, InternalError, PortInUseError
from kit.run import gates
from kit.run.cell import STEPS, measure_cell
from kit.run.phases import CellInputs
from kit.runtimes.protocol import ServedModel
from kit.storage.cell_folder import read_facts
from kit.storage.marks import mark_of
from kit.storage.names import FACTS, METRICS
from kit.storage.run_folder import read_document
from kit.supply.supply import ContainerSupply, ProcessSupply, WeightsFile
from tests.support.fakes import SUITE, FakeEngine, Silent, TinyServer, demo_plan, raising
from tests.support.good_containers import container_facts, container_plan
from tests.support.records import MS

PLAN = demo_plan()
IN_CONTAINERS = tuple(name for name in ALL_PHASES if name not in WITNESS_PHASES)
PHASES = tuple(name for name in IN_CONTAINERS if name not in CONTAINER_PHASES)
WEIGHTS = ProcessSupply(
    dict.fromkeys((entry.name for entry in PLAN.entries), WeightsFile(Path("model.gguf"), PLAN.model.sha256))
)
SERIAL_C1 = PLAN.cells[0]
BATCHED_C4 = next(cell for cell in PLAN.cells if cell.concurrency == 4 and cell.entry == "llamacpp-batched")


@pytest.fixture
def server() -> Iterator[TinyServer]:
    with TinyServer() as running:
        yield running


@pytest.fixture
def engine(server: TinyServer) -> FakeEngine:
    return FakeEngine(server.url)


def inputs(
    engine: FakeEngine, folder: Path, observer: Silent | None = None, cell: CellPlan = SERIAL_C1
) -> CellInputs:
    return CellInputs(PLAN, cell, folder, engine, WEIGHTS, SUITE, observer or Silent())


def inputs_in_container(engine: FakeEngine, folder: Path) -> CellInputs:
    """A cell of llama.cpp in a container whose weights were hashed before."""
    plan = container_plan()
    cell = plan.cells[0]
    engine.running.contained = container_facts(plan, cell, 0, 10**9)
    engine.running.printed = "Available devices:\n"
    served = ServedModel("tiny", "tiny.gguf", "a" * 64, "kit-model-1")
    seen = {served.volume: mark_of(Path(gates.MODELS) / served.file)}
    supply = ContainerSupply({cell.entry: "image"}, {cell.entry: served}, seen)
    return CellInputs(plan, cell, folder, engine, supply, SUITE, Silent())


@pytest.fixture(autouse=True)
def models(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The volume, as far as it is looked at: whether its file was touched."""
    place = tmp_path_factory.mktemp("models")
    (place / "tiny.gguf").write_bytes(b"weights")
    monkeypatch.setattr(gates, "MODELS", str(place))


@pytest.fixture
def contained(tmp_path: Path) -> Iterator[CellInputs]:
    with TinyServer(slots=4) as server:
        yield inputs_in_container(FakeEngine(server.url), tmp_path)


def stored(folder: Path) -> Cell:
    """cell.json as it is on disk, through every strict reader."""
    return read_document((folder / "cell.json").read_bytes(), Cell, "cell", "cell.json")


def outcomes(cell: Cell) -> list[tuple[str, str]]:
    return [(phase.name, phase.outcome) for phase in cell.phases]


def test_what_the_log_says_of_build_and_device_is_kept(
    engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By allow list: paths in it are not. A log that says nothing is kept as that."""
    said = "loaded /home/ann/model.gguf\nsrv init: build_info: b7-abc\n"
    monkeypatch.setattr(type(engine.running), "log_start", lambda _: said)
    measure_cell(inputs(engine, tmp_path / "a"))
    server = stored(tmp_path / "a").server
    assert server is not None
    assert server.log == LogFacts(("b7-abc",))
    assert b"ann" not in (tmp_path / "a" / "cell.json").read_bytes()
    monkeypatch.undo()
    measure_cell(inputs(engine, tmp_path / "b"))
    other = stored(tmp_path / "b").server
    assert other is not None
    assert other.log == LogFacts()


def test_the_order_of_the_phases_is_data() -> None:
    """Each phase is in one step, and the load has two."""
    assert tuple(name for step in STEPS for name in step.phases) == ALL_PHASES
    assert [step.phases for step in STEPS if len(step.phases) > 1] == [("warm-up", "window")]


def test_a_cell_in_a_container_proves_its_device(contained: CellInputs) -> None:
    """Between ready and correct; nothing else differs."""
    cell = measure_cell(contained)
    assert outcomes(cell) == [(name, "ok") for name in IN_CONTAINERS]
    assert cell.server is not None
    assert (cell.status, cell.server.device) == ("measured", "cpu")


def test_a_good_cell_goes_through_all_phases_in_order(engine: FakeEngine, tmp_path: Path) -> None:
    """The order is the specification, for the log, for the observer and for what the engine did."""
    observer = Silent()
    cell = measure_cell(inputs(engine, tmp_path, observer))
    assert tuple(observer.phases) == PHASES
    assert outcomes(cell) == [(name, "ok") for name in PHASES]
    assert engine.log == ["start", "telemetry none", "load", "telemetry ended", "stop"]
    assert cell.status == "measured"
    assert stored(tmp_path) == cell


def test_a_good_cell_keeps_what_the_server_says_of_itself(engine: FakeEngine, tmp_path: Path) -> None:
    """Version, settings, counters before and after, exit code; the command without paths of this machine."""
    found = measure_cell(inputs(engine, tmp_path)).server
    assert found is not None
    assert (found.version, found.reported["slots"], found.exit_code) == ("b1-tiny", 1, 0)
    assert found.counters_before == found.counters_after == {"prompt_tokens": 10, "completion_tokens": 20}
    assert found.command[0] == "python"
    assert PLAN.model.file in found.command[-1]


def test_the_numbers_of_a_cell_come_from_its_records(engine: FakeEngine, tmp_path: Path) -> None:
    """Two requests, six tokens in one second."""
    metrics = measure_cell(inputs(engine, tmp_path)).metrics
    assert metrics is not None
    assert (metrics.requests.ok, metrics.throughput_tok_s) == (2, 6.0)


def test_right_answers_are_asked_alone_and_at_the_target_concurrency(tmp_path: Path) -> None:
    """One test alone, then four at once, before any load."""
    with TinyServer(slots=4) as server:
        measure_cell(inputs(FakeEngine(server.url), tmp_path, cell=BATCHED_C4))
        assert server.paths.count("/v1/chat/completions") == 5
    assert len((tmp_path / "correct.jsonl").read_text().splitlines()) == 5


def test_a_server_that_cannot_start_fails_in_start(engine: FakeEngine, tmp_path: Path) -> None:
    """Nothing was started, so nothing is stopped."""
    engine.on_start = raising(PortInUseError("Port 1 is in use."))
    cell = measure_cell(inputs(engine, tmp_path))
    assert outcomes(cell) == [("start", "failed")]
    assert engine.log == []
    assert cell.failure is not None
    assert (cell.status, cell.failure.phase, cell.failure.kind) == ("failed", "start", "PortInUseError")
    assert cell.metrics is None
    assert stored(tmp_path) == cell


def test_a_server_that_ends_before_it_is_ready_fails_in_ready(tmp_path: Path) -> None:
    """Exit code and last log lines are in the reason."""
    with TinyServer(health=503) as server:
        engine = FakeEngine(server.url)
        engine.running.code = 3
        cell = measure_cell(inputs(engine, tmp_path))
    assert outcomes(cell) == [("start", "ok"), ("ready", "failed"), ("stop", "ok")]
    assert cell.failure is not None
    assert "exit code 3" in cell.failure.message
    assert "last words of the server" in cell.failure.message
    assert engine.log == ["start", "stop"]


def test_a_server_with_other_settings_than_planned_fails_in_ready(tmp_path: Path) -> None:
    """One slot planned, four there."""
    with TinyServer(slots=4) as server:
        cell = measure_cell(inputs(FakeEngine(server.url), tmp_path))
    assert cell.failure is not None
    assert (cell.failure.phase, cell.failure.kind) == ("ready", "EngineError")
    assert "4 slots" in cell.failure.message


@pytest.mark.parametrize(("answer", "status"), [("5", 200), ("", 200), ("4", 500)])
def test_wrong_answers_fail_in_correct_and_no_load_is_run(answer: str, status: int, tmp_path: Path) -> None:
    """A wrong, an empty and an error answer; what was said is kept."""
    with TinyServer(answer=answer, chat_status=status) as server:
        engine = FakeEngine(server.url)
        cell = measure_cell(inputs(engine, tmp_path))
    assert outcomes(cell)[-2:] == [("correct", "failed"), ("stop", "ok")]
    assert engine.log == ["start", "stop"]
    assert cell.failure is not None
    assert cell.failure.kind == "WrongAnswersError"
    assert (tmp_path / "correct.jsonl").is_file()


def test_a_load_generator_that_fails_fails_in_its_phase(engine: FakeEngine, tmp_path: Path) -> None:
    """Its own words become the reason."""
    engine.events = ('{"event": "error", "what": "No prompts.", "remedy": "", "code": 2}', "not JSON")
    engine.load_code = 2
    cell = measure_cell(inputs(engine, tmp_path))
    assert cell.failure is not None
    assert (cell.failure.phase, cell.failure.message) == ("warm-up", "No prompts.")
    assert engine.log == ["start", "telemetry none", "load", "telemetry ended", "stop"]


def test_a_load_generator_that_dies_without_a_word_is_an_error_too(engine: FakeEngine, tmp_path: Path) -> None:
    """Only an exit code is left."""
    engine.load_code = -9
    cell = measure_cell(inputs(engine, tmp_path))
    assert cell.failure is not None
    assert "exit code -9" in cell.failure.message


def test_a_server_that_dies_under_load_leaves_its_records_and_a_reason(engine: FakeEngine, tmp_path: Path) -> None:
    """The numbers up to then are kept, the cell counts as failed."""

    def die() -> None:
        engine.running.code = -9

    engine.on_load = die
    cell = measure_cell(inputs(engine, tmp_path))
    assert (cell.status, cell.metrics is not None) == ("failed", True)
    assert cell.failure is not None
    assert (cell.failure.kind, cell.failure.phase) == ("ServerDied", "window")
    assert (tmp_path / "records.jsonl").is_file()


@pytest.mark.parametrize("code", [137, None])
def test_a_server_that_runs_out_of_memory_is_told_as_that(
    code: int | None, engine: FakeEngine, tmp_path: Path
) -> None:
    """Whether it died of it or lost only one of its processes."""
    plan = container_plan()
    engine.running.contained = replace(container_facts(plan, plan.cells[0], 0, 10**9), oom_killed=True)
    engine.on_load = lambda: setattr(engine.running, "code", code)
    cell = measure_cell(inputs(engine, tmp_path))
    assert cell.failure is not None
    assert (cell.status, cell.failure.kind) == ("failed", "OutOfMemory")


def test_a_cell_in_whose_window_no_request_began_fails_and_names_a_window(
    engine: FakeEngine, tmp_path: Path
) -> None:
    """As a load by hand does: nothing is known of its latencies, and what arrived is a piece of an answer."""
    engine.window = Window(1000 * MS, 1500 * MS)
    short = replace(PLAN, workload=replace(PLAN.workload, warmup_ns=1000 * MS, window_ns=500 * MS))
    cell = measure_cell(replace(inputs(engine, tmp_path), plan=short))
    assert (cell.status, cell.metrics) == ("failed", None)
    assert outcomes(cell) == [(name, "ok") for name in PHASES]
    assert cell.failure is not None
    assert (cell.failure.phase, cell.failure.kind) == ("window", "EmptyWindow")
    assert "an answer takes up to 1.0 s" in cell.failure.message
    assert "kit reproduce PLATFORM --window 2s" in cell.failure.message
    assert stored(tmp_path) == cell


# --- whatever happens, in whatever phase ------------------------------------------------------------------


def break_phase(phase: str, error: BaseException, cell: CellInputs, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """Let a phase raise: by the engine where it takes part, else by what the phase calls; returns the engine."""
    assert isinstance(cell.engine, FakeEngine)
    by_engine = {"start": "on_start", "warm-up": "on_load", "window": "on_window", "stop": "on_stop"}
    called = {
        "ready": "kit.run.gates._settings",
        "device": "kit.run.gates.device_of",
        "correct": "kit.run.gates.require_right",
        "collect": "kit.run.cell.metrics_of",
    }
    if phase in by_engine:
        setattr(cell.engine, by_engine[phase], raising(error))
    else:
        monkeypatch.setattr(called[phase], lambda *_: raising(error)())
    return cell.engine


def until(phase: str, outcome: str) -> list[tuple[str, str]]:
    """All phases of a container until one that did not end well, and then the stop."""
    before = [(name, "ok") for name in IN_CONTAINERS[: IN_CONTAINERS.index(phase)]]
    return [*before, (phase, outcome)] + [("stop", "ok")] * (phase not in ("start", "stop"))


@pytest.mark.parametrize("phase", IN_CONTAINERS)
def test_a_failure_in_any_phase_is_the_cells(
    phase: str, contained: CellInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is gone, cell.json is written, nothing is raised; no phase ended well that did not."""
    engine = break_phase(phase, EngineError("No more."), contained, monkeypatch)
    cell = measure_cell(contained)
    assert outcomes(cell) == until(phase, "failed")
    assert cell.failure is not None
    assert (cell.status, cell.failure.phase, cell.failure.message) == ("failed", phase, "No more.")
    assert engine.log.count("start") == engine.log.count("stop") == int(phase != "start")
    assert stored(contained.folder) == cell


@pytest.mark.parametrize(
    ("error", "outcome", "status"),
    [
        (KeyboardInterrupt(), "interrupted", "interrupted"),
        (OSError(28, "No space left on device"), "failed", "interrupted"),
        (InternalError("A bug."), "failed", "failed"),
    ],
)
@pytest.mark.parametrize("phase", IN_CONTAINERS)
def test_an_interrupt_or_a_fault_of_ours_goes_on_after_the_stop(
    phase: str,
    error: BaseException,
    outcome: str,
    status: str,
    contained: CellInputs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl-C, a full disk or a bug in any phase: cell.json is written before it is raised."""
    engine = break_phase(phase, error, contained, monkeypatch)
    with pytest.raises(type(error)) as caught:
        measure_cell(contained)
    assert caught.value is error
    cell = stored(contained.folder)
    assert (cell.status, outcomes(cell)) == (status, until(phase, outcome))
    assert engine.log.count("start") == engine.log.count("stop") == int(phase != "start")


def test_the_first_failure_is_the_cells_and_a_failed_stop_is_marked(
    contained: CellInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second failure neither hides the first nor looks like success; nobody saw the server stop."""
    break_phase("ready", EngineError("First."), contained, monkeypatch)
    break_phase("stop", EngineError("Second."), contained, monkeypatch)
    cell = measure_cell(contained)
    assert outcomes(cell) == [("start", "ok"), ("ready", "failed"), ("stop", "failed")]
    assert cell.failure is not None
    assert (cell.failure.phase, cell.failure.message) == ("ready", "First.")
    assert cell.server is not None
    assert cell.server.stopped_utc is None


def test_a_server_that_died_in_the_load_is_the_failure_even_if_the_stop_fails(
    engine: FakeEngine, tmp_path: Path
) -> None:
    """Its records and numbers are kept."""
    engine.on_load = lambda: setattr(engine.running, "code", -9)
    engine.on_stop = raising(EngineError("Gone."))
    cell = measure_cell(inputs(engine, tmp_path))
    assert outcomes(cell)[-2:] == [("collect", "ok"), ("stop", "failed")]
    assert cell.failure is not None
    assert (cell.failure.kind, cell.metrics is not None) == ("ServerDied", True)


@pytest.mark.parametrize(
    ("first", "last", "status"),
    [
        (KeyboardInterrupt(), EngineError("Gone."), "interrupted"),
        (EngineError("No."), KeyboardInterrupt(), "failed"),
    ],
)
def test_an_interrupt_goes_on_whatever_else_fails(
    first: BaseException, last: BaseException, status: str, engine: FakeEngine, tmp_path: Path
) -> None:
    """Before a failed stop, or in the stop after a failure: the run must not go on with the next cell."""
    engine.on_load, engine.on_stop = raising(first), raising(last)
    with pytest.raises(KeyboardInterrupt):
        measure_cell(inputs(engine, tmp_path))
    cell = stored(tmp_path)
    assert cell.status == status
    assert [outcome for _, outcome in outcomes(cell)[-2:]] == [
        "interrupted" if isinstance(error, KeyboardInterrupt) else "failed" for error in (first, last)
    ]


def test_what_a_load_generator_handed_over_goes_with_an_interrupt(engine: FakeEngine, tmp_path: Path) -> None:
    """`kit verify` refuses a run folder with files that no plan calls for."""

    def hand_over() -> None:
        for name in (FACTS, METRICS):
            (tmp_path / name).write_bytes(b"{}")
        raise KeyboardInterrupt

    engine.on_load = hand_over
    with pytest.raises(KeyboardInterrupt):
        measure_cell(inputs(engine, tmp_path))
    assert stored(tmp_path).status == "interrupted"
    assert not {FACTS, METRICS} & {path.name for path in tmp_path.iterdir()}


def test_a_load_that_says_itself_that_it_was_interrupted_is_no_measurement(
    engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its facts are kept."""
    monkeypatch.setattr("kit.run.cell.read_facts", lambda folder: replace(read_facts(folder), interrupted=True))
    with pytest.raises(KeyboardInterrupt):
        measure_cell(inputs(engine, tmp_path))
    cell = stored(tmp_path)
    assert (cell.status, outcomes(cell)[-2:]) == ("interrupted", [("collect", "interrupted"), ("stop", "ok")])
    assert cell.facts is not None

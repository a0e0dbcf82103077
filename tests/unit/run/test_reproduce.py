"""The story with a scripted engine: what is on disk after success, failure, interrupt and a full disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest

from kit.documents import Calibration, CellFailure, Plan, Result
from kit.errors import EngineError, InputError, NoResultError, SourceError, StorageError
from kit.machine.here import look_here
from kit.run.around.no_result import no_result
from kit.run.calibrate import BeforeRetry, OnStep, Step
from kit.run.reproduce import conclude, reproduce
from kit.storage.names import RESULT
from kit.storage.run_folder import (
    read_calibration,
    read_cells,
    read_document,
    read_folder,
    read_plan,
)
from kit.supply.supply import process_supply
from tests.support.calibrations import good_calibration
from tests.support.fakes import SUITE, FakeEngine, FakeRunning, Silent, TinyServer, demo_plan, raising


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scripted sampler leaves its samples at once."""
    monkeypatch.setattr("kit.run.telemetry.time", SimpleNamespace(sleep=lambda _: None))
    monkeypatch.setattr("kit.run.cell.LEAD_S", 0.0)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def plan(weights: Path) -> Plan:
    """The first two cells at concurrency 1 of the demo, with the hash of our weights."""
    whole = demo_plan()
    model = replace(whole.model, sha256=sha256(weights.read_bytes()).hexdigest())
    workload = replace(whole.workload, concurrencies=(1,), replicates=1)
    entries = (whole.entries[0], replace(whole.entries[0], name="other"))
    cells = (whole.cells[0], replace(whole.cells[1], entry="other", id="r1-c1-other"))
    return replace(whole, model=model, workload=workload, calibrate=False, entries=entries, cells=cells)


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with TinyServer() as server:
        yield FakeEngine(server.url)


def result_in(run: Path) -> Result:
    return read_document((run / RESULT).read_bytes(), Result, "result", RESULT)


def acts(engine: FakeEngine) -> list[str]:
    """What the engine did, but for sampling."""
    return [word for word in engine.log if not word.startswith("telemetry")]


def nothing() -> None: ...


def in_turn(*calls: Callable[[], None]) -> Callable[[], None]:
    """A function that behaves like each of these, one after the other."""
    left = iter(calls)
    return lambda: next(left)()


def test_a_run_leaves_plan_host_cells_result_and_report(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """Every document readable through the strict readers; the result names the plan's hash."""
    run = tmp_path / "run"
    outcome = reproduce(plan, run, engine, process_supply(plan, weights), SUITE, Silent())
    stored, digest = read_plan(run)
    assert stored == plan
    assert outcome.plan_sha256 == digest == outcome.result.plan_sha256
    assert result_in(run) == outcome.result
    assert outcome.result.complete
    assert set(read_cells(run, plan)) == {cell.id for cell in plan.cells}
    assert (run / "REPORT.md").is_file()
    assert read_folder(run).refused == {}


def test_what_differs_between_the_entries_is_told_beside_the_result(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """Here only one of the two is asked in the other form; records that cannot be read leave no note."""
    run = tmp_path / "run"
    outcome = reproduce(plan, run, engine, process_supply(plan, weights), SUITE, Silent())
    assert outcome.notes == ()
    stored, digest = read_plan(run)
    records = run / "cells" / "r1-c1-other" / "records.jsonl"
    records.write_bytes(records.read_bytes().replace(b'"prompt_tokens":10', b'"prompt_tokens":99'))
    told = conclude(stored, digest, run).notes
    assert told[0].startswith("One prompt counts 10 tokens in llamacpp-serial, 99 in other:")
    assert f"- {told[0]}" in (run / "REPORT.md").read_text()
    records.write_bytes(b"{")
    assert conclude(stored, digest, run).notes == ()


def test_without_calibration_every_measured_cell_is_suspect(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """The run says so in its result and in its report, and has no calibration.json."""
    outcome = reproduce(plan, tmp_path / "run", engine, process_supply(plan, weights), SUITE, Silent())
    assert outcome.calibration is None
    assert {cell.suspect for cell in outcome.result.cells} == {("not calibrated",)}
    assert "SUSPECT" in (tmp_path / "run" / "REPORT.md").read_text()
    assert not (tmp_path / "run" / "calibration.json").exists()


def test_the_load_generator_is_calibrated_before_the_first_cell(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the plan's concurrencies; document and requests lie in the run, the folder of the loads is gone."""
    asked: list[tuple[tuple[int, ...], float]] = []
    scratch: list[Path] = []

    def scripted(
        levels: tuple[int, ...],
        rate: float,
        _: object,
        folder: Path,
        on_step: OnStep,
        before_retry: BeforeRetry,
        **more: object,
    ) -> Calibration:
        before_retry()
        assert more == {"at_most_tok_s": 10_000, "cpus": 77, "keep": tmp_path / "run" / "calibration.jsonl"}
        assert acts(engine) == []
        asked.append((levels, rate))
        scratch.append(folder)
        on_step(Step("point", 1, rate))
        return good_calibration((1,))

    monkeypatch.setattr("kit.run.reproduce.calibrate", scripted)
    observer = Silent()
    here = look_here()
    engine.seen = replace(here, host=replace(here.host, cpus=99, cpus_usable=77))
    calibrated = replace(plan, calibrate=True)
    outcome = reproduce(calibrated, tmp_path / "run", engine, process_supply(plan, weights), SUITE, observer)
    assert asked == [((1,), 200.0)]
    assert observer.steps == [Step("point", 1, 200.0)]
    assert read_calibration(tmp_path / "run") == outcome.calibration == good_calibration((1,))
    assert {cell.suspect for cell in outcome.result.cells} == {()}
    assert "proven to 640 tokens/s and 1 stream." in (tmp_path / "run" / "REPORT.md").read_text()
    assert not scratch[0].exists()


def test_an_interrupt_in_the_calibration_leaves_a_readable_run(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No cell was begun."""
    monkeypatch.setattr("kit.run.reproduce.calibrate", lambda *_, **__: raising(KeyboardInterrupt())())
    with pytest.raises(KeyboardInterrupt):
        reproduce(
            replace(plan, calibrate=True), tmp_path / "run", engine, process_supply(plan, weights), SUITE, Silent()
        )
    assert {cell.status for cell in result_in(tmp_path / "run").cells} == {"missing"}


def test_weights_with_another_hash_stop_the_run_before_anything_starts(
    plan: Plan, engine: FakeEngine, weights: Path
) -> None:
    """Damaged between fetching and running."""
    weights.write_bytes(b"other weights")
    with pytest.raises(SourceError, match=r"m\.gguf has sha256"):
        process_supply(plan, weights)
    assert engine.log == []


def test_a_cell_that_fails_does_not_stop_the_others(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """The first server does not start, the second is measured."""
    engine.on_start = in_turn(raising(EngineError("No.")), nothing)
    outcome = reproduce(plan, tmp_path / "run", engine, process_supply(plan, weights), SUITE, Silent())
    assert [cell.status for cell in outcome.result.cells] == ["failed", "measured"]
    assert outcome.result.complete


def test_a_run_without_a_measured_cell_is_an_error_with_the_first_reason(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """Exit code 8; the run folder is complete all the same."""
    engine.on_start = raising(EngineError("No engine here."))
    with pytest.raises(NoResultError, match="No engine here") as caught:
        reproduce(plan, tmp_path / "run", engine, process_supply(plan, weights), SUITE, Silent())
    assert caught.value.exit_code == 8
    assert [cell.status for cell in result_in(tmp_path / "run").cells] == ["failed", "failed"]


def test_wrong_answers_of_a_server_that_already_ran_name_the_command_that_shows_them() -> None:
    """Its logs are elsewhere; what failed is one line, whatever it was."""
    plan = demo_plan()
    server = replace(plan, entries=(replace(plan.entries[0], url="http://127.0.0.1:8080"), *plan.entries[1:]))
    wrong = CellFailure("correct", "WrongAnswersError", "2 of 7 correctness answers are wrong.\n  single sum: no")
    error = no_result(server, Path("run"), wrong)
    assert error.what.endswith("phase correct: 2 of 7 correctness answers are wrong. single sum: no")
    assert "kit test http://127.0.0.1:8080 --level " in error.remedy
    assert "kit status run" in no_result(server, Path("run"), replace(wrong, phase="ready")).remedy
    assert "logs are in run/cells" in no_result(plan, Path("run"), wrong).remedy


def test_an_interrupt_leaves_a_readable_run(plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path) -> None:
    """The second cell is interrupted: the first is kept, the result says it is not complete."""
    engine.on_load = in_turn(nothing, raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        reproduce(plan, tmp_path / "run", engine, process_supply(plan, weights), SUITE, Silent())
    result = result_in(tmp_path / "run")
    assert [cell.status for cell in result.cells] == ["measured", "interrupted"]
    assert not result.complete
    assert engine.log.count("start") == engine.log.count("stop")


def test_a_full_disk_is_told_with_what_is_kept(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """The first cell is on disk when the second meets the full disk."""
    engine.on_load = in_turn(nothing, raising(OSError(28, "No space left on device", "records.jsonl")))
    with pytest.raises(StorageError, match="No space left") as caught:
        reproduce(plan, tmp_path / "run", engine, process_supply(plan, weights), SUITE, Silent())
    assert caught.value.exit_code == 10
    assert next(cell for cell in result_in(tmp_path / "run").cells).status == "measured"


def test_a_folder_with_something_in_it_is_refused(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """Runs are never mixed."""
    with pytest.raises(InputError, match="not an empty folder"):
        reproduce(plan, tmp_path, engine, process_supply(plan, weights), SUITE, Silent())
    assert engine.log == []


# --- going on -----------------------------------------------------------------------------------------------


def test_a_run_goes_on_where_it_was_killed_and_repeats_nothing(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """The second cell never came to its cell.json: its remains go, the first stays byte for byte."""
    run, supply = tmp_path / "run", process_supply(plan, weights)
    reproduce(plan, run, engine, supply, SUITE, Silent())
    first, second = (run / "cells" / cell.id for cell in plan.cells)
    (second / "cell.json").unlink()
    (second / "half.jsonl.part").write_bytes(b"what the killed load generator was about to write")
    before = (first / "cell.json").read_bytes()
    engine.log.clear()
    engine.running = FakeRunning(engine.running.url)
    outcome = reproduce(plan, run, engine, supply, SUITE, Silent())
    assert acts(engine) == ["start", "load", "stop"]
    assert (first / "cell.json").read_bytes() == before
    assert not (second / "half.jsonl.part").exists()
    assert {path.name for path in second.iterdir()} == {path.name for path in first.iterdir()}
    assert [cell.status for cell in outcome.result.cells] == ["measured", "measured"]
    assert outcome.result.complete


def test_an_interrupted_cell_of_an_old_plan_stays_marked(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """Before method 3 there were no attempts: going on does not make a cut cell whole (see test_deciding)."""
    plan = replace(plan, method=2, attempts=1)
    run, supply = tmp_path / "run", process_supply(plan, weights)
    engine.on_load = in_turn(raising(KeyboardInterrupt()), nothing)
    with pytest.raises(KeyboardInterrupt):
        reproduce(plan, run, engine, supply, SUITE, Silent())
    outcome = reproduce(plan, run, engine, supply, SUITE, Silent())
    assert [cell.status for cell in outcome.result.cells] == ["interrupted", "measured"]
    assert not outcome.result.complete


def test_another_plan_or_machine_is_never_mixed_in(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """The run says what it was made with, and that is what it goes on with."""
    run, supply = tmp_path / "run", process_supply(plan, weights)
    reproduce(plan, run, engine, supply, SUITE, Silent())
    with pytest.raises(InputError, match="another plan"):
        reproduce(replace(plan, seed=plan.seed + 1), run, engine, supply, SUITE, Silent())
    here = look_here()
    engine.seen = replace(here, host=replace(here.host, cpus=99))
    with pytest.raises(InputError, match=r"another machine, or this one has changed \(cpus\)"):
        reproduce(plan, run, engine, supply, SUITE, Silent())

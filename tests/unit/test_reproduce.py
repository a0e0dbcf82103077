"""The story with a scripted engine: what is on disk after success, failure, interrupt and a full disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from fakes import SUITE, FakeEngine, Silent, TinyServer, demo_plan, raising

from kit.errors import EngineError, InputError, NoResultError, SourceError, StorageError
from kit.model import Plan
from kit.reproduce import reproduce
from kit.runfolder import read_cells, read_folder, read_plan, read_result


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
    return replace(whole, model=model, workload=workload, entries=entries, cells=cells)


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with TinyServer() as server:
        yield FakeEngine(server.url)


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
    outcome = reproduce(plan, run, engine, weights, SUITE, Silent())
    stored, digest = read_plan(run)
    assert stored == plan
    assert outcome.plan_sha256 == digest == outcome.result.plan_sha256
    assert read_result(run) == outcome.result
    assert outcome.result.complete
    assert set(read_cells(run, plan)) == {cell.id for cell in plan.cells}
    assert (run / "REPORT.md").is_file()
    assert read_folder(run).refused == {}


def test_weights_with_another_hash_stop_the_run_before_anything_starts(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """Damaged between fetching and running."""
    weights.write_bytes(b"other weights")
    with pytest.raises(SourceError, match=r"m\.gguf has sha256"):
        reproduce(plan, tmp_path / "run", engine, weights, SUITE, Silent())
    assert engine.log == []
    assert not (tmp_path / "run").exists()


def test_a_cell_that_fails_does_not_stop_the_others(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """The first server does not start, the second is measured."""
    engine.on_start = in_turn(raising(EngineError("No.")), nothing)
    outcome = reproduce(plan, tmp_path / "run", engine, weights, SUITE, Silent())
    assert [cell.status for cell in outcome.result.cells] == ["failed", "measured"]
    assert outcome.result.complete


def test_a_run_without_a_measured_cell_is_an_error_with_the_first_reason(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """Exit code 8; the run folder is complete all the same."""
    engine.on_start = raising(EngineError("No engine here."))
    with pytest.raises(NoResultError, match="No engine here") as caught:
        reproduce(plan, tmp_path / "run", engine, weights, SUITE, Silent())
    assert caught.value.exit_code == 8
    assert [cell.status for cell in read_result(tmp_path / "run").cells] == ["failed", "failed"]


def test_an_interrupt_leaves_a_readable_run(plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path) -> None:
    """The second cell is interrupted: the first is kept, the result says it is not complete."""
    engine.on_load = in_turn(nothing, raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        reproduce(plan, tmp_path / "run", engine, weights, SUITE, Silent())
    result = read_result(tmp_path / "run")
    assert [cell.status for cell in result.cells] == ["measured", "interrupted"]
    assert not result.complete
    assert engine.log.count("start") == engine.log.count("stop")


def test_a_full_disk_is_told_with_what_is_kept(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """The first cell is on disk when the second meets the full disk."""
    engine.on_load = in_turn(nothing, raising(OSError(28, "No space left on device", "records.jsonl")))
    with pytest.raises(StorageError, match="No space left") as caught:
        reproduce(plan, tmp_path / "run", engine, weights, SUITE, Silent())
    assert caught.value.exit_code == 10
    assert next(cell for cell in read_result(tmp_path / "run").cells).status == "measured"


def test_a_folder_with_something_in_it_is_refused(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """Runs are never mixed."""
    with pytest.raises(InputError, match="not an empty folder"):
        reproduce(plan, tmp_path, engine, weights, SUITE, Silent())
    assert engine.log == []

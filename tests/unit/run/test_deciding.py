"""Runs that decide, are extended and go on, with a scripted engine: what is measured, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from kit.documents import Calibration, Plan
from kit.errors import InputError
from kit.plan.extension import deciding, extended, is_extension
from kit.plan.plan import cell_order
from kit.run.reproduce import Outcome, reproduce
from kit.run.status import latest_run, status_of
from kit.storage.live import live_file, read_live
from kit.storage.run_folder import read_cells, read_plan
from kit.supply.supply import process_supply
from tests.support.calibrations import good_calibration
from tests.support.fakes import SUITE, FakeEngine, FakeRunning, Silent, TinyServer, demo_plan, raising


@pytest.fixture(autouse=True)
def _calibrated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calibration is good and takes no time, and nobody waits for a quiet machine: this is about other things."""

    def calibration(*_: object, **__: object) -> Calibration:
        return good_calibration((1,))

    monkeypatch.setattr("kit.run.reproduce.calibrate", calibration)
    monkeypatch.setattr("kit.run.around.quiet.Quiet.wait", lambda _: None)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def plan(weights: Path) -> Plan:
    """Two entries at one user, two replicates."""
    whole = demo_plan()
    names = ("llamacpp-serial", "other")
    return replace(
        whole,
        model=replace(whole.model, sha256=sha256(weights.read_bytes()).hexdigest()),
        workload=replace(whole.workload, concurrencies=(1,), replicates=2),
        entries=(whole.entries[0], replace(whole.entries[0], name="other")),
        cells=cell_order(names, (1,), 2),
        quiet_wait_ns=0,
        attempts=1,
    )


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with TinyServer() as server:
        yield FakeEngine(server.url)


def measured(plan: Plan, run: Path, engine: FakeEngine, weights: Path) -> Outcome:
    engine.running = FakeRunning(engine.running.url)
    return reproduce(plan, run, engine, process_supply(plan, weights), SUITE, Silent())


def contents(run: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(run)): path.read_bytes()
        for path in run.rglob("*")
        if path.is_file() and path.parent != run
    }


def test_a_run_that_decides_ends_when_it_has_decided(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """The scripted server gives every cell the same figure: tied after three of six replicates."""
    six = replace(
        plan,
        workload=replace(plan.workload, replicates=6),
        cells=cell_order(("llamacpp-serial", "other"), (1,), 6),
    )
    outcome = measured(deciding(six, None), tmp_path / "run", engine, weights)
    statuses = [cell.status for cell in outcome.result.cells]
    assert statuses == ["measured"] * 6 + ["not needed"] * 6
    assert outcome.result.complete
    assert outcome.notes[0] == "Decided after 3 replicates: 6 of at most 12 cells were needed."
    assert "kit-sequential-1" in outcome.notes[1]
    found = status_of(tmp_path / "run")
    assert (found.state, found.measured, found.not_needed, found.left_ns, found.resume) == (
        "complete",
        6,
        6,
        0,
        None,
    )


def test_a_budget_ends_a_run_between_replicates_and_names_what_is_open(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """The calibration alone is longer than the budget, so only the first replicate is measured."""
    six = replace(
        plan,
        workload=replace(plan.workload, replicates=6),
        cells=cell_order(("llamacpp-serial", "other"), (1,), 6),
    )
    run = tmp_path / "run"
    outcome = measured(deciding(six, 1), run, engine, weights)
    assert [cell.status for cell in outcome.result.cells] == ["measured"] * 2 + ["not needed"] * 10
    assert outcome.notes[:2] == (
        "The budget of 1e-09 s ended the run after one replicate: 2 of at most 12 cells were measured.",
        "Still open: llamacpp-serial against other at 1 user.",
    )
    more = measured(extended(read_plan(run)[0], 6, None), run, engine, weights)
    assert [cell.status for cell in more.result.cells] == ["measured"] * 6 + ["not needed"] * 6
    assert read_plan(run)[0].extended == (6,)


def test_a_run_can_be_extended_and_keeps_what_it_has(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """The cells of two more replicates are measured, the old ones stay byte for byte, the plan is the new one."""
    run = tmp_path / "run"
    first = measured(plan, run, engine, weights)
    before = contents(run)
    longer = extended(plan, 4)
    assert longer.extended == (2,)
    second = measured(longer, run, engine, weights)
    assert [cell.status for cell in second.result.cells] == ["measured"] * 8
    assert {name: data for name, data in contents(run).items() if name in before} == before
    stored, digest = read_plan(run)
    assert stored == longer
    assert second.plan_sha256 == digest != first.plan_sha256
    assert measured(extended(longer, 5), run, engine, weights).result.complete
    assert read_plan(run)[0].extended == (2, 4)


def test_only_the_same_plan_with_more_replicates_extends_a_run(plan: Plan) -> None:
    """Not fewer, not as many, not another seed."""
    for count in (1, 2):
        with pytest.raises(InputError, match="2 replicates already"):
            extended(plan, count)
    longer = extended(plan, 3)
    assert is_extension(longer, plan)
    assert not is_extension(plan, plan)
    assert not is_extension(plan, longer)
    assert not is_extension(replace(longer, seed=plan.seed + 1), plan)
    assert not is_extension(replace(longer, extended=()), plan)


def test_a_run_that_decides_needs_two_entries_and_a_first_look(plan: Plan) -> None:
    """Else there is nothing to decide."""
    with pytest.raises(InputError, match="only one"):
        deciding(replace(plan, entries=plan.entries[:1]), None)
    with pytest.raises(InputError, match="after 3 replicates"):
        deciding(plan, None)


def test_an_interrupted_cell_is_taken_again(plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path) -> None:
    """What it left is set aside, marked as it was; the finished cell stays byte for byte."""
    run = tmp_path / "run"
    calls = iter([lambda: None, raising(KeyboardInterrupt())])
    engine.on_load = lambda: next(calls)()
    with pytest.raises(KeyboardInterrupt):
        measured(plan, run, engine, weights)
    found = status_of(run)
    assert (found.state, found.measured, found.interrupted) == ("stopped", 1, ("r1-c1-other",))
    assert found.resume == f"kit reproduce --resume {run}"
    assert found.at_most_ns == found.left_ns > 0
    before = contents(run)
    engine.on_load = lambda: None
    outcome = measured(plan, run, engine, weights)
    assert [cell.status for cell in outcome.result.cells] == ["measured"] * 4
    after = contents(run)
    assert {name: data for name, data in after.items() if name in before and "c1-llamacpp" in name} == {
        name: data for name, data in before.items() if "c1-llamacpp" in name
    }
    aside = {name.replace("cells/r1-c1-other", "attempts/r1-c1-other.1"): data for name, data in before.items()}
    assert after["attempts/r1-c1-other.1/cell.json"] == aside["attempts/r1-c1-other.1/cell.json"]
    assert b'"interrupted"' in after["attempts/r1-c1-other.1/cell.json"]
    assert status_of(run).set_aside == 1


def test_a_half_written_document_is_never_read(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """A run killed while it wrote cell.json is resumed: what is there of it is litter."""
    run = tmp_path / "run"
    measured(plan, run, engine, weights)
    cell = run / "cells" / plan.cells[-1].id / "cell.json"
    cell.with_name("cell.json~").write_bytes(cell.read_bytes()[:100])
    cell.unlink()
    (run / "result.json~").write_bytes(b"{")
    assert measured(plan, run, engine, weights).result.complete
    assert not list(run.rglob("*~"))
    assert len(read_cells(run, plan)) == 4


# --- while it goes on ---------------------------------------------------------------------------------------


def test_a_run_says_what_it_does_while_it_does_it(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """Another process would see the same: which cell, which phase, and nothing any more when it has ended."""
    run, seen = tmp_path / "run", []
    engine.on_window = lambda: seen.append(status_of(run))
    measured(plan, run, engine, weights)
    running = [each.running for each in seen]
    assert [(each.cell, each.phase) for each in running if each] == [(cell.id, "window") for cell in plan.cells]
    assert [each.measured for each in seen] == [0, 1, 2, 3]
    assert {each.state for each in seen} == {"running"}
    assert {each.resume for each in seen} == {None}
    assert read_live(run) is None
    assert not (run / "live.json").exists()
    assert latest_run(tmp_path) == run


def test_two_runs_never_measure_into_one_folder(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """The second is told so before it touches anything; a killed run leaves its file but holds nobody up."""
    run = tmp_path / "run"
    measured(plan, run, engine, weights)
    before = contents(run)
    with live_file(run) as live:
        live.tell(plan.cells[0].id, "window")
        with pytest.raises(InputError, match="Another kit measures"):
            measured(plan, run, engine, weights)
        assert status_of(run).state == "running"
    assert contents(run) == before
    (run / "live.json").write_text(
        '{"pid": 1, "cell": null, "phase": "x", "cell_began_ns": 1, "phase_began_ns": 1}'
    )
    assert status_of(run).state == "complete"
    assert measured(plan, run, engine, weights).result.complete


def test_without_a_run_there_is_no_status(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run"):
        latest_run(tmp_path)

"""Disturbed cells with a scripted engine: set aside, measured again, marked; and the wait for a quiet machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest

from kit.documents import Cell, Plan, Window
from kit.run.around.quiet import Quiet
from kit.run.reproduce import reproduce
from kit.storage.run_folder import read_cells, read_document
from kit.supply.supply import process_supply
from tests.support.fakes import SUITE, FakeEngine, FakeRunning, Silent, TinyServer, demo_plan, raising
from tests.support.records import MS
from tests.support.telemetry import Machine

QUIET, BUSY = Machine(), Machine(other=Fraction(1))
FIRST, OTHER = "r1-c1-llamacpp-serial", "r1-c1-other"
WORDS = "other programs used 50 % of the CPU time, limit 3 %, no CPU to spare"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scripted sampler leaves its samples at once."""
    nobody = SimpleNamespace(sleep=lambda _: None)
    monkeypatch.setattr("kit.run.telemetry.time", nobody)
    monkeypatch.setattr("kit.run.cell.LEAD_S", 0.0)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def plan(weights: Path) -> Plan:
    """Two cells, three attempts at each, no wait."""
    whole = demo_plan()
    model = replace(whole.model, sha256=sha256(weights.read_bytes()).hexdigest())
    workload = replace(whole.workload, concurrencies=(1,), replicates=1)
    entries = (whole.entries[0], replace(whole.entries[0], name="other"))
    cells = (whole.cells[0], replace(whole.cells[1], entry="other", id=OTHER))
    return replace(
        whole, model=model, workload=workload, calibrate=False, entries=entries, cells=cells, method=3,
        attempts=3, quiet_wait_ns=0,
    )  # fmt: skip


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with TinyServer() as server:
        yield FakeEngine(server.url)


def sampled(engine: FakeEngine, *machines: Machine) -> None:
    """The sampler sees these machines, one after the other, and the last for ever."""
    engine.sampling.machines = list(machines)


def attempt_of(run: Path, cell: str, number: int) -> Cell:
    path = run / "attempts" / f"{cell}.{number}" / "cell.json"
    return read_document(path.read_bytes(), Cell, "cell", path.name)


def test_a_disturbed_cell_is_set_aside_and_measured_again(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """On a machine that is quiet again; both attempts are kept, one counts, the report says so."""
    run, observer = tmp_path / "run", Silent()
    sampled(engine, QUIET, BUSY, QUIET)  # the look before the start, the first cell, then all others
    outcome = reproduce(plan, run, engine, process_supply(plan, weights), SUITE, observer)
    first, counts = attempt_of(run, FIRST, 1), read_cells(run, plan)[FIRST]
    assert first.telemetry is not None
    assert counts.telemetry is not None
    assert (first.telemetry.disturbed, counts.telemetry.disturbed) == ((WORDS,), ())
    assert (first.status, first.attempt, counts.attempt) == ("measured", 1, 2)
    assert [(line.attempts, line.suspect) for line in outcome.result.cells] == [
        (2, ("not calibrated",)), (1, ("not calibrated",)),
    ]  # fmt: skip
    assert observer.retaken == [(FIRST, (WORDS,), True)]
    report = (run / "REPORT.md").read_text()
    assert "1 of 2 cells was disturbed and measured again." in report
    assert "r1-c1-llamacpp-serial, attempt 1: other programs used 50 %" in report
    assert engine.log.count("start") == engine.log.count("stop") == 3


def test_where_quiet_never_comes_the_last_attempt_counts_and_is_marked(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """After three attempts there is no verdict on the cell, and a sentence."""
    run, observer = tmp_path / "run", Silent()
    sampled(engine, BUSY)
    outcome = reproduce(plan, run, engine, process_supply(plan, weights), SUITE, observer)
    assert {(line.status, line.attempts, line.suspect[-1]) for line in outcome.result.cells} == {
        ("measured", 3, f"disturbed: {WORDS}")
    }
    assert observer.retaken[:3] == [(FIRST, (WORDS,), True), (FIRST, (WORDS,), True), (FIRST, (WORDS,), False)]
    assert sorted(path.name for path in (run / "attempts").iterdir()) == [
        f"{FIRST}.1", f"{FIRST}.2", f"{OTHER}.1", f"{OTHER}.2",
    ]  # fmt: skip
    report = (run / "REPORT.md").read_text()
    assert "2 of 2 cells were still disturbed at the last attempt: no verdict." in report
    assert "The machine was not quiet before the start: other programs use 50 %" in report


def test_a_plan_before_method_3_neither_looks_nor_repeats(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """As it was when it was made."""
    run = tmp_path / "run"
    sampled(engine, BUSY)
    old = replace(plan, method=2, attempts=1)
    reproduce(old, run, engine, process_supply(plan, weights), SUITE, Silent())
    assert not any(word.startswith("telemetry") for word in engine.log)
    assert not (run / "attempts").exists()
    assert not (run / "telemetry.jsonl").exists()


def test_what_was_killed_before_it_was_set_aside_is_set_aside_on_resume(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """A disturbed cell that lies where the one that counts should is measured again; the others stay."""
    run, supply = tmp_path / "run", process_supply(plan, weights)
    sampled(engine, QUIET, BUSY, QUIET)
    reproduce(plan, run, engine, supply, SUITE, Silent())
    other = (run / "cells" / OTHER / "cell.json").read_bytes()
    for path in (run / "cells" / FIRST).iterdir():
        path.unlink()
    (run / "cells" / FIRST).rmdir()
    (run / "attempts" / f"{FIRST}.1").rename(run / "cells" / FIRST)  # as a kill -9 right after the cell leaves it
    engine.log.clear()
    engine.running = FakeRunning(engine.running.url)
    outcome = reproduce(plan, run, engine, supply, SUITE, Silent())
    assert engine.log.count("load") == 1
    assert [line.attempts for line in outcome.result.cells] == [2, 1]
    assert attempt_of(run, FIRST, 1).telemetry is not None
    assert (run / "cells" / OTHER / "cell.json").read_bytes() == other


def test_an_interrupt_while_it_waits_for_quiet_leaves_no_disturbed_cell_that_counts(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """The cell is missing, and resume measures it."""
    run = tmp_path / "run"
    sampled(engine, QUIET, BUSY, QUIET)
    observer = Silent()
    looks: list[int] = []

    def looking() -> None:
        looks.append(1)
        if len(looks) == 2:
            raise KeyboardInterrupt

    observer.looking = looking  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        reproduce(plan, run, engine, process_supply(plan, weights), SUITE, observer)
    result = json.loads((run / "result.json").read_text())
    assert [line["status"] for line in result["cells"]] == ["missing", "missing"]
    outcome = reproduce(plan, run, engine, process_supply(plan, weights), SUITE, Silent())
    assert [(line.status, line.attempts) for line in outcome.result.cells] == [("measured", 2), ("measured", 1)]


def test_a_window_that_stayed_empty_on_a_busy_machine_is_measured_again(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """The failure names what disturbed it, and lies among the attempts; the cell that counts is measured."""
    run, whole = tmp_path / "run", engine.window
    sampled(engine, QUIET, BUSY, QUIET)
    engine.window = Window(1000 * MS, 1500 * MS)

    class Lengthening(Silent):
        def disturbed(self, cell: Cell, reasons: tuple[str, ...], *, again: bool) -> None:
            super().disturbed(cell, reasons, again=again)
            engine.window = whole

    outcome = reproduce(plan, run, engine, process_supply(plan, weights), SUITE, Lengthening())
    first = attempt_of(run, FIRST, 1)
    assert first.failure is not None
    assert (first.status, first.failure.kind) == ("failed", "EmptyWindow")
    assert "It was disturbed: other programs used" in first.failure.message
    assert [(line.status, line.attempts) for line in outcome.result.cells] == [("measured", 2), ("measured", 1)]


def test_a_failed_cell_is_not_measured_again(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """Whatever the machine did meanwhile."""
    sampled(engine, BUSY)
    engine.on_load = raising(OSError(5, "Input/output error"))
    run = tmp_path / "run"
    with pytest.raises(Exception, match="Input/output"):
        reproduce(plan, run, engine, process_supply(plan, weights), SUITE, Silent())
    assert not (run / "attempts").exists()


# --- before the start -------------------------------------------------------------------------------------


def test_the_look_before_the_start_is_kept(plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path) -> None:
    """The idle machine; a run that goes on keeps the first."""
    run, supply = tmp_path / "run", process_supply(plan, weights)
    reproduce(plan, run, engine, supply, SUITE, Silent())
    kept = (run / "telemetry.jsonl").read_bytes()
    assert kept.count(b"\n") >= 20
    for path in (run / "cells" / OTHER).iterdir():
        path.unlink()
    sampled(engine, replace(QUIET, package_mw=1), QUIET)
    reproduce(plan, run, engine, supply, SUITE, Silent())
    assert (run / "telemetry.jsonl").read_bytes() == kept


def test_a_busy_machine_is_waited_for(plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path) -> None:
    """Until it is quiet, with the reason each time; then nothing more is said of it."""
    run, observer = tmp_path / "run", Silent()
    sampled(engine, BUSY, BUSY, QUIET)
    patient = replace(plan, quiet_wait_ns=60 * 10**9)
    reproduce(patient, run, engine, process_supply(plan, weights), SUITE, observer)
    assert [reasons for reasons, _, _ in observer.waits] == [
        ("other programs use 50 % of the CPU time, limit 3 %",)
    ] * 2
    assert all(0 < left_s <= 60 for _, _, left_s in observer.waits)
    assert "not quiet" not in (run / "REPORT.md").read_text()


def test_the_wait_is_bounded(plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path) -> None:
    """With no time to wait there is one look, and the run goes on with a warning."""
    observer = Silent()
    sampled(engine, BUSY, QUIET)
    reproduce(plan, tmp_path / "run", engine, process_supply(plan, weights), SUITE, observer)
    assert [left_s for _, _, left_s in observer.waits] == [0.0]


def test_after_a_wait_in_vain_the_next_one_is_short(
    plan: Plan, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tenth, until the machine was quiet once: one that never is would else cost a wait for each cell."""
    now = [0]

    def later() -> SimpleNamespace:
        now[0] += 10**9
        return SimpleNamespace(at_ns=now[0], times={})

    monkeypatch.setattr("kit.run.around.quiet.moment", later)
    monkeypatch.setattr("kit.run.around.quiet.time.monotonic_ns", lambda: now[0])
    observer = Silent()
    quiet = Quiet(replace(plan, quiet_wait_ns=60 * 10**9), engine, observer)

    def waited(*machines: Machine) -> int:
        sampled(engine, *machines)
        observer.waits.clear()
        before_ns = now[0]
        quiet.wait()
        return (now[0] - before_ns) // 10**9

    assert [waited(BUSY), waited(BUSY), waited(QUIET), waited(BUSY)] == [60, 6, 2, 60]
    assert observer.waits[-1][2] == 0.0


def test_a_machine_that_cannot_be_looked_at_is_not_waited_for(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """A sampler that leaves nothing costs no run its numbers, but each of its cells is marked."""
    engine.sampling.leaves = False
    run, observer = tmp_path / "run", Silent()
    outcome = reproduce(plan, run, engine, process_supply(plan, weights), SUITE, observer)
    assert observer.waits == []
    assert {line.suspect[-1] for line in outcome.result.cells} == {
        "disturbed: telemetry has no samples of the window"
    }

"""A program that burns CPUs beside a real cell: set aside, measured again, verified; or no verdict."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kit.catalogue import model
from kit.cli._shared.planning import chosen_platform, plan_of
from kit.documents import Cell, Plan
from kit.documents.phases import STOP, WARM_UP
from kit.engines.process import ProcessEngine
from kit.judge.advice import leader_sentence, leaders
from kit.judge.open import verified_study
from kit.plan.correctness import load_suite
from kit.run.reproduce import Outcome, reproduce
from kit.storage.bundle import pack_run
from kit.storage.run_folder import read_cells
from kit.supply.download import fetch
from kit.supply.supply import process_supply
from kit.verify import verify_bundle
from kit.verify.evidence import open_bundle
from tests.support.fakes import Silent
from tests.support.running import demo_on_one_thread

pytestmark = [pytest.mark.integration, pytest.mark.alone]  # else the other tests are what disturbs

# It ends by itself, should nobody be left to end it.
BURN = "import time\nend = time.monotonic() + 300\nwhile time.monotonic() < end: pass"


class Burner(Silent):
    """Burns half of the CPUs from the warm-up of a cell to its stop, the first so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self._left = times
        self._children: list[subprocess.Popen[bytes]] = []

    def phase(self, cell: str, name: str) -> None:
        super().phase(cell, name)
        if name == WARM_UP and self._left:
            self._left -= 1
            command = [sys.executable, "-c", BURN]
            self._children = [subprocess.Popen(command) for _ in range(max(1, (os.cpu_count() or 1) // 2))]
        if name == STOP:
            self.end()

    def end(self) -> None:
        for child in self._children:
            child.kill()
            child.wait()
        self._children = []


@pytest.fixture
def burning(request: pytest.FixtureRequest) -> Iterator[Burner]:
    burner = Burner(request.param)
    yield burner
    burner.end()


def plan_for(folder: Path, attempts: int, wait_s: float) -> Plan:
    """One cell of the demo with a short window; its server computes on one CPU and waits for no other."""
    platform = chosen_platform(
        demo_on_one_thread(folder), only="llamacpp-serial", concurrency=(1,), window=2.5, warmup=0.5, replicates=1
    )
    plan = plan_of(platform, None, calibrate=False, quiet_wait_s=wait_s)
    return replace(plan, method=3, attempts=attempts)


def run(plan: Plan, folder: Path, burner: Burner) -> Outcome:
    file = fetch(model(plan.model.name), lambda *_: None)
    suite = load_suite("correctness", plan.correctness_level)
    return reproduce(plan, folder, ProcessEngine(), process_supply(plan, file), suite, burner)


def reasons_of(cell: Cell) -> tuple[str, ...]:
    assert cell.telemetry is not None
    return cell.telemetry.disturbed


@pytest.mark.parametrize("burning", [1], indirect=True)
def test_a_cell_that_was_disturbed_is_measured_again_in_quiet(burning: Burner, tmp_path: Path) -> None:
    """The first attempt is kept with the reason; the one that counts is undisturbed. All of it verifies.

    Twenty attempts and a patient wait, because the machine of the test may have other guests.
    """
    plan = plan_for(tmp_path, 20, 30.0)
    outcome = run(plan, tmp_path / "run", burning)
    (line,) = outcome.result.cells
    (cell,) = read_cells(tmp_path / "run", plan).values()
    assert line.attempts == cell.attempt >= 2
    assert reasons_of(cell) == ()
    assert burning.retaken[0][2]
    assert burning.retaken[0][1][0].startswith("other programs used")
    assert line.suspect == ("not calibrated",)
    verdict = verify_bundle(pack_run(tmp_path / "run").data)
    assert verdict.label == "self-reported", verdict.findings
    assert verdict.checked["attempts.replayed"] == line.attempts
    assert "was disturbed and measured again" in (tmp_path / "run" / "REPORT.md").read_text()


@pytest.mark.parametrize("burning", [99], indirect=True)
def test_where_quiet_never_comes_there_is_no_verdict(burning: Burner, tmp_path: Path) -> None:
    """Two attempts, both disturbed: no leader and a sentence that says why; the bundle verifies all the same."""
    plan = plan_for(tmp_path, 2, 0.0)
    outcome = run(plan, tmp_path / "run", burning)
    (line,) = outcome.result.cells
    assert (line.status, line.attempts) == ("measured", 2)
    assert line.suspect[-1].startswith("disturbed: other programs used")
    bundle = pack_run(tmp_path / "run").data
    assert verify_bundle(bundle).label == "self-reported"
    (leader,) = leaders(verified_study(open_bundle(bundle), "run").study)
    assert leader.entry is None
    assert "disturbed: other programs used" in leader_sentence(leader)
    assert "still disturbed at the last attempt: no verdict." in (tmp_path / "run" / "REPORT.md").read_text()

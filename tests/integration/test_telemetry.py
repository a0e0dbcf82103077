"""Telemetry of a real run: llama.cpp as a process, real records, a program that disturbs, a sampler that dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kit.catalogue import model
from kit.documents import Cell, CellPlan, Plan, Verdict
from kit.documents.phases import WINDOW
from kit.documents.telemetry import TelemetrySummary
from kit.engines.process import ProcessEngine
from kit.plan.correctness import load_suite
from kit.plan.plan import make_plan
from kit.plan.platforms import load_platform
from kit.plan.prompts import load_prompts
from kit.run.reproduce import reproduce
from kit.run.telemetry import look
from kit.storage.run_folder import read_folder
from kit.supply.download import fetch
from kit.supply.supply import process_supply
from kit.verify.evidence import open_run
from kit.verify.verdict import verify
from tests.support.fakes import Silent

pytestmark = pytest.mark.integration

SERIAL, BATCHED = "r1-c2-llamacpp-serial", "r1-c2-llamacpp-batched"


def short_plan() -> Plan:
    """The demo at concurrency 2 with windows of three seconds; on one thread, for machines that are busy."""
    demo = load_platform("demo")
    workload = replace(demo.workload, concurrencies=(2,), replicates=1, warmup_s=1.0, window_s=3.0)
    suite = load_suite(demo.correctness.name, demo.correctness.level)
    made = make_plan(
        replace(demo, workload=workload), model(demo.model), load_prompts(workload.prompts), suite,
        cpus=1, seed=None, calibrate=False,
    )  # fmt: skip
    return replace(made, method=3, attempts=1, quiet_wait_ns=0)  # a burner meant to be seen is not waited for


class Disturbing(Silent):
    """Starts a program that burns a CPU with one cell, and kills the sampler in the window of another."""

    def __init__(self, burned: str = "", killed: str = "") -> None:
        super().__init__()
        self._burned, self._killed = burned, killed
        self._burner: subprocess.Popen[bytes] | None = None

    def phase(self, cell: str, name: str) -> None:
        super().phase(cell, name)
        if cell == self._killed and name == WINDOW:
            found = subprocess.run(
                ["pgrep", "-P", str(os.getpid()), "-f", "kit.telemetry"],
                capture_output=True,
                text=True,
                check=True,
            )
            os.kill(int(found.stdout), signal.SIGKILL)

    def cell_started(self, cell: object) -> None:
        if isinstance(cell, CellPlan) and cell.id == self._burned:
            self._burner = subprocess.Popen([sys.executable, "-I", "-c", "while True: pass"])

    def cell_ended(self, cell: object) -> None:
        del cell
        self.end()

    def end(self) -> None:
        if self._burner is not None:
            self._burner.kill()
            self._burner.wait()
            self._burner = None


def ran(run: Path, observer: Disturbing) -> tuple[dict[str, Cell], Verdict]:
    """A run with a look at the machine before it, and the verdict on it."""
    plan, engine = short_plan(), ProcessEngine()
    asked = load_platform("demo").correctness
    suite = load_suite(asked.name, asked.level)
    supply = process_supply(plan, fetch(model(plan.model.name), lambda *_: None))
    cells: dict[str, Cell] = {}

    class Keeping(Silent):
        def phase(self, cell: str, name: str) -> None:
            observer.phase(cell, name)

        def cell_started(self, cell: object) -> None:
            if not (run / "telemetry.jsonl").exists():
                look(engine, run, seconds=1.0)
            observer.cell_started(cell)

        def cell_ended(self, cell: object) -> None:
            assert isinstance(cell, Cell)
            cells[cell.id] = cell
            observer.cell_ended(cell)

    try:
        reproduce(plan, run, engine, supply, suite, Keeping())
    finally:
        observer.end()
    return cells, verify(open_run(read_folder(run)))


def summary(cell: Cell) -> TelemetrySummary:
    assert cell.telemetry is not None
    assert cell.telemetry.summary is not None
    return cell.telemetry.summary


def of_telemetry(verdict: Verdict) -> set[str]:
    return {finding.rule for finding in verdict.findings if finding.rule.startswith("telemetry.")}


def test_a_run_has_telemetry_that_verifies_and_shows_what_else_ran(tmp_path: Path) -> None:
    """The server works in each window; the program beside the second cell is in no part of the kit's."""
    cells, verdict = ran(tmp_path / "run", Disturbing(burned=BATCHED))
    for cell in cells.values():
        found = summary(cell)
        assert cell.telemetry is not None
        assert (cell.status, cell.telemetry.ended) == ("measured", "stopped")
        assert found.server_share is not None
        assert found.server_share > 0.05
        assert (found.loadgen_share or 0) > 0
        assert (found.server_peak_bytes or 0) > 50 << 20
        assert found.clock_step_ns is not None
        assert abs(found.clock_step_ns) < 10_000_000
    assert (summary(cells[BATCHED]).other_share or 0) * 2 > 0.25
    assert of_telemetry(verdict) == set()
    assert {name for name in verdict.checked if name.startswith("telemetry.")} == {
        "telemetry.plausible", "telemetry.present", "telemetry.recomputed",
    }  # fmt: skip
    assert verdict.label != "rejected"


def test_a_sampler_that_dies_in_the_window_costs_no_cell(tmp_path: Path) -> None:
    """It is measured, says why it has no telemetry to its end, and verify flags that and nothing else of it."""
    cells, verdict = ran(tmp_path / "run", Disturbing(killed=SERIAL))
    lost = cells[SERIAL]
    assert lost.telemetry is not None
    assert (lost.status, lost.telemetry.ended) == ("measured", "the sampler ended with exit code -9")
    assert summary(lost).other_share is None
    assert summary(lost).samples < 10
    assert summary(cells[BATCHED]).other_share is not None
    assert of_telemetry(verdict) >= {"telemetry.present"}
    assert "telemetry.recomputed" not in of_telemetry(verdict)
    assert verdict.label != "rejected"

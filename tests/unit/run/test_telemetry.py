"""Samples beside a load: where they go, and that nothing about them fails a cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from kit.documents import Cell
from kit.errors import EngineError
from kit.run import cell as run_cell
from kit.run.cell import measure_cell
from kit.run.phases import CellInputs
from kit.run.telemetry import look, run_look
from kit.storage.telemetry_file import read_samples, write_samples
from kit.supply.supply import ProcessSupply, WeightsFile
from tests.support.fakes import SUITE, FakeEngine, Silent, TinyServer, demo_plan, raising
from tests.support.records import MS
from tests.support.telemetry import Machine, samples_of

PLAN = replace(demo_plan(), method=3)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_cell, "LEAD_S", 0.0)


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with TinyServer() as server:
        yield FakeEngine(server.url)


def measured(engine: FakeEngine, run: Path, *, method: int = 3) -> Cell:
    """The first cell of the demo, below a run folder."""
    plan = replace(PLAN, method=3 if method == 3 else 2)
    folder = run / "cells" / plan.cells[0].id
    supply = ProcessSupply({plan.cells[0].entry: WeightsFile(Path("model.gguf"), plan.model.sha256)})
    return measure_cell(CellInputs(plan, plan.cells[0], folder, engine, supply, SUITE, Silent()))


def leaving(folder: Path, data: bytes) -> Callable[[], None]:
    """What happens in the window: the sampler writes this."""

    def write() -> None:
        (folder / "telemetry.jsonl").write_bytes(data)

    return write


def test_a_cell_of_method_3_is_sampled_from_before_its_load_to_after_it(
    engine: FakeEngine, tmp_path: Path
) -> None:
    """While the server runs; the file stays, what the sampler said of itself goes into cell.json."""
    cell = measured(engine, tmp_path)
    assert engine.log == ["start", "telemetry none", "load", "telemetry ended", "stop"]
    folder = tmp_path / "cells" / cell.id
    assert cell.telemetry is not None
    assert (cell.status, cell.telemetry.ended, cell.telemetry.cpus) == ("measured", "stopped", 2)
    assert cell.telemetry.samples_sha256 == sha256((folder / "telemetry.jsonl").read_bytes()).hexdigest()
    assert cell.telemetry.summary is not None
    assert cell.telemetry.summary.server_share == 0.375
    assert not (folder / "sampler.json").exists()


def test_a_cell_of_an_older_method_is_not_sampled(engine: FakeEngine, tmp_path: Path) -> None:
    """Its documents are what they were."""
    cell = measured(engine, tmp_path, method=2)
    assert cell.telemetry is None
    assert "telemetry none" not in engine.log
    assert b"telemetry" not in (tmp_path / "cells" / cell.id / "cell.json").read_bytes()


def test_a_sampler_that_left_nothing_fails_no_cell(engine: FakeEngine, tmp_path: Path) -> None:
    """The cell says why; its file is there and empty."""
    engine.sampling.ended, engine.sampling.leaves = "the sampler ended with exit code -9", False
    cell = measured(engine, tmp_path)
    assert cell.status == "measured"
    assert cell.telemetry is not None
    assert cell.telemetry.ended == "the sampler ended with exit code -9"
    assert cell.telemetry.summary is not None
    assert (cell.telemetry.summary.samples, cell.telemetry.summary.other_share) == (0, None)
    assert (tmp_path / "cells" / cell.id / "telemetry.jsonl").read_bytes() == b""


@pytest.mark.parametrize("left", [b'{"at_ns":1}\n', b"\xff\n", b'{"at_ns":1,"real_ns":-1}\n'])
def test_samples_that_cannot_be_read_fail_no_cell(engine: FakeEngine, tmp_path: Path, left: bytes) -> None:
    """What is wrong with them is why there are none."""
    engine.sampling.leaves = False
    folder = tmp_path / "cells" / PLAN.cells[0].id
    engine.on_window = leaving(folder, left)
    cell = measured(engine, tmp_path)
    assert cell.status == "measured"
    assert cell.telemetry is not None
    assert "telemetry.jsonl" in cell.telemetry.ended


def test_a_load_that_fails_ends_the_sampler(engine: FakeEngine, tmp_path: Path) -> None:
    """Also where the load raises; what was sampled stays."""
    engine.on_load = raising(EngineError("The engine is gone."))
    cell = measured(engine, tmp_path)
    assert (cell.status, cell.telemetry) == ("failed", None)
    assert engine.log == ["start", "telemetry none", "load", "telemetry ended", "stop"]
    assert (tmp_path / "cells" / cell.id / "telemetry.jsonl").stat().st_size > 0


def test_an_interrupt_ends_the_sampler_and_goes_on(engine: FakeEngine, tmp_path: Path) -> None:
    """As without one."""
    engine.on_load = raising(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        measured(engine, tmp_path)
    assert engine.log[-2:] == ["telemetry ended", "stop"]


def test_the_idle_power_of_the_look_is_taken_off(engine: FakeEngine, tmp_path: Path) -> None:
    """30 W in the window, 10 W in the look: 20 J of the one second."""
    write_samples(tmp_path / "telemetry.jsonl", tuple(samples_of(0, 2000 * MS, Machine(package_mw=10_000))))
    assert len(run_look(tmp_path)) == 21
    telemetry = measured(engine, tmp_path).telemetry
    assert telemetry is not None
    summary = telemetry.summary
    assert summary is not None
    assert (summary.energy_j, summary.energy_source) == (20.0, "cpu package, minus idle")
    assert summary.joules_per_token == round(20 / 6, 6)


def test_a_look_samples_a_machine_without_a_server(engine: FakeEngine, tmp_path: Path) -> None:
    """For so long, into the run's folder; a look that cannot be read is none."""
    found = look(engine, tmp_path, seconds=0.0)
    assert (found.ended, len(found.samples)) == ("stopped", 21)
    assert read_samples(tmp_path / "telemetry.jsonl") == found.samples == run_look(tmp_path)
    (tmp_path / "telemetry.jsonl").write_bytes(b"{}\n")
    assert run_look(tmp_path) == ()


def test_a_torn_last_line_is_cut_off(engine: FakeEngine, tmp_path: Path) -> None:
    """As a sampler that is killed leaves it: all lines before it count."""
    engine.sampling.leaves = False
    folder = tmp_path / "cells" / PLAN.cells[0].id
    whole = write_samples(tmp_path / "whole", tuple(samples_of(0, 2000 * MS)))
    engine.on_window = leaving(folder, whole + b'{"at_ns":21')
    cell = measured(engine, tmp_path)
    assert (folder / "telemetry.jsonl").read_bytes() == whole
    assert cell.telemetry is not None
    assert cell.telemetry.summary is not None
    assert cell.telemetry.summary.samples == 10

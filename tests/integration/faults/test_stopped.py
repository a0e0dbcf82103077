"""SIGSTOP: what stands still in a window is told, and what only the kit did not see changes nothing."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.support.faulting import FIRST, LOADGEN, SERVER, Faulted, faulted, stopped
from tests.support.running import descendants_of, kit

pytestmark = [pytest.mark.integration, pytest.mark.long(part=4)]

ALONE = ("--only", "llamacpp-serial")
# One user, who waits a moment for each first token: of parts of four waits there are enough in the window.
ONE_USER, ONE = (*ALONE, "-c", "1", "--window", "12"), "r1-c1-llamacpp-serial"
INTO_S = 1.5  # the request that the warm-up began has ended, which is in no latency of the window
HARM_S = 4.5  # in any case one whole part


def flags_of(run: Path) -> dict[str, str]:
    """The flags of verification, which must not refuse the run."""
    verdict = json.loads(kit("verify", str(run), "--json").stdout)
    assert verdict["label"] != "rejected", verdict["findings"]
    return {found["rule"]: found["message"] for found in verdict["findings"] if found["level"] == "flag"}


def stalled_s(going: Faulted, cell: str = FIRST) -> float:
    """How long the load generator of the harmed cell says that it stood still."""
    return float(going.harmed(cell)[0]["facts"].get("longest_stall_ns", 0)) / 1e9


def test_everything_stopped_for_20_s_is_told_in_the_cell(tmp_path: Path) -> None:
    """Server, load generator and kit: no stamp is of the time between, and the cell is in no verdict."""
    with faulted(tmp_path / "run", *ALONE, "--window", "3") as going:
        going.wait_for_window(FIRST)
        with stopped([*descendants_of(going.process.pid), going.process.pid]):
            time.sleep(20)
        code, _, stderr = going.ended()
        assert code == 0, stderr
        assert 19 < stalled_s(going) < 30
        assert any("stood still" in mark or "no sample" in mark for mark in going.harmed(FIRST)[1])
    flags_of(going.run)


def test_a_load_generator_that_stood_still_says_so(tmp_path: Path) -> None:
    """What the server sent meanwhile has a stamp of later: the figures are not the server's."""
    with faulted(tmp_path / "run", *ALONE, "--window", "3") as going:
        going.wait_for_window(FIRST)
        with stopped([going.pid_of(LOADGEN)]):
            time.sleep(2)
        code, _, stderr = going.ended()
        assert code == 0, stderr
        assert 1.5 < stalled_s(going) < 6
        assert going.harmed(FIRST)[1]


def test_a_server_that_stood_still_is_measured_as_it_was_and_flagged(tmp_path: Path) -> None:
    """The figures are true of the window, but a part of it had next to no tokens."""
    with faulted(tmp_path / "run", *ONE_USER) as going:
        going.wait_for_window(ONE)
        time.sleep(INTO_S)
        with stopped([going.pid_of(SERVER)]):
            time.sleep(HARM_S)
        code, stdout, stderr = going.ended()
        assert code == 0, stderr
        assert stalled_s(going, ONE) < 0.5
        assert going.harmed(ONE)[0]["metrics"]["e2e_ms"]["max"] > 3000
    assert "slowed down or stopped" in flags_of(going.run)["load.steady"]
    assert "Flag load.steady" in stdout


def test_a_server_that_becomes_ten_times_slower_in_the_window_is_flagged(tmp_path: Path) -> None:
    """It runs a tenth of the time for a third of the window."""
    with faulted(tmp_path / "run", *ONE_USER) as going:
        going.wait_for_window(ONE)
        server, until = going.pid_of(SERVER), time.monotonic() + HARM_S
        while time.monotonic() < until:
            with stopped([server]):
                time.sleep(0.18)
            time.sleep(0.02)
        code, _, stderr = going.ended()
        assert code == 0, stderr
    assert "slowed down or stopped" in flags_of(going.run)["load.steady"]


def test_a_kit_that_stood_still_changes_nothing(tmp_path: Path) -> None:
    """Load and telemetry are programs of their own, and wait for nobody."""
    with faulted(tmp_path / "run", *ALONE, "--window", "3") as going:
        going.wait_for_window(FIRST)
        with stopped([going.process.pid]):
            time.sleep(5)
        code, _, stderr = going.ended()
        assert code == 0, stderr
        assert stalled_s(going) < 0.5
        assert going.harmed(FIRST)[0]["status"] == "measured"
    assert not flags_of(going.run).keys() & {"load.lag", "load.busy", "time.steps"}

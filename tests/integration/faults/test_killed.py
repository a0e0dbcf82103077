"""kill -9 of whatever takes part in a run: finished cells stay as they are, and nothing is left running."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.support.faulting import FIRST, LOADGEN, SECOND, Faulted, alive, faulted, kept, resumed
from tests.support.running import descendants_of, kit, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.long(part=4)]

SEED = 2026
KILLS = 3


def test_a_load_generator_that_is_killed_fails_its_cell_and_the_run_goes_on(tmp_path: Path) -> None:
    """Its records are lost with it; the cell says so, and the next one is measured."""
    with faulted(tmp_path / "run", "--window", "2") as going:
        going.wait_for_window(FIRST)
        os.kill(going.pid_of(LOADGEN), signal.SIGKILL)
        code, _, stderr = going.ended()
        assert code == 0, stderr
        cell = going.cell(FIRST)
        assert (cell["status"], cell["failure"]["phase"], cell["metrics"]) == ("failed", "window", None)
        assert "ended with exit code -9" in cell["failure"]["message"]
        assert going.cell(SECOND)["status"] == "measured"
    assert kit("verify", str(tmp_path / "run")).returncode == 0


def kill(going: Faulted) -> None:
    """kill -9 of the kit; what it had started ends by itself."""
    left = [going.process.pid, *descendants_of(going.process.pid)]
    going.process.kill()
    going.process.communicate(timeout=60)
    wait_until(lambda: not any(map(alive, left)), "the end of all that it started", 20)


def test_a_run_that_is_killed_again_and_again_ends_and_loses_no_finished_cell(tmp_path: Path) -> None:
    """kill -9 at random moments, each time resumed: finished cells are byte for byte what they were."""
    run, moments = tmp_path / "run", random.Random(SEED)
    more = ("--window", "1.5", "--replicates", "3", "--attempts", "1")
    done: set[tuple[str, str, bytes]] = set()
    for number in range(KILLS):
        with faulted(run, *more) if not number else resumed(run) as going:
            wait_until((run / "host.json").exists, "the start")
            time.sleep(moments.uniform(0.5, 7))
            kill(going)
        assert done <= kept(run)
        done = kept(run)
    last = kit("reproduce", "--resume", str(run), "--yes", "--quiet")
    assert last.returncode == 0, last.stderr
    assert done <= kept(run)
    assert json.loads((run / "result.json").read_bytes())["complete"]
    assert kit("verify", str(run)).returncode == 0

"""Ctrl-C in every phase of a real run: nothing left running, a readable run folder, exit code 130."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.running import SHORT, demo_on_one_thread, kit, pids_of, start_kit, wait_until

pytestmark = pytest.mark.integration

FIRST, SECOND = "cells/r1-c2-llamacpp-serial", "cells/r1-c2-llamacpp-batched"
CELLS = (
    "--concurrency",
    "2",
    "--replicates",
    "2",
)  # enough for a busy machine not to be done when it is told to end
# What is on disk when a phase has begun.
MOMENTS: dict[str, Callable[[Path], bool]] = {
    "start": lambda run: (run / "host.json").exists(),
    "ready": lambda run: (run / FIRST / "server.log").exists(),
    "correct": lambda run: (
        "listening" in (run / FIRST / "server.log").read_text(errors="replace")
        if (run / FIRST / "server.log").exists()
        else False
    ),
    "warm-up": lambda run: (run / FIRST / "load.json").exists(),
    "window": lambda run: (run / FIRST / "load.json").exists(),
    "second cell": lambda run: (run / SECOND / "server.log").exists(),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_leaves_nothing_running_and_a_readable_run(moment: str, tmp_path: Path) -> None:
    """SIGINT to the kit alone, as a terminal sends it to the group the kit's children are not in."""
    run = tmp_path / "run"
    process = start_kit(
        "reproduce", demo_on_one_thread(tmp_path), *SHORT, *CELLS, "--out", str(run), mark=tmp_path
    )
    wait_until(lambda: MOMENTS[moment](run), moment)
    if moment == "window":
        time.sleep(1.0)  # past the warm-up of half a second
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=90)
    assert process.returncode == 130, stderr
    assert "Interrupted" in stderr
    assert "Traceback" not in stderr + stdout
    assert pids_of(tmp_path) == []
    result = json.loads((run / "result.json").read_text())
    assert result["complete"] is False
    statuses = [cell["status"] for cell in result["cells"]]
    assert statuses[-1] in ("missing", "interrupted")
    if moment not in ("start", "second cell"):  # that one may be over before the signal is there
        assert "interrupted" in statuses
    shown = kit("table", str(run))
    assert "Traceback" not in shown.stderr
    assert next(cell["id"] for cell in result["cells"] if cell["status"] != "measured") in shown.stdout
    if "measured" in statuses:
        assert shown.returncode == 0
    else:  # nothing to verify yet, and it says so
        assert shown.returncode == 1
        assert "Rejected by verification" in shown.stdout

"""Runs that are killed or interrupted at any moment, and resumed: nothing that was finished is lost or changed."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.running import AT_ONCE, demo_on_one_thread, kit, start_kit, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.long(part=4)]

SHORT = ("--window", "1", "--warmup", "0.5", "--concurrency", "2", *AT_ONCE, "--yes")


def finished(run: Path) -> dict[str, bytes]:
    """Every file of the cells that ended well or failed, by its place."""
    found: dict[str, bytes] = {}
    for path in run.glob("cells/*/cell.json"):
        if json.loads(path.read_bytes())["status"] in ("measured", "failed"):
            found |= {str(each.relative_to(run)): each.read_bytes() for each in path.parent.iterdir()}
    return found


def moved(run: Path, name: str) -> Path:
    """Where a file of a cell is now: there, or among the attempts, if telemetry saw a disturbance."""
    if (run / name).is_file():
        return run / name
    _, cell, file = name.split("/")
    return next(path for path in sorted(run.glob(f"attempts/{cell}.*/{file}")))


def test_a_run_stopped_at_random_moments_is_resumed_until_it_is_whole(tmp_path: Path) -> None:
    """Two times Ctrl-C (faults/test_killed.py is of kill -9), then to the end: the folder verifies, and each

    finished cell is what it was, byte for byte.
    """
    run, rng = tmp_path / "run", random.Random(3)
    kept: dict[str, bytes] = {}
    start = ("reproduce", demo_on_one_thread(tmp_path), *SHORT, "--replicates", "2", "--out", str(run))
    for _ in range(2):
        process = start_kit(
            *(("reproduce", "--resume", str(run), "--yes") if (run / "host.json").exists() else start)
        )
        wait_until((run / "host.json").exists, "the plan of the run")
        time.sleep(rng.uniform(3, 12))
        process.send_signal(signal.SIGINT)
        stderr = stop(process)
        if process.returncode == 130:
            assert f"Run kept in {run}: " in stderr
            assert f"Resume: kit reproduce --resume {run}\n" in stderr
        assert "Traceback" not in stderr
        now = finished(run)
        assert {name: moved(run, name).read_bytes() for name in kept} == kept
        kept |= now
    status = json.loads(kit("status", str(run), "--json").stdout)
    assert status["running"] is None
    assert status["state"] in ("stopped", "complete")
    done = kit("reproduce", "--resume", str(run), "--yes")
    assert done.returncode == 0, done.stderr
    assert {name: moved(run, name).read_bytes() for name in kept} == kept
    assert json.loads((run / "result.json").read_bytes())["complete"]
    verdict = json.loads(kit("verify", str(run), "--json").stdout)
    assert verdict["label"] != "rejected", verdict["findings"]
    assert json.loads(kit("status", str(run), "--json").stdout)["state"] == "complete"


def stop(process: subprocess.Popen[str]) -> str:
    _, stderr = process.communicate(timeout=500)
    return stderr


def test_a_run_is_seen_from_outside_while_it_goes_on_and_extended_when_it_is_done(tmp_path: Path) -> None:
    """`kit status` in another process names cell and time left; one more replicate is measured after that."""
    run = tmp_path / "run"
    options = ("--window", "1", "--warmup", "0.5", "-c", "2", "--replicates", "1", *AT_ONCE, "--yes")
    process = start_kit("reproduce", demo_on_one_thread(tmp_path), *options, "--no-calibrate", "--out", str(run))
    wait_until(lambda: any(run.glob("cells/*/server.log")), "the first cell")
    seen = json.loads(kit("status", str(run), "--json").stdout)
    assert seen["state"] == "running"
    assert seen["running"]["cell"] in ("r1-c2-llamacpp-serial", "r1-c2-llamacpp-batched")
    assert seen["left_ns"] > 0
    second = kit("reproduce", "--resume", str(run), "--yes")
    assert second.returncode == 2
    assert "Another kit measures into" in second.stderr
    assert stop(process) is not None
    assert process.returncode == 0
    before = finished(run)
    longer = kit("reproduce", "--resume", str(run), "--replicates", "2", "--yes")
    assert longer.returncode == 0, longer.stderr
    assert {name: moved(run, name).read_bytes() for name in before} == before
    assert json.loads((run / "plan.json").read_bytes())["extended"] == [1]
    verdict = json.loads(kit("verify", str(run), "--json").stdout)
    assert verdict["label"] != "rejected", verdict["findings"]
    assert "plan.extended" in {finding["rule"] for finding in verdict["findings"]}

"""Faults in a real run: a server that is killed under load, and records that survive it."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.running import SHORT, demo_on_one_thread, kit, pids_of, servers_of, start_kit, wait_until

pytestmark = pytest.mark.integration


def test_a_server_killed_under_load_fails_its_cell_and_the_run_goes_on(tmp_path: Path) -> None:
    """kill -9 of llama.cpp in the window: counted failures, a reason, records on disk, the next cell measured."""
    run = tmp_path / "run"
    process = start_kit(
        "reproduce",
        demo_on_one_thread(tmp_path),
        *SHORT,
        "--window",
        "3",
        "--concurrency",
        "2",
        "--out",
        str(run),
        mark=tmp_path,
    )
    first = run / "cells" / "r1-c2-llamacpp-serial"
    wait_until(lambda: (first / "load.json").exists(), "the load of the first cell")
    time.sleep(1.5)
    (pid,) = servers_of(tmp_path)
    os.kill(pid, signal.SIGKILL)
    stdout, stderr = process.communicate(timeout=180)
    assert process.returncode == 0, stderr
    assert "Traceback" not in stderr + stdout
    cell = json.loads((first / "cell.json").read_text())
    assert (cell["status"], cell["failure"]["kind"]) == ("failed", "ServerDied")
    assert "exit code -9" in cell["failure"]["message"]
    assert cell["metrics"]["requests"]["failed"] > 0
    assert (first / "records.jsonl").stat().st_size > 0
    statuses = [line["status"] for line in json.loads((run / "result.json").read_text())["cells"]]
    assert statuses == ["failed", "measured"]
    assert "r1-c2-llamacpp-serial: failed in window" in stdout
    assert kit("verify", str(run)).returncode == 0
    assert pids_of(tmp_path) == []


def test_a_kit_that_is_killed_leaves_no_server(tmp_path: Path) -> None:
    """kill -9 of the kit itself: the server and the load generator end by themselves."""
    run = tmp_path / "run"
    process = start_kit(
        "reproduce",
        demo_on_one_thread(tmp_path),
        *SHORT,
        "--window",
        "60",
        "--concurrency",
        "2",
        "--out",
        str(run),
        mark=tmp_path,
    )
    load = run / "cells" / "r1-c2-llamacpp-serial" / "load.json"
    wait_until(load.exists, "the load of the first cell")
    process.kill()
    process.communicate(timeout=60)
    wait_until(lambda: not pids_of(tmp_path), "the end of the server and of the load generator", 20)

"""What a run stands on gives way: a full disk, a clock that is set, a model file that is written to."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.catalogue import model
from kit.plan.platforms import load_platform
from kit.supply.download import CACHE_VARIABLE, cache_folder, model_path
from tests.support.disks import small_disk_at
from tests.support.faulting import FIRST, SECOND, faulted, kept, resumed
from tests.support.not_tested import not_tested
from tests.support.running import kit, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.long(part=4)]

DISK_BYTES = 8 << 20
HOUR_S = 3600
# Sets the clock an hour ahead and, by the monotonic clock, back again, however it ends (but for kill -9).
STEP = f"""
import time
began, real = time.monotonic_ns(), time.time_ns()
try:
    time.clock_settime_ns(time.CLOCK_REALTIME, real + {HOUR_S} * 10**9)
    time.sleep(0.7)
finally:
    time.clock_settime_ns(time.CLOCK_REALTIME, real + time.monotonic_ns() - began)
"""


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of a few MiB of its own."""
    with small_disk_at(tmp_path / "disk", DISK_BYTES, request) as place:
        yield place


def test_a_disk_that_is_full_while_a_load_is_recorded_costs_no_finished_cell(small_disk: Path) -> None:
    """Exit code 10 and how to go on; with room again the rest is measured, and the first cell is what it was."""
    run, ballast = small_disk / "run", small_disk / "ballast"
    with faulted(run, "--window", "3") as going:
        wait_until(going.file(FIRST, "cell.json").exists, "the first cell")
        first = kept(run)
        going.wait_for_window(SECOND)
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        code, _, stderr = going.ended()
    assert code == 10, stderr
    assert "No space left on device" in stderr
    assert f"kit reproduce --resume {run}" in stderr
    assert first <= kept(run)
    ballast.unlink()
    with resumed(run) as going:
        code, _, stderr = going.ended()
    assert code == 0, stderr
    assert first <= kept(run)
    assert going.cell(SECOND)["status"] == "measured"
    assert kit("verify", str(run)).returncode == 0


@pytest.mark.alone  # the clock of the machine is everybody's
def test_a_clock_that_is_set_by_an_hour_in_a_window_bends_no_figure(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """And back again: times are monotonic, and stamps of the kernel that say otherwise are not believed."""
    try:
        time.clock_settime_ns(time.CLOCK_REALTIME, time.time_ns())
    except PermissionError:
        not_tested(request, "a clock that is set: this machine does not let us")
    with faulted(tmp_path / "run", "--only", "llamacpp-serial", "--window", "4") as going:
        going.wait_for_window(FIRST)
        assert subprocess.run([sys.executable, "-c", STEP], check=False).returncode == 0
        code, _, stderr = going.ended()
    assert code == 0, stderr
    metrics = going.cell(FIRST)["metrics"]
    assert metrics["requests"]["failed"] == 0
    assert metrics["throughput_tok_s"] > 0
    for name in ("ttft_ms", "itl_ms", "e2e_ms"):
        assert metrics[name]["min"] >= 0
        assert metrics[name]["max"] < 60_000
    verdict = kit("verify", str(going.run))
    assert verdict.returncode == 0, verdict.stdout


def test_a_model_that_is_written_to_between_two_cells_is_not_measured(tmp_path: Path) -> None:
    """One byte of it, with its old time: the second cell fails with the reason, the first stays."""
    entry = model(load_platform("demo").model)
    here = model_path(entry)
    cache = tmp_path / "cache"
    copy = cache / here.relative_to(cache_folder())
    copy.parent.mkdir(parents=True)
    shutil.copy2(here, copy)
    with faulted(tmp_path / "run", "--window", "2", environment={CACHE_VARIABLE: str(cache)}) as going:
        wait_until(going.file(SECOND, "server.log").exists, "the second cell")
        before = copy.stat()
        with copy.open("r+b") as file:
            file.seek(before.st_size - 100)
            byte = file.read(1)[0]
            file.seek(before.st_size - 100)
            file.write(bytes([byte ^ 1]))
        os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns))
        code, _, stderr = going.ended()
    assert code == 0, stderr
    statuses = [line["status"] for line in json.loads((going.run / "result.json").read_bytes())["cells"]]
    assert statuses == ["measured", "failed"]
    failure = going.cell(SECOND)["failure"]
    assert failure["kind"] == "SourceError"
    assert "was changed during the run" in failure["message"]
    assert kit("verify", str(going.run)).returncode == 0

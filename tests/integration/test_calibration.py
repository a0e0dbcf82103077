"""The real load generator against the real reference endpoint."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.running import kit, pids_of

pytestmark = pytest.mark.integration


def test_a_calibration_matches_every_chunk(tmp_path: Path) -> None:
    """Everything that left is found again, far nearer than its gaps are long, and nothing stays behind."""
    output = tmp_path / "calibration.json"
    done = kit(
        "calibrate",
        "--concurrency",
        "1,4",
        "--rate",
        "100",
        "--quiet",
        "-o",
        str(output),
        environment={"TMPDIR": str(tmp_path)},
    )
    assert done.returncode in (0, 1), done.stderr  # 1: a machine too busy for a millisecond
    assert "Ceiling: " in done.stdout
    assert done.stderr == ""
    calibration = json.loads(output.read_text())
    assert {point["concurrency"] for point in calibration["points"]} == {1, 4}
    for point in calibration["points"]:
        found = point["accuracy"]
        assert 0 < found["matched"] == found["requests"]
        assert found["lost_chunks"] == 0
        assert found["gap_error_ms"]["p50"] < 5
        assert found["ttft_error_ms"]["p50"] < 25
        assert abs(point["pace"] - 1) < 0.1
    assert pids_of(tmp_path) == []

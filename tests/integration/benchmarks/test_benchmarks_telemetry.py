"""The benchmark of what sampling costs runs to its end and measures something; how much is no test."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.telemetry import figures, main
from kit.engines.process import ProcessEngine

pytestmark = pytest.mark.integration


def test_each_figure_is_measured(tmp_path: Path) -> None:
    """A share of a CPU that is not nothing, and two ratios of the same order."""
    share, throughput, cpu = figures(ProcessEngine(), tmp_path, seconds=1.0, rounds=1)
    assert share.value is not None
    assert 0 < share.value < 50
    for ratio in (throughput, cpu):
        assert ratio.value is not None
        assert 0.1 < ratio.value < 10


def test_help_says_what_it_measures(capsys: pytest.CaptureFixture[str]) -> None:
    """As every program of the kit does."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "--docker" in capsys.readouterr().out

"""The distribution of what disturbs over the cells of runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.disturbance import main
from tests.support.forge import archive_of
from tests.support.good_attempts import tried_files

pytestmark = pytest.mark.integration


def test_each_share_is_held_against_its_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All measured cells and attempts of a bundle count, three of which two busy CPUs disturbed."""
    bundle = tmp_path / "run.tar.gz"
    bundle.write_bytes(archive_of(dict(tried_files())))
    assert main([str(bundle)]) == 0
    out = capsys.readouterr().out
    other = next(line for line in out.splitlines() if line.startswith("| other_share"))
    assert [word.strip() for word in other.split("|")[2:-1]] == [
        "7", "0.25 %", "0.25 %", "50 %", "50 %", "3 %", "3",
    ]  # fmt: skip
    assert "Disturbed: 3 of 7.\n- 3 x other programs used 50 % of the CPU time\n" in out


def test_without_a_run_it_says_how_it_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2."""
    assert main([]) == 2
    assert "RUN|BUNDLE" in capsys.readouterr().err

"""The timer and the workflow of docs/nightly.md are what systemd and GitHub read."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.not_tested import not_tested
from tests.unit.project.test_workflows import PINNED

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "nightly.md").read_text(encoding="utf-8")
UNITS = dict(
    zip(
        ("kit-nightly.service", "kit-nightly.timer"), re.findall(r"```ini\n(.*?)```", PAGE, re.DOTALL), strict=True
    )
)
(WORKFLOW,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_systemd_accepts_both_units(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """By its own check, with a program in the place of the kit's and a user that exists."""
    if shutil.which("systemd-analyze") is None:
        not_tested(request, "the units of docs/nightly.md: there is no systemd-analyze")
    for name, text in UNITS.items():
        here = text.replace("/srv/kit/.venv/bin/kit", "/bin/true").replace("User=kit\n", "")
        (tmp_path / name).write_text(here.replace("/srv/kit", str(tmp_path)), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in UNITS)],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if "kit-nightly" in line]
    assert ours == []


def test_the_timer_comes_once_a_night() -> None:
    """And makes up for a night that the machine slept through."""
    assert "OnCalendar=*-*-* 02:00:00" in UNITS["kit-nightly.timer"]
    assert "KillSignal=SIGINT" in UNITS["kit-nightly.service"]


def test_the_workflow_is_one_that_the_project_would_have() -> None:
    """On a runner of one's own, without rights, pinned by commit, with a target of make that exists."""
    flow = yaml.safe_load(WORKFLOW)
    assert flow["permissions"] == {}
    job = flow["jobs"]["measure"]
    assert job["runs-on"][0] == "self-hosted"
    assert job["permissions"] == {"contents": "read"}
    used = [line.strip().removeprefix("- ") for line in WORKFLOW.splitlines() if "uses:" in line]
    assert used
    assert [line for line in used if not PINNED.match(line)] == []
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands == ['make nightly PLATFORMS="demo smol" NIGHTLY="--accepted /srv/kit/accepted"']
    assert "\nnightly: " in (ROOT / "Makefile").read_text(encoding="utf-8")

"""The project's own results: an index that is current, and the workflow of docs/receiving.md."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from kit.collection.index import index_bytes, make_index, read_index
from tests.unit.project.test_workflows import PINNED

ROOT = Path(__file__).resolve().parents[3]
RESULTS = ROOT / "results"
(WORKFLOW,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "receiving.md").read_text("utf-8"), re.DOTALL)


def test_the_index_of_the_results_is_current() -> None:
    """`make results` writes it anew; nothing in it is refused."""
    index = make_index(RESULTS)

    assert (RESULTS / "index.json").read_bytes() == index_bytes(index)
    assert read_index(RESULTS) == index
    assert index.refused == ()
    assert {entry.platform for entry in index.bundles} >= {"demo", "smol", "cpu-four"}


def test_the_workflow_for_pull_requests_is_safe_for_untrusted_ones() -> None:
    """Their own trigger without secrets, rights to read only, the base's code, actions pinned by commit."""
    flow = yaml.safe_load(WORKFLOW)
    # YAML 1.1 reads the key `on` as true.
    assert flow[True] == {"pull_request": {"paths": ["results/**"]}}
    assert flow["permissions"] == {}
    assert "secrets" not in WORKFLOW
    job = flow["jobs"]["check"]
    assert job["permissions"] == {"contents": "read"}
    assert job["timeout-minutes"] <= 30
    checkout = job["steps"][0]["with"]
    assert checkout["ref"] == "${{ github.event.pull_request.base.sha }}"
    assert checkout["persist-credentials"] is False
    used = [line.strip().removeprefix("- ") for line in WORKFLOW.splitlines() if "uses:" in line]
    assert used
    assert [line for line in used if not PINNED.match(line)] == []


def test_no_command_of_the_workflow_has_words_of_a_stranger_in_it() -> None:
    """Expressions stand in variables, never in a script; the last step is a target of make."""
    steps = yaml.safe_load(WORKFLOW)["jobs"]["check"]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    assert all("${{" not in command for command in commands)
    assert commands[-1] == 'make results-check BASE="$BASE" HEAD=refs/kit/proposal'
    assert "\nresults-check: " in (ROOT / "Makefile").read_text(encoding="utf-8")

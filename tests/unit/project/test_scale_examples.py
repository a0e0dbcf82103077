"""The examples of docs/verifying-at-scale.md: their shell parts run as schedulers would, their YAML is read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.cli import run
from tests.support.good_bundle import good_bundle
from tests.unit.project.test_workflows import PINNED

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "verifying-at-scale.md").read_text(encoding="utf-8")
(SLURM,) = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
JOB, FLOW = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))


def fill(folder: Path) -> None:
    """Three bundles, one of them bad."""
    (folder / "results").mkdir()
    for name, data in (("a", good_bundle()), ("b", good_bundle()[:-1]), ("c", good_bundle())):
        (folder / "results" / f"{name}.tar.gz").write_bytes(data)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with three bundles, one of them bad, and a `kit` on the path."""
    fill(tmp_path)
    program = tmp_path / "bin" / "kit"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m kit "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return tmp_path


def ran(place: Path, shell: list[str], script: str, **variables: str) -> int:
    """The exit code of a script there, with these variables of a scheduler."""
    path = f"{place / 'bin'}:{os.environ['PATH']}"
    surroundings = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(
        [*shell, script], cwd=place, env=surroundings, check=False, capture_output=True
    ).returncode


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What one command writes of the same bundles: it names no folder but theirs."""
    folder = tmp_path_factory.mktemp("whole")
    fill(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run(["verify", "results", "-o", "whole.json", "--quiet"]) == 1
    return (folder / "whole.json").read_bytes()


def merged(place: Path, parts: str) -> bytes:
    assert ran(place, ["bash", "-c"], f"kit verify --merge {parts} -o all.json") == 1
    return (place / "all.json").read_bytes()


def test_the_slurm_script_judges_every_part_and_fails_only_if_it_cannot(place: Path, whole: bytes) -> None:
    """A rejected bundle is no failure of the job; a folder that is gone is."""
    codes = [
        ran(place, ["bash", "-c"], SLURM, SLURM_ARRAY_TASK_ID=str(task), SLURM_ARRAY_TASK_COUNT="2")
        for task in (1, 2)
    ]
    assert codes == [0, 0]
    assert merged(place, "parts/*.json") == whole
    (place / "results").rename(place / "gone")
    assert ran(place, ["bash", "-c"], SLURM, SLURM_ARRAY_TASK_ID="1", SLURM_ARRAY_TASK_COUNT="2") == 2


def test_the_kubernetes_job_counts_from_0_and_has_as_many_parts_as_completions(place: Path, whole: bytes) -> None:
    """Its shell part, with the two mounted folders in the place of the volumes; no rights, nothing writable."""
    spec = JOB["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    values = {each["name"]: each["value"] for each in container["env"]}
    assert (spec["completionMode"], values["PARTS"]) == ("Indexed", str(spec["completions"]))
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert [each["readOnly"] for each in container["volumeMounts"] if each["name"] == "results"] == [True]
    (place / "parts").mkdir()
    script = container["args"][0].replace("/results ", f"{place}/results ").replace('"/parts/', f'"{place}/parts/')
    for index in ("0", "1"):
        assert ran(place, container["command"], script, JOB_COMPLETION_INDEX=index, PARTS="2") == 0
    assert merged(place, "parts/*.json") == whole


def test_the_workflow_has_all_parts_and_no_rights_and_its_last_job_has_the_verdict(
    place: Path, whole: bytes
) -> None:
    """Pinned by commit, as the project's own; the shell parts in the order of the jobs."""
    assert FLOW["permissions"] == {}
    part, last = FLOW["jobs"]["part"], FLOW["jobs"]["whole"]
    assert part["permissions"] == last["permissions"] == {"contents": "read"}
    used = [line.strip().removeprefix("- ") for line in PAGE.splitlines() if "uses:" in line]
    assert len(used) == 4
    assert [line for line in used if not PINNED.match(line)] == []
    script = step(part, "--shard")
    for number in part["strategy"]["matrix"]["part"]:
        assert ran(place, ["bash", "-ec"], script, PART=str(number)) == 0
    assert ran(place, ["bash", "-ec"], step(last, "--merge")) == 1
    assert (place / "all.json").read_bytes() == whole


def step(job: Any, words: str) -> str:
    (found,) = [each["run"] for each in job["steps"] if words in each.get("run", "")]
    return str(found)

"""docs/adding-a-runtime.md, followed literally in an empty folder: its files written, its commands run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.adding import blocks, written

pytestmark = [pytest.mark.integration, pytest.mark.alone]  # its servers take two threads each


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder, and what was printed."""
    folder, programs = tmp_path_factory.mktemp("page"), tmp_path_factory.mktemp("programs")
    # Beside other tests no machine is quiet: nothing is waited for, and nothing measured again.
    at_once = 'if [ "$1" = reproduce ]; then set -- "$@" --quiet-wait 0 --attempts 1; fi'
    (programs / "kit").write_text(f'#!/bin/sh\n{at_once}\nexec {sys.executable} -m kit "$@"\n')
    (programs / "kit").chmod(0o755)
    for name, text in written().items():
        if name != "acme/compose.yaml":
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
    root = str(Path(__file__).resolve().parents[2])
    known = os.environ.get("PYTHONPATH")
    environment = {
        **os.environ,
        "PATH": os.pathsep.join((str(programs), str(Path(sys.executable).parent), os.environ["PATH"])),
        "PYTHONPATH": f"{root}{os.pathsep}{known}" if known else root,
    }
    printed = ""
    for block in blocks("sh"):
        done = subprocess.run(
            ["bash", "-euc", block],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        printed += done.stdout
    return folder, printed


def test_the_page_ends_in_a_measured_runtime(followed: tuple[Path, str]) -> None:
    """Both entries measured, its version and its settings told, right answers before each load."""
    folder, printed = followed
    assert "acme: 9 points, all hold" in printed
    assert "answers a chat question" in printed
    cells = {path.parent.name: json.loads(path.read_bytes()) for path in folder.glob("run/cells/*/cell.json")}
    assert {name: cell["status"] for name, cell in cells.items()} == {
        "r1-c2-acme": "measured",
        "r1-c2-llamacpp": "measured",
    }
    server = cells["r1-c2-acme"]["server"]
    assert server["reported"] == {"slots": 2}
    assert server["version"]
    assert server["command"][:3] == ["python3", "RUNTIME/serve.py", "SmolLM2-135M-Instruct.Q4_1.gguf"]
    assert server["command"][-2:] == ["--slots", "2"]
    assert str(folder) not in json.dumps(server)


def test_its_bundle_is_accepted_where_nobody_knows_the_runtime(followed: tuple[Path, str]) -> None:
    """The plan carries the declaration; the notes say that the runtime is none of the kit's."""
    folder, _ = followed
    verify = [sys.executable, "-m", "kit", "verify", str(folder / "run.tar.gz"), "--json"]
    done = subprocess.run(verify, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout
    verdict = json.loads(done.stdout)
    assert verdict["label"] == "self-reported"
    assert verdict["checked"]["process.command"] >= 1  # one more for each attempt that was disturbed
    notes = {finding["rule"] for finding in verdict["findings"] if finding["level"] == "note"}
    assert {"runtime.outside", "program.origin"} <= notes
    assert str(folder) not in (folder / "run" / "plan.json").read_text()

"""A self test for real: llama.cpp from its wheel, a real model, one file; and Ctrl-C in the midst of it."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path

import pytest

from kit import cli
from kit.strict.schema import problems
from tests.support.running import pids_of, start_kit, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.alone, pytest.mark.long(part=3)]

TOLD_SHORTER = {"concurrency": (1, 4), "window": 5.0, "warmup": 0.5, "replicates": 1}


def test_a_self_test_of_the_demo_is_one_file_with_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every check of a run, figures at both numbers of users, and no name of this machine or its folders."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("kit.run.selftest.SHORT", TOLD_SHORTER)
    assert cli.run(["selftest", "demo", "--only", "llamacpp-batched", "--yes", "--quiet", "-o", "mine.json"]) == 0
    text = Path("mine.json").read_text()
    found = json.loads(text)
    assert problems(found, "selftest") == []
    (entry,) = found["entries"]
    assert [level["users"] for level in entry["levels"]] == [1, 4]
    for level in entry["levels"]:
        assert level["right"] == level["asked"] > 0
        assert level["throughput_tok_s"] > 0
        assert level["requests_ok"] > 0
        assert level["cold_start_ms"] > 0
        assert level["passed"][-1] == "stop"
    assert found["load_generator_tok_s"] > 0
    assert str(tmp_path) not in text
    assert f'"{socket.gethostname()}' not in text
    assert [path.name for path in tmp_path.iterdir()] == ["mine.json"]


def test_ctrl_c_leaves_neither_a_file_nor_a_folder_nor_a_server(tmp_path: Path) -> None:
    """The run's folder lies among the temporary ones of the system."""
    scratch, here = tmp_path / "scratch", tmp_path / "here"
    scratch.mkdir()
    here.mkdir()
    asked = ("selftest", "demo", "--only", "llamacpp-batched", "--yes")
    process = start_kit(*asked, cwd=here, environment={"TMPDIR": str(scratch)})
    wait_until(lambda: any(scratch.glob("*/*/cells/*/load.json")), "the load of the first cell")
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=90)
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert list(here.iterdir()) == []
    assert list(scratch.iterdir()) == []
    assert pids_of(tmp_path) == []

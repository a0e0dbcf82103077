"""An evaluation for real: the embedded llama.cpp, a very small model, programs in the sandbox of this machine."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.running import kit

pytestmark = [pytest.mark.integration, pytest.mark.alone]
TASKS = 12


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first tasks of `basics`, asked of one entry of the demo, alone and four at a time."""
    folder = tmp_path_factory.mktemp("evaluation") / "run"
    options = ("--entry", "llamacpp-batched", "--limit", str(TASKS), "-c", "1,4", "--yes", "--json")
    done = kit("eval", "basics", "demo", *options, "--out", str(folder))
    assert done.returncode == 0, done.stderr
    (folder.parent / "printed.json").write_text(done.stdout)
    return folder


@pytest.fixture(scope="module")
def bundle(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "evaluation.tar.gz"
    done = kit("bundle", str(run), "-o", str(path))
    assert done.returncode == 0, done.stderr
    return path


def test_a_very_small_model_solves_some_and_not_all(run: Path) -> None:
    """So the suite says something about it."""
    quality = json.loads((run.parent / "printed.json").read_text())["quality"]
    for row in quality["rows"]:
        assert 0 < row["score"]["passed"] < TASKS, row
    assert [row["concurrency"] for row in quality["rows"]] == [1, 4]
    assert quality["pairs"][0]["tasks"] == TASKS


def test_the_bundle_verifies_with_every_program_taken_out_again(bundle: Path) -> None:
    """Self-reported: no load was measured beside it."""
    done = kit("verify", str(bundle), "--json")
    assert done.returncode == 0, done.stdout
    verdict = json.loads(done.stdout)
    assert verdict["label"] == "self-reported"
    assert [finding for finding in verdict["findings"] if finding["level"] != "note"] == []
    assert verdict["checked"]["eval.answers"] == verdict["checked"]["eval.verdicts"] == 2 * TASKS


def test_the_programs_run_again_with_the_same_verdicts(bundle: Path) -> None:
    """Of a bundle, on the machine that verifies."""
    done = kit("verify", str(bundle), "--rerun-eval", "--quiet")
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"Run again: (\d+) of (\d+) verdicts are the same", done.stdout)
    assert found
    assert found[1] == found[2] != "0"


def test_one_answer_is_shown_with_its_program(bundle: Path) -> None:
    """And all of them listed."""
    done = kit("answer", str(bundle), "basics/add", "-c", "1")
    assert done.returncode == 0, done.stderr
    assert "def add" in done.stdout
    listed = kit("answer", str(bundle), "--json")
    assert len(json.loads(listed.stdout)["verdicts"]) == 2 * TASKS


def test_the_page_and_the_tables_have_the_quality(run: Path, bundle: Path, tmp_path: Path) -> None:
    """pass@1 with its interval."""
    assert "pass@1" in (run / "REPORT.md").read_text()
    done = kit("report", str(bundle), "-o", str(tmp_path / "page"))
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "page" / "report.html").read_text()
    assert "pass@1" in page
    assert f"of {TASKS}" in page

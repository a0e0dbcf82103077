"""kit eval, kit answer and --rerun-eval against a scripted server: what is printed, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.cli import run as kit
from kit.storage.bundle import pack_files
from tests.support.answering_server import AnsweringServer, right, wrong
from tests.support.good_bundle import good_bundle
from tests.support.good_evaluation import evaluated_bundle, evaluated_files, verdict_fields


@pytest.fixture
def server() -> Iterator[AnsweringServer]:
    with AnsweringServer() as made:
        yield made


@pytest.fixture(name="bundle")
def written_bundle(tmp_path: Path) -> Path:
    path = tmp_path / "good.tar.gz"
    path.write_bytes(evaluated_bundle())
    return path


def test_a_running_server_is_evaluated_packed_verified_and_run_again(
    server: AnsweringServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The words of the commands, one after the other."""
    server.answer = lambda task, at_once: wrong(task) if task.entry_point == "add" else right(task, at_once)
    run, bundle = str(tmp_path / "run"), str(tmp_path / "run.tar.gz")
    assert kit(["eval", "basics:4", "--url", server.url, "-c", "1,2", "--out", run, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["score"]["passed"] for row in document["quality"]["rows"]] == [3, 3]
    assert kit(["bundle", run, "-o", bundle]) == 0
    assert kit(["verify", bundle, "--rerun-eval", "--quiet"]) == 0
    assert "Run again: 8 of 8 verdicts are the same." in capsys.readouterr().out
    assert kit(["table", bundle]) == 0
    shown = capsys.readouterr().out
    assert "3 of 4" in shown
    assert "Throughput" not in shown
    assert kit(["eval", "--resume", run]) == 0
    assert "75.0 %" in capsys.readouterr().out
    assert kit(["status", run, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "complete"


def test_verdicts_that_nobody_gets_again_have_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program that fails, sold as one that passed: the numbers fit each other, the tests do not."""
    path = tmp_path / "sold.tar.gz"
    path.write_bytes(pack_files(evaluated_files(verdict_fields(1, status="passed", detail=""))).data)
    assert kit(["verify", str(path), "--quiet"]) == 0
    assert kit(["verify", str(path), "--rerun-eval", "--quiet"]) == 1
    shown = capsys.readouterr().out
    assert "basics/subtract: passed in the bundle, failed here" in shown


def test_one_answer_is_shown_harmlessly(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By id or number, of one entry at one concurrency; words, program, verdict."""
    assert kit(["answer", str(bundle), "basics/subtract", "-c", "1"]) == 0
    shown = capsys.readouterr().out
    assert "basics/subtract  failed: AssertionError" in shown
    assert "    def subtract(*numbers):\n        return None" in shown
    assert kit(["answer", str(bundle), "1", "-c", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "kit/eval-answers/1"
    row, other = document["answers"]
    assert (row["task"], row["status"], other["task"]) == ("basics/subtract", "failed", "basics/subtract")
    assert kit(["answer", str(bundle), "--failed"]) == 0
    assert capsys.readouterr().out.count("no program") == 4


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["eval"], 2, "Missing argument 'SUITE'"),
        (["eval", "basics"], 2, "either PLATFORM, or --url"),
        (["eval", "basic", "demo"], 2, "Did you mean 'basics'?"),
        (["eval", "basics:0", "demo"], 2, "a number of tasks"),
        (["eval", "basics:99", "demo"], 2, "has 60 tasks, not 99"),
        (["eval", "basics:5", "demo", "--limit", "5"], 2, "the number of tasks once"),
        (["eval", "basics", "demo", "--url", "http://127.0.0.1:1"], 2, "either PLATFORM, or --url"),
        (["eval", "basics", "demo", "--served-model", "x"], 2, "needs --url"),
        (["eval", "basics", "demo", "--entry", "nobody"], 2, "has no entry 'nobody'"),
        (["eval", "basics", "--url", "http://127.0.0.1:1", "--entry", "x"], 2, "entries of a PLATFORM"),
        (["eval", "basics", "--url", "http://127.0.0.1:1"], 12, "Error"),
        (["reproduce", "demo", "--eval", "basics:-1"], 2, "a number of tasks"),
    ],
)
def test_what_makes_no_sense_is_refused(
    words: list[str], code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything starts."""
    more = ["--out", str(tmp_path / "run")] if words[0] == "eval" else []
    assert kit([*words, *more]) == code
    assert said in capsys.readouterr().err
    assert not list((tmp_path / "run").glob("*"))


def test_what_has_no_evaluation_says_so(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what to do."""
    path = tmp_path / "plain.tar.gz"
    path.write_bytes(good_bundle())
    assert kit(["answer", str(path)]) == 2
    assert "kit eval SUITE PLATFORM" in capsys.readouterr().err
    assert kit(["verify", str(path), "--rerun-eval", "--quiet"]) == 2
    assert kit(["answer", str(bundle), "basics/subtrac"]) == 2
    assert "Did you mean 'basics/subtract'?" in capsys.readouterr().err
    assert kit(["verify", str(path), "--rerun-eval", "--json"]) == 2


def test_a_plan_shows_the_evaluation_that_would_follow(capsys: pytest.CaptureFixture[str]) -> None:
    """As text, and in plan.json."""
    assert kit(["plan", "demo", "--eval", "basics:20"]) == 0
    shown = capsys.readouterr().out
    assert "evaluation  20 of 60 tasks of basics, concurrency 1,8, after the cells" in shown
    assert kit(["plan", "demo", "--eval", "basics:20", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["evaluation"]["tasks"] == 20


def test_what_is_no_run_has_no_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty file, a folder of something else."""
    empty = tmp_path / "empty.tar.gz"
    empty.write_bytes(b"")
    for path in (empty, tmp_path):
        assert kit(["answer", str(path)]) == 2
        assert f"{path} is no run and no bundle of one." in capsys.readouterr().err


def test_an_evaluation_that_cannot_begin_leaves_no_folder(tmp_path: Path) -> None:
    """Nobody answers there."""
    assert kit(["eval", "basics:2", "--url", "http://127.0.0.1:9", "-o", str(tmp_path / "run")]) == 12
    assert list(tmp_path.iterdir()) == []


def test_an_evaluation_alone_has_no_cells_to_count(
    server: AnsweringServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its status is told without them."""
    run = str(tmp_path / "run")
    assert kit(["eval", "basics:2", "--url", server.url, "-c", "1", "-o", run]) == 0
    capsys.readouterr()
    assert kit(["status", run]) == 0
    assert "0 of 0" not in capsys.readouterr().out

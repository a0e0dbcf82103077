"""kit reproduce and kit status where a run decides, is extended, or is looked at; tables and verdicts of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kit.cli import run
from kit.cli._shared.judgement import judgement
from kit.cli.status import status_text
from kit.documents.status import FailedCell, RunningCell, RunStatus
from kit.documents.study import Looks, Trial
from kit.judge.advice import leaders
from tests.support.good_deciding import decided_bundle, decided_files
from tests.support.studies import replicated, study

S = 10**9
STATUS = RunStatus(
    schema="kit/status/1",
    kit_version="0.1.0",
    run="runs/demo",
    platform="demo",
    state="running",
    planned=60,
    measured=7,
    failed=(FailedCell("r1-c1-b", "ready", "No \x1b[2J."),),
    interrupted=(),
    set_aside=2,
    not_needed=12,
    running=RunningCell("r2-c4-a", "window", 9 * S, 2 * S),
    left_ns=160 * S,
    at_most_ns=1210 * S,
    resume=None,
)


def written(folder: Path) -> Path:
    for name, data in decided_files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def test_a_status_says_what_is_done_what_runs_and_how_long_it_takes() -> None:
    """Words of a server cannot move the cursor."""
    assert status_text(STATUS).splitlines() == [
        "run         runs/demo: demo, running",
        "done        8 of 48 cells",
        "running     r2-c4-a, window for 2 s",
        "failed      r1-c1-b in ready: No \N{REPLACEMENT CHARACTER}[2J.",
        "set aside   2 attempts",
        "not needed  12 of 60 planned cells",
        "time left   about 2:40, at most 20:10",
    ]
    stopped = replace(
        STATUS, state="stopped", running=None, failed=(), set_aside=0, not_needed=0, at_most_ns=160 * S,
        interrupted=("r2-c4-a",), resume="kit reproduce --resume runs/demo",
    )  # fmt: skip
    assert status_text(stopped).splitlines() == [
        "run         runs/demo: demo, not running, can be resumed",
        "done        7 of 60 cells",
        "interrupted r2-c4-a",
        "time left   about 2:40",
        "resume      kit reproduce --resume runs/demo",
    ]


def test_the_status_of_a_finished_run_is_a_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By its folder, or the latest below runs/; a folder without a run is an error in two lines."""
    folder = written(tmp_path / "run")
    assert run(["status", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["state"], found["measured"], found["not_needed"], found["resume"]) == ("complete", 12, 8, None)
    assert run(["status", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("Error: ")


def test_the_status_without_a_folder_is_that_of_the_latest_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the folders in runs/."""
    monkeypatch.chdir(tmp_path)
    assert run(["status"]) == 2
    assert "There is no run in runs." in capsys.readouterr().err
    written(tmp_path / "runs" / "demo-1")
    assert run(["status"]) == 0
    assert capsys.readouterr().out.startswith(
        "run         runs/demo-1: demo-short, complete\ndone        12 of 12 cells\n"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("demo", "--budget", "10m"), "--budget needs --until-decided"),
        (("--resume", "RUN", "--until-decided"), "leave out --until-decided"),
        (("--resume", "RUN", "--seed", "1"), "leave out the options"),
        (("--resume", "RUN", "--replicates", "4"), "5 replicates already"),
        (("demo", "--until-decided", "--only", "llamacpp-serial"), "only one"),
        (("demo", "--until-decided", "--replicates", "2"), "after 3 replicates"),
    ],
)
def test_options_that_do_not_fit_are_refused_before_anything_starts(
    arguments: tuple[str, ...], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Usage, or input: exit code 2."""
    folder = written(tmp_path / "run")
    given = [str(folder) if each == "RUN" else each for each in arguments]
    assert run(["reproduce", *given, *(() if "RUN" in arguments else ("--out", str(tmp_path / "new")))]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_tables_say_that_the_run_decided(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the bundle alone."""
    bundle = tmp_path / "decided.tar.gz"
    bundle.write_bytes(decided_bundle())
    assert run(["table", str(bundle)]) == 0
    printed = capsys.readouterr().out
    assert "Median of up to 5 interleaved replicates" in printed
    assert "- Decided after 3 replicates: 12 of at most 20 cells were needed." in printed
    assert "not needed" not in printed


def test_the_verdict_of_a_run_that_decided_holds_over_all_looks() -> None:
    """The interval is wider than that of one look and says so; what both were measured for is compared."""
    noisy = {"throughput_tok_s": [130.0, 132.0, 131.0, 129.0]}
    other = {"throughput_tok_s": [100.0, 101.0, 103.0]}
    once = study(replicated("a", 4, noisy), replicated("b", 4, other))
    looked = replace(once, looks=Looks(3, 10))
    (one,), (many,) = leaders(once), leaders(looked)
    assert one.ratio is not None
    assert many.ratio is not None
    assert (one.relation, many.relation) == ("ahead", "ahead")
    assert (many.ratio.n_a, many.ratio.n_b) == (3, 3)
    assert many.ratio.low is not None
    assert one.ratio.low is not None
    assert many.ratio.low < one.ratio.low
    assert "] over all looks" in judgement(looked)
    assert "over all looks" not in judgement(once)
    assert all(isinstance(trial, Trial) for trial in looked.subjects[0].trials)

"""kit selftest: one file, whatever becomes of the entries; nothing else is left, and exit codes as everywhere."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kit import cli
from kit.cli._shared.carrying_out import ChosenRun, CommandOptions
from kit.documents import Plan, Platform
from kit.errors import EngineError, NoResultError
from kit.strict import plain, write_json
from tests.support.documents import HOST
from tests.support.documents_selftest import selftest
from tests.support.good_bundle import good_files, good_plan

GONE = "r1-c2-llamacpp-batched"


@dataclass
class Carried:
    """Instead of a run: leaves a run folder, or one without a cell, or ends as told; keeps what was asked."""

    without: str = ""
    error: BaseException | None = None
    platforms: list[Platform] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    options: list[CommandOptions] = field(default_factory=list)

    def __call__(self, chosen: ChosenRun, folder: Path, options: CommandOptions) -> tuple[Plan, None]:
        self.platforms.append(chosen.platform)
        self.folders.append(folder)
        self.options.append(options)
        for name, data in good_files().items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        if self.without:
            shutil.rmtree(folder / "cells" / self.without)
        if self.error is not None:
            raise self.error
        return good_plan(), None


@pytest.fixture
def carried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Carried:
    made = Carried()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("kit.cli.selftest.carried_out", made)
    return made


def test_it_writes_one_file_and_leaves_nothing_else(
    carried: Carried, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A platform as it is, but for 30 s at 1 and 4 users, once; the run's own folder is gone."""
    assert cli.run(["selftest", "demo", "--only", "llamacpp-batched", "-o", "mine.json"]) == 0
    (platform,) = carried.platforms
    workload = platform.workload
    assert (workload.concurrencies, workload.window_s, workload.replicates) == ((1, 4), 30.0, 1)
    assert [entry.name for entry in platform.entries] == ["llamacpp-batched"]
    at_once = CommandOptions(None, None, calibrate=True, yes=False, quiet=False, quiet_wait_s=0, attempts=1)
    assert carried.options == [at_once]
    assert not carried.folders[0].parent.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["mine.json"]
    out = capsys.readouterr().out
    assert "| demo" in out
    assert "Saved to mine.json" in out
    assert json.loads(Path("mine.json").read_text())["schema"] == "kit/selftest/1"


def test_json_is_the_file(carried: Carried, capsys: pytest.CaptureFixture[str]) -> None:
    """The same bytes; the default name says platform and time."""
    assert cli.run(["selftest", "demo", "--json"]) == 0
    (path,) = Path().glob("selftest-demo-*.json")
    assert capsys.readouterr().out == path.read_text()
    assert carried.options[0].quiet


@pytest.mark.parametrize(
    ("error", "code", "kept"),
    [
        (NoResultError("No cell could be measured."), 8, True),
        (EngineError("No Docker."), 5, False),
        (KeyboardInterrupt(), 130, False),
    ],
)
def test_what_ends_the_run_ends_the_self_test(
    carried: Carried, tmp_path: Path, error: BaseException, code: int, kept: bool
) -> None:
    """Where nothing could be measured the file says why; an interrupt or a missing engine leaves none."""
    carried.error = error
    assert cli.run(["selftest", "demo", "-o", "mine.json"]) == code
    assert [path.name for path in tmp_path.iterdir()] == ["mine.json"] * kept
    assert not carried.folders[0].parent.exists()


def test_a_file_that_cannot_be_written_is_told_before_anything_is_measured(
    carried: Carried, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Below a file, or where one is: the minutes of a test are not lost at its end."""
    (tmp_path / "taken").write_text("mine")
    for target, words in (("taken/x.json", "taken/x.json cannot be written"), ("taken", "taken exists")):
        assert cli.run(["selftest", "demo", "-o", target]) == 2
        assert words in capsys.readouterr().err
    assert not carried.platforms
    assert (tmp_path / "taken").read_text() == "mine"


def test_an_entry_that_failed_is_exit_code_1(carried: Carried, capsys: pytest.CaptureFixture[str]) -> None:
    """With the reason below the table."""
    carried.without = GONE
    assert cli.run(["selftest", "demo", "-o", "mine.json"]) == 1
    assert "llamacpp-batched at 2 users: missing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Give either PLATFORM"),
        (["demo", "--table", "."], "Give either PLATFORM"),
        (["demmo"], "Did you mean 'demo'"),
        (["demo", "--only", "x"], "has no entry"),
        (["--table", "gone.json"], "does not exist"),
        (["--table", "bad.json"], "bad.json"),
        (["demo", "-o", "bad.json"], "exists"),
    ],
)
@pytest.mark.usefixtures("carried")
def test_bad_input_is_told(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2; no file is written over."""
    Path("bad.json").write_text('{"schema": "kit/selftest/1"}')
    assert cli.run(["selftest", *arguments]) == 2
    assert words in capsys.readouterr().err
    assert Path("bad.json").read_text() == '{"schema": "kit/selftest/1"}'


def test_files_of_others_are_printed_as_one_table(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of a folder, or one file; a folder without one says so."""
    monkeypatch.chdir(tmp_path)
    Path("tests").mkdir()
    for name in ("a", "b"):
        Path("tests", f"{name}.json").write_bytes(write_json(plain(selftest(HOST))))
    assert cli.run(["selftest", "--table", "tests"]) == 0
    assert capsys.readouterr().out.count("| cpu-two ") == 4
    assert cli.run(["selftest", "--table", "tests/a.json"]) == 0
    assert capsys.readouterr().out.count("| cpu-two ") == 2
    Path("empty").mkdir()
    assert cli.run(["selftest", "--table", "empty"]) == 0
    assert capsys.readouterr().out == "No self tests yet.\n"

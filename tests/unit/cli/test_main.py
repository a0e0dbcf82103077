"""The roof: exit codes, error lines, JSON, and what bad input is told."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kit import cli
from kit.errors import InternalError, KitError, SourceError


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of one command line."""
    code = cli.run(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def test_a_plan_is_shown_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Entries, settings, order and duration."""
    code, out, _ = run(capsys, "plan", "demo")
    assert code == 0
    assert "llamacpp-batched = llamacpp/embedded" in out
    assert "slots 4" in out
    assert " 12  r2-c4-llamacpp-serial" in out


def test_options_change_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    """Concurrencies, window, warm-up, replicates and seed."""
    options = ("--concurrency", "3", "--window", "1.5", "--warmup", "0", "--replicates", "1", "--seed", "7")
    code, out, _ = run(capsys, "plan", "demo", "--json", *options)
    plan = json.loads(out)
    assert code == 0
    assert [cell["id"] for cell in plan["cells"]] == ["r1-c3-llamacpp-serial", "r1-c3-llamacpp-batched"]
    assert (plan["workload"]["window_ns"], plan["workload"]["warmup_ns"], plan["seed"]) == (1_500_000_000, 0, 7)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("plan", "demmo"), ("no platform 'demmo'", "Did you mean 'demo'")),
        (("reproduce", "demmo"), ("no platform 'demmo'",)),
        (("plna", "demo"), ("No such command", "Did you mean 'plan'")),
        (("plan",), ("Missing argument", "PLATFORM")),
        (("plan", "demo", "--concurrency", "1,x"), ("1,x",)),
        (("plan", "demo", "--concurrency", "1,1"), ("distinct",)),
        (("plan", "demo", "--concurrency", "0"), ("1 to 4096",)),
        (("plan", "demo", "--window", "0"), ("--window",)),
        (("plan", "demo", "--windw", "1"), ("No such option", "--window")),
        (("load", "--url", "localhost:8080"), ("http://",)),
        (("load", "--url", "http://u:p@h"), ("user",)),
        (("load", "--url", "http://h:99999"), ("cannot be read",)),
        (("load", "--url", "http://h", "--duration", "1", "--requests", "2"), ("either --duration or",)),
        (("load", "--url", "http://h", "--rate", "1", "--concurrency", "2"), ("only one of",)),
        (("load", "--url", "http://h", "--arrivals", "poisson"), ("--rate",)),
        (("load", "--url", "http://h", "--rate", "1", "--arrivals", "gamma"), ("--burstiness",)),
        (("load", "--url", "http://h", "--output-tokens", "9-3"), ("ascending",)),
        (("load", "--url", "http://127.0.0.1:9", "--prompts", "shrt"), ("short",)),
        (("load", "--url", "http://nobody.invalid", "--model", "m", "--quiet"), ("nobody.invalid",)),
        (("test", "--url", "http://127.0.0.1:9", "--level", "tny"), ("tiny",)),
        (("models", "fetch", "smollm"), ("no model 'smollm'",)),
        (("table", "nowhere"), ("nowhere", "does not exist")),
        (("completion", "tcsh"), ("bash",)),
    ],
)
def test_bad_input_is_told_in_words(
    arguments: tuple[str, ...],
    words: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit code 2, what is wrong and what would be right, no traceback, no output, nothing left behind."""
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *arguments)
    assert code == 2
    assert all(word in err for word in words), err
    assert "Traceback" not in err
    assert out == ""
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_run_whose_servers_lack_their_wheel_does_not_begin(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line with the remedy, before a model is fetched or a run folder made; a plan needs no wheel."""

    def fetched(*_: object) -> Path:
        raise AssertionError("nothing may be fetched")

    monkeypatch.setattr("kit.supply.supply.find_spec", lambda _: None)
    monkeypatch.setattr("kit.supply.download.fetch", fetched)
    code, out, err = run(capsys, "reproduce", "demo", "--yes", "--out", str(tmp_path / "run"))
    assert (code, out) == (2, "")
    assert err.count("pip install 'llm-repro-kit[demo]'") == 1
    assert not (tmp_path / "run").exists()
    assert run(capsys, "plan", "demo")[0] == 0


def test_a_run_folder_that_is_not_empty_is_not_touched(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """An older run is never mixed with a new one."""
    (tmp_path / "keep.txt").write_text("mine")
    code, _, err = run(capsys, "load", "--url", "http://127.0.0.1:9", "--model", "m", "--out", str(tmp_path))
    assert code == 2
    assert "not an empty folder" in err
    assert [path.name for path in tmp_path.iterdir()] == ["keep.txt"]


@pytest.mark.parametrize("folder", ["", "half"])
def test_a_folder_that_is_no_run_is_told(folder: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Empty, and with a broken plan: bundle says what is missing."""
    if folder:
        (tmp_path / "plan.json").write_text("{")
    code, _, err = run(capsys, "bundle", str(tmp_path))
    assert code == 2
    assert "plan.json" in err


def test_an_error_shows_evidence_and_remedy(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line what failed, the last log lines, one line what to do; nothing that a terminal would obey."""

    def fail(*_: object, **__: object) -> None:
        raise SourceError("It \x1b[2Jfailed.", "Do this.", ("log \x07 line",))

    monkeypatch.setattr(cli.cli, "main", fail)
    code, _, err = run(capsys, "plan")
    assert code == 4
    assert err == "Error: It \ufffd[2Jfailed.\n  log \ufffd line\nTry: Do this.\n"


def test_an_error_of_the_kit_itself_is_kept_in_a_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 3, no traceback on the terminal, all of it in the file that is named."""

    def crash(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(cli.cli, "main", crash)
    code, _, err = run(capsys, "plan")
    assert code == InternalError.exit_code == 3
    assert "Traceback" not in err
    path = Path(err.split("Details: ")[1].split(".txt")[0] + ".txt")
    assert "secret detail" in path.read_text()
    path.unlink()


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, 10), (errno.EROFS, 10), (errno.ENOTCONN, 3)])
def test_a_disk_that_refuses_is_told_as_that(
    number: int, code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Full or read-only is the user's to mend, wherever it strikes; any other system error is ours."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), "plan.json")

    monkeypatch.setattr(cli.cli, "main", refuse)
    found, _, err = run(capsys, "plan")
    assert found == code
    if code == 10:
        assert err.startswith(f"Error: Cannot write: {os.strerror(number)} (plan.json).")
    else:
        Path(err.split("Details: ")[1].split(".txt")[0] + ".txt").unlink()


def test_an_interrupt_is_exit_code_130(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As every shell expects."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.cli, "main", interrupt)
    assert run(capsys, "plan")[0] == 130


def test_every_error_has_an_exit_code_of_its_own() -> None:
    """The help lists them; no two kinds share one."""

    def tree(kind: type[KitError]) -> list[type[KitError]]:
        return [kind, *(found for sub in kind.__subclasses__() for found in tree(sub))]

    kinds = [kind for kind in tree(KitError) if kind.__module__ == "kit.errors"]
    codes = [kind.exit_code for kind in kinds]
    assert len(set(codes)) == len(codes)
    for kind in kinds:
        assert str(kind.exit_code) in cli.EXIT_CODES


def test_models_are_listed_with_what_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    """Size, hash, licence, and that some hashes are not confirmed."""
    code, out, _ = run(capsys, "models", "list", "--json")
    rows = {row["name"]: row for row in json.loads(out)["models"]}
    assert code == 0
    assert rows["smollm2-135m-instruct-q4_1"]["confirmed"] is True
    assert rows["qwen2.5-coder-1.5b-instruct-q4_k_m"]["confirmed"] is False
    assert "not confirmed" in run(capsys, "models", "list")[1]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_name_the_program(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Source it and kit completes."""
    code, out, _ = run(capsys, "completion", shell)
    assert code == 0
    assert "_KIT_COMPLETE" in out


def test_a_test_of_a_server_prints_each_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 when one is wrong."""
    from tests.support.fakes import TinyServer

    with TinyServer(answer="nonsense") as server:
        code, out, _ = run(capsys, "test", "--url", server.url, "--level", "tiny", "--concurrency", "2")
        assert code == 1
        assert out.count("WRONG") == 9
        assert "0 of 9 answers right (model tiny)." in out
        code, out, _ = run(capsys, "test", "--url", server.url + "/v1", "--level", "tiny", "--json")
        assert (code, json.loads(out)["wrong"]) == (1, 7)


@pytest.mark.parametrize("held", [True, False])
def test_a_calibration_is_printed_written_and_judged(
    held: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A table and the ceiling; the document with -o; exit code 1 when a concurrency does not hold."""
    from kit.documents import Calibration
    from kit.run.calibrate import OnStep, Step
    from tests.support.calibrations import good_calibration

    def scripted(
        levels: tuple[int, ...], rate: float, _: object, __: Path, on_step: OnStep, processes: int | None
    ) -> Calibration:
        assert processes == 3
        on_step(Step("point", levels[0], rate))
        return good_calibration(levels if held else levels[:1])

    monkeypatch.setattr("kit.run.calibrate.calibrate", scripted)
    output = tmp_path / "c.json"
    arguments = ("calibrate", "--concurrency", "1,4", "--rate", "200", "--processes", "3", "-o", str(output))
    code, out, err = run(capsys, *arguments)
    assert code == (0 if held else 1)
    assert "Ceiling: proven to" in out
    assert err == "calibrating the load generator: 1 stream at 200 tokens/s each ...\n"
    assert json.loads(output.read_text())["schema"] == "kit/calibration/1"
    code, out, err = run(capsys, *arguments, "--json")
    assert (json.loads(out)["cpus"], err) == (2, "")


def test_a_run_says_what_it_calibrates(capsys: pytest.CaptureFixture[str]) -> None:
    """A plain line where there is no terminal."""
    from kit.cli._shared.progress import RunProgress
    from kit.run.calibrate import Step
    from tests.support.fakes import demo_plan

    with RunProgress(demo_plan(), quiet=False) as progress:
        progress.calibrating(Step("ceiling", 4, 400.0))
    assert capsys.readouterr().err == "finding its highest token rate: 4 streams at 400 tokens/s each ...\n"


def test_a_run_says_who_disturbs_it_and_what_it_does_about_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Once while the reason stays the same, and again when the wait is over; then each cell that was disturbed."""
    from kit.cli._shared.progress import RunProgress
    from kit.documents import Cell
    from tests.support.fakes import demo_plan
    from tests.support.forge import BATCHED, path, read
    from tests.support.good_bundle import good_files

    cell = read(dict(good_files()), path(BATCHED), Cell)
    with RunProgress(demo_plan(), quiet=False) as progress:
        for used, left_s in ((50, 58.0), (48, 56.0), (50, 0.0)):
            progress.looking()
            progress.busy((f"other programs use {used} % of the CPU time, limit 3 %",), ("cc1", "make"), left_s)
        progress.disturbed(cell, ("no sample for 3.0 s, limit 1 s",), again=True)
        progress.disturbed(cell, ("no sample for 3.0 s, limit 1 s",), again=False)
    busy = "the machine is not quiet: other programs use 50 % of the CPU time, limit 3 % (cc1, make); "
    assert capsys.readouterr().err.splitlines() == [
        f"{busy}waiting, 0:58 at most",
        f"{busy}going on all the same",
        f"      {BATCHED}: disturbed, no sample for 3.0 s, limit 1 s: measured again",
        f"      {BATCHED}: disturbed, no sample for 3.0 s, limit 1 s: the last attempt, no verdict on it",
    ]


def test_how_long_a_quiet_machine_is_waited_for_stands_in_the_plan() -> None:
    """A minute, or as --quiet-wait says; 0 is not at all."""
    from kit.cli._shared.planning import chosen_platform, plan_of

    demo = chosen_platform("demo")
    assert (plan_of(demo, None).quiet_wait_ns, plan_of(demo, None).attempts) == (60 * 10**9, 3)
    assert [plan_of(demo, None, quiet_wait_s=s).quiet_wait_ns for s in (0.0, 300.0)] == [0, 300 * 10**9]


def test_a_plan_may_leave_the_calibration_out() -> None:
    """As `reproduce --no-calibrate` asks."""
    from kit.cli._shared.planning import chosen_platform, plan_of

    assert plan_of(chosen_platform("demo"), None).calibrate
    assert not plan_of(chosen_platform("demo"), None, calibrate=False).calibrate


def test_ctrl_c_inside_exec_still_ends_with_130(tmp_path: Path) -> None:
    """As while a dataclass is made: CPython would end `python -m` by SIGINT though the interrupt was handled."""
    (tmp_path / "interrupted.py").write_text(
        "import kit.cli\nkit.cli.cli.main = lambda *_, **__: exec('raise KeyboardInterrupt')\nkit.cli.main()\n"
    )

    ended = subprocess.run(
        [sys.executable, "-m", "interrupted"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stderr) == (130, "Interrupted.\n")

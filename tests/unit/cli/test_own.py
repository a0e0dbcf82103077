"""kit run and kit init: words that cannot be meant end with what to do, before anything is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit import cli
from kit.plan.platforms import load_platform


@pytest.mark.parametrize("command", ["run", "init"])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Give either MODEL"),
        (("m.gguf", "--url", "http://a"), "Give either MODEL"),
        (("m.gguf", "--served-model", "x"), "--served-model needs --url"),
        (("no-such-model",), "catalogue has no model 'no-such-model'"),
        (("./nothing.gguf",), "nothing.gguf"),
        (("hf:nothing",), "names no repository"),
        (("--url", "ftp://a"), "ftp"),
        (("--url", "http://me:secret@a"), "user or a password"),
        (("m.gguf", "--users", "0"), "expected distinct numbers"),
        (("m.gguf", "--budget", "1s"), "is not between"),
        (("m.gguf", "--engine", "podman"), "podman"),
        (("m.gguf", "--slo", "tft=3ms"), "Did you mean 'ttft'"),
        (("m.gguf", "--max-users", "4"), "--max-users and --share need --slo"),
        (("m.gguf", "--share", "90%"), "--max-users and --share need --slo"),
        (("m.gguf", "--users", "4", "--max-users", "4"), "need --slo without --users"),
        (("m.gguf", "--slo", "ttft=1s", "--share", "0"), "--share must be above 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    command: str, words: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """With an exit code of its kind, and no folder left behind."""
    monkeypatch.chdir(tmp_path)
    assert cli.run([command, *words]) in (2, 4)
    told = capsys.readouterr().err
    assert said in told
    assert "secret@" not in told
    assert list(tmp_path.iterdir()) == []


def test_init_writes_a_platform_of_servers_and_no_file_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the reasons above it; `-` prints it."""
    monkeypatch.chdir(tmp_path)
    urls = ("--url", "http://127.0.0.1:1234", "--url", "http://127.0.0.1:8000", "--users", "1,4")
    assert cli.run(["init", *urls]) == 0
    said = capsys.readouterr()
    assert said.out == "Written to servers.yaml. Edit it, then: kit reproduce servers.yaml\n"
    assert "Users: 1, 4, as asked." in said.err
    assert len(load_platform("servers.yaml").entries) == 2
    assert cli.run(["init", *urls]) == 2
    assert "servers.yaml exists" in capsys.readouterr().err
    assert cli.run(["init", *urls, "-o", "-"]) == 0
    assert capsys.readouterr().out == Path("servers.yaml").read_text(encoding="utf-8")
    assert cli.run(["init", *urls, "-o", "own.txt"]) == 2
    assert "does not end in .yaml" in capsys.readouterr().err


def test_init_writes_the_search_that_limits_ask_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is then a platform's own; limits beside fixed numbers of users would stand nowhere."""
    file = tmp_path / "own.yaml"
    asked = ["init", "--url", "http://127.0.0.1:1234", "--slo", "ttft=1s", "--max-users", "8", "-o", str(file)]
    assert cli.run(asked) == 0
    search = load_platform(str(file)).workload.search
    assert search is not None
    assert (search.slo, search.max_users) == ("ttft=1s", 8)
    assert "Users: the most from 1 to 8 within ttft 1,000 ms" in file.read_text(encoding="utf-8")
    assert cli.run([*asked, "--users", "1,2"]) == 2
    assert "either --users, or the limits of a search" in capsys.readouterr().err


def test_a_search_without_a_calibration_is_refused_before_anything_is_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The load generator may be what is slow; fixed numbers of users may do without."""
    monkeypatch.chdir(tmp_path)
    assert cli.run(["run", "m.gguf", "--slo", "ttft=1s", "--no-calibrate"]) == 2
    assert "uncalibrated load generator" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []

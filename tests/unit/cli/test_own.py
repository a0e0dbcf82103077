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


def test_limits_that_are_none_are_refused_before_the_machine_is_looked_at(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As everywhere."""
    assert cli.run(["run", "m.gguf", "--slo", "tft=3ms"]) == 2
    assert "Did you mean 'ttft'" in capsys.readouterr().err

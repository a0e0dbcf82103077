"""kit results on the command line: what is printed, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.cli import run
from kit.strict.schema import problems
from tests.support.forge import changed, drop
from tests.support.variants import on_host, variant

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_bundle_comes_in_with_the_report_that_anybody_makes_of_it(capsys: Captured) -> None:
    """The same Markdown as `kit report` of the archive, byte for byte; then it is known."""
    Path("new.tar.gz").write_bytes(variant(1))

    assert run(["results", "add", "new.tar.gz", "--json"]) == 0
    entry = json.loads(capsys.readouterr().out)
    home = Path("results") / Path(entry["path"]).parent
    assert sorted(path.name for path in home.iterdir()) == [
        "REPORT.md",
        "bundle.tar.gz",
        "plots",
        "report.html",
        "view.json",
    ]
    assert run(["report", "results/" + entry["path"], "-o", "again"]) == 0
    assert (home / "REPORT.md").read_bytes() == Path("again/REPORT.md").read_bytes()
    assert (home / "report.html").read_bytes() == Path("again/report.html").read_bytes()

    assert run(["results", "add", "new.tar.gz"]) == 1
    assert entry["identity"] in capsys.readouterr().err


def test_a_folder_is_listed_as_its_index_has_it(capsys: Captured) -> None:
    """A row a bundle, the refused ones below; --json is the document; a stale index is told."""
    Path("results").mkdir()
    Path("results/one.tar.gz").write_bytes(variant(1))
    assert run(["results", "index", "--check"]) == 1
    assert run(["results", "index"]) == 0
    assert run(["results", "index", "--check"]) == 0
    capsys.readouterr()

    assert run(["results", "list"]) == 0
    assert "2 CPUs, 8.0 GB" in capsys.readouterr().out
    assert run(["results", "list", "--json"]) == 0
    assert problems(json.loads(capsys.readouterr().out), "index") == []

    Path("results/bad.tar.gz").write_bytes(changed(drop("result.json")))
    assert run(["results", "index", "--check"]) == 1
    assert run(["results", "index"]) == 1
    assert "refused: bad.tar.gz: bad.tar.gz was rejected by verification" in capsys.readouterr().out


def test_nothing_of_a_bundle_reaches_the_terminal_raw(capsys: Captured) -> None:
    """The name of its CPU is the stranger's."""
    Path("results").mkdir()
    Path("results/one.tar.gz").write_bytes(variant(1, on_host(cpu_model="\x1b[2J\u202eEPYC|`")))

    assert run(["results", "index"]) == 0
    assert run(["results", "list", "--json"]) == 0

    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out


@pytest.mark.parametrize(
    "words",
    [
        ["add", "missing.tar.gz"],
        ["add", "."],
        ["list", "missing"],
        ["list", "."],
        ["check"],
        ["check", "--base", "main"],
    ],
)
def test_what_cannot_be_read_is_wrong_usage(words: list[str], capsys: Captured) -> None:
    """Exit code 2, one line what failed and one what to do."""
    assert run(["results", *words]) == 2
    assert capsys.readouterr().err

"""The last screen: drawn on a terminal and nowhere else, with colours and links where they are wanted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from kit.cli._shared.measuring import show_outcome
from kit.cli.showing.screen import has_links, show_screen
from kit.output import checked_output
from kit.report.screen.values import Caution, Door, Figure, Row, Said, Screen, Step, Table
from kit.run.reproduce import conclude
from kit.storage.names import PAGE
from kit.storage.run_folder import read_folder, read_plan
from tests.support.good_bundle import good_files
from tests.support.terminal import Terminal, shown_by, terminal

LINK = "file:///tmp/runs/a/report.html"
ROW = Row("tokens/s", "a", (Figure("98.6", "best"), Figure("65.5 †", "doubt")))
SCREEN = Screen(
    title="Two entries",
    about=("A machine", "a model"),
    table=Table(("1 user", "4 users"), (ROW,), (0, 1), "kit table a"),
    verdict=(Said("At 4 users a has 1.5 times the tokens/s of b.", "good"),),
    surer=(Step("For 95 % intervals", "kit reproduce --resume a --replicates 3"),),
    cautions=(Caution("b at 1 user is left out of the verdict", "SUSPECT"),),
    doors=(Door("Page", "runs/a/report.html", LINK),),
    more="kit table a",
)
COLOUR = re.compile(r"\x1b\[[0-9;]*(?:3[0-7]|9[0-7])[0-9;]*m")


def drawn(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    """What a terminal that can do everything is sent."""
    import os
    import sys

    for name in ("NO_COLOR", "TMUX", "TERM_PROGRAM", "VTE_VERSION", "WT_SESSION", "CI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"TERM": "xterm-256color", "COLUMNS": "80"} | environment).items():
        monkeypatch.setenv(name, value)
    with terminal() as (shown, slave), monkeypatch.context() as patch:
        stream = os.fdopen(os.dup(slave), "w", encoding="utf-8")
        patch.setattr(sys, "stdout", stream)
        with checked_output():
            show_screen(SCREEN)
        stream.close()
    return shown.text


def test_a_terminal_gets_colours_and_a_link(monkeypatch: pytest.MonkeyPatch) -> None:
    text = drawn(monkeypatch, TERM_PROGRAM="WezTerm")
    assert COLOUR.search(text)
    assert f";{LINK}\x1b\\runs/a/report.html" in text


def test_no_color_has_none_and_keeps_every_word(monkeypatch: pytest.MonkeyPatch) -> None:
    text = drawn(monkeypatch, NO_COLOR="1")
    assert not COLOUR.search(text)
    for word in ("98.6", "left out of the verdict", "runs/a/report.html", "--replicates 3"):
        assert word in text


def test_a_dumb_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    text = drawn(monkeypatch, TERM="dumb")
    assert "\x1b" not in text
    assert text.splitlines()[0] == "Two entries"


@pytest.mark.parametrize(
    ("environment", "shown"),
    [
        ({"TERM_PROGRAM": "iTerm.app"}, True),
        ({"VTE_VERSION": "6800"}, True),
        ({"WT_SESSION": "x"}, True),
        ({"VTE_VERSION": "4200"}, False),
        ({"VTE_VERSION": "new"}, False),
        ({"TERM": "linux"}, False),
        ({"TERM": "screen-256color", "VTE_VERSION": "6800"}, False),
        ({"TMUX": "/tmp/x", "TERM_PROGRAM": "iTerm.app"}, False),
    ],
)
def test_links_are_for_terminals_that_have_them(environment: Mapping[str, str], shown: bool) -> None:
    assert has_links(environment) is shown


def written(folder: Path) -> Path:
    for name, data in good_files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def test_a_run_in_a_pipe_ends_with_its_tables_and_its_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Markdown as ever; the page lies in the folder, is no evidence, and never travels."""
    run = written(tmp_path / "run")
    plan, sha256 = read_plan(run)
    outcome = conclude(plan, sha256, run)
    before = read_folder(run).files
    show_outcome(plan, outcome, run, as_json=False)
    out = capsys.readouterr().out
    assert "**Throughput" in out
    assert f"open {run / PAGE} in a browser" in out
    assert (run / PAGE).read_text().startswith("<!doctype html>")
    assert read_folder(run).files == before


def test_a_run_on_a_terminal_ends_with_one_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And with every table where somebody asks for them."""
    import os
    import sys

    run = written(tmp_path / "run")
    plan, sha256 = read_plan(run)
    outcome = conclude(plan, sha256, run)
    found: dict[bool, Terminal] = {}
    monkeypatch.setenv("COLUMNS", "80")
    for verbose in (False, True):
        with terminal() as (shown, slave), monkeypatch.context() as patch:
            stream = os.fdopen(os.dup(slave), "w", encoding="utf-8")
            patch.setattr(sys, "stdout", stream)
            with checked_output():
                show_outcome(plan, outcome, run, as_json=False, verbose=verbose)
            stream.close()
        found[verbose] = shown
    assert "**Throughput" not in found[False].text
    assert str(run / PAGE) in found[False].text
    assert "**Throughput" in found[True].text


def test_report_open_shows_the_page_or_says_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no browser its address is printed."""
    bundle = Path(__file__).parents[3] / "results" / "demo-2cpu.tar.gz"
    asked: list[str] = []

    def refuse(address: str) -> bool:
        asked.append(address)
        return False

    monkeypatch.setattr("webbrowser.open", refuse)
    code, shown = shown_by("report", str(bundle), "-o", str(tmp_path / "r"), "--open", monkeypatch=monkeypatch)
    page = (tmp_path / "r" / "report.html").resolve().as_uri()
    assert (code, asked) == (0, [page])
    assert f"The page: {page}" in shown.text


def test_a_screen_without_a_table_is_words_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.unit.cli.test_screen.SCREEN", replace(SCREEN, table=None))
    assert "98.6" not in drawn(monkeypatch)


# --- tables -----------------------------------------------------------------------------------------------

DEMO = str(Path(__file__).parents[3] / "results" / "demo-2cpu.tar.gz")


def test_tables_are_drawn_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pipes and asterisks, no line wider than the terminal, every figure there."""
    monkeypatch.setenv("COLUMNS", "80")
    code, shown = shown_by("table", DEMO, monkeypatch=monkeypatch)
    lines = shown.text.splitlines()
    assert code == 0
    assert "**" not in shown.text
    assert not any(line.startswith("|") for line in lines)
    assert max(map(len, lines)) <= 80
    for word in ("Throughput", "llamacpp-batched", "83.9", "Label:"):
        assert word in shown.text
    assert shown.harmful == set()


def test_markdown_is_printed_where_somebody_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    _, shown = shown_by("table", DEMO, "--markdown", monkeypatch=monkeypatch)
    assert "**Throughput" in shown.text
    assert "|------" in shown.text

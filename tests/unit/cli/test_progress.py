"""What is shown while a run, a load or a transfer goes on: plain words, a rate, the time left."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from kit.cli._shared.progress import PHASE_WORDS, LoadProgress, RunProgress
from kit.cli.showing.transfers import amount_text, preparation, transfer
from kit.documents import Cell
from kit.documents.phases import PHASES, READY
from kit.documents.result import CellFailure
from tests.support.fakes import demo_plan
from tests.support.forge import BATCHED, path, read
from tests.support.good_bundle import good_files
from tests.support.terminal import terminal


def on_terminal(act: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> str:
    """What a terminal shows of it."""
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm-256color")
    with terminal() as (shown, slave), monkeypatch.context() as patch:
        stream = os.fdopen(os.dup(slave), "w", encoding="utf-8")
        patch.setattr(sys, "stderr", stream)
        act()
        stream.close()
    return shown.text


@pytest.mark.parametrize(
    ("done", "total", "came", "seconds", "text"),
    [
        (120_500_000, 400_000_000, 82_000_000, 20.0, "120.5 MB of 400.0 MB, 4.1 MB/s, 1:08 left"),
        (5_000, None, 5_000, 10.0, "5.0 kB, 500 B/s"),
        (5_000, 10_000, 5_000, 0.5, "5.0 kB of 10.0 kB"),
        (5_000, 10_000, 0, 9.0, "5.0 kB of 10.0 kB"),
        (10_000, 10_000, 10_000, 2.0, "10.0 kB of 10.0 kB, 5.0 kB/s, 0:00 left"),
    ],
)
def test_an_amount_has_its_rate_and_the_time_left(
    done: int, total: int | None, came: int, seconds: float, text: str
) -> None:
    """From a second on; of a transfer that resumes only what came counts for its rate."""
    assert amount_text(done, total, came, seconds) == text


def test_every_phase_has_words() -> None:
    assert set(PHASE_WORDS) == set(PHASES)


def test_a_cell_is_told_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entry and users, what is done, how many answers were checked, the rate."""
    plan = demo_plan()

    def act() -> None:
        cell = plan.cells[0]
        with RunProgress(plan, quiet=False) as progress:
            progress.ahead({}, plan.cells)
            progress.cell_started(cell)
            progress.phase(cell.id, "correct")
            progress.progress(cell.id, {"event": "checked", "done": 3, "of": 14})
            time.sleep(0.25)
            progress.phase(cell.id, "window")
            for at_ns, pieces in ((0, 0), (10**9, 98)):
                progress.progress(
                    cell.id, {"event": "progress", "phase": "window", "at_ns": at_ns, "pieces": pieces}
                )
            time.sleep(0.25)

    text = on_terminal(act, monkeypatch)
    first = plan.cells[0]
    assert f"{first.entry} at 1 user: checking answers 3/14" in text
    assert "measuring, 98 tokens/s" in text
    assert " left" in text


def test_a_wait_for_a_quiet_machine_says_for_what_and_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """On 80 columns too, and no time left of a run whose time is not known yet."""

    def act() -> None:
        with RunProgress(demo_plan(), quiet=False) as progress:
            progress.busy(("other programs use 50 % of the CPU time, limit 3 %",), ("cc1", "make"), 58.0)
            time.sleep(0.25)
            progress.looking()
            time.sleep(0.25)

    text = on_terminal(act, monkeypatch)
    assert "waiting for a quiet machine, 0:58 at most (cc1, make)" in text
    assert "looking" not in text
    assert " left" not in text


def test_a_failed_cell_stays_on_the_terminal_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = read(dict(good_files()), path(BATCHED), Cell)
    failed = replace(
        cell, status="failed", metrics=None, failure=CellFailure("window", "EmptyWindow", "No request began.")
    )

    def act() -> None:
        with RunProgress(demo_plan(), quiet=False) as progress:
            progress.cell_ended(failed)
            time.sleep(0.25)

    assert f"{BATCHED} failed in window: No request began." in on_terminal(act, monkeypatch)


def test_a_cell_that_is_taken_again_is_ahead_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not what is left of the attempt that was disturbed: that may be nothing."""
    plan = demo_plan()
    cell = read(dict(good_files()), path(BATCHED), Cell)
    now = [0]
    monkeypatch.setattr("kit.cli._shared.progress.time.monotonic_ns", lambda: now[0])
    with RunProgress(plan, quiet=True) as progress:
        progress.ahead({}, plan.cells[:2])
        progress.cell_started(plan.cells[0])
        whole_s = progress._left_s()
        progress.phase(plan.cells[0].id, "window")
        now[0] = 10**12
        assert progress._left_s() < whole_s
        progress.disturbed(cell, ("no sample",), again=True)
        assert progress._left_s() == pytest.approx(whole_s)
        now[0] += 10**12
        progress.disturbed(cell, ("no sample",), again=False)
        assert progress._left_s() < whole_s


def test_a_long_transfer_is_told_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where there is no terminal a line every ten seconds, and none of a short one."""
    now = [100.0]
    monkeypatch.setattr("kit.cli.showing.transfers.time.monotonic", lambda: now[0])
    with transfer("model m", quiet=False) as on_bytes:
        for at in range(0, 24, 4):
            now[0] = 100.0 + at
            on_bytes(at * 1_000_000, 40_000_000)
    assert capsys.readouterr().err.splitlines() == [
        "model m ...",
        "model m: 12.0 MB of 40.0 MB, 1.0 MB/s, 0:28 left",
    ]


def test_a_quiet_transfer_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with preparation("images", quiet=True) as (on_bytes, on_line):
        on_bytes(1, 2)
        on_line("building")
    assert capsys.readouterr().err == ""


def test_a_build_counts_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the engine's builder does; then the step stands before the bar."""

    def act() -> None:
        with preparation("images", quiet=False) as (on_bytes, on_line):
            on_line("Step 5/20 : RUN cmake --build build")
            time.sleep(0.25)
            on_bytes(1_000, 2_000)
            time.sleep(0.25)

    text = on_terminal(act, monkeypatch)
    assert "step 5 of 20" in text
    assert "RUN cmake --build build" in text
    assert "1.0 kB of 2.0 kB" in text


def test_a_load_says_how_long_it_takes_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until its window is over: then the last answers are waited for."""

    def act() -> None:
        with LoadProgress(30.0, quiet=False) as progress:
            for at_s in (0, 12, 31):
                progress(
                    {"event": "progress", "phase": "window", "at_ns": at_s * 10**9, "pieces": 10 * at_s, "ok": 2}
                )
                time.sleep(0.25)

    text = on_terminal(act, monkeypatch)
    assert "measuring, 10 tokens/s, 2 ok, 0 failed" in text
    assert "0:18 left" in text
    assert "last answers" in text


def test_before_the_first_cell_it_says_how_long_all_cells_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """And never that nothing is left."""

    def act() -> None:
        with RunProgress(demo_plan(), quiet=False) as progress:
            progress.looking()
            time.sleep(0.3)

    shown = on_terminal(act, monkeypatch)
    assert "cells: about" in shown
    assert "0:00 left" not in shown


def test_after_the_last_cell_nothing_is_said_of_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """An evaluation takes as long as its answers do."""
    plan = demo_plan()
    cell = replace(read(dict(good_files()), path(BATCHED), Cell), id=plan.cells[-1].id)

    def act() -> None:
        with RunProgress(plan, quiet=False) as progress:
            progress.ahead({}, plan.cells[-1:])
            progress.cell_started(plan.cells[-1])
            progress.ahead({each.id: cell for each in plan.cells[:-1]}, plan.cells[-1:])
            progress.cell_ended(cell)
            progress.evaluating("asking demo")
            time.sleep(0.3)

    last = on_terminal(act, monkeypatch).split("evaluation: asking demo")[-1]
    assert "left" not in last


def test_what_a_builder_says_of_its_layers_replaces_no_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """The step counts on."""

    def act() -> None:
        with preparation("images", quiet=False) as (_, on_line):
            on_line("building kit/llamacpp:cpu from kit/base:bookworm")
            on_line("Step 2/3 : LABEL org.kit.target=source")
            on_line(" ---> Running in 11eb45d37153")
            time.sleep(0.3)

    shown = on_terminal(act, monkeypatch)
    assert "building kit/llamacpp:cpu" in shown
    assert "step 2 of 3" in shown
    assert "LABEL" not in shown
    assert "Running in" not in shown


def test_a_round_of_an_evaluation_is_no_cell_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no number among them."""
    plan = demo_plan()

    def act() -> None:
        with RunProgress(plan, quiet=False) as progress:
            progress.ahead({}, plan.cells)
            progress.phase(plan.cells[0].id, READY)
            time.sleep(0.3)
            progress.phase("eval-llamacpp-serial-c8", READY)
            time.sleep(0.3)

    shown = on_terminal(act, monkeypatch)
    assert f"1/{len(plan.cells)} llamacpp-serial at 1 user: loading the model" in shown
    assert "evaluation of llamacpp-serial-c8: loading the model" in shown

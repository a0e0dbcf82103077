"""The last screen of a run: 30 lines and 80 columns whatever was measured, with the answer, and how sure it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from kit.documents import CellPlan, Plan
from kit.judge.advice import Leader
from kit.judge.differences import differences_in
from kit.judge.open import OpenedStudy, verified_study
from kit.judge.study import entries_of
from kit.metrics.registry import THROUGHPUT
from kit.report.differences_text import difference_notes
from kit.report.screen.layout import MAX_LINES, laid_out, plain_line, plain_screen
from kit.report.screen.runs import Ended, run_screen
from kit.report.screen.surer import surer_steps
from kit.report.screen.values import Screen
from kit.verify.evidence import open_bundle
from tests.support.good_deciding import decided_bundle
from tests.support.good_searching import searched_bundle
from tests.support.good_shapes import bundle_of, grid_files, open_files
from tests.support.pages import HOSTILE, subjects
from tests.support.studies import study

GOLDEN = Path(__file__).parent / "golden"
RESULTS = Path(__file__).parents[4] / "results"
BUNDLES = ("cpu-four-2cpu", "demo-2cpu", "demo-epyc-2cpu", "smol-2cpu")
WIDTHS = (80, 200)


@cache
def opened(name: str) -> OpenedStudy:
    return verified_study(open_bundle((RESULTS / f"{name}.tar.gz").read_bytes()), name)


def screen(name: str) -> Screen:
    found = opened(name)
    assert found.plan is not None
    assert found.evidence is not None
    notes = difference_notes(differences_in(found.plan, found.evidence))
    return run_screen(found, Ended(f"results/{name}.tar.gz", differences=tuple(notes)))


@pytest.mark.parametrize("name", BUNDLES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_screen_of_a_published_run_is_the_golden_one(name: str, width: int) -> None:
    """`make golden` writes them anew after a wanted change."""
    path = GOLDEN / f"{name}-{width}.txt"
    text = plain_screen(screen(name), width) + "\n"
    if os.environ.get("KIT_WRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", BUNDLES)
@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal_and_there_are_at_most_thirty(name: str, width: int) -> None:
    """Commands to paste are never cut: on a narrow terminal they run over."""
    lines = [plain_line(line) for line in laid_out(screen(name), width)]
    assert sum(-(-max(1, len(line)) // width) for line in lines) <= MAX_LINES + (width < 80) * 6
    prose = [line for line in lines if "kit " not in line and "results/" not in line]
    assert max(map(len, prose)) <= width


def many(entries: int, levels: int) -> OpenedStudy:
    """A made up run of many entries at many numbers of users."""
    base = opened("demo-2cpu")
    assert base.plan is not None
    assert base.result is not None
    names = [f"runtime-number-{n}" for n in range(entries)]
    at = [2**n for n in range(levels)]
    made = study(*subjects(names, at))
    entry, row, line = base.plan.entries[0], base.result.rows[0], base.result.cells[0]
    plan = replace(
        base.plan,
        entries=tuple(replace(entry, name=name) for name in names),
        workload=replace(base.plan.workload, concurrencies=tuple(at), replicates=3),
        cells=tuple(CellPlan(f"r1-c{level}-{name}", 0, name, level, 1, "r1") for name in names for level in at),
    )
    rows = tuple(replace(row, entry=name, concurrency=level) for name in names for level in at)
    cells = tuple(
        replace(line, id=each.id, entry=each.entry, concurrency=each.concurrency, metrics=None)
        for each in plan.cells
    )
    return OpenedStudy(made, plan, replace(base.result, rows=rows, cells=cells))


@pytest.mark.parametrize(("entries", "levels"), [(2, 9), (12, 3), (12, 12), (1, 12), (30, 1)])
def test_many_entries_and_levels_still_fit(entries: int, levels: int) -> None:
    """The best stay; what is left out is counted, with the command that shows it."""
    lines = [plain_line(line) for line in laid_out(run_screen(many(entries, levels), Ended("runs/a")), 80)]
    assert len(lines) <= MAX_LINES
    assert max(map(len, lines)) <= 80
    left_out = [line for line in lines if line.endswith("more: kit table runs/a")]
    assert len(left_out) == 1
    # Of entries the fastest is last in the list, of levels the ends stay.
    assert any(f"runtime-number-{entries - 1}" in line for line in lines)


def test_a_whole_table_has_no_line_about_what_is_left_out() -> None:
    lines = [plain_line(line) for line in laid_out(run_screen(many(2, 3), Ended("runs/a")), 80)]
    assert not any("more: kit table" in line for line in lines)
    assert sum("runtime-number-" in line for line in lines if line.startswith("  ")) >= 4


def test_the_demo_says_who_answers_first_and_how_many_times_sooner() -> None:
    """The finding that was left to the reader."""
    text = " ".join(plain_screen(screen("demo-epyc-2cpu"), 80).split())
    assert "answers first" in text
    assert "times sooner than llamacpp-serial" in text
    assert "sure" in text


def test_what_would_make_it_surer_is_a_command() -> None:
    """Of a run folder one that resumes it."""
    found = opened("demo-2cpu")
    text = plain_screen(run_screen(found, Ended("runs/demo", "runs/demo/report.html")), 80)
    assert "Page     runs/demo/report.html" in text
    if any("not sure" in said.text for said in run_screen(found, Ended("runs/demo")).verdict):
        assert "kit reproduce --resume runs/demo --replicates" in text


@pytest.mark.parametrize(
    ("files", "expected"),
    [(grid_files, "out"), (open_files, "/s"), (None, "users within"), ("decided", "verdict")],
)
def test_runs_of_every_kind_have_a_screen(files: object, expected: str) -> None:
    """Grids of lengths, open loops, searches for the most users, and runs that decided."""
    data = (
        searched_bundle() if files is None else decided_bundle() if files == "decided" else bundle_of(files())  # type: ignore[operator]
    )
    evidence = open_bundle(data)
    slo = evidence.plan.search.slo if evidence.plan is not None and evidence.plan.search else None
    found = verified_study(evidence, "made", slo)
    text = plain_screen(run_screen(found, Ended("made.tar.gz")), 80)
    assert len(text.splitlines()) <= MAX_LINES
    assert expected in text or expected == "verdict"
    assert all(entry in text for entry in entries_of(found.study))


def test_hostile_words_stay_on_their_lines() -> None:
    """Titles and reasons of a bundle: nothing of them moves a cursor or breaks a line."""
    base = many(2, 2)
    assert base.plan is not None
    plan: Plan = replace(base.plan, title=f"{HOSTILE}\x1b[2J\nnext")
    bad = replace(base.study.subjects[0].trials[0], status="failed", reason=f"{HOSTILE}\x1b]0;x\x07", values={})
    first = replace(base.study.subjects[0], trials=(bad, *base.study.subjects[0].trials[1:]))
    hostile = replace(base, plan=plan, study=replace(base.study, subjects=(first, *base.study.subjects[1:])))
    text = plain_screen(run_screen(hostile, Ended("runs/a")), 80)
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "left out of the verdict" in text


def test_a_link_leads_to_the_page() -> None:
    """Its address stands beside the words, for terminals that show links."""
    made = run_screen(opened("demo-2cpu"), Ended("runs/d", "runs/d/report.html", "file:///x/runs/d/report.html"))
    links: Mapping[str, str] = {span.text: span.link for line in laid_out(made, 80) for span in line if span.link}
    assert links == {"runs/d/report.html": "file:///x/runs/d/report.html"}


def test_where_suspect_cells_leave_nothing_to_compare_a_quiet_machine_would_help() -> None:
    """No number of replicates would; and nothing is said where nobody was left out."""
    found = opened("demo-2cpu")
    assert found.plan is not None
    assert found.result is not None
    result = replace(found.result, cells=tuple(replace(line, suspect=("lag",)) for line in found.result.cells))
    leader = Leader(1, THROUGHPUT, "a", None, None, None, "alone", (), (("b", "SUSPECT: lag"),))
    (step,) = surer_steps(found.plan, result, [(found.study, leader)], "runs/x")
    assert step.words == (
        "12 of 12 cells decide nothing (SUSPECT): measure again on a quiet machine, docs/quiet-machine.md"
    )
    assert surer_steps(found.plan, result, [(found.study, replace(leader, left_out=()))], "runs/x") == ()


@pytest.mark.parametrize(
    ("run", "words"),
    [
        # 12 cells of 2 replicates took a minute each: one more takes six, three from the beginning eighteen.
        ("runs/x", "For 95 % intervals, about 6 min"),
        ("x.tar.gz", "For 95 % intervals, about 18 min"),
    ],
)
def test_what_would_help_says_how_long_it_takes(run: str, words: str) -> None:
    """Only the missing replicates where the run goes on; all of them where there is no more than a bundle."""
    found = opened("demo-2cpu")
    assert found.plan is not None
    assert found.result is not None
    assert (len(found.plan.cells), found.plan.workload.replicates) == (12, 2)
    leader = Leader(1, THROUGHPUT, "a", None, "b", None, "undecided", (), ())
    (step,) = surer_steps(found.plan, found.result, [(found.study, leader)], run, 60.0)
    assert step.words == words
    (unknown,) = surer_steps(found.plan, found.result, [(found.study, leader)], run)
    assert unknown.words == "For 95 % intervals"

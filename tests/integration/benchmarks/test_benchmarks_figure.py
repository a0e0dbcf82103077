"""Figures beside their targets, the table for people, the JSON for programs, and the folder of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.figure import Bench, Figure, at_least, at_most, untargeted
from benchmarks.table import json_text, number, text_table

DASH = "\N{EN DASH}"  # no data


def row(figure: Figure) -> list[str]:
    """The cells of a figure's row in the table."""
    lines = text_table([figure]).splitlines()
    return [cell.strip() for cell in lines[2].strip("|").split("|")]


# --- figures --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "most", "least"),
    [(0.9, True, False), (1.0, True, True), (1.1, False, True), (0, True, False), (None, None, None)],
)
def test_a_target_includes_its_limit_and_no_value_is_not_judged(
    value: float | None, most: bool | None, least: bool | None
) -> None:
    """At most and at least 1; 0 is a value like others."""
    assert at_most("lag", value, 1, "ms", "how") == Figure("lag", value, "ms", "<= 1", most, "how")
    assert at_least("rate", value, 1, "tok/s", "how") == Figure("rate", value, "tok/s", ">= 1", least, "how")


def test_what_is_not_a_number_meets_no_target() -> None:
    """A share of nothing must not pass for a good one."""
    assert at_most("lag", float("nan"), 1, "ms", "").met is False
    assert at_least("rate", float("nan"), 1, "tok/s", "").met is False


@pytest.mark.parametrize(
    ("limit", "words"),
    [(0, "<= 0"), (0.5, "<= 0.5"), (1.0, "<= 1"), (68_000, "<= 68,000"), (100_000, "<= 100,000")],
)
def test_a_limit_is_written_short(limit: float, words: str) -> None:
    """No noughts at the end, commas for thousands."""
    assert at_most("x", 0, limit, "", "").target == words


def test_a_figure_without_a_target_is_neither_met_nor_missed() -> None:
    """It is there to be looked at."""
    assert untargeted("bare", 3.5, "tok/s", "how") == Figure("bare", 3.5, "tok/s", "", None, "how")


# --- the table ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("figure", "cells"),
    [
        (at_most("lag", 0.25, 1, "ms", ""), ["lag", "0.250", "ms", "<= 1", "met"]),
        (at_most("lag", 1.25, 1, "ms", ""), ["lag", "1.250", "ms", "<= 1", "MISSED"]),
        (at_most("lag", None, 1, "ms", ""), ["lag", DASH, "ms", "<= 1", "no data"]),
        (at_most("lost", 0, 0, "chunks", ""), ["lost", "0", "chunks", "<= 0", "met"]),
        (at_least("rate", 99_999.6, 100_000, "tok/s", ""), ["rate", "100,000", "tok/s", ">= 100,000", "MISSED"]),
        (untargeted("bare", 250_123.4, "tok/s", ""), ["bare", "250,123", "tok/s", "", ""]),
        (untargeted("bare", None, "tok/s", ""), ["bare", DASH, "tok/s", "", "no data"]),
        (Figure("index", 0.9, "", "0.8 to 1.2", None, ""), ["index", "0.900", "", "0.8 to 1.2", ""]),
    ],
)
def test_a_row_says_met_missed_or_no_data(figure: Figure, cells: list[str]) -> None:
    """Nothing where there is no target, or too little to judge by it."""
    assert row(figure) == cells


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, DASH),
        (0, "0"),
        (7.0, "7"),
        (-3.0, "-3"),
        (0.1234, "0.123"),
        (9.8765, "9.877"),
        (-0.5, "-0.500"),
        (12.3456, "12.35"),
        (-99.999, "-100.00"),
        (1000.4, "1,000"),
        (-12_345.6, "-12,346"),
        (10_000_000, "10,000,000"),
    ],
)
def test_numbers_have_the_digits_that_matter(value: float | None, text: str) -> None:
    """Whole numbers and thousands without decimals, from 10 on two, below three."""
    assert number(value) == text


def test_below_the_table_stands_how_each_figure_came_about() -> None:
    """In the order of the rows; a figure that explains itself has no line."""
    figures = [
        at_most("lag", 2, 1, "ms", "60 s"),
        at_most("lost", 0, 0, "chunks", ""),
        untargeted("x", 1, "", "by hand"),
    ]
    lines = text_table(figures).splitlines()
    assert lines[0].split() == ["|", "figure", "|", "measured", "|", "unit", "|", "target", "|", "|"]
    assert len({len(line) for line in lines[:5]}) == 1
    assert lines[5:] == ["", "- lag: 60 s", "- x: by hand"]


def test_the_json_keeps_every_figure_whole() -> None:
    """Values are not rounded, no data is null; the machine stands beside them."""
    figures = [at_most("lag", 1 / 3, 1, "ms", "60 s"), at_least("rate", None, 1, "tok/s", "")]
    text = json_text(figures, "2 CPUs")
    assert text.endswith("}\n")
    assert json.loads(text) == {
        "machine": "2 CPUs",
        "figures": [
            {"name": "lag", "value": 1 / 3, "unit": "ms", "target": "<= 1", "met": True, "how": "60 s"},
            {"name": "rate", "value": None, "unit": "tok/s", "target": ">= 1", "met": None, "how": ""},
        ],
    }


# --- a run ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("quick", "picked"), [(True, 10), (False, 60)])
def test_a_quick_run_picks_the_smaller_amount(quick: bool, picked: int) -> None:
    """The first of two is the quick one."""
    assert Bench(Path(), quick=quick).pick(10, 60) == picked


def test_every_path_of_a_run_is_new(tmp_path: Path) -> None:
    """Files beside a path, as logs are, belong to it; other names count by themselves."""
    bench = Bench(tmp_path, quick=True)
    first = bench.new("load")
    first.mkdir()
    first.with_suffix(".log").touch()
    first.with_suffix(".cost.json").touch()
    second = bench.new("load")
    second.with_suffix(".log").touch()
    assert [path.name for path in (first, second, bench.new("load"), bench.new("truth"))] == [
        "load-0",
        "load-1",
        "load-2",
        "truth-0",
    ]


def test_runs_do_not_share_their_loads() -> None:
    """Each has a list of its own."""
    one, other = (Bench(Path(), quick=True) for _ in range(2))
    one.stationary.append(Path("load-0"))
    assert other.stationary == []

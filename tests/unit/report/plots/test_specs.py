"""Plots as data: what is drawn of a study, and what is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.report.plots.front import front_of
from kit.report.plots.specs import overview, pareto, throughput
from kit.report.plots.style import COLOURS, PAPER, Plot, log_ticks, series_of
from tests.support.studies import replicated, study, subject, trial

TWO = study(
    replicated("llamacpp", 4, {"throughput_tok_s": (80, 90, 100), "ttft_ms.p50": (20, 21, 22)}),
    replicated("llamacpp", 1, {"throughput_tok_s": (30, 31, 32), "ttft_ms.p50": (10, 11, 12)}),
    replicated("vllm", 1, {"throughput_tok_s": (20.0,), "ttft_ms.p50": (30.0,)}),
)
THEIRS = replace(TWO, origin="imported", label=None, name="theirs")


def rows(plot: Plot | None) -> list[dict[str, Any]]:
    assert plot is not None
    found: list[dict[str, Any]] = plot.spec["data"]["values"]
    return found


def layer_types(plot: Plot | None) -> list[str]:
    assert plot is not None
    return [layer["mark"]["type"] for layer in plot.spec["layer"]]


def test_throughput_has_a_row_for_each_figure_with_its_interval() -> None:
    """Medians by series in order of concurrency; no interval from one replicate."""
    found = rows(throughput([TWO], "p"))
    assert [(row["series"], row["users"], row["throughput_tok_s"]) for row in found] == [
        ("llamacpp", 1, 31),
        ("llamacpp", 4, 90),
        ("vllm", 1, 20),
    ]
    assert (found[1]["low"], found[1]["high"]) == (67.9224, 118.27)
    assert "low" not in found[2]


def test_bars_are_drawn_only_where_there_are_intervals() -> None:
    """And the caption says why there are none."""
    single = study(subject("vllm", 1, throughput_tok_s=20.0))
    assert layer_types(throughput([TWO], "p")) == ["rule", "line", "point"]
    plot = throughput([single], "p")
    assert layer_types(plot) == ["line", "point"]
    assert plot is not None
    assert "three replicates" in plot.caption


@pytest.mark.parametrize("make", [throughput, pareto])
def test_nothing_measured_gives_no_plot(make: Any) -> None:
    """An empty plot would look like a zero."""
    assert make([study(subject("vllm", 1, trial(1, "failed")))], "p") is None


def test_suspect_figures_are_open_marks_with_a_note() -> None:
    """And the caption says what open marks are."""
    doubted = replace(trial(1, throughput_tok_s=20.0), suspect=("send lag",))
    plot = throughput([study(subject("vllm", 1, doubted))], "p")
    (row,) = rows(plot)
    assert row["open"]
    assert "SUSPECT" in row["note"]
    assert plot is not None
    assert "SUSPECT" in plot.caption


def test_imported_figures_stand_beside_ours_hollow_dashed_and_named() -> None:
    """In the same colour, with the word that nobody can verify them."""
    ours, _, theirs, _ = series_of([TWO, THEIRS])
    assert theirs.label == "llamacpp (imported, unverifiable)"
    assert (theirs.colour, theirs.shape) == (ours.colour, ours.shape)
    plot = throughput([TWO, THEIRS], "p")
    assert plot is not None
    line = plot.spec["layer"][1]["encoding"]["strokeDash"]["scale"]
    assert dict(zip(line["domain"], line["range"], strict=True))[theirs.label] == [5, 4]
    fill = plot.spec["layer"][-1]["encoding"]["fill"]["scale"]
    assert dict(zip(fill["domain"], fill["range"], strict=True))[theirs.label] == PAPER
    assert all(row["open"] for row in rows(plot) if row["series"] == theirs.label)


def test_two_imported_studies_are_told_apart() -> None:
    """By their names."""
    labels = [each.label for each in series_of([TWO, THEIRS, replace(THEIRS, name="more")])]
    assert len(set(labels)) == len(labels)
    assert "vllm (more, imported, unverifiable)" in labels


def test_every_entry_has_its_own_colour_and_shape() -> None:
    """For as many as anybody compares; more repeat, and stay apart in the legend."""
    made = series_of([study(*(subject(f"e{n}", 1, throughput_tok_s=1.0) for n in range(len(COLOURS))))])
    assert len({each.colour for each in made}) == len({each.shape for each in made}) == len(COLOURS)


def test_the_pareto_front_leaves_out_what_is_suspect_or_imported() -> None:
    """Only what is believed can be on it."""
    found = rows(pareto([TWO, THEIRS], "p"))
    front = [(row["series"], row["users"]) for row in found if row["front"]]
    assert front == [("llamacpp", 1), ("llamacpp", 4)]


def test_without_ttft_the_pareto_plot_takes_the_pace_of_one_user() -> None:
    """Where more is better, and says so."""
    plot = pareto([study(subject("vllm", 2, throughput_tok_s=20.0, decode_tok_s=11.0))], "p")
    assert plot is not None
    assert "Up and right" in plot.caption
    assert rows(plot)[0]["decode_tok_s"] == 11


def test_few_marks_are_all_labelled_and_many_at_their_ends() -> None:
    """Labels that lie upon each other say nothing."""
    many = study(*(subject("e", n, throughput_tok_s=float(n), ttft_ms__p50=float(n)) for n in range(1, 31)))
    assert [row["label"] for row in rows(pareto([many], "p")) if row["label"]] == ["1", "30"]
    assert all(row["label"] for row in rows(pareto([TWO], "p")))


def test_the_overview_takes_the_best_of_every_entry() -> None:
    """One mark an entry and run."""
    found = rows(overview([("a", TWO), ("b", TWO)]))
    assert [(row["run"], row["series"], row["users"]) for row in found] == [
        ("a", "llamacpp", 4),
        ("a", "vllm", 1),
        ("b", "llamacpp", 4),
        ("b", "vllm", 1),
    ]


def test_hostile_names_are_data_and_never_expressions() -> None:
    """A name goes into values and domains alone, on one line."""
    evil = "a\u202e' + datum.x \n"
    bad = replace(TWO, subjects=(replace(TWO.subjects[0], entry=evil),))
    plot = throughput([bad], "p")
    assert plot is not None
    assert rows(plot)[0]["series"] == "a\ufffd' + datum.x \ufffd"
    assert evil not in str(plot.spec)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12), st.booleans())
def test_nothing_beats_the_front_and_everything_else_is_beaten(
    pairs: list[tuple[float, float]], low: bool
) -> None:
    """By brute force."""

    def beats(a: tuple[float, float], b: tuple[float, float]) -> bool:
        better_x = a[0] <= b[0] if low else a[0] >= b[0]
        return a != b and better_x and a[1] >= b[1]

    found = {(x, y) for x, y, _ in front_of([(x, y, None) for x, y in pairs], low=low)}
    assert found == {b for b in pairs if not any(beats(a, b) for a in pairs)}


def test_a_faster_decode_keeps_a_point_on_the_front() -> None:
    """Equal in two figures and better in one beats; 4 users at 50 ms are not beaten by more that wait longer."""
    few, many, slow = (50.0, 100.0, 20.0), (414.0, 180.0, 22.0), (60.0, 100.0, 20.0)
    assert front_of([few, many, slow], low=True) == {few, many}


@settings(max_examples=60, deadline=None)
@given(st.floats(1e-3, 1e5), st.floats(1.0, 1e4))
def test_ticks_are_few_and_inside(low: float, times: float) -> None:
    """Whatever the values are."""
    ticks = log_ticks(low, low * times)
    assert len(ticks) <= 8
    assert all(low <= tick <= low * times for tick in ticks)
    assert ticks == sorted(set(ticks))

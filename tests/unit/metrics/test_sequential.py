"""kit-sequential-1: what is measured further, what is decided, and that no look spends more than it may."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from fractions import Fraction
from functools import partial

import pytest

from kit.metrics.sequential import Decision, look_share
from tests.support.deciding import S, deciding_plan, followed

NOISE = (0.0, 0.01, -0.01, 0.02, -0.02, 0.015, -0.005, 0.01, 0.0, -0.01)


def _known(figures: dict[str, float], entry: str, level: int, at: int) -> float:
    return figures[f"r{at}-c{level}-{entry}"]


def noisy(middle: float, replicate: int, width: float = 1.0, shift: int = 0) -> float:
    """A figure with 1 % of noise or a multiple of it."""
    return middle * math.exp(width * NOISE[(replicate + shift) % len(NOISE)])


@pytest.mark.parametrize("most", [3, 4, 5, 6, 10, 50])
def test_all_looks_together_spend_the_whole_error_and_no_more(most: int) -> None:
    """Each a part above 0; before the first there is none, and added replicates have that of the last."""
    shares = [look_share(3, most, count) for count in range(3, most + 1)]
    assert sum(shares) == 1
    assert min(shares) > 0
    assert look_share(3, most, 2) == Fraction(0)
    assert look_share(3, most, most + 5) == shares[-1]


def test_what_is_far_apart_ends_after_the_first_look() -> None:
    """Three replicates of each; the better one is named first, at every concurrency."""
    plan = deciding_plan()
    found = followed(plan, lambda entry, _, at: noisy(200 if entry == "b" else 100, at, shift=entry == "b"))
    assert (found.ended, found.replicates, found.open) == ("decided", 3, ())
    assert found.decided == (Decision(1, "b", "a", "ahead", 3), Decision(4, "b", "a", "ahead", 3))
    assert found.called == {cell.id for cell in plan.cells if cell.replicate <= 3}
    assert {found.status_of(cell) for cell in plan.cells} == {"called", "not needed"}


def test_less_is_better_where_the_metric_says_so() -> None:
    """A TTFT."""
    plan = deciding_plan(levels=(1,))
    assert plan.sequential is not None
    plan = replace(plan, sequential=replace(plan.sequential, metric="ttft_ms.p50"))
    found = followed(plan, lambda entry, _, at: noisy(200 if entry == "b" else 100, at, shift=entry == "b"))
    assert found.decided == (Decision(1, "a", "b", "ahead", 3),)


def test_equal_ones_are_tied_once_their_whole_interval_is_within_the_margin() -> None:
    """Not for want of a difference: with more noise they stay open to the last replicate."""
    plan = deciding_plan(levels=(1,))
    found = followed(plan, lambda entry, _, at: noisy(100, at, 0.1, shift=entry == "b"))
    assert (found.ended, [each.state for each in found.decided]) == ("decided", ["tied"])
    found = followed(plan, lambda entry, _, at: noisy(100, at, 6, shift=3 * (entry == "b")))
    assert (found.ended, found.replicates, found.decided) == ("maximum", 10, ())
    assert found.open == (Decision(1, "a", "b", "open", 10),)
    assert found.called == {cell.id for cell in plan.cells}


def test_only_entries_of_open_comparisons_are_measured_further_and_only_there() -> None:
    """c is far behind, and a and b are open at 4 users alone."""

    def figure(entry: str, level: int, at: int) -> float:
        if entry == "c":
            return noisy(10, at)
        width = 6 if level == 4 else 1
        return noisy(200 if entry == "b" and level == 1 else 100, at, width, shift=3 * (entry == "b"))

    plan = deciding_plan(("a", "b", "c"))
    found = followed(plan, figure)
    later = [cell for cell in plan.cells if cell.id in found.called and cell.replicate > 3]
    assert {(cell.entry, cell.concurrency) for cell in later} == {("a", 4), ("b", 4)}
    assert len(later) == 2 * 7
    assert found.open == (Decision(4, "a", "b", "open", 10),)


def test_a_replicate_is_judged_by_those_before_it_alone() -> None:
    """What is known of later ones changes nothing; until a replicate is whole nobody knows what is next."""
    plan = deciding_plan(levels=(1,))

    def figure(entry: str, _: int, at: int) -> float:
        return noisy(100, at, 6, shift=3 * (entry == "b")) if at < 6 else (500 if entry == "b" else 100)

    whole = followed(plan, figure)
    part = followed(plan, figure, until=4)
    assert (part.ended, part.replicates) == ("measuring", 5)
    assert part.called == {name for name in whole.called if int(name[1]) <= 5 and name[2] == "-"}
    assert [part.status_of(cell) for cell in plan.cells if cell.replicate == 6] == ["unknown"] * 2


def test_an_entry_that_failed_or_is_suspect_once_is_in_no_comparison() -> None:
    """As in the verdict: nothing is measured for it after the first look."""
    plan = deciding_plan(("a", "b", "c"), levels=(1,))

    def figure(entry: str, _: int, at: int) -> float | None:
        if entry == "c":
            return None if at == 2 else 300
        return noisy(100, at, 6, shift=3 * (entry == "b"))

    found = followed(plan, figure)
    assert {name for name in found.called if name.endswith("-c")} == {f"r{at}-c1-c" for at in (1, 2, 3)}
    assert [(each.first, each.second) for each in found.open] == [("a", "b")]
    good = followed(plan, lambda entry, level, at: figure(entry, level, at) or 300)
    assert ("c", "ahead") in {(each.first, each.state) for each in good.decided}


def test_without_two_figures_that_count_there_is_nothing_to_decide() -> None:
    """The first replicates are measured, as in any run."""
    plan = deciding_plan(levels=(1,))
    found = followed(plan, lambda entry, _, at: None if entry == "b" else noisy(100, at))
    assert (found.ended, found.replicates, found.open, found.decided) == ("decided", 3, (), ())
    zero = followed(plan, lambda entry, _, at: 0.0 if entry == "b" else noisy(100, at))
    assert (zero.ended, zero.decided) == ("decided", ())


@pytest.mark.parametrize(("budget_s", "replicates"), [(79, 3), (80, 4), (1000, 10), (1, 1), (40, 2)])
def test_no_replicate_begins_that_would_end_after_the_budget(budget_s: int, replicates: int) -> None:
    """Two cells of 10 s a replicate; the first is measured in any case. What is open is named."""
    plan = deciding_plan(levels=(1,), budget_ns=budget_s * S)
    found = followed(plan, lambda entry, _, at: noisy(100, at, 6, shift=3 * (entry == "b")))
    assert found.replicates == replicates
    assert found.ended == ("maximum" if replicates == 10 else "budget")
    assert found.open == (Decision(1, "a", "b", "open", replicates),)
    assert {found.status_of(cell) for cell in plan.cells} <= {"called", "not needed"}


def test_replicates_that_were_added_leave_the_decisions_before_them_as_they_were() -> None:
    """The error of the first ten looks is that of the plan of ten."""
    plan = deciding_plan(levels=(1,))
    more = replace(deciding_plan(levels=(1,), most=12), extended=(10,))

    def figure(entry: str, _: int, at: int) -> float:
        return noisy(100, at, 6, shift=3 * (entry == "b"))

    assert followed(plan, figure).called == {
        name for name in followed(more, figure).called if not name.startswith(("r11", "r12"))
    }
    assert followed(more, figure).replicates == 12


def test_equal_entries_are_called_different_in_fewer_runs_than_the_error_allows() -> None:
    """60 runs of three equal entries at two concurrencies, with a fixed seed; 5 % of them are 3."""
    rng = random.Random(5)
    plan = deciding_plan(("a", "b", "c"))
    wrong = 0
    for _ in range(60):
        figures = {cell.id: 100 * math.exp(rng.gauss(0, 0.01)) for cell in plan.cells}
        found = followed(plan, partial(_known, figures))
        wrong += any(each.state == "ahead" for each in found.decided)
    assert wrong <= 3

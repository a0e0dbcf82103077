"""Attacks with cells of several runs, and what is honest of clocks that part."""

from __future__ import annotations

from typing import Any

import pytest

from kit.documents import Cell
from kit.metrics.limits import BOOT_SLACK_NS, UTC_DRIFT_PER_MILLION
from tests.support.forge import BATCHED, FIRST, SECOND, SERIAL, Change, document
from tests.support.issues import cell_of, facts, issues
from tests.support.mutations import set_forward


def origin(cell: str) -> int:
    found = cell_of(cell)
    assert found.facts is not None
    return found.facts.origin_ns


def later(cell: str, by_ns: int) -> Change:
    """The monotonic origin of a cell moved, and real time as it was."""
    return facts(cell, origin_ns=origin(cell) + by_ns)


@pytest.mark.parametrize(("by_ns", "found"), [(0, False), (1, True)])
@pytest.mark.parametrize("sign", [1, -1])
def test_two_clocks_may_part_by_what_lies_between_two_readings(by_ns: int, sign: int, found: bool) -> None:
    """Of one boot they are constant: real runs spread by 0.61 ms at most."""
    assert bool(issues("time.boot", later(BATCHED, sign * (BOOT_SLACK_NS + by_ns)))) is found


def test_small_steps_add_up() -> None:
    """A forger who moves each cell by little moves the last by much."""
    step = BOOT_SLACK_NS // 2
    moved = [later(name, at * step) for at, name in enumerate((FIRST, SECOND, SERIAL, BATCHED))]
    assert len(issues("time.boot", *moved)) == 1


def test_a_step_is_told_once_and_where_it_was() -> None:
    """All cells after it are of the other constant."""
    found = issues("time.boot", *(later(name, 10**9) for name in (SECOND, SERIAL, BATCHED)))
    assert len(found) == 1
    assert "-1000 ms apart" in found[0]


def test_a_cell_whose_clock_was_set_says_so_and_what_follows_has_another_constant() -> None:
    """It counts for nothing, and the others are compared with those of their own side of it."""
    from tests.support.issues import only

    def forward(cell: Cell) -> Cell:
        return set_forward(cell)

    after = [later(name, 10**9) for name in (SERIAL, BATCHED)]
    assert issues("time.boot", only(forward, SECOND), *after) == []
    assert len(issues("time.boot", only(forward, SECOND), later(BATCHED, 10**9))) == 1


def test_elsewhere_than_on_linux_a_crystal_may_drift() -> None:
    """There only the real clock is slewed; by no more than a crystal's error over the time between."""

    def on(system: str) -> Change:
        def change(host: Any) -> None:
            host["system"] = system

        return document("host.json", change)

    drift_ns = (origin(BATCHED) - origin(FIRST)) * UTC_DRIFT_PER_MILLION // 1_000_000
    assert drift_ns > 0
    inside = later(BATCHED, BOOT_SLACK_NS + drift_ns)
    assert issues("time.boot", on("Darwin"), inside) == []
    assert len(issues("time.boot", on("Linux"), inside)) == 1
    assert len(issues("time.boot", on("Darwin"), later(BATCHED, BOOT_SLACK_NS + 2 * drift_ns + 1))) == 1


def test_a_load_begins_after_the_one_before_it_by_both_clocks() -> None:
    """Origins that stand still or run backwards were accepted as long as real time went on."""
    assert len(issues("time.boot", facts(BATCHED, origin_ns=0))) == 1

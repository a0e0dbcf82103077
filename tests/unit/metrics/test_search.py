"""The search of a run and of a sweep, step by step: what is called for, and what is not counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

from kit.documents import CellResult, Metrics, Plan, SearchRule, Window
from kit.metrics.aggregate import cell_metrics
from kit.metrics.goodput import parse_slo
from kit.metrics.search import Search, Tried, search
from kit.metrics.users import RULE, Bracket, levels_between
from kit.plan.plan import cell_order, limits
from tests.support.fakes import demo_plan
from tests.support.records import MS, make_record

S = 1_000_000_000
NUMBERS = cell_metrics([make_record()], Window(0, 1000 * MS), open_loop=False)
Share = Callable[[str, int, int], float | None]


def searching(entries: tuple[str, ...] = ("a",), most: int = 16, replicates: int = 1, **values: int) -> Plan:
    """A plan of the demo's first entry under several names."""
    plan = demo_plan()
    levels = levels_between(1, most)
    named = tuple(replace(plan.entries[0], name=name) for name in entries)
    return replace(
        plan,
        entries=named,
        workload=replace(plan.workload, concurrencies=levels, replicates=replicates),
        cells=cell_order(entries, levels, replicates, limits(named)),
        method=3,
        search=SearchRule(RULE, parse_slo("ttft=1s"), 950, 1, most, **values),
    )


def with_share(share: float | None) -> Metrics:
    return replace(NUMBERS, goodput_share=share)


def followed(
    plan: Plan, share: Share, *, most: int = 1000, other: Mapping[str, CellResult] | None = None, took_ns: int = S
) -> Search:
    """The course of a run that measured what was called for, up to so many cells; None is a cell that failed."""
    lines: dict[str, CellResult] = {}
    cells = {cell.id: cell for cell in plan.cells}
    while True:
        found = search(plan, lines, dict.fromkeys(lines, took_ns), 0)
        ahead = [name for name in found.called if name not in lines]
        if not ahead or len(lines) >= most:
            return found
        cell = cells[ahead[0]]
        value = share(cell.entry, cell.concurrency, cell.replicate)
        status: Literal["measured", "failed"] = "failed" if value is None else "measured"
        metrics = None if value is None else with_share(value)
        line = CellResult(cell.id, cell.entry, cell.concurrency, cell.replicate, status, None, metrics, ())
        lines[cell.id] = (other or {}).get(cell.id, line)


def up_to(**most: int) -> Share:
    return lambda entry, level, _: 1.0 if level <= most[entry] else 0.4


def test_entries_are_searched_together_round_by_round() -> None:
    """Each at its own level; one that is at its end waits for nobody."""
    found = followed(searching(("a", "b")), up_to(a=5, b=1))
    assert [name.removeprefix("r1-") for name in found.called] == [
        "c1-a", "c1-b", "c4-a", "c4-b", "c2-b", "c10-a", "c7-a", "c5-a", "c6-a",
    ]  # fmt: skip
    assert [each.bracket for each in found.entries] == [Bracket(5, 6), Bracket(1, 2)]
    assert found.ended == "found"
    assert found.entries[0].tried[0] == Tried(1, "kept", 1.0, 1)


def test_all_replicates_of_a_level_are_measured_before_it_is_judged() -> None:
    """By their median."""
    plan = searching(replicates=3, most=4)
    bad_once = followed(plan, lambda _, level, at: 0.4 if level > 2 or at == 2 else 1.0)
    assert [each.bracket for each in bad_once.entries] == [Bracket(2, 3)]
    assert bad_once.called[:3] == ("r1-c1-a", "r2-c1-a", "r3-c1-a")
    assert followed(plan, lambda *_: 1.0, most=1).ended == "measuring"


def test_what_is_not_known_yet_is_neither_called_for_nor_passed_over() -> None:
    """Until the search of its entry is at its end."""
    plan = searching(("a", "b"), most=16)
    begun = followed(plan, up_to(a=16, b=0), most=3)
    cells = {cell.id: cell for cell in plan.cells}
    assert begun.status_of(cells["r1-c1-b"]) == "called"
    assert begun.status_of(cells["r1-c4-b"]) == "not needed"
    assert begun.status_of(cells["r1-c9-a"]) == "unknown"
    ended = followed(plan, up_to(a=16, b=0))
    assert {ended.status_of(cell) for cell in plan.cells} == {"called", "not needed"}
    assert ended.entries[0].bracket == Bracket(16, None)


def test_a_failed_cell_keeps_nothing_and_a_suspect_one_is_doubtful() -> None:
    """Both end the climb; the second is said to be no more than that."""
    plan = searching(most=4)
    assert followed(plan, lambda _, level, __: None if level > 1 else 1.0).entries[0].bracket == Bracket(1, 2)
    line = CellResult("r1-c3-a", "a", 3, 1, "measured", None, with_share(1.0), ("lag",))
    found = followed(plan, lambda *_: 1.0, other={"r1-c3-a": line})
    assert found.entries[0].bracket == Bracket(2, 3)
    assert Tried(3, "doubtful", 1.0, 1, "lag") in found.entries[0].tried


def test_an_entry_stops_at_its_own_limit() -> None:
    """max_concurrency."""
    plan = searching(most=16)
    limited = (replace(plan.entries[0], max_concurrency=3),)
    cells = cell_order(("a",), plan.workload.concurrencies, 1, limits(limited))
    found = followed(replace(plan, entries=limited, cells=cells), lambda *_: 1.0)
    assert found.entries[0].bracket == Bracket(3, None)
    assert found.entries[0].complete


def test_a_budget_ends_a_search_between_two_levels() -> None:
    """As long as the last level took is what the next is thought to take; the first is measured anyway."""
    found = followed(searching(budget_ns=3 * S), lambda *_: 1.0, took_ns=2 * S)
    assert (found.ended, found.called) == ("budget", ("r1-c1-a",))
    assert not found.entries[0].complete
    assert followed(searching(budget_ns=4 * S), lambda *_: 1.0, took_ns=2 * S).called == ("r1-c1-a", "r1-c4-a")

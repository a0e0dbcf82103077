"""How far a run that looks for the largest number of users has come: kit-search-1, step by step. Pure.

In each round every entry that is not at its end has its next level measured, with all its replicates; the rounds
of all entries go on together. What is measured when follows from what was measured before, so `kit verify` finds
the same rounds from the records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from kit.documents import CellPlan, CellResult, Plan, SearchRule, Sweep, SweepLevel
from kit.metrics.users import Bracket, bracket, is_kept, levels_between, median_share, next_level

Fate = Literal["kept", "missed", "doubtful"]
Ended = Literal["measuring", "found", "budget"]


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one level: `share` is the median of its replicates, None for no data.

    "doubtful": a cell of it is SUSPECT or was disturbed, so it is not counted as kept; `why` says by what.
    """

    level: int
    fate: Fate
    share: float | None
    replicates: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class EntrySearch:
    """The search of one entry: its levels in the order of measurement, and between which two the answer lies."""

    entry: str
    tried: tuple[Tried, ...]
    bracket: Bracket
    complete: bool


@dataclass(frozen=True, slots=True)
class Search:
    """How far a search has come; `called` are the ids of the cells that its rule called for, in their order."""

    called: tuple[str, ...]
    ended: Ended
    entries: tuple[EntrySearch, ...]
    done: frozenset[str] = field(default=frozenset())

    def status_of(self, cell: CellPlan) -> Literal["called", "not needed", "unknown"]:
        """Whether the rule calls for a cell, does not, or cannot tell yet."""
        if cell.id in self.called:
            return "called"
        return "not needed" if self.ended != "measuring" or cell.entry in self.done else "unknown"


def tried(level: int, lines: Sequence[CellResult], share_milli: int) -> Tried:
    """What the cells of one level say; one that failed keeps nothing."""
    whole = all(line.status == "measured" for line in lines)
    shares = [line.metrics.goodput_share if line.metrics else None for line in lines]
    share = median_share(shares) if whole else None
    if not whole:
        failed = next((line.failure for line in lines if line.failure), None)
        return Tried(level, "missed", None, len(lines), failed.message if failed else "not measured")
    suspect = list(dict.fromkeys(reason for line in lines for reason in line.suspect))
    if suspect:
        return Tried(level, "doubtful", share, len(lines), "; ".join(suspect))
    return Tried(level, "kept" if is_kept(shares, share_milli) else "missed", share, len(lines))


def search(plan: Plan, lines: Mapping[str, CellResult], spent_ns: Mapping[str, int], before_ns: int) -> Search:
    """How far the run of a plan with a search has come, from the lines of the cells there are, by id.

    `spent_ns` is what each of them took and `before_ns` what came before the first.
    """
    rule = plan.search
    assert rule is not None
    cells: dict[str, dict[int, list[CellPlan]]] = {}
    for cell in sorted(plan.cells, key=lambda each: each.concurrency):
        cells.setdefault(cell.entry, {}).setdefault(cell.concurrency, []).append(cell)
    found: dict[str, list[Tried]] = {name: [] for name in cells}
    called: list[CellPlan] = []
    ended: Ended = "found"
    while wanted := _round(cells, found):
        if _over_budget(rule, wanted, called, spent_ns, before_ns):
            ended = "budget"
            break
        called += wanted
        if not all(cell.id in lines and lines[cell.id].status in ("measured", "failed") for cell in wanted):
            ended = "measuring"
            break
        for name, level in dict.fromkeys((cell.entry, cell.concurrency) for cell in wanted):
            mine = [lines[cell.id] for cell in cells[name][level]]
            found[name].append(tried(level, mine, rule.share_milli))
    done = {name for name in cells if _next(cells[name], found[name]) is None}
    entries = tuple(
        EntrySearch(name, tuple(each), bracket(_kept(each)), name in done) for name, each in found.items()
    )
    return Search(tuple(cell.id for cell in called), ended, entries, frozenset(done))


def _kept(levels: Sequence[Tried]) -> dict[int, bool]:
    return {each.level: each.fate == "kept" for each in levels}


def _next(cells: Mapping[int, Sequence[CellPlan]], found: Sequence[Tried]) -> int | None:
    return next_level(tuple(cells), _kept(found))


def _round(
    cells: Mapping[str, Mapping[int, Sequence[CellPlan]]], found: Mapping[str, Sequence[Tried]]
) -> list[CellPlan]:
    """The cells of the next round, in the order of the plan; none at the end."""
    levels = {name: _next(mine, found[name]) for name, mine in cells.items()}
    wanted = [cell for name, level in levels.items() if level is not None for cell in cells[name][level]]
    return sorted(wanted, key=lambda cell: cell.order)


def _over_budget(
    rule: SearchRule,
    wanted: Sequence[CellPlan],
    called: Sequence[CellPlan],
    spent_ns: Mapping[str, int],
    before_ns: int,
) -> bool:
    """Whether a round would end after the budget if each cell took as long as the last one of its entry.

    The first round is measured in any case: nobody knows how long it takes.
    """
    if rule.budget_ns is None or not called:
        return False
    last = {cell.entry: spent_ns.get(cell.id, 0) for cell in called}
    ahead_ns = sum(last.get(cell.entry, 0) for cell in wanted)
    return before_ns + sum(spent_ns.get(cell.id, 0) for cell in called) + ahead_ns > rule.budget_ns


# --- a sweep ------------------------------------------------------------------------------------------------


def kept_levels(levels: Sequence[SweepLevel], share_milli: int) -> dict[int, bool]:
    """Which levels of a sweep were kept, each by its one load; one without numbers keeps nothing."""
    return {
        each.concurrency: is_kept([each.metrics.goodput_share if each.metrics else None], share_milli)
        for each in levels
        if each.concurrency is not None
    }


def next_of_sweep(rule: SearchRule, levels: Sequence[SweepLevel]) -> int | None:
    """The level that a sweep with a search measures next; None at its end."""
    return next_level(levels_between(rule.first, rule.most), kept_levels(levels, rule.share_milli))


def sweep_faults(sweep: Sweep) -> Iterator[str]:
    """Which levels of a sweep with a search its rule did not call for, step by step; none for other sweeps."""
    rule = sweep.search
    if rule is None:
        return
    for at, level in enumerate(sweep.levels):
        wanted = next_of_sweep(rule, sweep.levels[:at])
        if level.concurrency != wanted:
            yield f"{level.id} was measured where the search called for {'no level' if wanted is None else wanted}"
            return
    if sweep.ended == "complete" and next_of_sweep(rule, sweep.levels) is not None:
        yield "it ended before its search did"

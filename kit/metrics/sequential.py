"""When a run that decides may stop measuring what: the rule kit-sequential-1. Pure; run and verifier share it.
At each concurrency the leader is compared with every other entry. After `first` replicates and after each further
one the comparisons are looked at, and every look spends a share of the error that the plan allows in all
(`look_share`). The shares add up to 1 and Holm's steps go over the concurrencies, so all looks together name a
false leader in at most so many runs as kit.metrics.limits allows of `alpha_milli`, however the looks depend on
each other. False ties have an error of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations
from typing import Literal

from kit.documents import CellPlan, CellResult, Plan
from kit.documents.rules import SequentialRule
from kit.metrics.intervals import compare, difference_p, equivalence_p
from kit.metrics.limits import AHEAD_ERROR, TIED_ERROR
from kit.metrics.registry import METRICS, THROUGHPUT
from kit.metrics.stats import median

RULE: Literal["kit-sequential-1"] = "kit-sequential-1"
FIRST, ALPHA_MILLI = 3, 50
# What the looks spend, in parts: the first two end what is far apart, the last one has much of the error left for
# what is close. In between t has few degrees of freedom to win much. benchmarks/sequential.py shows what this
# saves.
EARLY_PARTS, MIDDLE_PARTS, LAST_PARTS = (Fraction(7), Fraction(5)), 3, Fraction(5)

Verdict = Literal["ahead", "tied"]
Ended = Literal["measuring", "decided", "maximum", "budget"]
Pair = tuple[int, str, str]
Figures = Mapping[tuple[str, int], Mapping[int, float]]
Sides = tuple[list[float], list[float]]
Test = Callable[[Sequence[float], Sequence[float]], float | None]


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of one comparison after so many replicates: `first` is ahead, they are tied, or it is open."""

    concurrency: int
    first: str
    second: str
    state: Verdict | Literal["open"]
    replicates: int


@dataclass(frozen=True, slots=True)
class Course:
    """How far a run that decides has come.

    `called` are the ids of the cells that the rule has called for so far, up to replicate `replicates`. What it
    does not call for is not needed once `ended` is anything but "measuring", or below that replicate. `open` are
    the comparisons of the leaders that are not decided, `decided` all others that are.
    """

    called: frozenset[str]
    replicates: int
    ended: Ended
    open: tuple[Decision, ...]
    decided: tuple[Decision, ...]

    def status_of(self, cell: CellPlan) -> Literal["called", "not needed", "unknown"]:
        """Whether the rule calls for a cell, does not, or cannot tell yet."""
        if cell.id in self.called:
            return "called"
        known = self.ended != "measuring" or cell.replicate <= self.replicates
        return "not needed" if known else "unknown"


def look_share(first: int, most: int, replicates: int) -> Fraction:
    """The share of the error that the look after so many replicates spends, of `most` that were planned.

    Replicates that were added later have the share of the last planned look: they are beyond what was allowed, and
    `kit verify` says so (plan.extended).
    """
    looks = most - first + 1
    at = min(replicates, most) - first
    if at < 0:
        return Fraction(0)
    between = max(0, looks - 3)
    parts = [*EARLY_PARTS, *[Fraction(MIDDLE_PARTS, max(1, between))] * between, LAST_PARTS][:looks]
    return parts[at] / sum(parts, Fraction(0))


def planned_most(plan: Plan) -> int:
    """The most replicates that were planned before anything was known."""
    return plan.extended[0] if plan.extended else plan.workload.replicates


@dataclass(slots=True)
class _Looks:
    """The comparisons and what became of each, while one replicate after the other is looked at."""

    rule: SequentialRule
    most: int
    higher: bool
    pairs: tuple[Pair, ...]
    states: dict[Pair, Decision] = field(default_factory=dict)

    def look(self, figures: Figures) -> list[Pair]:
        """Decide what can be decided; returns the comparisons that call for more replicates.

        Close ones first: within the margin they are tied, also where it is sure who is a little better.
        """
        sides = {pair: found for pair in self.pairs if (found := _common_figures(pair, figures))}
        self._step("tied", equivalence_p, sides)
        self._step("ahead", difference_p, sides)
        leading = [pair for level in self._levels() for pair in self._of_leader(level, figures)]
        return [pair for pair in leading if pair in sides and pair not in self.states]

    def _step(self, state: Verdict, test: Test, sides: Mapping[Pair, Sides]) -> None:
        """Holm's steps over all comparisons that are not decided, what is surest first.

        Each p counts over the share of its look; the error is that of all looks.
        """
        spent = {
            pair: p / float(share)
            for pair, found in sides.items()
            if pair not in self.states
            and (share := look_share(self.rule.first, self.most, len(found[0])))
            and (p := test(*found)) is not None
        }
        part = AHEAD_ERROR if state == "ahead" else TIED_ERROR
        error = self.rule.alpha_milli / 1000 * part / (AHEAD_ERROR + TIED_ERROR)
        for pair in sorted(spent, key=lambda each: (spent[each], self.pairs.index(each))):
            left = self._left(state)
            if not left or spent[pair] >= error / left:
                break
            (level, one, other), (a, b) = pair, sides[pair]
            first_is_better = state == "tied" or _is_above(a, b) == self.higher
            self.states[pair] = Decision(
                level, *((one, other) if first_is_better else (other, one)), state, len(a)
            )

    def _left(self, state: Verdict) -> float:
        """By how many the error is divided.

        A false leader is one of the entries of its concurrency, and falsely ahead of the best of the others in one
        of the two tails: half as many as there are entries. Ties are claimed one by one.
        """
        if state == "tied":
            return len(self.pairs) - sum(found.state == state for found in self.states.values())
        return sum(len(self._names(level)) / 2 for level in self._levels() if not self._is_led(level))

    def _levels(self) -> list[int]:
        return sorted({pair[0] for pair in self.pairs})

    def _names(self, level: int) -> list[str]:
        return list(dict.fromkeys(name for at, *names in self.pairs if at == level for name in names))

    def _is_led(self, level: int) -> bool:
        """Whether one entry is ahead of every other."""
        firsts = [
            each.first for each in self.states.values() if each.state == "ahead" and each.concurrency == level
        ]
        names = self._names(level)
        return any(firsts.count(name) == len(names) - 1 for name in names)

    def _of_leader(self, level: int, figures: Figures) -> list[Pair]:
        """The comparisons of the best with every other."""
        there = [name for name, at in figures if at == level]
        if len(there) < 2:
            return []
        sign = 1 if self.higher else -1
        leader = max(there, key=lambda name: sign * median(list(figures[name, level].values())))
        return [pair for pair in self.pairs if pair[0] == level and leader in pair[1:]]


def _common_figures(pair: Pair, figures: Figures) -> Sides | None:
    """The figures of both sides, of the replicates that both have; None where those of one do not count."""
    level, one, other = pair
    if (one, level) not in figures or (other, level) not in figures:
        return None
    a, b = figures[one, level], figures[other, level]
    common = sorted(a.keys() & b.keys())
    return [a[at] for at in common], [b[at] for at in common]


def _is_above(a: Sequence[float], b: Sequence[float]) -> bool:
    found = compare(a, b)
    return found is not None and found[0] > 0


def course(
    plan: Plan,
    lines: Mapping[str, CellResult],
    spent_ns: Mapping[str, int],
    before_ns: int,
    figure: Callable[[CellResult], float | None],
) -> Course:
    """How far the run of a sequential plan has come, from the lines of the cells there are, by id.

    `spent_ns` is what each of them took and `before_ns` what came before the first; `figure` reads what the plan
    compares. Each replicate is judged by those before it alone, so that a verifier finds the same steps.
    """
    rule = plan.sequential
    assert rule is not None
    looks = _Looks(rule, planned_most(plan), METRICS[rule.metric].better == "higher", _pairs(plan))
    called: dict[str, CellPlan] = {}
    open_: list[Pair] = []
    ended: Ended = "maximum"
    replicate = 0
    for replicate in range(1, plan.workload.replicates + 1):
        wanted = [
            cell
            for cell in plan.cells
            if cell.replicate == replicate and (replicate <= rule.first or _calls(open_, cell))
        ]
        if not wanted or _over_budget(rule, wanted, called, spent_ns, before_ns):
            ended, replicate = ("budget" if wanted else "decided"), replicate - 1
            break
        called |= {cell.id: cell for cell in wanted}
        if not all(cell.id in lines and lines[cell.id].status in ("measured", "failed") for cell in wanted):
            ended = "measuring"
            break
        open_ = looks.look(_figures(called.values(), lines, figure))
    if ended == "maximum" and not open_:
        ended = "decided"
    left = tuple(Decision(*pair, "open", _common(pair, called.values())) for pair in open_)
    return Course(frozenset(called), replicate, ended, left, tuple(looks.states.values()))


def _pairs(plan: Plan) -> tuple[Pair, ...]:
    """Every two entries that are both measured at a concurrency."""
    return tuple(
        (level, one, other)
        for level in plan.workload.concurrencies
        for one, other in combinations(
            [
                entry.name
                for entry in plan.entries
                if entry.max_concurrency is None or level <= entry.max_concurrency
            ],
            2,
        )
    )


def _calls(open_: Sequence[Pair], cell: CellPlan) -> bool:
    return any(level == cell.concurrency and cell.entry in names for level, *names in open_)


def _common(pair: Pair, cells: Iterable[CellPlan]) -> int:
    """How many replicates of both sides of a comparison were called for."""
    level, *names = pair
    sides = [{cell.replicate for cell in cells if (cell.entry, cell.concurrency) == (n, level)} for n in names]
    return len(sides[0] & sides[1])


def _over_budget(
    rule: SequentialRule,
    wanted: Iterable[CellPlan],
    called: Mapping[str, CellPlan],
    spent_ns: Mapping[str, int],
    before_ns: int,
) -> bool:
    """Whether a replicate would end after the budget if its cells took as long as their last ones.

    The first replicate is measured in any case: nobody knows how long it takes.
    """
    if rule.budget_ns is None or not called:
        return False
    last = {(cell.entry, cell.concurrency): spent_ns.get(cell.id, 0) for cell in called.values()}
    ahead_ns = sum(last.get((cell.entry, cell.concurrency), 0) for cell in wanted)
    return before_ns + sum(spent_ns.get(name, 0) for name in called) + ahead_ns > rule.budget_ns


def _figures(
    called: Iterable[CellPlan], lines: Mapping[str, CellResult], figure: Callable[[CellResult], float | None]
) -> Figures:
    """The figures by replicate of every entry at every concurrency, of those whose figures count.

    One replicate that failed, is SUSPECT or has no figure above 0 leaves an entry out, as it does in the verdict.
    """
    found: dict[tuple[str, int], dict[int, float] | None] = {}
    for cell in called:
        place, line = (cell.entry, cell.concurrency), lines[cell.id]
        value = figure(line) if line.status == "measured" and not line.suspect else None
        mine = found.setdefault(place, {})
        if value is None or value <= 0:
            found[place] = None
        elif mine is not None:
            mine[cell.replicate] = value
    return {place: mine for place, mine in found.items() if mine}


def default_rule(budget_ns: int | None) -> SequentialRule:
    """The rule of new plans."""
    return SequentialRule(RULE, THROUGHPUT, FIRST, ALPHA_MILLI, budget_ns)

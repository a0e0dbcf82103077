"""Which runtime leads at each number of users, by how much, and whether that is more than chance. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from kit.documents import MedianInterval
from kit.documents.pins import Sparse
from kit.documents.study import Looks, Study, Subject
from kit.judge.compare.quantity import figure_text, judged_quantity
from kit.judge.compare.ratio import (
    TIED_WORDS,
    Ratio,
    Relation,
    interval_text,
    more_text,
    no_interval_text,
    range_text,
    ratio_text,
)
from kit.judge.compare.standing import why_left_out
from kit.judge.compare.verdicts import Figures, Judged, judged
from kit.judge.quality import QualityGap, gaps, gaps_text
from kit.judge.shapes import label_of, shapes_of
from kit.judge.study import common_values, levels_of, median_interval_of, values_of
from kit.metrics.disturbance import DISTURBED
from kit.metrics.registry import THROUGHPUT, TTFT_P50, Metric
from kit.metrics.stats import median
from kit.text import listed, plain_text

LeadRelation = Literal["ahead", "tied", "undecided", "alone", "none"]
RELATIONS: tuple[Relation, ...] = ("apart", "tied", "open")
REASON_LIMIT = 200
NOT_QUIET = "no verdict: the machine was not quiet"


@dataclass(frozen=True, slots=True)
class Leader(Sparse):
    """The best entry at one concurrency by one metric.

    `runner_up` is whom `ratio` (entry / runner_up) is taken to: the next best, or the best of those that decide
    the relation. `ahead`: surely better than every other; `tied`: surely within the margin of those in `tied`
    (who are named with it, the best first), and better than the rest; `undecided`: not told apart from those in
    `open`; `alone`: no other is left; `none`: nobody is. `more` says how many replicates would decide it.
    `left_out` holds (entry, reason) of those whose figures do not count. `over_looks`: the interval is that of
    all looks of a run that decided together. `shape` says which kind of request it is about, where there are
    several; of an open loop it says the rate, and users count nothing. `gaps`: whoever is named leads or ties
    with answers that are worse than those of somebody else in the field.
    """

    concurrency: int
    metric: str
    entry: str | None
    value: MedianInterval | None
    runner_up: str | None
    ratio: Ratio | None
    relation: LeadRelation
    tied: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    open: tuple[str, ...] = ()
    more: str = ""
    over_looks: bool = False
    shape: str = ""
    open_loop: bool = False
    gaps: tuple[QualityGap, ...] = ()


@dataclass(frozen=True, slots=True)
class _Field:
    """Who competes at one concurrency, the best first, and who does not."""

    level: int
    good: tuple[Subject, ...]
    left_out: tuple[tuple[str, str], ...]


def leaders(study: Study, metric: str = THROUGHPUT) -> tuple[Leader, ...]:
    """The leader at each concurrency of each shape of a study; `InputError` if nothing can win by `metric`.

    All that is said of one shape together errs in at most 5 %.
    """
    what = judged_quantity(metric)
    return tuple(leader for part in shapes_of(study) for leader in _leaders_of(part, what))


def _leaders_of(study: Study, what: Metric) -> tuple[Leader, ...]:
    found = _leaders([_field(study, level, what) for level in levels_of(study)], what, study.looks)
    return tuple(map(partial(_shaped, study), found))


def _shaped(study: Study, leader: Leader) -> Leader:
    out = {entry for entry, _ in leader.left_out}
    field = [each.entry for each in study.subjects if each.concurrency == leader.concurrency]
    named = leader.tied or ((leader.entry,) if leader.entry else ())
    found = gaps(study, leader.concurrency, named, [entry for entry in field if entry not in out])
    return replace(leader, shape=label_of(study), open_loop=study.conditions.loop == "open", gaps=found)


def verdict_of(study: Study) -> tuple[Leader, ...]:
    """What a run ends with: who leads by throughput, then who answers first (TTFT p50), at each concurrency.

    Two questions, and each of the answers errs in at most 5 %.
    """
    return (*leaders(study), *leaders(study, TTFT_P50))


def leader_among(study: Study, level: int, what: Metric, disqualified: Iterable[tuple[str, str]] = ()) -> Leader:
    """The leader at one concurrency; `disqualified` are (entry, reason) left out whatever they measured."""
    (found,) = _leaders([_field(study, level, what, disqualified)], what, study.looks)
    return _shaped(study, found)


def _field(study: Study, level: int, what: Metric, disqualified: Iterable[tuple[str, str]] = ()) -> _Field:
    left_out = dict(disqualified)
    good: list[Subject] = []
    for subject in (each for each in study.subjects if each.concurrency == level):
        reason = left_out.get(subject.entry) or why_left_out(subject, what.path)
        if reason:
            left_out[subject.entry] = reason
        else:
            good.append(subject)
    there = {each.entry for each in good} | left_out.keys()
    for entry in dict.fromkeys(each.entry for each in study.subjects):
        if entry not in there:
            left_out[entry] = f"not measured at concurrency {level}"
    good.sort(key=lambda each: _goodness(each, what), reverse=True)
    return _Field(level, tuple(good), tuple(left_out.items()))


def _goodness(subject: Subject, what: Metric) -> float:
    middle = median(values_of(subject, what.path))
    return middle if what.better == "higher" else -middle


def _leaders(fields: Sequence[_Field], what: Metric, looks: Looks | None) -> tuple[Leader, ...]:
    pairs = [_pairs(field, what, looks) for field in fields]
    found = map(_leader, fields, [what] * len(fields), pairs, judged(pairs, looks))
    return tuple(replace(each, over_looks=looks is not None) for each in found)


def _pairs(field: _Field, what: Metric, looks: Looks | None) -> list[Figures]:
    """The figures of the best beside those of each other; in a run that decided, of replicates that both have."""
    if looks is not None:
        return [common_values(field.good[0], other, what.path) for other in field.good[1:]]
    values = [values_of(each, what.path) for each in field.good]
    return [(values[0], other) for other in values[1:]]


def _leader(field: _Field, what: Metric, pairs: Sequence[Figures], found: Sequence[Judged]) -> Leader:
    if not field.good:
        return Leader(field.level, what.path, None, None, None, None, "none", (), field.left_out)
    best, *others = field.good
    value = median_interval_of(best, what.path)
    if not others:
        return Leader(field.level, what.path, best.entry, value, None, None, "alone", (), field.left_out)
    at = {kind: [place for place, each in enumerate(found) if each.relation == kind] for kind in RELATIONS}
    relation: LeadRelation = "undecided" if at["open"] else "tied" if at["tied"] else "ahead"
    shown = (at["open"] or at["tied"] or [0])[0]
    ratio = found[shown].ratio
    return Leader(
        concurrency=field.level,
        metric=what.path,
        entry=best.entry,
        value=value,
        runner_up=others[shown].entry,
        ratio=ratio,
        relation=relation,
        tied=(best.entry, *(others[place].entry for place in at["tied"])) if relation == "tied" else (),
        left_out=field.left_out,
        open=tuple(others[place].entry for place in at["open"]),
        more=more_text(ratio, *pairs[shown]) if relation == "undecided" else "",
    )


# --- in words ---------------------------------------------------------------------------------------------


def leader_sentence(leader: Leader) -> str:
    """One plain sentence with the numbers, for a terminal; escape it for Markdown or HTML."""
    what = judged_quantity(leader.metric)
    name = "" if leader.metric == THROUGHPUT else f", {what.title}"
    quality = f", but {gaps_text(leader.gaps)}" if leader.gaps else ""
    return f"At {level_text(leader)}{name}: {_verdict(leader, what)}{quality}{left_out_text(leader)}"


def level_text(leader: Leader) -> str:
    """`8 users`, `8 users (512 in, 64 out)`, `2.5 requests/s`: at what somebody leads."""
    if leader.open_loop:
        return leader.shape or "these arrivals"
    return users_text(leader.concurrency) + (f" ({leader.shape})" if leader.shape else "")


def users_text(count: int) -> str:
    """`1 user`, `8 users`."""
    return f"{count} user" if count == 1 else f"{count:,} users"


def joined(names: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return listed(map(plain_text, names))


def _verdict(leader: Leader, what: Metric) -> str:
    if leader.entry is None or leader.value is None:
        return NOT_QUIET if _disturbed(leader) else "no runtime has a valid result"
    entry, value = plain_text(leader.entry), figure_text(what, leader.value.median)
    if leader.ratio is None or leader.runner_up is None:
        if _disturbed(leader):
            return f"no verdict: only {entry} was measured undisturbed, {value}"
        return f"only {entry} has a valid result, {value}"
    if leader.relation == "ahead":
        return f"{entry}, {value}, {margin_text(leader)}"
    if leader.relation == "tied":
        interval = _interval(leader)
        times = f" ({ratio_text(leader.ratio)} {interval})" if interval else ""
        return f"{TIED_WORDS}: {joined(leader.tied)}, {value}{times}"
    return f"undecided: {entry}, {value}, {margin_text(leader)}"


def _disturbed(leader: Leader) -> bool:
    """Whether somebody is left out because the machine was not quiet: who would lead is not known then."""
    return any(DISTURBED in reason for _, reason in leader.left_out)


def margin_text(leader: Leader) -> str:
    """`1.31 x vllm [1.24, 1.37]`, what is not told apart, or why there is no interval; nothing without another."""
    if leader.ratio is None or leader.runner_up is None:
        return ""
    runner_up, interval = plain_text(leader.runner_up), _interval(leader)
    if leader.ratio.value is None:
        return f"{runner_up} has 0, so there is no ratio"
    times = f"{ratio_text(leader.ratio)} {runner_up}"
    if not interval:
        return f"{times}, {no_interval_text(leader.ratio)}"
    if leader.relation == "undecided":
        return f"not told apart from {joined(leader.open)}: {range_text(leader.ratio)} {runner_up}; {leader.more}"
    return f"{times} {interval}"


def _interval(leader: Leader) -> str:
    """`[1.24, 1.37]`, with a word on what it holds for where that is more than one look."""
    found = interval_text(leader.ratio) if leader.ratio else ""
    return f"{found} over all looks" if found and leader.over_looks else found


def left_out_text(leader: Leader) -> str:
    """`; left out: ...`, or nothing."""
    return f"; left out: {reasons_text(leader)}" if leader.left_out else ""


def reasons_text(leader: Leader) -> str:
    """Who is left out, and why: `a (SUSPECT: lag), b (no data)`."""
    return ", ".join(
        f"{plain_text(entry)} ({plain_text(reason, REASON_LIMIT)})" for entry, reason in leader.left_out
    )

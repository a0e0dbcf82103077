"""Which runtime leads at each number of users, by how much, and whether that is more than chance. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor
from typing import Literal

from kit.documents import MedianInterval, Slo
from kit.documents.study import Study, Subject
from kit.errors import NoResultError
from kit.judge.compare.quantity import figure_text, judged_quantity, median_interval_text
from kit.judge.compare.ratio import (
    Ratio,
    always_equal,
    interval_text,
    ratio_of,
    ratio_text,
    replicates_text,
)
from kit.judge.compare.standing import other_weights, why_left_out
from kit.judge.study import levels_of, median_interval_of, values_of
from kit.metrics.disturbance import DISTURBED
from kit.metrics.goodput import slo_text
from kit.metrics.registry import THROUGHPUT, Metric
from kit.metrics.stats import median
from kit.text import listed, plain_text

LeadRelation = Literal["ahead", "tied", "undecided", "alone", "none"]
REASON_LIMIT = 200
NOT_QUIET = "no verdict: the machine was not quiet"
SHARE = 0.99


@dataclass(frozen=True, slots=True)
class Leader:
    """The best entry at one concurrency by one metric.

    `runner_up` is whom `ratio` (entry / runner_up) is taken to: the next best, or the best of those that decide
    the relation. `ahead`: the interval of the ratio to every other excludes 1; `tied`: to someone it includes 1
    (`tied` names all of them, the best first); `undecided`: to someone there is no interval; `alone`: no other is
    left; `none`: nobody is. `left_out` holds (entry, reason) of those whose figures do not count.
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


def leaders(study: Study, metric: str = THROUGHPUT) -> tuple[Leader, ...]:
    """The leader at each concurrency of a study, ascending; `InputError` if nothing can win by `metric`."""
    what = judged_quantity(metric)
    return tuple(leader_among(study, level, what) for level in levels_of(study))


def leader_among(study: Study, level: int, what: Metric, disqualified: Iterable[tuple[str, str]] = ()) -> Leader:
    """The leader at one concurrency; `disqualified` are (entry, reason) left out whatever they measured."""
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
    return _leader(good, level, what, tuple(left_out.items()))


def _goodness(subject: Subject, what: Metric) -> float:
    middle = median(values_of(subject, what.path))
    return middle if what.better == "higher" else -middle


def _leader(good: list[Subject], level: int, what: Metric, left_out: tuple[tuple[str, str], ...]) -> Leader:
    if not good:
        return Leader(level, what.path, None, None, None, None, "none", (), left_out)
    best, others = good[0], good[1:]
    value = median_interval_of(best, what.path)
    if not others:
        return Leader(level, what.path, best.entry, value, None, None, "alone", (), left_out)
    of_best = values_of(best, what.path)
    figures = {each.entry: values_of(each, what.path) for each in others}
    ratios = [(entry, ratio_of(of_best, values)) for entry, values in figures.items()]
    tied = [pair for pair in ratios if pair[1].includes_one or always_equal(of_best, figures[pair[0]])]
    open_ = [pair for pair in ratios if pair not in tied and not pair[1].excludes_one]
    relation: LeadRelation = "tied" if tied else "undecided" if open_ else "ahead"
    runner_up, ratio = (tied or open_ or ratios)[0]
    equals = (best.entry, *(entry for entry, _ in tied)) if tied else ()
    return Leader(level, what.path, best.entry, value, runner_up, ratio, relation, equals, left_out)


# --- in words ---------------------------------------------------------------------------------------------


def leader_sentence(leader: Leader) -> str:
    """One plain sentence with the numbers, for a terminal; escape it for Markdown or HTML."""
    what = judged_quantity(leader.metric)
    name = "" if leader.metric == THROUGHPUT else f", {what.title}"
    return f"At {users_text(leader.concurrency)}{name}: {_verdict(leader, what)}{_left_out(leader)}"


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
    interval = interval_text(leader.ratio)
    if leader.relation == "ahead":
        return f"{entry}, {value}, {margin_text(leader)}"
    if leader.relation == "tied":
        times = f" ({ratio_text(leader.ratio)} {interval})" if interval else ""
        return f"tied: {joined(leader.tied)}, {value}{times}"
    return f"undecided: {entry}, {value}, {margin_text(leader)}"


def _disturbed(leader: Leader) -> bool:
    """Whether somebody is left out because the machine was not quiet: who would lead is not known then."""
    return any(DISTURBED in reason for _, reason in leader.left_out)


def margin_text(leader: Leader) -> str:
    """`1.31 x vllm [1.24, 1.37]`, or why there is no interval; nothing where there is no other."""
    if leader.ratio is None or leader.runner_up is None:
        return ""
    runner_up, interval = plain_text(leader.runner_up), interval_text(leader.ratio)
    if leader.ratio.value is None:
        return f"{runner_up} has 0, so there is no ratio"
    times = f"{ratio_text(leader.ratio)} {runner_up}"
    return f"{times} {interval}" if interval else f"{times}, {replicates_text(leader.ratio)}, so no interval"


def _left_out(leader: Leader) -> str:
    return f"; left out: {_reasons(leader)}" if leader.left_out else ""


def _reasons(leader: Leader) -> str:
    return ", ".join(
        f"{plain_text(entry)} ({plain_text(reason, REASON_LIMIT)})" for entry, reason in leader.left_out
    )


# --- a recommendation -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Which runtime for so many users.

    `level` is the measured concurrency that the figures are of: that of `users`, or the next above. With limits,
    `share` is the part of the requests that must keep them and `shares` holds (entry, its part in the worst
    replicate, None for no data) of all that were judged by it. `leader.entry` is None where none qualifies.
    """

    run: str
    users: int
    level: int
    slo: Slo | None
    share: float
    shares: tuple[tuple[str, float | None], ...]
    leader: Leader
    replicates: int
    weights: tuple[str, ...]


def recommend(study: Study, users: int, slo: Slo | None = None, share: float = SHARE) -> Recommendation:
    """The entry of the highest throughput at `users`, among those that keep `slo` for `share` of their requests.

    The study must have been made with that `slo`. An entry qualifies by its worst replicate. `NoResultError` if
    nothing was measured at so many users or more: nothing is ever extrapolated.
    """
    level = _level(study, users)
    here = [each for each in study.subjects if each.concurrency == level]
    judged = [each for each in here if not why_left_out(each)]
    shares = tuple((each.entry, _worst_share(each)) for each in judged) if slo else ()
    failing = [(entry, _too_low(worst, share)) for entry, worst in shares if worst is None or worst < share]
    leader = leader_among(study, level, judged_quantity(THROUGHPUT), failing)
    winner = next((each for each in here if each.entry == leader.entry), None)
    compared = [each for each in judged if each.entry not in dict(failing)]
    return Recommendation(
        run=study.name,
        users=users,
        level=level,
        slo=slo,
        share=share,
        shares=shares,
        leader=leader,
        replicates=min((len(each.trials) for each in compared), default=0),
        weights=tuple(_weights(winner, each) for each in compared if winner and other_weights(winner, each)),
    )


def _level(study: Study, users: int) -> int:
    levels = levels_of(study)
    found = next((level for level in levels if level >= users), None)
    if found is None:
        largest = f"the highest measured level is {levels[-1]:,}" if levels else "nothing was measured"
        raise NoResultError(
            f"Not measured: {users_text(users)}; {largest}, and nothing is extrapolated.",
            "Ask for fewer users, or measure that level (kit reproduce --concurrency).",
        )
    return found


def _worst_share(subject: Subject) -> float | None:
    values = values_of(subject, "goodput_share")
    return min(values) if len(values) == len(subject.trials) else None


def _too_low(worst: float | None, share: float) -> str:
    if worst is None:
        return "no data on the limits"
    return f"{percent_text(worst)} of requests within the limits, {percent_text(share)} required"


def _weights(winner: Subject, other: Subject) -> str:
    return f"{other.entry} has other weights ({other.model or 'unnamed'}, not {winner.model or 'unnamed'})"


def percent_text(part: float) -> str:
    """`99.67 %`, cut and not rounded, so that nothing seems to reach what it misses."""
    return f"{floor(part * 10_000 + 1e-6) / 100:g} %"


def recommendation_lines(found: Recommendation) -> tuple[str, str, str]:
    """Which runtime, why, and how sure that is: plain text, three lines."""
    return _which(found), f"Why: {_why(found)}.", f"How sure: {_how_sure(found)}."


def _which(found: Recommendation) -> str:
    leader, users = found.leader, f"for {users_text(found.users)}"
    if leader.entry is None:
        what = "meets the limits" if found.shares else "has a valid result"
        return f"No runtime {users}: none {what}."
    entry = plain_text(leader.entry)
    return {
        "tied": f"{joined(leader.tied)} are tied {users}: choose either.",
        "undecided": f"Probably {entry} {users}, but undecided.",
        "alone": f"Only {entry} {'is left' if leader.left_out else 'was measured'} {users}.",
    }.get(leader.relation, f"Choose {entry} {users}.")


def _why(found: Recommendation) -> str:
    leader = found.leader
    limits = slo_text(found.slo) if found.slo else ""
    if leader.entry is None or leader.value is None:
        known = [(worst, entry) for entry, worst in found.shares if worst is not None]
        if not known:
            return _reasons(leader)
        worst, entry = max(known)
        kept = f"{percent_text(worst)} of requests within {limits} in its worst replicate"
        return f"the best is {plain_text(entry)} with {kept}, {percent_text(found.share)} required"
    what = judged_quantity(THROUGHPUT)
    parts = [f"{median_interval_text(what, leader.value)} {what.unit}", margin_text(leader)]
    kept_by = dict(found.shares).get(leader.entry)
    if kept_by is not None:
        parts.append(f"{percent_text(kept_by)} of requests within {limits} in its worst replicate")
    return "; ".join(part for part in parts if part)


def _how_sure(found: Recommendation) -> str:
    leader = found.leader
    count = found.replicates
    parts = ["one replicate each" if count == 1 else f"{count} replicates each"] if count else []
    words = {
        "ahead": "the 95 % interval of its ratio to every other runtime excludes 1",
        "tied": "the 95 % interval of the ratio includes 1",
        "undecided": "an interval needs 3 replicates",
    }
    parts += [words[leader.relation]] if leader.relation in words else []
    if found.level == found.users:
        parts.append(f"measured at {users_text(found.level)}")
    else:
        parts.append(f"measured at {users_text(found.level)}, the next measured level above {found.users:,}")
    parts += [plain_text(each, REASON_LIMIT) for each in found.weights]
    return "; ".join(parts) + _left_out(leader)

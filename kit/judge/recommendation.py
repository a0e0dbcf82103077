"""Which runtime for so many users: three lines, of which the last says how sure that is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from kit.documents import Slo
from kit.documents.study import Study, Subject
from kit.errors import NoResultError
from kit.judge.advice import (
    REASON_LIMIT,
    Leader,
    joined,
    leader_among,
    left_out_text,
    margin_text,
    reasons_text,
    users_text,
)
from kit.judge.compare.quantity import judged_quantity, median_interval_text
from kit.judge.compare.ratio import TIED_WORDS
from kit.judge.compare.standing import other_weights, why_left_out
from kit.judge.quality import gaps_text
from kit.judge.study import levels_of, values_of
from kit.metrics.goodput import slo_text
from kit.metrics.limits import AHEAD_ERROR, EQUIVALENT_PERCENT, MIN_REPLICATES_FOR_INTERVAL, TIED_ERROR
from kit.metrics.registry import THROUGHPUT
from kit.text import plain_text

SHARE = 0.99
AT_A_RATE = "These requests arrived at a rate: how many users that is nobody knows."
AT_A_RATE_REMEDY = "Ask a run of a closed loop; kit table and kit compare show this one by its rates."


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
    if study.conditions.loop == "open":
        raise NoResultError(AT_A_RATE, AT_A_RATE_REMEDY)
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
    better = joined(dict.fromkeys(gap.other for gap in leader.gaps))
    if better and leader.relation == "ahead":
        return f"Fastest {users}: {entry}, but the answers of {better} are better."
    words = {
        "tied": f"{joined(leader.tied)} are {TIED_WORDS} {users}{'.' if better else ': choose either.'}",
        "undecided": f"Probably {entry} {users}, but undecided.",
        "alone": f"Only {entry} {'is left' if leader.left_out else 'was measured'} {users}.",
    }.get(leader.relation, f"Choose {entry} {users}.")
    return f"{words} The answers of {better} are better." if better else words


def _why(found: Recommendation) -> str:
    leader = found.leader
    limits = slo_text(found.slo) if found.slo else ""
    if leader.entry is None or leader.value is None:
        known = [(worst, entry) for entry, worst in found.shares if worst is not None]
        if not known:
            return reasons_text(leader)
        worst, entry = max(known)
        kept = f"{percent_text(worst)} of requests within {limits} in its worst replicate"
        return f"the best is {plain_text(entry)} with {kept}, {percent_text(found.share)} required"
    what = judged_quantity(THROUGHPUT)
    parts = [f"{median_interval_text(what, leader.value)} {what.unit}", margin_text(leader)]
    kept_by = dict(found.shares).get(leader.entry)
    if kept_by is not None:
        parts.append(f"{percent_text(kept_by)} of requests within {limits} in its worst replicate")
    parts.append(gaps_text(leader.gaps))
    return "; ".join(part for part in parts if part)


def _how_sure(found: Recommendation) -> str:
    leader = found.leader
    count = found.replicates
    parts = ["one replicate each" if count == 1 else f"{count} replicates each"] if count else []
    words = _sureness(leader)
    parts += [words] if words else []
    if found.level == found.users:
        parts.append(f"measured at {users_text(found.level)}")
    else:
        parts.append(f"measured at {users_text(found.level)}, the next measured level above {found.users:,}")
    parts += [plain_text(each, REASON_LIMIT) for each in found.weights]
    return "; ".join(parts) + left_out_text(leader)


def _sureness(leader: Leader) -> str:
    sure = f"{100 * (1 - AHEAD_ERROR - TIED_ERROR):g} %"
    if leader.relation == "ahead":
        return f"{sure} over all comparisons of this verdict"
    if leader.relation == "tied":
        return f"{sure} over all comparisons of this verdict that they differ by less than {EQUIVALENT_PERCENT} %"
    if leader.relation != "undecided" or leader.ratio is None:
        return ""
    if leader.ratio.interval is None:
        return f"an interval needs {MIN_REPLICATES_FOR_INTERVAL} replicates"
    return f"not {sure} sure"

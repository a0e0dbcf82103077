"""How many users each runtime carries within limits, from what was measured: nothing is extrapolated. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kit.documents import Slo
from kit.documents.pins import Sparse
from kit.documents.study import Study, Subject
from kit.errors import NoResultError
from kit.judge.compare.merging import merged
from kit.judge.compare.standing import why_left_out
from kit.judge.costs import Cost, Prices, cost_of_subject
from kit.judge.machines import by_machine, machine_text
from kit.judge.recommendation import AT_A_RATE, AT_A_RATE_REMEDY
from kit.judge.shapes import label_of, place_of, shapes_of
from kit.judge.study import entries_of, is_complete, suspicions_of, values_of
from kit.metrics.registry import DECODE, THROUGHPUT, TTFT_P50
from kit.metrics.saturation import Point, pareto
from kit.metrics.search import Fate
from kit.metrics.stats import median
from kit.metrics.users import bracket, is_kept, median_share

SHARE_PATH = "goodput_share"


@dataclass(frozen=True, slots=True)
class LevelFound:
    """One measured level: `share` of the requests within the limits (median over replicates), and its figures.

    `frontier`: no other level of any entry is as good in throughput, decode and TTFT.
    """

    users: int
    fate: Fate
    share: float | None
    replicates: int
    why: str
    throughput_tok_s: float | None
    decode_tok_s: float | None
    ttft_p50_ms: float | None
    frontier: bool
    cost: Cost | None = None


@dataclass(frozen=True, slots=True)
class EntryUsers:
    """`users` is the last level that was kept with all below it, `missed` the first that was not."""

    entry: str
    users: int | None
    missed: int | None
    again: tuple[int, ...]
    levels: tuple[LevelFound, ...]

    def level(self, users: int | None) -> LevelFound | None:
        return next((each for each in self.levels if each.users == users), None)


@dataclass(frozen=True, slots=True)
class UsersFound:
    """The answer of one machine's runs; `best` are the entries that carry most, and those not told from them."""

    run: str
    slo: Slo
    share: float
    entries: tuple[EntryUsers, ...]
    best: tuple[str, ...]
    searched: bool


@dataclass(frozen=True, slots=True)
class MachineUsers(Sparse):
    """The answer of the runs of one machine for one kind of request: `shape`, empty where they have only one."""

    machine: str
    runs: tuple[str, ...]
    found: UsersFound
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Users:
    """What `kit recommend RUN --slo LIMITS --json` prints: an answer for each machine."""

    schema: Literal["kit/users/1"]
    kit_version: str
    prices: Prices | None
    machines: tuple[MachineUsers, ...]


def users_by_machine(
    studies: Sequence[Study], searched: Sequence[Study], slo: Slo, share: float, prices: Prices | None = None
) -> tuple[MachineUsers, ...]:
    """The answer of each machine for each kind of request, none of them pooled with another's.

    `searched` are those of the studies that looked for it. A kind of which nothing was measured has no answer:
    `NoResultError` where that is so of all, and where requests arrived at a rate.
    """
    found: list[MachineUsers] = []
    refused: NoResultError | None = None
    for group in by_machine(studies):
        whole, chosen = merged(group), all(any(each is one for one in searched) for each in group)
        runs = tuple(each.name for each in group)
        for part in shapes_of(whole):
            try:
                made = users_of(part, slo, share, prices, searched=chosen)
            except NoResultError as error:
                refused = refused or error
                continue
            shape = label_of(part) if len(whole.shapes) > 1 else ""
            found.append(MachineUsers(machine_text(whole), runs, made, shape))
    if not found and refused is not None:
        raise refused
    return tuple(found)


def users_of(
    study: Study, slo: Slo, share: float, prices: Prices | None = None, *, searched: bool = False
) -> UsersFound:
    """The largest measured number of users of each entry within `slo`; the study must have been made with it.

    It has one kind of request (kit.judge.shapes). `searched`: a run that looked for the number. `NoResultError`
    where nothing was measured, or nobody knows how many users there were.
    """
    if study.conditions.loop == "open":
        raise NoResultError(AT_A_RATE, AT_A_RATE_REMEDY)
    there = [each for each in study.subjects if any(trial.status != "missing" for trial in each.trials)]
    if not there:
        raise NoResultError("Nothing was measured.", "Give a run with measured cells.")
    front = _frontier(there)
    entries = []
    for name in entries_of(study):
        # A level that was never measured, of a run that is not at its end, says nothing.
        mine = sorted((each for each in there if each.entry == name), key=lambda each: each.concurrency)
        levels = tuple(_level(each, share, place_of(each) in front, prices) for each in mine)
        found = bracket({each.users: each.fate == "kept" for each in levels})
        entries.append(EntryUsers(name, found.kept, found.missed, found.again, levels))
    return UsersFound(study.name, slo, share, tuple(entries), _best(entries), searched)


def _level(subject: Subject, share: float, on_front: bool, prices: Prices | None) -> LevelFound:
    shares: list[float | None] = list(values_of(subject, SHARE_PATH))
    shares += [None] * (len(subject.trials) - len(shares))
    fate, why = _fate(subject, shares, round(share * 1000))
    counts = not why_left_out(subject)
    return LevelFound(
        users=subject.concurrency,
        fate=fate,
        share=median_share(shares),
        replicates=len(subject.trials),
        why=why,
        throughput_tok_s=_median(subject, THROUGHPUT),
        decode_tok_s=_median(subject, DECODE),
        ttft_p50_ms=_median(subject, TTFT_P50),
        frontier=on_front,
        cost=cost_of_subject(prices, subject) if prices is not None and counts else None,
    )


def _fate(subject: Subject, shares: Sequence[float | None], share_milli: int) -> tuple[Fate, str]:
    """As `kit.metrics.search.tried` says of the cells of a search."""
    if not is_complete(subject):
        return "missed", next(each.reason or each.status for each in subject.trials if each.status != "measured")
    if suspicions := suspicions_of(subject):
        return "doubtful", "; ".join(suspicions)
    if median_share(shares) is None:
        return "missed", "no data on the limits"
    return ("kept" if is_kept(shares, share_milli) else "missed"), ""


def _best(entries: Sequence[EntryUsers]) -> tuple[str, ...]:
    """Who carries most, first; then all that no measured level tells from it."""
    able = [each for each in entries if each.users is not None]
    if not able:
        return ()
    first = max(able, key=lambda each: each.users or 0)
    most = first.users or 0
    near = [each for each in able if each is not first and (each.missed is None or each.missed > most)]
    return (first.entry, *(each.entry for each in near))


def _frontier(subjects: Sequence[Subject]) -> frozenset[tuple[str, str, int]]:
    """The levels that no other beats, of all entries together."""
    good = sorted((each for each in subjects if not why_left_out(each)), key=lambda each: each.concurrency)
    points = [
        Point(
            str(at),
            each.concurrency,
            _median(each, THROUGHPUT),
            _median(each, DECODE),
            None,
            _median(each, TTFT_P50),
        )
        for at, each in enumerate(good)
    ]
    return frozenset(place_of(good[int(at)]) for at in pareto(points))


def _median(subject: Subject, path: str) -> float | None:
    values = values_of(subject, path)
    return median(values) if values and len(values) == len(subject.trials) else None

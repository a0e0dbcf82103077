"""The verdict in words: which entry leads at which number of users, grouped where it is the same. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kit.judge.advice import Leader
from kit.judge.compare.ratio import TIED_WORDS, interval_text, no_interval_text, ratio_text
from kit.text import listed, plain_text

CHIPS = {
    "ahead": "ahead", "tied": "tied", "undecided": "undecided", "alone": "only one", "none": "no result",
}  # fmt: skip


def headline(leaders: Sequence[Leader]) -> list[str]:
    """Plain sentences, one for each kind of outcome, in order of concurrency."""
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[int]] = {}
    for leader in leaders:
        names = leader.tied or ((leader.entry,) if leader.entry else ())
        relation: str = leader.relation
        if relation == "undecided" and leader.ratio is not None and leader.ratio.interval is not None:
            relation, names = "not told apart", (*names, *leader.open)
        better = tuple(dict.fromkeys(gap.other for gap in leader.gaps))
        groups.setdefault(((relation, *names), better), []).append(leader.concurrency)
    return [
        _sentence(kind[0], kind[1:], levels)[:-1] + _but(better) + "." for (kind, better), levels in groups.items()
    ]


def _but(better: Sequence[str]) -> str:
    """That the answers of others are better, where they are."""
    names = listed([plain_text(name, 60) for name in better])
    return f", but the answers of {names} are better" if names else ""


def _sentence(relation: str, names: Sequence[str], levels: Sequence[int]) -> str:
    who, when = listed([plain_text(name, 60) for name in names]), users(levels)
    return {
        "ahead": f"{who} leads at {when}.",
        "tied": f"{who} are {TIED_WORDS} at {when}.",
        "not told apart": f"{who} are not told apart at {when}.",
        "undecided": f"{who} is ahead at {when}, undecided: too few replicates for an interval.",
        "alone": f"At {when} only {who} has a valid result.",
        "none": f"At {when} no runtime has a valid result.",
    }[relation]


def users(levels: Sequence[int]) -> str:
    """`1 user`, `2 and 4 users`."""
    return f"{listed([str(level) for level in levels])} user{'' if list(levels) == [1] else 's'}"


def who(leader: Leader) -> str:
    """The name of whoever leads, or all names of those that are tied."""
    return listed([plain_text(name, 60) for name in leader.tied or ([leader.entry] if leader.entry else [])])


def margin(leader: Leader) -> str:
    """`1.31 x vllm`, the next best; nothing where there is none."""
    if leader.ratio is None or leader.runner_up is None:
        return ""
    return f"{ratio_text(leader.ratio)} {plain_text(leader.runner_up, 60)}"


def sureness(leader: Leader) -> str:
    """The interval of the margin, or why there is none."""
    if leader.ratio is None:
        return ""
    return interval_text(leader.ratio) or no_interval_text(leader.ratio)


def left_out(leaders: Sequence[Leader]) -> list[str]:
    """`llamacpp at 2 and 4 users: SUSPECT`: who is not in the verdict, and in a word why."""
    groups: dict[tuple[str, str], list[int]] = {}
    for leader in leaders:
        for entry, reason in leader.left_out:
            groups.setdefault((entry, reason.partition(":")[0]), []).append(leader.concurrency)
    return [
        f"{plain_text(entry, 60)} at {users(levels)}: {plain_text(reason, 100)}"
        for (entry, reason), levels in groups.items()
    ]

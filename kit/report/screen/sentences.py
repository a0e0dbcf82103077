"""Who leads, by how much and how surely, in sentences: those of one kind of outcome together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kit.documents.study import Study
from kit.judge.advice import Leader, level_text, users_text, verdict_of
from kit.judge.compare.ratio import TIED_WORDS, Ratio
from kit.judge.shapes import shapes_of
from kit.judge.study import values_of
from kit.metrics.limits import AHEAD_ERROR, TIED_ERROR
from kit.metrics.registry import METRICS, THROUGHPUT
from kit.report.screen.values import Said
from kit.text import listed, number, plain_text

SURE = f"{100 * (1 - AHEAD_ERROR - TIED_ERROR):g} % sure"
MAX_NAME = 40
DECIDED = ("ahead", "tied")
EQUAL = 1.0005  # below this a difference in percent would be none
SMALL = 1.1  # below this a difference is told in percent

Outcome = tuple[str, str, tuple[str, ...]]  # metric, what is known, who


def leaders_of(study: Study) -> list[tuple[Study, Leader]]:
    """By throughput, then by who answers first, at each level of each shape, with the study of that shape."""
    found = [(part, leader) for part in shapes_of(study) for leader in verdict_of(part)]
    return sorted(found, key=lambda each: each[1].metric != THROUGHPUT)


def verdict_sentences(leaders: Iterable[tuple[Study, Leader]]) -> list[Said]:
    """A sentence for each outcome of each metric, those first that are sure."""
    groups: dict[Outcome, list[Leader]] = {}
    for study, leader in leaders:
        groups.setdefault(_outcome(study, leader), []).append(leader)
    order = sorted(groups.items(), key=lambda each: (each[0][0] != THROUGHPUT, each[0][1] not in DECIDED))
    return [_sentence(outcome, found) for outcome, found in order]


def _outcome(study: Study, leader: Leader) -> Outcome:
    if leader.entry is None:
        return leader.metric, "none", ()
    if leader.relation == "tied":
        return leader.metric, "tied", leader.tied
    if leader.relation == "undecided" and leader.ratio is not None and leader.ratio.interval is None:
        return leader.metric, _agreement(study, leader), (leader.entry,)
    return leader.metric, leader.relation, (leader.entry,)


def _agreement(study: Study, leader: Leader) -> str:
    """What replicates too few for an interval say: `one`, `agree`, `disagree`."""
    values = [
        values_of(each, leader.metric)
        for name in (leader.entry, leader.runner_up)
        for each in study.subjects
        if (each.entry, each.concurrency) == (name, leader.concurrency)
    ]
    if len(values) != 2 or min(map(len, values)) < 2:
        return "one"
    first, second = values
    higher = METRICS[leader.metric].better == "higher"
    apart = min(first) > max(second) if higher else max(first) < min(second)
    return "agree" if apart else "disagree"


def _sentence(outcome: Outcome, found: Sequence[Leader]) -> Said:
    metric, known, names = outcome
    when, who = levels_text(found), listed(plain_text(name, MAX_NAME) for name in names)
    what = METRICS[metric].name
    if known == "none":
        return Said(f"At {when} no runtime has a valid {what}.", "bad")
    if known == "tied":
        return Said(f"At {when} {who} are {TIED_WORDS} in {what}, {SURE}.", "good")
    if known == "alone":
        return Said(f"At {when} only {who} has a valid {what}.", "doubt")
    lead = f"At {when} {who} {_lead(found)}"
    if known == "ahead":
        return Said(f"{lead}{_at_least(found)}, {SURE}.", "good")
    if known == "undecided":
        return Said(f"{lead}, but that is not sure: {_between(found)}.", "doubt")
    count = found[0].ratio.n_a if found[0].ratio else 1
    first_look = {
        "one": "a first look, one replicate each",
        "agree": f"a first look, {count} replicates that agree",
        "disagree": f"not decided, {count} replicates that disagree",
    }[known]
    return Said(f"{lead}: {first_look}.", "doubt")


def levels_text(found: Sequence[Leader]) -> str:
    """`1 user`, `1, 2 and 4 users`, `2.5 requests/s and 5 requests/s`."""
    if any(each.shape or each.open_loop for each in found):
        return listed(plain_text(level_text(each)) for each in found)
    levels = [each.concurrency for each in found]
    if len(levels) == 1:
        return users_text(levels[0])
    return f"{listed(f'{level:,}' for level in levels)} users"


def _lead(found: Sequence[Leader]) -> str:
    """`has 1.5 times the tokens/s of vllm`, `answers first, 3.6 to 8.0 times sooner than vllm`."""
    others = dict.fromkeys(each.runner_up for each in found)
    other = plain_text(next(iter(others)) or "", MAX_NAME) if len(others) == 1 else "the next"
    times = [value for each in found if each.ratio and (value := _times(each, each.ratio.value))]
    if len(times) < len(found):
        return f"leads, and {other} has 0"
    if max(times) < EQUAL:
        return (
            f"has as many tokens/s as {other}" if found[0].metric == THROUGHPUT else f"answers as soon as {other}"
        )
    amount = _amount(min(times), max(times))
    if found[0].metric == THROUGHPUT:
        small = max(times) < SMALL
        return f"has {amount} more tokens/s than {other}" if small else f"has {amount} the tokens/s of {other}"
    return f"answers first, {amount} sooner than {other}"


def _times(leader: Leader, ratio: float | None) -> float | None:
    """How many times better: of a time its inverse."""
    if not ratio:
        return None
    return ratio if METRICS[leader.metric].better == "higher" else 1 / ratio


def _amount(low: float, high: float) -> str:
    """`1.5 times`, `1.2 to 8.0 times`, `4 %`, `2 to 4 %`."""
    unit = "%" if high < SMALL else "times"
    shown = [(_percent if unit == "%" else times_text)(value) for value in (low, high)]
    return f"{' to '.join(dict.fromkeys(shown))} {unit}"


def _percent(times: float) -> str:
    percent = (times - 1) * 100
    return number(percent, 0 if percent >= 1.95 else 1)


def times_text(times: float) -> str:
    """Two digits, with a decimal more below two, where it is needed most."""
    return number(times, 2 if times < 1.95 else 1 if times < 9.95 else 0)


def _at_least(found: Sequence[Leader]) -> str:
    """The least that the intervals leave, in the unit of the sentence."""
    bounds = [bound for each in found for bound in _bounds(each)[:1]]
    if len(bounds) < len(found):
        return ""
    least = min(bounds)
    times = [value for each in found if each.ratio and (value := _times(each, each.ratio.value))]
    small = max(times, default=1.0) < SMALL
    return f"; at least {_percent(least)} %" if small else f"; at least {times_text(least)} times"


def _between(found: Sequence[Leader]) -> str:
    bounds = [_bounds(each) for each in found]
    known = [bound for bound in bounds if bound]
    if not known:
        return "there is no interval"
    low, high = min(bound[0] for bound in known), max(bound[1] for bound in known)
    words = f"{number(low, 2)} to {times_text(high)} times"
    return words if len(found) == 1 else f"{words} over all of them"


def _bounds(leader: Leader) -> tuple[float, ...]:
    """The interval of how many times better, the lower end first; nothing without one."""
    ratio: Ratio | None = leader.ratio
    if ratio is None or not ratio.low or not ratio.high:
        return ()
    if METRICS[leader.metric].better == "higher":
        return ratio.low, ratio.high
    return 1 / ratio.high, 1 / ratio.low

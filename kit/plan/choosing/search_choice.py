"""A search for the largest number of users where nobody wrote a platform file: its levels and its time. Pure."""

from __future__ import annotations

from contextlib import suppress

from kit.documents import SearchWish
from kit.errors import InputError
from kit.metrics.goodput import slo_text
from kit.metrics.users import climb, levels_between, most_steps
from kit.plan.budget import USUAL_S, Effort, effort, minutes, once
from kit.plan.workloads.levels import search_rule


def searched_levels(wish: SearchWish) -> tuple[int, ...]:
    """All that may be measured."""
    return levels_between(wish.first, wish.max_users)


def levels_without(wish: SearchWish) -> tuple[int, ...]:
    """What stands as concurrencies beside a search, and counts once somebody takes it out of the file."""
    return climb(searched_levels(wish))


def search_words(wish: SearchWish) -> str:
    """`the most from 1 to 64 within ttft 500 ms for 95 % of requests`."""
    rule = search_rule(wish)
    assert rule is not None
    limits = f"within {slo_text(rule.slo)} for {rule.share_milli / 10:g} % of requests"
    return f"the most from {wish.first} to {wish.max_users:,} {limits}"


def search_effort(
    entries: int, wish: SearchWish, engine: str, least_s: float, budget_s: float | None
) -> tuple[Effort, str]:
    """Windows and replicates of a search by so many entries, and how long it takes at most, in words.

    Long windows decide a level better than several short ones. A budget that is too short for all levels that may
    be called for ends the search between two of them; `InputError` if it is too short for the first.
    """
    cells, window_s = entries * most_steps(searched_levels(wish)), max(least_s, USUAL_S)
    if budget_s is None:
        work = once(cells, engine, window_s)
        return work, _words(work, "a first look; --budget 20m gives longer ones")
    for shortest_s in (window_s, least_s):
        with suppress(InputError):
            work = effort(cells, engine, shortest_s, budget_s)
            return work, _words(work, f"budget {minutes(budget_s)}")
    effort(entries, engine, least_s, budget_s)
    work = once(cells, engine, least_s)
    return work, _words(work, f"the budget of {minutes(budget_s)} may end the search before it is sure")


def _words(work: Effort, told: str) -> str:
    each = f"{work.replicates} replicate{'s' if work.replicates > 1 else ''} of {work.window_s:g} s windows"
    return f"Time: {each}, at most {work.cells} cells and {minutes(work.whole_s)} ({told})."

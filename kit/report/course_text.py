"""How far a run that decides has come, in words. Pure."""

from __future__ import annotations

from kit.documents import Plan
from kit.metrics.sequential import Course, Decision
from kit.text import cell as safe
from kit.text import listed

MAX_NAMED = 12  # comparisons that are named; of more only the number is given


def course_notes(plan: Plan, course: Course | None) -> tuple[str, ...]:
    """What a run that decides measured, why it ended, and how its error is held; nothing for other runs."""
    rule = plan.sequential
    if rule is None or course is None:
        return ()
    measured = f"{len(course.called)} of at most {len(plan.cells)} cells"
    when = f"after {_replicates(course.replicates)}"
    ends = {
        "decided": f"Decided {when}: {measured} were needed.",
        "maximum": f"Not all decided {when}, the most that were planned: {measured} were needed.",
        "budget": f"The budget of {_budget(rule.budget_ns or 0)} ended the run {when}: {measured} were measured.",
        "measuring": f"Not decided yet: the run stopped in replicate {course.replicates}.",
    }
    words = [ends[course.ended]]
    if course.open:
        words.append(f"Still open: {listed(map(_named, course.open[:MAX_NAMED]))}{_more(course.open)}.")
    words.append(
        f"Intervals are repeated looks ({rule.name}): all looks at all comparisons together err in at most "
        f"{rule.alpha_milli / 10:g} %."
    )
    return tuple(words)


def _replicates(count: int) -> str:
    return "one replicate" if count == 1 else f"{count} replicates"


def _named(decision: Decision) -> str:
    users = "1 user" if decision.concurrency == 1 else f"{decision.concurrency:,} users"
    return f"{_entry(decision.first)} against {_entry(decision.second)} at {users}"


def _entry(name: str) -> str:
    """A name, safe in Markdown, where a hyphen between letters means nothing."""
    return safe(name).replace(r"\-", "-")


def _budget(ns: int) -> str:
    return f"{ns / 60e9:g} min" if ns >= 60e9 else f"{ns / 1e9:g} s"


def _more(decisions: tuple[Decision, ...]) -> str:
    more = len(decisions) - MAX_NAMED
    return f" and {more} more" if more > 0 else ""

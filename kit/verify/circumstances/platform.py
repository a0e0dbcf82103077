"""Rules about the platform of a plan: under the name of one of the kit's it is what that platform gives.

What the options of `kit reproduce` change is said in a note; anything else was changed by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache

from kit import __version__
from kit.documents import Entry, Plan, PlannedWorkload, Platform
from kit.errors import KitError
from kit.metrics.limits import MIN_PUBLISHED_WINDOW_NS
from kit.plan.plan import caches_on, planned_entry, planned_workload
from kit.plan.platforms import load_platform, platform_names
from kit.runtimes import OWN
from kit.storage.names import PLAN
from kit.verify.difference import differences
from kit.verify.evidence import Evidence
from kit.verify.rule import Issue, Steps, rule

# Versions whose platforms are those of this one. What others had under a name is not known here: that is a note.
SAME_PLATFORMS = frozenset({"0.1.0", __version__})


@rule(
    "plan.platform",
    "flag",
    "plans",
    "A plan under the name of one of the kit's platforms is what that gives, with a window that says something",
)
def plan_platform(evidence: Evidence) -> Steps:
    plan, platform = evidence.plan, _platform_of(evidence)
    if plan is None or platform is None:
        return
    yield 1
    if plan.kit_version in SAME_PLATFORMS:
        yield from _issues(platform, _by_hand(evidence))
    if plan.workload.window_ns < MIN_PUBLISHED_WINDOW_NS:
        words = f"has a window of {plan.workload.window_ns / 1e9:g} s; the shortest of a platform is 5 s"
        yield Issue(f"{PLAN}: workload", words)


@rule(
    "plan.options", "note", "plans", "A plan of one of the kit's platforms was made without options that change it"
)
def plan_options(evidence: Evidence) -> Steps:
    plan, platform = evidence.plan, _platform_of(evidence)
    if plan is None or platform is None:
        return
    yield 1
    found = list(_by_options(plan, platform))
    if plan.kit_version not in SAME_PLATFORMS:
        found += _by_hand(evidence)
    yield from _issues(platform, found)


def _issues(platform: Platform, found: Iterable[str]) -> Iterator[Issue]:
    return (Issue(PLAN, f"differs from the platform {platform.name}: {words}") for words in found)


def _platform_of(evidence: Evidence) -> Platform | None:
    return known_platform(evidence.plan.platform) if evidence.plan is not None else None


@lru_cache(maxsize=64)
def known_platform(name: str) -> Platform | None:
    """The platform of the kit that has this name, or None."""
    try:
        return load_platform(name) if name in platform_names() else None
    except KitError:
        return None


def _by_options(plan: Plan, platform: Platform) -> Iterator[str]:
    """What an option of the command may have changed, in the words of a plan."""
    wanted, work = planned_workload(platform.workload), plan.workload
    names = tuple(entry.name for entry in plan.entries)
    if names != (given := tuple(entry.name for entry in platform.entries)):
        yield f"entries are {', '.join(names)}, not {', '.join(given)}"
    if work.concurrencies != wanted.concurrencies:
        levels = (", ".join(map(str, each.concurrencies)) for each in (work, wanted))
        yield "concurrencies are {}, not {}".format(*levels)
    for name in ("replicates", "warmup_ns", "window_ns"):
        yield from differences({name: getattr(wanted, name)}, {name: getattr(work, name)})
    if plan.evaluation is not None and platform.evaluation is None:
        yield f"it asks {plan.evaluation.tasks} tasks of {plan.evaluation.suite} after the cells"
    if plan.challenge is None:  # else it follows from that, and plan.challenge looks
        yield from differences({"seed": platform.seed}, {"seed": plan.seed})


def _by_hand(evidence: Evidence) -> Iterator[str]:
    """What no option changes: of the entries that are there, of the load, and of what is measured at all."""
    plan, platform = evidence.plan, _platform_of(evidence)
    if plan is None or platform is None:
        return
    yield from differences(_fixed_of_platform(platform), _fixed_of_plan(plan))
    yield from differences(_fixed_workload(planned_workload(platform.workload)), _fixed_workload(plan.workload))
    known = {entry.name: entry for entry in platform.entries}
    cpus = evidence.host.cpus_usable if evidence.host is not None else None
    for entry in plan.entries:
        if entry.name not in known:
            yield f"it has no entry {entry.name}"
        elif cpus is not None:
            wanted = _planned(known[entry.name], cpus, caches=caches_on(platform.workload))
            yield from (f"entry {entry.name}: {words}" for words in differences(wanted, entry))
    order = [name for name in known if name in {entry.name for entry in plan.entries}]
    if order != [entry.name for entry in plan.entries if entry.name in known]:
        yield "its entries are in another order"


def _planned(entry: Entry, cpus: int, *, caches: bool) -> Entry:
    return planned_entry(entry, cpus, caches=caches) if entry.runtime in OWN else entry


def _fixed_of_platform(platform: Platform) -> dict[str, object]:
    return {
        "title": platform.title,
        "engine": platform.engine,
        "model": platform.model,
        "correctness": (platform.correctness.name, platform.correctness.level),
        "prompts": platform.workload.prompts,
        "hardware": platform.hardware,
        "published": platform.published,
    }


def _fixed_of_plan(plan: Plan) -> dict[str, object]:
    return {
        "title": plan.title,
        "engine": plan.engine,
        "model": plan.model.name,
        "correctness": (plan.correctness.name, plan.correctness_level),
        "prompts": plan.prompts.name,
        "hardware": plan.hardware,
        "published": plan.published,
    }


def _fixed_workload(workload: PlannedWorkload) -> PlannedWorkload:
    """The workload without what options change."""
    return replace(workload, concurrencies=(), replicates=0, warmup_ns=0, window_ns=0)


RULES = (plan_platform, plan_options)

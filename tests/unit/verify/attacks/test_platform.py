"""Attacks with the plan: under the name of one of the kit's platforms, changed by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kit.documents import Host, OutputTokens, Plan
from kit.documents.pins import Hardware
from kit.plan.challenge import challenged
from kit.plan.platforms import platform_names
from kit.verify.circumstances.platform import plan_options, plan_platform
from kit.verify.evidence import Evidence
from kit.verify.rule import Issue, Rule
from tests.support.closed_holes import demo_plan, short_demo
from tests.support.good_bundle import good_host
from tests.support.sealed import bundle_verdict

S = 1_000_000_000


def said(rule: Rule, plan: Plan, host: Host | None = None) -> list[str]:
    evidence = Evidence("run", {}, plan=plan, host=host or good_host())
    return [step.message for step in rule.check(evidence) if isinstance(step, Issue)]


def workload(**values: Any) -> Callable[[Plan], Plan]:
    return lambda plan: replace(plan, workload=replace(plan.workload, **values))


def test_the_demo_is_what_it_is() -> None:
    """Nothing is noted, nothing is flagged."""
    assert said(plan_platform, demo_plan()) == said(plan_options, demo_plan()) == []


def test_the_seed_that_a_challenge_gives_is_no_difference() -> None:
    """A board gave the nonce; plan.challenge looks whether the seed follows from it."""
    plan = challenged(demo_plan(), "0123456789abcdef")
    assert plan.seed != demo_plan().seed
    assert said(plan_platform, plan) == said(plan_options, plan) == []


def test_what_options_change_is_noted_and_no_more() -> None:
    """A good run of the demo with one user, once, keeps its label."""
    verdict = bundle_verdict(short_demo())
    assert verdict.label == "consistent"
    assert [finding.rule for finding in verdict.findings] == ["plan.options"] * len(verdict.findings)
    assert "concurrencies" in verdict.findings[0].message


@pytest.mark.parametrize(
    "change",
    [
        workload(concurrencies=(2, 4)),
        workload(replicates=1),
        workload(warmup_ns=2 * S),
        workload(window_ns=6 * S),
        lambda plan: replace(plan, seed=7),
        lambda plan: replace(plan, entries=plan.entries[:1]),
    ],
    ids=["concurrency", "replicates", "warm-up", "window", "seed", "entries"],
)
def test_every_option_that_changes_a_plan_is_noted(change: Callable[[Plan], Plan]) -> None:
    """A bad concurrency, a weak replicate or the competitor left out; a window moved; a seed chosen."""
    plan = demo_plan(change)
    assert len(said(plan_options, plan)) == 1
    assert said(plan_platform, plan) == []


BY_HAND: list[Callable[[Plan], Plan]] = [
    lambda plan: replace(plan, title="An H200"),
    lambda plan: replace(plan, published="nonsense"),
    lambda plan: replace(plan, hardware=Hardware("Mine", "none", memory_gb_s=9999.0, memory_gb_s_source="me")),
    lambda plan: replace(plan, correctness_level="any"),
    lambda plan: replace(plan, model=replace(plan.model, name="qwen2.5-coder-1.5b-instruct-q4_k_m")),
    workload(output_tokens=OutputTokens("uniform", 16, 16)),
    workload(ignore_eos=False),
    workload(drain_ns=S),
    lambda plan: replace(plan, entries=(replace(plan.entries[0], settings={"slots": 9}), plan.entries[1])),
    lambda plan: replace(plan, entries=(replace(plan.entries[0], name="mine"), plan.entries[1])),
    lambda plan: replace(plan, entries=plan.entries[::-1]),
]


@pytest.mark.parametrize("change", BY_HAND)
def test_what_no_option_changes_is_flagged(change: Callable[[Plan], Plan]) -> None:
    """Whoever wants another load gives it another name."""
    assert said(plan_platform, demo_plan(change))


@pytest.mark.parametrize(("window_ns", "found"), [(5 * S, False), (5 * S - 1, True)])
def test_a_window_has_a_least_length(window_ns: int, found: bool) -> None:
    """The best second of many is quickly found."""
    assert bool(said(plan_platform, demo_plan(workload(window_ns=window_ns)))) is found


def test_a_plan_renamed_to_another_platform_is_not_that_platform() -> None:
    """Attack A3: the demo called gx10."""
    assert len(said(plan_platform, demo_plan(lambda plan: replace(plan, platform="gx10")))) > 3


def test_the_platforms_of_other_versions_are_not_known_here() -> None:
    """What differs is noted there."""
    plan = demo_plan(lambda plan: replace(plan, title="As it was later", kit_version="9.0.0"))
    assert said(plan_platform, plan) == []
    assert len(said(plan_options, plan)) == 1


def test_a_platform_of_ones_own_is_none_of_the_kits() -> None:
    """Its name says so: nothing is expected of it."""
    plan = demo_plan(lambda plan: replace(plan, platform="mine", title="Mine"))
    assert "mine" not in platform_names()
    assert said(plan_platform, plan) == said(plan_options, plan) == []


def test_settings_follow_the_cpus_of_the_machine() -> None:
    """As many threads as it has."""
    assert said(plan_platform, demo_plan(), replace(good_host(), cpus_usable=3)) != []

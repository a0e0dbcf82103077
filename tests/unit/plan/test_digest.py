"""kit.plan.digest: the same question has one digest, whoever asks it where and when; another has another."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from kit.documents import Plan, SearchRule
from kit.documents.pins import Hardware, ImagePin, WeightsPin
from kit.documents.quality.asked import FORM, Evaluation
from kit.metrics.goodput import parse_slo
from kit.plan.digest import LEFT_OUT, PARTS, plan_digest
from kit.plan.extension import extended
from tests.support.good_bundle import good_plan

# Every field of a plan is decided about: what is in neither set is kept whole.
KEPT = {
    "schema", "platform", "engine", "schedule", "prompts", "correctness", "correctness_level", "workload",
    "entries", "method",
}  # fmt: skip
IMAGE = ImagePin("llamacpp-serial", "official", "ghcr.io/x/y:b1", "sha256:" + "1" * 64)
WEIGHTS = WeightsPin("made", "made", "1" * 64, 5, confirmed=False, made_from="x", made_by="y")
PLAN = replace(good_plan(), images=(IMAGE,), models=(WEIGHTS,), hardware=Hardware("a card", "nvidia", 256.0))


def test_every_field_of_a_plan_is_decided_about() -> None:
    """A new one must be put into one of the sets."""
    known = KEPT | LEFT_OUT | PARTS.keys()
    assert {field.name for field in fields(Plan)} - known == set()
    assert KEPT.isdisjoint(LEFT_OUT | PARTS.keys())
    assert LEFT_OUT.isdisjoint(PARTS)


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 7, "kit_version": "9.9.9", "title": "Another"},
        {"images": (replace(IMAGE, digest=None, confirmed=True, ready_made="2" * 64),)},
        {"models": (replace(WEIGHTS, sha256="3" * 64, bytes=6, confirmed=True),)},
        {"hardware": Hardware("a card", "nvidia", 300.0, "a sheet", 1900)},
        {"server_memory_bytes": 5, "attempts": 3, "quiet_wait_ns": 5, "calibrate": False},
        {"model": replace(PLAN.model, confirmed=not PLAN.model.confirmed)},
    ],
)
def test_chance_patience_and_the_machine_are_left_out(changes: dict[str, Any]) -> None:
    """They do not change what is asked."""
    assert plan_digest(replace(PLAN, **changes)) == plan_digest(PLAN)


def test_the_limits_of_a_search_are_asked_and_its_budget_is_patience() -> None:
    """A plan without one asks something else."""
    rule = SearchRule("kit-search-1", parse_slo("ttft=1s"), 950, 1, 4)
    searched = replace(PLAN, search=rule)
    assert plan_digest(searched) != plan_digest(PLAN)
    assert plan_digest(replace(PLAN, search=replace(rule, budget_ns=7))) == plan_digest(searched)
    assert plan_digest(replace(PLAN, search=replace(rule, slo=parse_slo("ttft=2s")))) != plan_digest(searched)


def test_more_replicates_ask_the_same() -> None:
    """They answer better."""
    assert plan_digest(extended(PLAN, 3)) == plan_digest(PLAN)


@pytest.mark.parametrize(
    "changes",
    [
        {"entries": PLAN.entries[:1]},
        {"entries": (PLAN.entries[0], replace(PLAN.entries[1], settings={"slots": 9}))},
        {"workload": replace(PLAN.workload, window_ns=5)},
        {"workload": replace(PLAN.workload, concurrencies=(1,))},
        {"model": replace(PLAN.model, sha256="4" * 64)},
        {"images": (replace(IMAGE, reference="ghcr.io/x/y:b2"),)},
        {"models": (replace(WEIGHTS, made_by="z"),)},
        {"hardware": None},
        {"prompts": replace(PLAN.prompts, sha256="5" * 64)},
        {"method": 2},
    ],
)
def test_another_question_has_another_digest(changes: dict[str, Any]) -> None:
    """Whatever decides what is measured."""
    assert plan_digest(replace(PLAN, **changes)) != plan_digest(PLAN)


def test_all_threads_of_the_machine_are_one_setting_and_fewer_are_another() -> None:
    """What stands for "all" is as many as the machine has."""

    def with_threads(count: int) -> Plan:
        entries = tuple(replace(each, settings={**each.settings, "threads": count}) for each in PLAN.entries)
        return replace(PLAN, entries=entries)

    assert plan_digest(with_threads(2), 2) == plan_digest(with_threads(8), 8)
    assert plan_digest(with_threads(2), 2) != plan_digest(with_threads(2), 8)
    assert plan_digest(with_threads(2)) != plan_digest(with_threads(8))


def test_an_evaluation_beside_the_cells_asks_the_same_speed() -> None:
    """One alone measures none."""
    beside = Evaluation("basics", "1" * 64, 60, 60, (1, 8), 512, 10**11, 10**10, FORM)
    assert plan_digest(replace(PLAN, evaluation=beside)) == plan_digest(PLAN)
    assert plan_digest(replace(PLAN, evaluation=replace(beside, alone=True))) != plan_digest(PLAN)

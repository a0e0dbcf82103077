"""Loads by hand as a plan: what can be made again is one, and a plan says no more than its loads do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kit.documents import NO_TESTS, NO_WEIGHTS, Load, Loop, Plan
from kit.plan.by_hand import by_hand_faults, can_be_run, plan_by_hand
from kit.plan.plan import cell_load
from kit.strict import plain
from kit.strict.schema import problems
from tests.support.documents import LOAD

GOOD = replace(LOAD, trace=None, validate=None)
AT = "2026-01-31T12:00:00.000000Z"


def levels(*users: int) -> list[Load]:
    return [replace(GOOD, loop=Loop("closed", level), lane=f"sweep-c{level}") for level in users]


def planned(*users: int, **options: Any) -> Plan:
    plan = plan_by_hand(levels(*users), **options)
    assert plan is not None
    return plan


def test_a_plan_of_loads_says_what_they_say() -> None:
    """One entry, the address; no weights, no tests; each cell has the load as it was carried out."""
    plan = planned(1, 4, platform="sweep", stop_at_saturation=True)

    assert problems(plain(plan), "plan") == []
    assert [(entry.url, entry.served_model) for entry in plan.entries] == [(GOOD.url, GOOD.model)]
    assert (plan.model, plan.correctness, plan.platform) == (NO_WEIGHTS, NO_TESTS, "sweep")
    assert [cell.id for cell in plan.cells] == ["r1-c1-server", "r1-c4-server"]
    assert [cell.lane for cell in plan.cells] == ["sweep-c1", "sweep-c4"]
    assert cell_load(plan, plan.cells[1], "http://other", "other") == plan.loads[1]
    assert list(by_hand_faults(plan)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"loop": Loop("open", None, "constant", 1000)},
        {"window_ns": None, "requests": 5},
        {"requests": 5},
        {"prompts_from": "file"},
        {"prompts_from": "synthetic"},
        {"url": "unix:/run/server.sock"},
        {"processes": 2},
        {"trace": LOAD.trace},
        {"validate": "basic"},
        {"clients": 2, "client": 1, "at_utc": AT},
        {"clients": 2},
        {"at_utc": AT},
        {"clients": 65, "at_utc": AT},
    ],
)
def test_what_cannot_be_made_again_is_no_plan(change: dict[str, Any]) -> None:
    """An open loop, a count, prompts of the user, a socket, several processes, a trace, a rule for texts; the

    share of one client, clients without a common start, a start without them, and too many.
    """
    assert can_be_run(GOOD)
    assert not can_be_run(replace(GOOD, **change))
    assert plan_by_hand([GOOD, replace(GOOD, **change)]) is None


def test_the_load_of_all_clients_can_be_made_again() -> None:
    """As long as each has a user."""
    together = replace(GOOD, loop=Loop("closed", 2), clients=2, at_utc=AT)
    assert can_be_run(together)
    assert not can_be_run(replace(together, loop=Loop("closed", 1)))


def test_without_loads_there_is_no_plan() -> None:
    """And a plan that is none by hand has no fault of one."""
    assert plan_by_hand([]) is None
    assert list(by_hand_faults(replace(planned(1), loads=()))) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 8}, "do not give this plan"),
        ({"title": "Another"}, "do not give this plan"),
        ({"calibrate": True}, "do not give this plan"),
        ({"loads": (GOOD,)}, "are 1, the cells 2"),
        ({"loads": (GOOD, replace(GOOD, prompts_from="file"))}, "are not all of users"),
        ({"loads": (), "stop_at_saturation": True}, "has no loads by hand"),
    ],
)
def test_a_plan_that_does_not_follow_from_its_loads_is_at_fault(change: dict[str, Any], words: str) -> None:
    """Whatever of it was changed."""
    assert any(words in fault for fault in by_hand_faults(replace(planned(1, 4), **change)))


def test_loads_that_differ_in_more_than_users_are_at_fault() -> None:
    """Or one level would be of another question than the next."""
    first, second = levels(1, 4)
    plan = plan_by_hand([first, replace(second, extra_body={})])
    assert plan is not None
    assert "differ in more than users and lane" in list(by_hand_faults(plan))

"""Runs that look for the largest number of users: a good one passes, and every choice of a bad one is replayed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from kit.documents import Plan
from kit.metrics.users import Bracket
from kit.storage.bundle import pack_files
from kit.verify.evidence import open_bundle
from kit.verify.recompute import recomputed_result, recomputed_search
from kit.verify.verdict import verify
from tests.support.good_searching import (
    BATCHED,
    CALLED,
    LIMITS,
    NOT_CALLED,
    SERIAL,
    searched_bundle,
    searched_files,
    with_search,
)

RULE = "plan.search"


def findings(bundle: bytes) -> set[tuple[str, str, str]]:
    found = verify(open_bundle(bundle))
    return {(each.rule, each.where, each.message) for each in found.findings}


def test_a_run_that_searched_is_complete_and_nothing_is_said_against_it() -> None:
    """Its cells came in the order of the search, which is not that of the plan."""
    evidence = open_bundle(searched_bundle())
    verdict = verify(evidence)
    assert verdict.findings == ()
    assert verdict.checked[RULE] == 8
    assert evidence.plan is not None
    found = recomputed_search(evidence, evidence.plan)
    assert found is not None
    assert found.called == CALLED
    assert {each.entry: each.bracket for each in found.entries} == {
        SERIAL: Bracket(1, 2),
        BATCHED: Bracket(4, None),
    }
    result = json.loads(searched_files()["result.json"])
    assert sum(cell["status"] == "not needed" for cell in result["cells"]) == 2
    assert result["complete"] is True


def test_other_limits_change_the_goodput_and_not_what_was_needed() -> None:
    """The levels were chosen by the limits of the plan."""
    evidence = open_bundle(searched_bundle())
    statuses = []
    for slo in (None, replace(LIMITS, ttft_ns=1)):
        _, result = recomputed_result(evidence, slo)
        statuses.append([cell.status for cell in result.cells])
    assert statuses[0] == statuses[1]
    assert {cell.metrics.goodput_share for cell in result.cells if cell.metrics} == {0.0}


def test_a_level_that_the_search_did_not_call_for_is_rejected() -> None:
    """Somebody measured four users as well, and liked it."""
    assert (RULE, f"cells/{NOT_CALLED}/cell.json", "was measured: the search did not call for it") in findings(
        searched_bundle((*CALLED, NOT_CALLED))
    )


def test_a_level_that_is_gone_leaves_the_run_incomplete_and_what_followed_from_it_unfounded() -> None:
    """The search cannot have known what came after it."""
    gone = f"r1-c3-{BATCHED}"
    found = findings(searched_bundle(tuple(name for name in CALLED if name != gone)))
    assert ("run.complete", f"result.json: {gone}", "is missing: the run is not complete") in found
    assert (RULE, f"cells/r1-c4-{BATCHED}/cell.json", "was measured: before the search called for it") in found


def test_a_line_that_says_not_needed_for_a_level_that_was_needed_is_rejected() -> None:
    """By two rules."""
    gone = f"r1-c4-{BATCHED}"
    files = searched_files(tuple(name for name in CALLED if name != gone))
    result = json.loads(files["result.json"])
    for line in result["cells"]:
        if line["status"] == "missing":
            line["status"] = "not needed"
    files["result.json"] = (json.dumps(result, sort_keys=True, indent=1) + "\n").encode()
    found = findings(pack_files(files).data)
    assert (RULE, f"result.json: {gone}", "is not needed, but the search called for it") in found
    assert "metrics.result" in {rule for rule, _, _ in found}


def test_cells_in_another_order_than_the_search_took_are_rejected() -> None:
    """Three users of one entry before the other was measured at all."""
    order = (CALLED[0], CALLED[2], CALLED[1], *CALLED[3:])
    assert "time.order" in {rule for rule, _, _ in findings(searched_bundle(order))}


def looser(plan: Plan) -> Plan:
    """Limits that all levels keep: the search would have gone on to four users."""
    return with_search(slo=replace(LIMITS, ttft_ns=10**12))(plan)


def test_a_choice_that_another_limit_would_have_made_is_rejected() -> None:
    """The plan was changed after the run, its loads with it."""
    found = findings(searched_bundle(change=looser))
    assert (RULE, f"cells/r1-c2-{SERIAL}/cell.json", "was measured: before the search called for it") in found
    assert ("run.complete", f"result.json: r1-c4-{SERIAL}", "is missing: the run is not complete") in found


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"first": 2}, "has other levels than those between its ends"),
        ({"most": 3}, "has other levels than those between its ends"),
        ({"first": 5}, "begins above its end"),
        ({"slo": replace(LIMITS, ttft_ns=None)}, "has no limits"),
    ],
)
def test_a_rule_that_the_kit_does_not_make_is_rejected(values: dict[str, object], words: str) -> None:
    """Whatever was measured by it."""
    assert (RULE, "plan.json: search", words) in findings(searched_bundle(change=with_search(**values)))


def test_a_search_has_no_added_replicates() -> None:
    """More of a level could turn its verdict around."""
    found = findings(searched_bundle(change=lambda plan: replace(plan, extended=(1,))))
    assert (RULE, "plan.json: search", "has replicates that were added after results were known") in found

"""Runs that decide: the bundle of a good one passes, and the decisions of a bad one are replayed."""

from __future__ import annotations

import json
from dataclasses import replace

from kit.documents import Plan
from kit.storage.bundle import pack_files
from kit.verify.evidence import open_bundle
from kit.verify.verdict import verify
from tests.support.good_deciding import MOST, decided_bundle, decided_files


def findings(bundle: bytes) -> list[tuple[str, str, str]]:
    found = verify(open_bundle(bundle))
    return [(each.rule, each.where, each.message) for each in found.findings]


def test_a_run_that_decided_after_the_first_look_is_complete() -> None:
    """Eight cells of the last two replicates were not needed; nothing is said against it."""
    verdict = verify(open_bundle(decided_bundle()))
    assert verdict.findings == ()
    assert verdict.checked["plan.sequential"] == 4 * MOST
    result = json.loads(decided_files()["result.json"])
    assert [cell["status"] for cell in result["cells"]] == ["measured"] * 12 + ["not needed"] * 8
    assert result["complete"] is True
    assert {row["replicates"] for row in result["rows"]} == {3}


def test_cells_beyond_the_decision_are_rejected() -> None:
    """Somebody went on until he liked what he saw."""
    assert findings(decided_bundle(lambda name: int(name[1]) <= 4)) == [
        ("plan.sequential", f"cells/r4-c{level}-{entry}/cell.json", "was measured: the rule did not call for it")
        for level, order in ((1, (1, 0)), (2, (1, 0)))
        for entry in [("llamacpp-serial", "llamacpp-batched")[place] for place in order]
    ]


def test_a_cell_that_the_rule_called_for_and_that_is_gone_leaves_the_run_incomplete() -> None:
    """It cannot pass as not needed: the rule does not know what comes after it."""
    gone = "r3-c2-llamacpp-serial"
    found = findings(decided_bundle(lambda name: int(name[1]) <= 3 and name != gone))
    assert {rule for rule, _, _ in found} == {"run.complete"}
    assert (f"result.json: {gone}", "is missing: the run is not complete") in {each[1:] for each in found}


def test_a_line_that_says_not_needed_for_a_cell_that_was_needed_is_rejected() -> None:
    """By two rules."""
    gone = "r3-c2-llamacpp-serial"
    files = decided_files(lambda name: int(name[1]) <= 3 and name != gone)
    result = json.loads(files["result.json"])
    for line in result["cells"]:
        if line["status"] == "missing":
            line["status"] = "not needed"
    files["result.json"] = (json.dumps(result, sort_keys=True, indent=1) + "\n").encode()
    found = findings(pack_files(files).data)
    assert ("plan.sequential", f"result.json: {gone}", "is not needed, but the rule called for it") in found
    assert "metrics.result" in {rule for rule, _, _ in found}


def test_added_replicates_are_flagged_and_nothing_else() -> None:
    """Three were planned and are decided; two more were allowed after that and not needed."""

    def change(plan: Plan) -> Plan:
        return replace(plan, extended=(3,))

    assert findings(decided_bundle(change=change)) == [
        (
            "plan.extended",
            "plan.json: extended",
            "replicates were added when results were known, so intervals are of another look (3, 5)",
        )
    ]

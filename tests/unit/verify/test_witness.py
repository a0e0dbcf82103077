"""Runs with a witness: a good one passes, and old plans have nothing of it."""

from __future__ import annotations

import json

from kit.strict import plain
from kit.verify.evidence import open_bundle
from kit.verify.registry import RULES
from kit.verify.verdict import verify
from tests.support.good_bundle import good_files
from tests.support.good_witness import witnessed_bundle, witnessed_files

NAMES = {rule.id for rule in RULES if rule.id.startswith("witness.")}


def test_a_run_with_a_witness_has_no_finding_and_each_of_its_rules_looked_at_something() -> None:
    """Four cells, each with four requests asked twice, two of them changed, and four of the reference's."""
    verdict = verify(open_bundle(witnessed_bundle()))
    assert verdict.findings == ()
    counts = {name: verdict.checked[name] for name in NAMES}
    assert counts == {
        "witness.answers": 100,
        "witness.derived": 4,
        "witness.passed": 4,
        "witness.time": 4,
        "witness.reference": 2,
    }


def test_what_the_witness_found_stands_in_the_result() -> None:
    """And nothing of it in runs without."""
    cells = json.loads(witnessed_files()["result.json"])["cells"]
    assert {cell["witness"]["asked"] for cell in cells} == {6, 7, 8}
    assert {cell["witness"]["reference_asked"] for cell in cells} == {8}
    assert all(b"witness" not in data for name, data in good_files().items() if name.endswith(".json"))


def test_a_reference_of_another_kit_is_said_and_the_rest_is_checked() -> None:
    """A newer kit may have other references: what they say cannot be checked here, all else can."""
    from dataclasses import replace

    from kit.documents import Plan
    from kit.documents.witness import ReferencePin
    from kit.storage.bundle import pack_files

    def renamed(plan: Plan) -> Plan:
        assert plan.witness is not None
        pins = {name: ReferencePin("of-the-future", "0" * 64) for name in plan.witness.references}
        return replace(plan, witness=replace(plan.witness, references=pins))

    verdict = verify(open_bundle(pack_files(witnessed_files(in_plan=renamed)).data))
    assert {finding.rule for finding in verdict.findings} == {"witness.reference"}
    assert plain(verdict.findings[0])["level"] == "flag"  # type: ignore[index,call-overload]

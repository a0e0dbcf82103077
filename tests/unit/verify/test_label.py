"""The label "consistent": for a run whose telemetry agrees in every cell, and for nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kit.documents import Cell
from kit.documents.telemetry import TelemetryFacts, TelemetrySummary
from kit.errors import InputError
from kit.judge.open import imported_study
from kit.strict import plain, write_json
from kit.verify import verify_bundle
from kit.verify.evidence import Evidence, open_bundle
from kit.verify.registry import RULES
from kit.verify.rule import Issue, Level, Rule, Steps, rule
from kit.verify.verdict import REPLAYED, TELEMETRY_RULES, verify
from kit.verify.views import found_cells
from tests.support.forge import SERIAL, archive_of
from tests.support.good_attempts import plan_of_attempts, run_of_attempts
from tests.support.good_bundle import good_bundle
from tests.support.studies import study, subject

OLD = Path(__file__).parents[3] / "results" / "demo-2cpu.tar.gz"
WATCHED = TelemetryFacts("a" * 64, 100_000_000, 2, {"cpu": "proc"}, "stopped", TelemetrySummary(20, 100_000_000))


def agreeing(id_: str, level: Level = "reject", words: str = "", most: int | None = None) -> Rule:
    """A rule of telemetry that looks at every measured cell (or `most` of them) and finds this, or nothing."""

    @rule(id_, level, "cells", "Telemetry agrees")
    def check(evidence: Evidence) -> Steps:
        yield len([found for found in found_cells(evidence) if found.measured][:most])
        if words:
            yield Issue("cells", words)

    return check


OTHERS = tuple(each for each in RULES if each.id not in TELEMETRY_RULES)
AGREEING = tuple(map(agreeing, TELEMETRY_RULES))


def watched(change: Callable[[Cell], Cell] = lambda cell: cell) -> Evidence:
    """The good bundle, with telemetry beside every cell; `change` is made to the first."""
    evidence = open_bundle(good_bundle())
    cells = {}
    for number, (name, files) in enumerate(evidence.cells.items()):
        assert files.cell is not None
        cell = replace(files.cell, telemetry=WATCHED)
        cells[name] = replace(files, cell=change(cell) if not number else cell)
    return replace(evidence, cells=cells)


def test_a_run_whose_telemetry_agrees_in_every_cell_is_consistent() -> None:
    """No finding at all, and the rules have looked at each cell."""
    verdict = verify(watched(), (*OTHERS, *AGREEING))
    assert (verdict.label, verdict.findings) == ("consistent", ())


@pytest.mark.parametrize(
    "change",
    [
        lambda cell: replace(cell, telemetry=None),
        lambda cell: replace(cell, telemetry=replace(WATCHED, summary=None)),
        lambda cell: replace(cell, telemetry=replace(WATCHED, ended="killed")),
    ],
    ids=["deleted", "without samples of the window", "that died"],
)
def test_telemetry_that_is_missing_in_one_cell_lowers_the_label(change: Callable[[Cell], Cell]) -> None:
    """So deleting it never improves a label, whatever the rules of telemetry say."""
    verdict = verify(watched(change), (*OTHERS, *AGREEING))
    assert verdict.label != "consistent"


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("demo-2cpu", "self-reported"),
        ("smol-2cpu", "self-reported"),
        ("cpu-four-2cpu", "self-reported"),
        ("demo-epyc-2cpu", "consistent"),
    ],
)
def test_the_published_bundles_have_their_label(name: str, label: str) -> None:
    """Those made before there was telemetry verify as they did; the first with telemetry agrees with it."""
    verdict = verify_bundle(OLD.with_name(f"{name}.tar.gz").read_bytes())
    assert verdict.label == label, verdict.findings


def test_a_cell_that_was_measured_again_in_quiet_costs_no_label() -> None:
    """The attempt before it was disturbed, as the plan says; one that counts and is disturbed does cost it."""
    again, never = (
        verify(open_bundle(archive_of(run_of_attempts({SERIAL: kinds}, plan_of_attempts(2)))))
        for kinds in (("disturbed", "quiet"), ("disturbed", "disturbed"))
    )
    assert again.label == "consistent", again.findings
    assert never.label == "self-reported", never.findings


def test_a_disturbed_cell_lowers_the_label() -> None:
    """Even the last attempt of a cell that never had quiet."""
    loud = replace(WATCHED, disturbed=("other programs used 60 % of the CPU time",))
    assert verify(watched(lambda cell: replace(cell, telemetry=loud)), (*OTHERS, *AGREEING)).label != "consistent"


@pytest.mark.parametrize("level", ["flag", "note"])
@pytest.mark.parametrize("which", TELEMETRY_RULES)
def test_a_rule_of_telemetry_that_has_something_to_say_lowers_the_label(which: str, level: Level) -> None:
    """A note, too: "no telemetry was planned" is one."""
    doubting = agreeing(which, level, "something is odd")
    rules = (*OTHERS, *(each for each in AGREEING if each.id != which), doubting)
    assert verify(watched(), rules).label == "self-reported"


@pytest.mark.parametrize("which", TELEMETRY_RULES)
def test_a_rule_that_did_not_look_at_every_cell_proves_nothing(which: str) -> None:
    """Three of four are not all."""
    rules = (*OTHERS, *(each for each in AGREEING if each.id != which), agreeing(which, most=3))
    assert verify(watched(), rules).label == "self-reported"


@pytest.mark.parametrize("which", [*TELEMETRY_RULES, REPLAYED])
def test_a_rule_that_did_not_run_gives_no_label(which: str) -> None:
    """What was not checked is not consistent."""
    rules = tuple(each for each in (*OTHERS, *AGREEING) if each.id != which)
    assert verify(watched(), rules).label != "consistent"


def test_an_open_flag_lowers_the_label() -> None:
    """Of any rule."""
    flagging = agreeing("some.flag", "flag", "needs review")
    assert verify(watched(), (*OTHERS, *AGREEING, flagging)).label == "self-reported"


def test_the_rules_of_the_kit_give_the_label_and_take_it() -> None:
    """The good bundle has telemetry that agrees; a bundle from before telemetry stays what it was."""
    assert verify(open_bundle(good_bundle())).label == "consistent"
    assert verify(open_bundle(OLD.read_bytes())).label == "self-reported"


@pytest.mark.parametrize("label", ["consistent", "self-reported"])
def test_a_file_that_claims_a_label_is_refused(label: str) -> None:
    """An imported study has no evidence that could be verified."""
    claims = plain(replace(study(subject("a", 1, throughput_tok_s=1.0)), origin="imported", label=None))
    assert isinstance(claims, dict)
    with pytest.raises(InputError, match=f"claims the label {label}, which only verification gives"):
        imported_study(write_json({**claims, "label": label}), "theirs.json")
    assert imported_study(json.dumps(claims).encode(), "theirs.json").study.label is None

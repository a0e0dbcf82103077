"""Claims as data: confirmed, falsified or untested, and what would falsify them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kit.documents.study import Study
from kit.errors import InputError
from kit.judge.claims import (
    CheckedClaim,
    Claim,
    Claims,
    FigureReference,
    check_claims,
    claims_text,
    falsified_by,
    read_claims,
)
from kit.judge.machines import machine_of
from kit.metrics.registry import METRICS
from kit.strict import plain, write_json
from tests.support.documents_compared import CLAIMS
from tests.support.good_bundle import good_host
from tests.support.studies import CONDITIONS, replicated, study, subject, trial

ROOT = Path(__file__).resolve().parents[3]
T = "throughput_tok_s"
A, B = FigureReference("a", 4, T, platform="yoga"), FigureReference("b", 4, T, platform="yoga")
CLAIM = Claim("one", "a beats b", "README.md", A, "greater", B)
CLEAR = {"a": [80.0, 81.0, 82.0], "b": [60.0, 61.0, 62.0]}


def run(figures: dict[str, list[float]]) -> Study:
    return study(*(replicated(entry, 4, {T: values}) for entry, values in figures.items()))


def outcome(claim: Claim, *studies: Study) -> CheckedClaim:
    (found,) = check_claims(Claims("kit/claims/1", (claim,)), studies)
    return found


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "confirmed"),
        ({"relation": "less"}, "falsified"),
        ({"relation": "at_least_times", "factor": 1.2}, "confirmed"),
        ({"relation": "at_least_times", "factor": 1.33}, "untested"),
        ({"relation": "at_least_times", "factor": 1.5}, "falsified"),
        ({"relation": "at_most_times", "factor": 1.5}, "confirmed"),
        ({"relation": "at_most_times", "factor": 1.2}, "falsified"),
        ({"relation": "within", "tolerance": 0.5}, "confirmed"),
        ({"relation": "within", "tolerance": 0.1}, "falsified"),
        ({"relation": "within", "tolerance": 0.33}, "untested"),
        ({"right": None, "number": 78.0}, "confirmed"),
        ({"right": None, "number": 81.0}, "untested"),
        ({"right": None, "number": 84.0}, "falsified"),
        ({"right": None, "number": 84.0, "relation": "at_most_times", "factor": 1.0}, "confirmed"),
        ({"right": None, "number": 80.0, "relation": "within", "tolerance": 0.05}, "confirmed"),
    ],
)
def test_the_whole_interval_must_lie_where_the_claim_says(changes: dict[str, Any], verdict: str) -> None:
    """None of it there falsifies; an interval that leaves both open says nothing."""
    assert outcome(replace(CLAIM, **changes), run(CLEAR)).verdict == verdict


@pytest.mark.parametrize(("relation", "verdict"), [("greater", "confirmed"), ("less", "falsified")])
def test_without_an_interval_the_claim_must_say_that_medians_may_decide(relation: Any, verdict: str) -> None:
    """Else two replicates leave it untested."""
    short = run({name: values[:2] for name, values in CLEAR.items()})
    claim = replace(CLAIM, relation=relation)
    found = outcome(claim, short)
    assert found.verdict == "untested"
    assert "fewer than three replicates" in found.reason
    assert outcome(replace(claim, needs_interval=False), short).verdict == verdict


def test_equal_figures_are_not_greater() -> None:
    """At the very border a strict relation fails and another holds."""
    same = run({"a": [5.0, 5.0, 5.0], "b": [5.0, 5.0, 5.0]})
    assert outcome(CLAIM, same).verdict == "falsified"
    assert outcome(replace(CLAIM, relation="at_least_times", factor=1.0), same).verdict == "confirmed"


@pytest.mark.parametrize(
    ("studies", "reason"),
    [
        ((), "no run of yoga given"),
        ((replace(run(CLEAR), name="demo"),), "no run of yoga given"),
        ((run({"a": [1.0]}),), "of b at 4 in yoga: not measured"),
        ((study(subject("a", 4, throughput_tok_s=1.0), subject("b", 4)),), f"no data for {T}"),
        ((study(subject("a", 4, trial(1, "failed")), subject("b", 4)),), "replicate without a result"),
        (
            (study(subject("a", 4, replace(trial(1, throughput_tok_s=1.0), suspect=("lag",))), subject("b", 4)),),
            "SUSPECT: lag",
        ),
        ((run({"a": [1.0, 1.0, 1.0], "b": [0.0, 0.0, 0.0]}),), "the figure on the right is 0"),
    ],
)
def test_without_evidence_it_is_untested(studies: tuple[Study, ...], reason: str) -> None:
    """Missing data never confirms."""
    found = outcome(replace(CLAIM, needs_interval=False), *studies)
    assert found.verdict == "untested"
    assert reason in found.reason


def test_one_run_is_enough_to_falsify() -> None:
    """However many others confirm; and one that says nothing takes nothing from one that confirms."""
    good, silent = run(CLEAR), run({"a": [1.0]})
    bad = run({"a": CLEAR["b"], "b": CLEAR["a"]})
    assert outcome(CLAIM, good, silent).verdict == "confirmed"
    assert outcome(CLAIM, good, silent, bad).verdict == "falsified"


def test_a_bundle_is_known_by_its_identity_alone() -> None:
    """Runs of the same platform elsewhere are not meant."""
    claim = replace(
        CLAIM,
        left=replace(A, platform=None, bundle="c" * 64),
        right=replace(B, platform=None, bundle="c" * 64),
    )
    assert outcome(claim, run(CLEAR)).verdict == "confirmed"
    found = outcome(claim, replace(run(CLEAR), identity="d" * 64))
    assert (found.verdict, found.reason) == ("untested", "no run of bundle cccccccccccc given")


def test_figures_of_two_platforms_must_come_about_alike() -> None:
    """Other conditions leave a claim untested."""
    claim = replace(CLAIM, right=replace(B, platform="gx10"))
    other = replace(run({"b": CLEAR["b"]}), name="gx10", identity="d" * 64)
    assert outcome(claim, run(CLEAR), other).verdict == "confirmed"
    unlike = replace(other, conditions=replace(CONDITIONS, ignore_eos=False))
    assert outcome(claim, run(CLEAR), unlike).verdict == "untested"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, f"{T} of a at 4 in yoga not above {T} of b at 4 in yoga"),
        (
            {"relation": "at_least_times", "factor": 1.2},
            f"{T} of a at 4 in yoga below 1.2 times {T} of b at 4 in yoga",
        ),
        (
            {"relation": "within", "tolerance": 0.1, "right": None, "number": 7.0},
            f"{T} of a at 4 in yoga more than 10.0 % away from 7",
        ),
    ],
)
def test_every_claim_says_what_would_falsify_it(changes: dict[str, Any], text: str) -> None:
    """From the claim itself, so it cannot say less than it means."""
    assert falsified_by(replace(CLAIM, **changes)) == text


# --- the file -------------------------------------------------------------------------------------------


def test_a_file_is_read_as_it_was_written() -> None:
    """JSON is YAML, so the good example goes through unchanged."""
    assert read_claims(write_json(plain(CLAIMS)), "claims.yaml") == CLAIMS


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"right": None}, "either right or number"),
        ({"number": 1.0}, "either right or number"),
        ({"factor": 2.0}, "needs a factor"),
        ({"relation": "at_most_times"}, "needs a factor"),
        ({"relation": "within"}, "needs a tolerance"),
        ({"left": replace(A, platform=None)}, "either platform or bundle"),
        ({"left": replace(A, bundle="c" * 64)}, "either platform or bundle"),
        ({"left": replace(A, metric="throughput")}, "Did you mean 'throughput_tok_s'"),
        ({"left": B}, "nothing could falsify it"),
        ({"relation": "about"}, "relation"),
    ],
)
def test_a_claim_that_says_nothing_is_refused(changes: dict[str, Any], words: str) -> None:
    """Before any run is opened."""
    document = Claims("kit/claims/1", (replace(CLAIM, **changes),))
    with pytest.raises(InputError, match=words):
        read_claims(write_json(plain(document)), "claims.yaml")


def test_a_claim_may_not_be_there_twice() -> None:
    """Ids are how people speak of them."""
    with pytest.raises(InputError, match="the claim one is listed twice"):
        read_claims(write_json(plain(Claims("kit/claims/1", (CLAIM, CLAIM)))), "claims.yaml")


def test_the_text_counts_and_is_harmless() -> None:
    """The last line has the numbers; control characters of a file do not reach a terminal."""
    text = claims_text([outcome(replace(CLAIM, statement="a\x1b[31m"), run(CLEAR))])
    assert text.endswith("1 confirmed, 0 falsified, 0 untested.")
    assert "falsified by: throughput_tok_s of a at 4 in yoga not above" in text
    assert "\x1b" not in text


def test_a_claim_across_two_machines_says_so() -> None:
    """It is checked all the same: its document may be about just that."""
    claim = replace(CLAIM, left=replace(A, platform="yoga"), right=replace(B, platform="other"))
    epyc = machine_of(good_host())
    here = replace(run(CLEAR), machine=epyc)
    there = replace(run(CLEAR), name="other", identity="d" * 64, machine=replace(epyc, cpus=64))
    assert outcome(claim, here, there).reason.endswith("; two machines (usable CPUs: 2 and 64)")
    assert "two machines" not in outcome(claim, here, replace(there, machine=epyc)).reason
    assert "two machines" not in outcome(claim, here, replace(there, machine=None)).reason


# --- the claims of this repository ------------------------------------------------------------------------


def of_the_repository() -> tuple[Claim, ...]:
    return read_claims((ROOT / "results" / "claims.yaml").read_bytes(), "results/claims.yaml").claims


@pytest.mark.parametrize("claim", of_the_repository(), ids=lambda claim: claim.id)
def test_every_statement_stands_in_its_document(claim: Claim) -> None:
    """Word for word, line breaks apart: who changes the sentence has to look at the claim."""
    document = " ".join((ROOT / claim.where).read_text(encoding="utf-8").split())
    assert claim.statement in document
    assert claim.left.metric in METRICS


def test_the_documentation_shows_a_claim_as_it_is_written() -> None:
    """The example of docs/comparing.md is one of the real ones."""
    text = (ROOT / "docs" / "comparing.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (shown,) = read_claims(f"schema: kit/claims/1\nclaims:\n{block}".encode(), "comparing.md").claims
    assert shown in of_the_repository()

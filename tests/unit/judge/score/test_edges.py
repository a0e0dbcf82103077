"""The edges of kit-1 and of the extra cards: classes, caps, grades, the bonus at full points."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest

from kit.documents.study import Study
from kit.judge.score import By, Card, extra_cards, load_contract, scorecard
from kit.judge.score.contract import Cap, Contract, PlatformClass
from kit.judge.score.gate import failures
from kit.judge.score.kit1 import class_of
from kit.judge.score.points import (
    BEST,
    CAP_BELOW_GOOD,
    GOOD,
    MAX_JITTER,
    MAX_SPIKES,
    MAX_VARIATION,
    Band,
    band_of,
    grade_of,
    half_away,
    jitter_points,
    points,
    whole_jitter,
    whole_points,
)
from kit.metrics.registry import LENGTHS
from tests.support.studies import LAPTOP, replicated, study, subject

RULES, THEIRS = load_contract("kit-1"), load_contract("probador-2.0")
GOOD_FIGURES = {
    "decode_tok_s": [120.0] * 3,
    "ttft_ms.p50": [25.0] * 3,
    "ttft_ms.p99": [50.0] * 3,
    "itl_ms.p99": [20.0] * 3,
    "error_rate": [0.0] * 3,
}
GB = 1_000_000_000


def graded(figures: dict[str, list[float]], *others: dict[str, list[float]], concurrency: int = 1) -> Card:
    """The card of an entry with these figures, the others its rivals."""
    everyone = [{**GOOD_FIGURES, **each} for each in (figures, *others)]
    rivals = [replicated(f"entry-{number}", concurrency, each) for number, each in enumerate(everyone)]
    return scorecard([study(*rivals)], RULES).cards[0]


# --- constants --------------------------------------------------------------------------------------------


def test_the_curves_have_the_points_that_the_documents_state() -> None:
    """docs/scoring.md; another number would be another score."""
    assert (BEST, GOOD, CAP_BELOW_GOOD, MAX_SPIKES, MAX_VARIATION, MAX_JITTER) == (100, 75, 74, 20, 10, 30)
    assert (RULES.bonus, THEIRS.bonus) == (2, 5)
    assert LENGTHS == (("short", 0, 32), ("medium", 32, 129), ("long", 129, None))


# --- classes ----------------------------------------------------------------------------------------------


def machine(each: PlatformClass, weights_gb: float, speed: float | None) -> Study:
    """A study on a machine that fits a class but for what is given."""
    one = replace(
        subject("a", 1, decode_tok_s=1.0),
        weights_bytes=round(weights_gb * GB),
        variant=each.variants[0] if each.variants else "cpu",
    )
    accelerator = each.accelerators[0]
    if accelerator == "unknown":
        return study(one, hardware=None)
    return study(one, hardware=replace(LAPTOP, accelerator=accelerator, memory_gb_s=speed))


def name_of(found: Study) -> str | None:
    each = class_of(found, found.subjects[0], RULES)
    return each.name if each else None


@pytest.mark.parametrize("each", RULES.classes, ids=lambda each: each.name)
def test_a_class_holds_its_upper_bound_of_weights_and_not_its_lower(each: PlatformClass) -> None:
    """By a single byte."""
    speed = each.memory_gb_s_from
    byte = 1 / GB
    assert name_of(machine(each, each.weights_gb_up_to, speed)) == each.name
    assert name_of(machine(each, each.weights_gb_up_to + byte, speed)) != each.name
    assert name_of(machine(each, each.weights_gb_over + byte, speed)) == each.name
    assert name_of(machine(each, each.weights_gb_over, speed)) != each.name


@pytest.mark.parametrize(
    "each", [each for each in RULES.classes if each.memory_gb_s_from is not None], ids=lambda each: each.name
)
def test_a_class_holds_both_its_bounds_of_bandwidth(each: PlatformClass) -> None:
    """And where nobody states the bandwidth, none that has bounds."""
    low, high = each.memory_gb_s_from, each.memory_gb_s_to
    assert low is not None
    assert high is not None
    weights = each.weights_gb_up_to
    assert name_of(machine(each, weights, low)) == name_of(machine(each, weights, high)) == each.name
    for speed in (math.nextafter(low, 0), math.nextafter(high, math.inf), None):
        assert name_of(machine(each, weights, speed)) != each.name


def test_a_class_without_bounds_of_bandwidth_is_for_machines_that_state_none() -> None:
    """Who states one is held to what it makes possible."""
    for each in RULES.classes:
        if each.memory_gb_s_from is None and each.accelerators[0] != "unknown":
            assert name_of(machine(each, each.weights_gb_up_to, None)) == each.name
            assert name_of(machine(each, each.weights_gb_up_to, 100.0)) != each.name


# --- from one user to many, from figures to grades --------------------------------------------------------


def test_the_thresholds_of_a_concurrency_are_those_of_the_largest_level_up_to_it() -> None:
    """Just below a level still those of the one before."""
    for each in RULES.classes:
        for table in each.thresholds:
            rule = next(rule for rule in RULES.metrics if rule.name == table.metric)
            for before, after in pairwise(table.levels):
                assert band_of(rule, each, after.concurrency - 1).good == before.good
                assert band_of(rule, each, after.concurrency).excellent == after.excellent


@pytest.mark.parametrize("rules", [RULES, THEIRS], ids=lambda rules: rules.name)
def test_a_grade_begins_at_its_bound(rules: Contract) -> None:
    """A tenth of a point below it is the next one."""
    for better, worse in pairwise(rules.grades):
        assert grade_of(better.at_least, rules.grades) == better.grade
        assert grade_of(better.at_least - 0.1, rules.grades) == worse.grade


@pytest.mark.parametrize("cap", RULES.caps, ids=lambda cap: f"{cap.error_rate_above:g}")
def test_a_cap_begins_above_its_error_rate(cap: Cap) -> None:
    """At it the composite is not capped by it yet."""
    fast = {"decode_tok_s": [1000.0] * 3, "ttft_ms.p50": [1.0] * 3, "ttft_ms.p99": [1.0] * 3}
    at, above = cap.error_rate_above, math.nextafter(cap.error_rate_above, 1)
    capped = graded({**fast, "error_rate": [above] * 3})
    assert capped.composite == cap.composite
    free = graded({**fast, "error_rate": [at] * 3}).composite
    assert free is not None
    assert free > cap.composite


def test_a_cap_that_does_not_bind_is_not_mentioned() -> None:
    """The composite is below it anyway."""
    card = graded({name: [value * 50] * 3 for name, value in (("ttft_ms.p50", 25.0), ("ttft_ms.p99", 50.0))} | {
        "decode_tok_s": [1.0] * 3, "error_rate": [0.02] * 3,
    })  # fmt: skip
    assert card.composite is not None
    assert card.composite < 69
    assert "capped" not in {note.kind for note in card.notes}


@pytest.mark.parametrize(
    ("value", "higher", "lower"),
    [
        (200.0, 100.0, 37.5),
        (150.0, 87.5, 50.0),
        (100.0, 75.0, 75.0),
        (75.0, 56.25, 87.5),
        (50.0, 37.5, 100.0),
        (25.0, 18.75, 100.0),
    ],
)
def test_points_of_kit_1_at_its_corners(value: float, higher: float, lower: float) -> None:
    """Good at 100; excellent at 200 where more is better, at 50 where less is."""
    assert points(value, Band("higher", 200.0, 100.0)) == higher
    assert points(value, Band("lower", 50.0, 100.0)) == lower


@pytest.mark.parametrize(
    ("value", "expected"), [(0.01, 75.0), (0.055, 37.5), (0.1, 0.0), (0.2, 0.0), (0.005, 87.5), (0.0, 100.0)]
)
def test_points_fall_in_a_line_to_zero_where_a_metric_says_so(value: float, expected: float) -> None:
    """The error rate."""
    assert points(value, Band("lower", 0.0, 0.01, 0.1)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "off"), [(0.0, 0.0), (50.0, 0.0), (125.0, 7.5), (200.0, 15.0), (201.0, 15.0), (math.inf, 15.0)]
)
def test_jitter_costs_from_its_limit_on_and_in_full_at_a_multiple(value: float, off: float) -> None:
    """A limit of 50 ms, 15 points at four times that."""
    assert jitter_points(value, 50.0, 15.0, 4.0) == off


@pytest.mark.parametrize(
    ("value", "higher", "lower"),
    [(200, 100, 38), (199, 100, 38), (150, 88, 50), (100, 75, 75), (99.9, 74, 75), (100.1, 75, 74), (0, 0, 100)],
)
def test_whole_points_are_the_originals(value: float, higher: int, lower: int) -> None:
    """Rounded half away from zero, and never 75 below good."""
    assert whole_points(value, Band("higher", 200.0, 100.0)) == higher
    assert whole_points(value, Band("lower", 50.0, 100.0)) == lower


@pytest.mark.parametrize(
    ("spikes", "variation", "off"),
    [(0, 0, 0), (9, 0, 18), (10, 0, 20), (11, 0, 20), (0, 0.09, 9), (0, 0.1, 10), (0, 0.2, 10), (99, 9, 30)],
)
def test_whole_jitter_has_two_limits(spikes: float, variation: float, off: int) -> None:
    """Spikes and variation each cost up to their own."""
    assert whole_jitter(spikes, variation) == off


def test_halves_are_rounded_away_from_zero() -> None:
    """As the original's language does."""
    assert [half_away(value) for value in (0.0, 0.49, 0.5, 1.49, 1.5, 2.5)] == [0, 0, 1, 1, 2, 3]


# --- bonus and penalty ------------------------------------------------------------------------------------


def test_a_bonus_never_lifts_a_metric_above_full_points() -> None:
    """The best of the group with 99 points gets one, with 100 none; and no note for none."""
    slow = {"decode_tok_s": [1.0, 1.1, 1.2]}
    full = graded({"decode_tok_s": [1000.0, 1001.0, 1002.0]}, slow)
    decode = next(each for each in full.metrics if each.metric == "decode")
    assert (decode.score, decode.bonus) == (100.0, 0.0)
    assert "bonus" not in {note.kind for note in full.notes}


def test_what_a_jitter_takes_off_is_at_most_what_is_there() -> None:
    """A metric of 5 points loses 5 of 15, and the note says so."""
    card = graded({"decode_tok_s": [5.0] * 3, "itl_ms.p99": [10_000.0] * 3})
    decode = next(each for each in card.metrics if each.metric == "decode")
    assert decode.score == 0.0
    assert 0 < decode.penalty < 15
    assert f"{decode.penalty:.1f} points off for itl_ms.p99" in " ".join(note.text for note in card.notes)


@pytest.mark.parametrize(("replicates", "bonus"), [(2, 0.0), (3, 2.0)])
def test_a_bonus_takes_three_replicates(replicates: int, bonus: float) -> None:
    """Of the best and of its rival: two have no interval."""
    mine = {
        name: values[:replicates] for name, values in {**GOOD_FIGURES, "decode_tok_s": [60.0, 61.0, 62.0]}.items()
    }
    theirs = {**mine, "decode_tok_s": [50.0, 51.0, 52.0][:replicates]}
    rivals = [replicated(name, 1, each) for name, each in (("a", mine), ("b", theirs))]
    card = scorecard([study(*rivals)], RULES).cards[0]
    assert next(each.bonus for each in card.metrics if each.metric == "decode") == pytest.approx(bonus)


# --- gate -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("grade", "fails"), [("B+", 1), ("B", 0), ("C", 0)])
def test_a_gate_lets_its_own_grade_through(grade: str, fails: int) -> None:
    """Whatever is at least that."""
    card = graded({})
    board = scorecard([], RULES)
    at_b = replace(card, composite=70.0, grade="B")
    assert len(failures(replace(board, cards=(at_b,)), RULES, grade)) == fails
    assert len(failures(replace(board, cards=(replace(at_b, grade=None),)), RULES, grade)) == 1


# --- extra cards ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "path"),
    [("cold-start", "cold_start_ms"), ("layer", "decode_us_per_layer"), ("correctness", "pass_rate")],
)
def test_an_extra_card_has_its_points_at_its_own_thresholds(by: By, path: str) -> None:
    """Full points at excellent, 75 at good, under both contracts."""
    for rules in (RULES, THEIRS):
        rule = next(each for each in rules.extra if each.by == by)
        for value, expected in ((rule.excellent, 100), (rule.good, 75)):
            one = subject("a", 1, **{path: value})
            (row,) = extra_cards([study(one)], rules, by).rows
            assert row.score == expected

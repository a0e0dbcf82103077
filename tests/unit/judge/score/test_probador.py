"""probador-2.0 beside its vectors: what is grouped, which numbers are scored, and what our own runs get."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from kit.documents.study import Study, Subject
from kit.judge.score import Card, load_contract, scorecard
from kit.judge.score.points import band_of, half_away, whole_points
from kit.judge.score.probador import base_name
from tests.support.studies import replicated, study, subject, trial

RULES = load_contract("probador-2.0")
FIGURES = {"decode_tok_s": 120.0, "ttft_ms.p50": 50.0, "itl_ms.p50": 10.0, "ttft_ms.p99": 50.0, "error_rate": 0.01}


def one(entry: str, concurrency: int = 1, **changed: float) -> Subject:
    values = {**FIGURES, **{path.replace("__", "."): value for path, value in changed.items()}}
    return replicated(entry, concurrency, {path: [value] for path, value in values.items()})


def imported(name: str, *subjects: Subject) -> Study:
    return replace(study(*subjects, hardware=None), name=name, origin="imported", label=None)


def by_entry(*studies: Study) -> dict[str, Card]:
    return {card.entry: card for card in scorecard(studies, RULES).cards}


def test_imported_results_are_one_group_and_each_run_another() -> None:
    """So the best of two files takes the bonus from the other, and a run of ours takes none from anybody."""
    cards = by_entry(
        imported("x", one("a", decode_tok_s=130.0)),
        imported("y", one("b", decode_tok_s=125.0)),
        study(one("c", decode_tok_s=121.0)),
    )
    decode = {entry: card.metrics[0].bonus for entry, card in cards.items()}
    assert decode == {"a": 5, "b": 0, "c": 5}


def test_raw_numbers_of_a_file_are_scored_where_they_are_kept() -> None:
    """A 0 for want of data scores 100, as in the original; without raw numbers it is missing."""
    dead = replace(trial(1), values={"raw.ttft_p50_ms": 0.0, "raw.error_rate": 1.0, "error_rate": 1.0})
    kept = by_entry(imported("x", subject("a", 1, dead)))["a"]
    assert {each.metric: each.score for each in kept.metrics}["ttft_p50_ms"] == 100
    gone = by_entry(imported("x", subject("a", 1, replace(dead, values={"error_rate": 1.0}))))["a"]
    assert {each.metric: each.score for each in gone.metrics}["ttft_p50_ms"] is None
    assert "no data: TTFT p50 ms is left out, its weight is lost" in [note.text for note in gone.notes]


def test_jitter_is_known_of_imported_results_alone() -> None:
    """Ours have a variation too, but not the original's, and no spikes of its kind."""
    jittery = one("a", spikes=3.0, tpot_cv=0.05)
    assert by_entry(imported("x", jittery))["a"].metrics[2].penalty == 11
    assert by_entry(study(jittery))["a"].metrics[2].penalty == 0


def test_a_run_of_ours_is_scored_by_the_medians_of_what_was_measured() -> None:
    """What is not there is said; what is suspect keeps its grade, for the original knows no doubt."""
    mine = replicated("a", 1, {path: [value, value, value * 3] for path, value in FIGURES.items()})
    suspect = replace(mine.trials[0], suspect=("send lag",))
    (card,) = scorecard([study(replace(mine, trials=(suspect, mine.trials[1], trial(3, "failed"))))], RULES).cards
    assert [each.value for each in card.metrics] == list(FIGURES.values())
    assert (card.composite, card.grade) == (80.0, "B+")
    assert {note.kind for note in card.notes} == {"incomplete", "bonus", "suspect"}


def test_a_run_without_any_figure_is_f() -> None:
    """Nothing is scored, so nothing adds up."""
    (card,) = scorecard([study(subject("a", 1, trial(1, "failed")))], RULES).cards
    assert (card.composite, card.grade) == (0.0, "F")


def test_scaling_pairs_a_run_of_ours_with_itself() -> None:
    """By its entry; another run's single user is not its own."""
    many = one("a", 4, decode_tok_s=60.0, throughput_tok_s=300.0)
    cards = scorecard([study(one("a", decode_tok_s=100.0), many), study(many)], RULES).cards
    scaling = [card.metrics[-1].value for card in cards if card.concurrency == 4]
    assert scaling == [3.0, None]


def test_scaling_is_over_the_single_user_of_the_same_name_alone() -> None:
    """Of several the latest counts, also where others were measured later; a 0 makes none."""
    many = one("a-c4", 4, decode_tok_s=60.0, throughput_tok_s=300.0)
    singles = (("a", 100.0), ("b", 10.0), ("a-c1", 50.0), ("c", 20.0))
    pool = imported("x", *(one(name, decode_tok_s=decode) for name, decode in singles), many)
    (scaled,) = [card for card in scorecard([pool], RULES).cards if card.concurrency == 4]
    assert scaled.metrics[-1].value == 6.0
    stopped = imported("x", one("a", decode_tok_s=0.0), many)
    (bare,) = [card for card in scorecard([stopped], RULES).cards if card.concurrency == 4]
    assert (bare.metrics[-1].value, bare.metrics[-1].score) == (None, None)
    assert (bare.metrics[-1].penalty, bare.metrics[-1].bonus) == (0.0, 0.0)


def test_bonus_and_penalty_of_a_metric_are_told_apart() -> None:
    """The score is what is left of the points after the one and the other."""
    jittery = one("a", itl_ms__p50=9.0, spikes=3.0, tpot_cv=0.05)
    card = by_entry(imported("x", jittery))["a"]
    itl = next(each for each in card.metrics if each.metric == "itl_p50_ms")
    points = whole_points(9.0, band_of(next(rule for rule in RULES.metrics if rule.name == itl.metric), None, 1))
    assert (itl.penalty, itl.bonus, itl.score) == (11, 5, points - 11 + 5)


def test_only_digits_after_c_are_an_ending() -> None:
    """As the original's rule has it."""
    assert [base_name(name) for name in ("a-c16", "a-c", "a-cx1", "a-c1-c2", "c4")] == [
        "a",
        "a-c",
        "a-cx1",
        "a-c1",
        "c4",
    ]


@given(st.fractions(0, 1000), st.integers(0, 1000))
def test_halves_are_rounded_away_from_zero(value: Fraction, whole: int) -> None:
    """And everything else to the nearest."""
    assert abs(half_away(value) - value) <= Fraction(1, 2)
    assert half_away(whole + Fraction(1, 2)) == whole + 1 == half_away(whole + 0.5)
    assert half_away(0.49999999999999994) == 0

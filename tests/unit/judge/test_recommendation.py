"""Which runtime for so many users: three lines, the level that was measured, the limits that are kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.documents.study import Study, Subject
from kit.errors import NoResultError
from kit.judge.recommendation import percent_text, recommend, recommendation_lines
from kit.metrics.goodput import parse_slo
from tests.support.studies import replicated, study, subject, trial

T, G = "throughput_tok_s", "goodput_share"
SLO = parse_slo("ttft=300ms")
FAST = [80.0, 81.2, 82.0]


def lines(*subjects: Subject, users: int = 8) -> tuple[str, str, str]:
    return recommendation_lines(recommend(study(*subjects), users))


def two(share_fast: list[float], share_slow: list[float]) -> Study:
    """A fast and a slow entry at 8 users, with their goodput in three replicates."""
    return study(
        replicated("fast", 8, {T: FAST, G: share_fast}),
        replicated("slow", 8, {T: [61.0, 62.0, 63.0], G: share_slow}),
    )


def test_the_fastest_is_chosen_with_its_margin() -> None:
    """Which, why, how sure."""
    assert lines(replicated("a", 8, {T: [61.0, 62.0, 63.0]}), replicated("b", 8, {T: FAST})) == (
        "Choose b for 8 users.",
        "Why: 81.2 [78.6, 83.6] tok/s; 1.31 x a [1.26, 1.36].",
        "How sure: 3 replicates each; 95 % over all comparisons of this verdict; measured at 8 users.",
    )


def test_a_tie_is_called_one() -> None:
    """Then either will do."""
    first, second, third = lines(
        replicated("a", 8, {T: [81.0, 81.2, 81.4]}), replicated("b", 8, {T: [81.1, 81.0, 81.3]})
    )
    assert first == "a and b are tied within 5 % for 8 users: choose either."
    assert "1.00 x b [0.99, 1.01]" in second
    assert "95 % over all comparisons of this verdict that they differ by less than 5 %" in third


def test_what_is_not_told_apart_says_what_would_tell() -> None:
    """The range of the ratio, and how many more replicates."""
    found = lines(replicated("a", 8, {T: FAST}), replicated("b", 8, {T: [79.0, 84.0, 76.0]}))
    assert found == (
        "Probably a for 8 users, but undecided.",
        "Why: 81.2 [78.6, 83.6] tok/s; not told apart from b: 0.85 x to 1.22 x b; "
        "33 more replicates would probably tell if it really is 1.03 x.",
        "How sure: 3 replicates each; not 95 % sure; measured at 8 users.",
    )


def test_without_intervals_it_stays_undecided() -> None:
    """The larger figure is named, and that it decides nothing."""
    found = lines(subject("a", 8, throughput_tok_s=80.0), subject("b", 8, throughput_tok_s=40.0))
    assert found == (
        "Probably a for 8 users, but undecided.",
        "Why: 80.0 tok/s; 2.00 x b, one replicate each, so no interval.",
        "How sure: one replicate each; an interval needs 3 replicates; measured at 8 users.",
    )


def test_the_next_measured_level_above_stands_for_one_that_was_not() -> None:
    """And it is said; a level below would be kinder than the truth."""
    found = recommend(study(subject("a", 4, throughput_tok_s=9.0), subject("a", 16, throughput_tok_s=7.0)), 5)
    assert found.level == 16
    assert recommendation_lines(found) == (
        "Only a was measured for 5 users.",
        "Why: 7.0 tok/s.",
        "How sure: one replicate each; measured at 16 users, the next measured level above 5.",
    )


def test_nothing_is_extrapolated() -> None:
    """Above the largest level there is no figure."""
    with pytest.raises(NoResultError, match="the highest measured level is 4, and nothing is extrapolated"):
        recommend(study(subject("a", 4, throughput_tok_s=9.0)), 5)
    with pytest.raises(NoResultError, match="nothing was measured"):
        recommend(study(), 1)


def test_what_does_not_count_is_left_out_and_named() -> None:
    """A SUSPECT entry is not chosen, and nobody wins silently over it."""
    suspect = replace(trial(1, throughput_tok_s=99.0), suspect=("lag",))
    first, _, third = lines(subject("a", 8, suspect), subject("b", 8, throughput_tok_s=9.0))
    assert first == "Only b is left for 8 users."
    assert third.endswith("left out: a (SUSPECT: lag).")
    assert lines(subject("a", 8, suspect)) == (
        "No runtime for 8 users: none has a valid result.",
        "Why: a (SUSPECT: lag).",
        "How sure: measured at 8 users; left out: a (SUSPECT: lag).",
    )


def test_the_worst_replicate_decides_about_the_limits() -> None:
    """One bad replicate of three is a bad day in three."""
    found = recommend(two([1.0, 1.0, 0.98], [0.99, 0.995, 1.0]), 8, SLO)
    assert found.leader.entry == "slow"
    assert found.shares == (("fast", 0.98), ("slow", 0.99))
    _, second, third = recommendation_lines(found)
    assert second == "Why: 62.0 [59.6, 64.5] tok/s; 99 % of requests within ttft 300 ms in its worst replicate."
    assert "left out: fast (98 % of requests within the limits, 99 % required)" in third


def test_a_lower_share_lets_the_faster_one_in() -> None:
    """The user says how many requests may miss the limits."""
    assert recommend(two([1.0, 1.0, 0.98], [1.0, 1.0, 1.0]), 8, SLO, 0.95).leader.entry == "fast"


def test_none_qualifies_names_the_best_share() -> None:
    """No runtime is chosen."""
    found = recommend(two([0.5, 0.6, 0.7], [0.89999, 0.9, 0.95]), 8, SLO)
    assert found.leader.entry is None
    assert recommendation_lines(found)[:2] == (
        "No runtime for 8 users: none meets the limits.",
        "Why: the best is slow with 89.99 % of requests within ttft 300 ms in its worst replicate, 99 % required.",
    )


def test_no_data_on_the_limits_does_not_qualify() -> None:
    """Missing data never helps."""
    found = recommend(study(replicated("a", 8, {T: FAST})), 8, SLO)
    assert found.leader.entry is None
    assert found.leader.left_out == (("a", "no data on the limits"),)
    assert recommendation_lines(found)[1] == "Why: a (no data on the limits)."


def test_other_weights_are_mentioned() -> None:
    """A smaller model is faster for no merit of its runtime."""
    awq = replace(replicated("b", 8, {T: [1.0, 1.0, 1.0]}), model_sha256="e" * 64, model="awq")
    third = lines(replicated("a", 8, {T: FAST}), awq)[2]
    assert "b has other weights (awq, not smollm2-135m-instruct-q4_1)" in third


@pytest.mark.parametrize(
    ("part", "text"), [(1.0, "100 %"), (0.98999, "98.99 %"), (0.57, "57 %"), (0.29, "29 %"), (0.0, "0 %")]
)
def test_shares_are_cut_and_never_rounded_up(part: float, text: str) -> None:
    """98.999 % must not look like 99 %."""
    assert percent_text(part) == text

"""Who leads, by how much and how surely: one sentence for each kind of outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from kit.report.screen.sentences import leaders_of, times_text, verdict_sentences
from tests.support.studies import replicated, study

T, F = "throughput_tok_s", "ttft_ms.p50"
FAST, SLOW, NOISY = [100.0, 100.1, 100.2], [50.0, 50.1, 50.2], [40.0, 95.0, 190.0]


def said(*entries: tuple[str, int, Mapping[str, Sequence[float]]]) -> list[str]:
    made = study(*(replicated(*each) for each in entries))
    return [each.text for each in verdict_sentences(leaders_of(made))]


def both(value: Sequence[float], wait: Sequence[float]) -> dict[str, Sequence[float]]:
    return {T: value, F: wait}


def test_who_has_the_throughput_and_who_answers_first() -> None:
    """Two answers, each with its margin, the least that the interval leaves, and how sure."""
    first, second = said(("a", 4, both(FAST, FAST)), ("b", 4, both(SLOW, SLOW)))
    assert first.startswith("At 4 users a has 2.0 times the tokens/s of b; at least 2.0")
    assert first.endswith("times, 95 % sure.")
    assert second.startswith("At 4 users b answers first, 2.0 times sooner than a; at least 2.0")


def test_levels_with_one_outcome_are_one_sentence() -> None:
    """With the range of the margins, and the least of all intervals."""
    slower = [25.0, 25.1, 25.2]
    found = said(
        ("a", 1, both(FAST, FAST)), ("b", 1, both(SLOW, FAST)),
        ("a", 4, both(FAST, FAST)), ("b", 4, both(slower, FAST)),
    )  # fmt: skip
    assert found[0].startswith("At 1 and 4 users a has 2.0 to 4.0 times the tokens/s of b; at least 2.0")
    assert found[1] == "At 1 and 4 users a and b are tied within 5 % in TTFT p50, 95 % sure."


def test_small_differences_are_told_in_percent() -> None:
    found = said(("a", 1, {T: [107.0, 107.1, 107.2]}), ("b", 1, {T: FAST}))
    assert found[0].startswith("At 1 user a has 7 % more tokens/s than b; at least 7 %")


def test_what_is_not_sure_says_between_what_it_lies() -> None:
    """The direction stands all the same."""
    found = said(("a", 2, {T: FAST}), ("b", 2, {T: NOISY}))
    assert found[0].startswith("At 2 users a has 5 % more tokens/s than b")
    assert ", but that is not sure: 0." in found[0]
    assert found[0].endswith(" times.")


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        ([100.0], [50.0], "a first look, one replicate each"),
        ([100.0, 110.0], [50.0, 60.0], "a first look, 2 replicates that agree"),
        ([100.0, 40.0], [50.0, 60.0], "not decided, 2 replicates that disagree"),
    ],
)
def test_too_few_replicates_are_a_first_look(a: list[float], b: list[float], words: str) -> None:
    """With the direction, and whether the replicates agree on it."""
    assert said(("a", 1, {T: a}), ("b", 1, {T: b}))[0].endswith(f": {words}.")


def test_who_is_alone_and_who_has_nothing() -> None:
    """At a level where one or none has a result."""
    found = said(("a", 1, {T: FAST}), ("b", 1, {F: FAST}))
    assert found[0] == "At 1 user only a has a valid throughput."
    assert found[1] == "At 1 user only b has a valid TTFT p50."


@pytest.mark.parametrize(("times", "text"), [(1.234, "1.23"), (1.96, "2.0"), (8.04, "8.0"), (12.4, "12")])
def test_times_have_the_digits_that_matter(times: float, text: str) -> None:
    assert times_text(times) == text


def test_two_that_are_as_fast_have_no_difference_in_percent() -> None:
    """Not "0.0 % more"."""
    assert said(("a", 1, both([100.0], [50.0])), ("b", 1, both([100.001], [50.0]))) == [
        "At 1 user b has as many tokens/s as a: a first look, one replicate each.",
        "At 1 user a answers as soon as b: a first look, one replicate each.",
    ]

"""kit-1 and kit-2 in single cases: who gets the bonus, which class, what the notes say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.documents.pins import Hardware
from kit.documents.study import Study, Subject
from kit.errors import InputError
from kit.judge.score import Card, load_contract, scorecard
from kit.judge.score.contract import Better
from kit.judge.score.kit1 import class_of
from kit.judge.score.values import lies_beyond
from kit.metrics.stats import bootstrap_interval
from kit.plan.platforms import load_platform, platform_names
from tests.support.studies import LAPTOP, replicated, study, subject, trial

RULES, NOW = load_contract("kit-1"), load_contract("kit-2")
GOOD = {
    "ttft_ms.p50": [25.0, 25.0, 25.0],
    "ttft_ms.p99": [50.0, 50.0, 50.0],
    "error_rate": [0.0, 0.0, 0.0],
    "itl_ms.p99": [20.0, 20.0, 20.0],
}


def rival(entry: str, *decode: float) -> Subject:
    """Three replicates that differ from others' in decode alone."""
    return replicated(entry, 1, {"decode_tok_s": decode, **GOOD})


def graded(*subjects: Subject, hardware: Hardware | None = LAPTOP) -> list[Card]:
    return list(scorecard([study(*subjects, hardware=hardware)], RULES).cards)


def bonuses(card: Card) -> dict[str, float]:
    return {each.metric: each.bonus for each in card.metrics if each.bonus}


def kinds(card: Card) -> list[str]:
    return [note.kind for note in card.notes]


# --- the bonus --------------------------------------------------------------------------------------------


def test_the_best_gets_a_bonus_where_intervals_do_not_touch() -> None:
    """On that metric alone, and it is said."""
    first, second = graded(rival("a", 120, 121, 122), rival("b", 100, 101, 102))
    assert bonuses(first) == pytest.approx({"decode": 2})
    assert bonuses(second) == {}
    assert kinds(first) == ["bonus"]


@pytest.mark.parametrize(
    "rivals",
    [
        [rival("b", 100, 101, 120)],
        [rival("b", 118, 119, 120)],
        [rival("b", 100, 101, 102), rival("c", 90, 100, 121)],
    ],
    ids=["touching", "equal at one end", "a third between"],
)
def test_nobody_gets_a_bonus_where_intervals_overlap(rivals: list[Subject]) -> None:
    """One value in common is enough."""
    cards = graded(rival("a", 120, 121, 122), *rivals)
    assert [bonuses(card) for card in cards] == [{}] * len(cards)


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_intervals_are_compared_the_same_with_and_without_the_short_cut(better: Better) -> None:
    """What the values alone tell is what their intervals would have told."""
    sign = 1 if better == "higher" else -1
    for mine in ((7, 8, 9), (4, 8, 9), (1, 2, 3), (5, 5, 5), (3, 6, 6, 6, 6, 6, 6, 6, 6)):
        for theirs in ((4, 5, 6), (9, 9, 9), (1, 1, 9), (4, 4, 4, 4, 4, 4, 4, 4, 7)):
            first, second = (tuple(float(sign * value) for value in values) for values in (mine, theirs))
            (low, high), (their_low, their_high) = bootstrap_interval(first), bootstrap_interval(second)
            expected = low > their_high if better == "higher" else high < their_low
            assert lies_beyond(first, second, better) == expected


def test_nobody_gets_a_bonus_alone_or_with_two_replicates() -> None:
    """There is nobody to be better than, or no interval."""
    assert bonuses(graded(rival("a", 120, 121, 122))[0]) == {}
    two = [replace(each, trials=each.trials[:2]) for each in (rival("a", 120, 121, 122), rival("b", 10, 11, 12))]
    assert [bonuses(card) for card in graded(*two)] == [{}, {}]


def test_a_rival_that_failed_stands_in_nobodys_way() -> None:
    """It is known to have lost; but it does not make a bonus either, where it is the only rival."""
    down = subject("c", 1, *(trial(number, "failed") for number in (1, 2, 3)))
    with_rival = graded(rival("a", 120, 121, 122), rival("b", 100, 101, 102), down)
    assert bonuses(with_rival[0]) == pytest.approx({"decode": 2})
    assert bonuses(graded(rival("a", 120, 121, 122), down)[0]) == {}


def test_four_planned_and_three_measured_are_no_interval() -> None:
    """Neither for the one nor for its rival."""
    best, other = rival("a", 120, 121, 122), rival("b", 100, 101, 102)
    holes = [replace(each, trials=(*each.trials, trial(4, "missing"))) for each in (best, other)]
    assert bonuses(graded(holes[0], other)[0]) == {}
    assert bonuses(graded(best, holes[1])[0]) == {}


def test_a_suspect_rival_lends_nobody_a_bonus() -> None:
    """It may be faster than the load generator could see."""
    other = rival("b", 100, 101, 102)
    doubted = replace(other, trials=(replace(other.trials[0], suspect=("send lag",)), *other.trials[1:]))
    first, second = graded(rival("a", 120, 121, 122), doubted)
    assert bonuses(first) == {}
    assert (second.composite, second.grade, kinds(second)) == (None, None, ["suspect"])


def test_one_rival_of_whom_nobody_knows_is_enough_to_lend_no_bonus() -> None:
    """However far the others are beaten: suspect, with a hole, or with too few replicates."""
    best, beaten, other = rival("a", 120, 121, 122), rival("b", 100, 101, 102), rival("c", 1, 2, 3)
    doubted = replace(other.trials[0], suspect=("send lag",))
    for trials in ((doubted, *other.trials[1:]), (*other.trials, trial(4, "missing")), other.trials[:2]):
        assert bonuses(graded(best, beaten, replace(other, trials=trials))[0]) == {}
    assert bonuses(graded(best, beaten, other)[0]) == pytest.approx({"decode": 2})


def newly_graded(*subjects: Subject) -> list[Card]:
    return list(scorecard([study(*subjects)], NOW).cards)


def test_since_kit_2_the_bonus_needs_a_difference_that_is_sure_and_counts() -> None:
    """Not values that happen not to touch, nor a difference below the margin."""
    assert bonuses(newly_graded(rival("a", 120, 121, 122), rival("b", 100, 101, 102))[0]) == {"decode": 2}
    loose = rival("a", 120, 130, 140), rival("b", 100, 101, 102)
    assert bonuses(graded(*loose)[0]) == {"decode": 2}
    assert bonuses(newly_graded(*loose)[0]) == {}
    tied = rival("a", 106.0, 106.1, 106.2), rival("b", 104.0, 104.1, 104.2)
    assert bonuses(graded(*tied)[0]) == {"decode": pytest.approx(2)}
    assert bonuses(newly_graded(*tied)[0]) == {}


def test_since_kit_2_all_bonuses_of_a_study_share_the_error() -> None:
    """What is sure at one number of users need not be among many."""
    first, second = rival("a", 112, 115, 118), rival("b", 100, 101, 102)
    assert bonuses(newly_graded(first, second)[0]) == {"decode": 2}
    more = [replace(each, concurrency=level) for level in range(2, 12) for each in (first, second)]
    assert bonuses(newly_graded(first, second, *more)[0]) == {}


# --- notes and holes --------------------------------------------------------------------------------------


def test_what_is_missing_is_said_with_its_reason() -> None:
    """How many replicates, why they are not there, and which metric counts nothing."""
    first = rival("a", 120, 121, 122)
    (card,) = graded(replace(first, trials=(first.trials[0], first.trials[1], trial(3, "failed"))))
    assert card.notes[0].text == (
        "1 of 3 replicates are missing and count as the worst (failed: ready: the server exited)"
    )
    (card,) = graded(subject("a", 1, error_rate=0.0, decode_tok_s=100.0, itl_ms__p99=10.0))
    assert [note.text for note in card.notes if note.kind == "missing"] == [
        "no data: TTFT p50 ms counts 0 (1 of 1 replicates without it)",
        "no data: TTFT p99 ms counts 0 (1 of 1 replicates without it)",
    ]


def test_a_cap_says_what_the_score_would_have_been() -> None:
    """And which error rate brought it."""
    (card,) = graded(replicated("a", 1, {**GOOD, "decode_tok_s": [170.0] * 3, "error_rate": [0.02] * 3}))
    assert (card.composite, card.grade) == (69.0, "C+")
    assert card.notes[-1].text == "at most 69 with an error rate of 2.0 % (otherwise 93.3)"


def test_a_failed_server_says_why_it_is_f() -> None:
    """With the reason of its failure."""
    (card,) = graded(subject("a", 1, trial(1, "failed")))
    assert (card.composite, card.grade) == (0.0, "F")
    assert card.notes[0].text == "failed in every replicate: ready: the server exited"


def test_a_negative_figure_is_no_data() -> None:
    """None of what is scored can be below 0."""
    (card,) = graded(subject("a", 1, decode_tok_s=170.0, ttft_ms__p50=-1.0, error_rate=0.0, itl_ms__p99=1.0))
    assert {each.metric: each.value for each in card.metrics}["ttft-p50"] is None


# --- classes ----------------------------------------------------------------------------------------------

EXPECTED = {
    ("demo", 98_362_432): "small-cpu",
    ("smol", 98_362_432): "small-cpu",
    ("cpu-four", 144_811_072): "small-cpu",
    ("lavapipe", 98_362_432): "software-vulkan",
    ("lavapipe-wgpu", 54_466_400): "software-vulkan",
    ("yoga", 1_117_320_768): "gpu-laptop-2gb",
    ("gx10", 4_683_073_536): "gpu-laptop-8gb",
    ("gx10", 19_800_000_000): "gpu-laptop-40gb",
    ("radeon", 1_117_320_768): "gpu-desktop-2gb",
    ("xeon", 1_117_320_768): "cpu-2gb",
}


def platform_study(name: str, weights: int | None) -> Study:
    platform = load_platform(name)
    one = replace(subject("a", 1, decode_tok_s=1.0), weights_bytes=weights, variant=platform.entries[0].variant)
    return study(one, hardware=platform.hardware)


@pytest.mark.parametrize(("platform", "weights"), EXPECTED)
def test_every_platform_of_the_kit_has_its_class(platform: str, weights: int) -> None:
    """By machine, weights and variant; none is left out."""
    found = platform_study(platform, weights)
    each = class_of(found, found.subjects[0], RULES)
    assert each is not None
    assert each.name == EXPECTED[platform, weights]
    assert {name for name, _ in EXPECTED} == set(platform_names())


def test_weights_of_unknown_size_and_unknown_machines_have_no_grade() -> None:
    """The note says what to do, if there is something."""
    for found, words in (
        (platform_study("yoga", None), "size of the weights unknown"),
        (platform_study("yoga", 50 * 10**9), "no class for this machine and these weights: no grade"),
        (replace(platform_study("demo", None), origin="imported"), "no grade (--class names one)"),
    ):
        (card,) = scorecard([found], RULES).cards
        assert (card.composite, card.grade, card.platform_class, card.metrics) == (None, None, None, ())
        assert words in card.notes[0].text


def test_a_class_can_be_named_for_imported_results_alone() -> None:
    """The class of a run follows from its machine, whoever wishes for another."""
    ours = study(rival("a", 120, 121, 122))
    theirs = replace(study(rival("b", 120, 121, 122), hardware=None), origin="imported")
    first, second = scorecard([ours, theirs], RULES, None, "cpu-2gb").cards
    assert (first.platform_class, second.platform_class) == ("gpu-laptop-2gb", "cpu-2gb")
    with pytest.raises(InputError, match="applies only to imported results"):
        scorecard([ours], RULES, None, "cpu-2gb")
    with pytest.raises(InputError, match=r"no class 'cpu-2g'.*Did you mean 'cpu-2gb'"):
        scorecard([theirs], RULES, None, "cpu-2g")


def test_only_the_concurrencies_asked_for_are_scored() -> None:
    """With the same rivals as ever."""
    found = study(rival("a", 120, 121, 122), replace(rival("a", 1, 1, 1), concurrency=8))
    assert [card.concurrency for card in scorecard([found], RULES, [8]).cards] == [8]

"""Nobody is called ahead whose answers are worse without a word on it, and it is said where scores stand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.catalogue.published import published
from kit.documents.study import EntryQuality, Study
from kit.judge.advice import leader_sentence, leaders
from kit.judge.compare import Line, against_published
from kit.judge.compare.merging import merged
from kit.judge.compare.studies import compare_studies
from kit.judge.open import OpenedStudy, beside_evaluations
from kit.judge.quality import gap_text, is_worse, quality_at, study_gaps
from kit.judge.recommendation import recommend, recommendation_lines
from kit.judge.score import load_contract, scorecard
from kit.judge.score.loading import OURS
from kit.judge.score.text import scorecard_text
from kit.metrics.probability.proportions import wilson
from kit.report.page.leader_text import headline
from kit.strict import plain
from kit.strict.schema import check
from tests.support.studies import SHA, replicated, study

T = "throughput_tok_s"
FAST, SLOW = [80.0, 81.2, 82.0], [61.0, 62.0, 63.0]


def quality(entry: str, passed: int, tasks: int = 30, users: int = 8, suite: str = "basics") -> EntryQuality:
    return EntryQuality(
        entry, suite, users, tasks, tasks, passed, passed / tasks, *wilson(passed, tasks), model_sha256=SHA
    )


def fast_and_slow(*found: EntryQuality, slow: list[float] = SLOW) -> Study:
    made = study(replicated("fast", 8, {T: FAST}), replicated("slow", 8, {T: slow}))
    return replace(made, quality=found)


def first_lines(made: Study) -> tuple[str, str]:
    which, why, _ = recommendation_lines(recommend(made, 8))
    return which, why


# --- whoever leads ----------------------------------------------------------------------------------------


def test_the_fastest_is_not_chosen_where_its_answers_are_worse() -> None:
    which, why = first_lines(fast_and_slow(quality("fast", 12), quality("slow", 28)))
    assert which == "Fastest for 8 users: fast, but the answers of slow are better."
    assert why.endswith(
        "; the answers of fast are worse than those of slow: "
        "40.0 % [24.6, 57.7] of basics against 93.3 % [78.7, 98.2]."
    )


@pytest.mark.parametrize(
    "found",
    [
        (),
        (quality("fast", 28), quality("slow", 12)),
        (quality("fast", 20), quality("slow", 28)),
        (quality("fast", 12),),
        (quality("slow", 28),),
        (quality("fast", 12, suite="humaneval"), quality("slow", 28)),
        (quality("fast", 12, 30), quality("slow", 130, 164)),
        (quality("fast", 12), quality("other", 30)),
    ],
    ids=["none", "better", "overlap", "only its own", "only the other's", "suites", "other tasks", "not here"],
)
def test_nothing_is_said_where_the_intervals_do_not_say_so(found: tuple[EntryQuality, ...]) -> None:
    """Better answers, intervals that overlap, or other tasks."""
    assert first_lines(fast_and_slow(*found))[0] == "Choose fast for 8 users."


def test_a_tie_says_whose_answers_are_better() -> None:
    """Then it is no tie to choose freely in."""
    tie = fast_and_slow(quality("fast", 12), quality("slow", 28), slow=[80.1, 81.1, 82.0])
    found = first_lines(tie)[0]
    assert found == "slow and fast are tied within 5 % for 8 users. The answers of slow are better." or (
        found == "fast and slow are tied within 5 % for 8 users. The answers of slow are better."
    )


def test_what_is_undecided_says_so_too() -> None:
    open_one = fast_and_slow(quality("fast", 12), quality("slow", 28), slow=[79.0, 84.0, 76.0])
    assert first_lines(open_one)[0] == "Probably fast for 8 users, but undecided. The answers of slow are better."


def test_who_is_left_out_has_no_better_answers() -> None:
    """It is no choice."""
    made = fast_and_slow(quality("fast", 12), quality("slow", 28))
    failed = replace(made.subjects[1], trials=tuple(replace(t, status="failed") for t in made.subjects[1].trials))
    assert first_lines(replace(made, subjects=(made.subjects[0], failed)))[0] == "Only fast is left for 8 users."


def test_the_verdict_of_a_run_says_it_in_the_same_sentence() -> None:
    good, bad = quality("slow", 28), quality("fast", 12)
    (leader,) = leaders(fast_and_slow(bad, good))
    assert leader_sentence(leader).startswith("At 8 users: fast, 81.2 tok/s, 1.31 x slow [1.26, 1.36], but ")
    assert leader_sentence(leader).endswith(gap_text(leader.gaps[0]))
    (without,) = leaders(fast_and_slow(good, quality("fast", 27)))
    assert (without.gaps, "but" in leader_sentence(without)) == ((), False)


def test_the_page_does_not_say_that_somebody_leads_and_no_more() -> None:
    found = leaders(fast_and_slow(quality("fast", 12), quality("slow", 28)))
    assert headline(found) == ["fast leads at 8 users, but the answers of slow are better."]
    assert headline(leaders(fast_and_slow())) == ["fast leads at 8 users."]


def test_a_comparison_notes_whose_answers_are_worse() -> None:
    """With the same number asked at once; A or B."""
    a, b = fast_and_slow(quality("fast", 12)), replace(fast_and_slow(quality("slow", 28)), identity="3" * 64)
    words = "40.0 % [24.6, 57.7] of basics against 93.3 % [78.7, 98.2]."
    assert compare_studies(a, b, [("fast", "slow")]).notes[-1] == (
        f"The answers of A (fast) are worse than those of B (slow): {words}"
    )
    assert compare_studies(b, a, [("slow", "fast")]).notes[-1] == (
        f"The answers of B (fast) are worse than those of A (slow): {words}"
    )
    other = replace(b, quality=(quality("slow", 28, users=1),))
    assert compare_studies(a, other, [("fast", "slow")]).notes == ()


def test_a_leader_without_a_gap_is_written_as_before() -> None:
    (leader,) = leaders(fast_and_slow())
    written = plain(leader)
    assert isinstance(written, dict)
    assert "gaps" not in written


def test_all_entries_of_a_study_are_held_against_each_other() -> None:
    """For those that ask how many users each carries."""
    (gap,) = study_gaps(fast_and_slow(quality("fast", 12), quality("slow", 28)))
    assert (gap.entry, gap.other) == ("fast", "slow")


@pytest.mark.parametrize(
    ("low", "high", "worse"), [(12, 28, True), (28, 12, False), (20, 24, False), (15, 15, False)]
)
def test_worse_is_an_interval_below_the_other(low: int, high: int, *, worse: bool) -> None:
    assert is_worse(quality("a", low), quality("b", high)) is worse


@pytest.mark.parametrize(("users", "at"), [(1, 1), (2, 8), (8, 8), (9, 8), (64, 8)])
def test_the_quality_at_so_many_users_is_the_next_that_was_measured_else_the_last(users: int, at: int) -> None:
    made = fast_and_slow(quality("fast", 30, users=1), quality("fast", 12, users=8))
    found = quality_at(made, "fast", users)
    assert found is not None
    assert found.concurrency == at


# --- evaluations beside runs ------------------------------------------------------------------------------


def opened(made: Study) -> OpenedStudy:
    return OpenedStudy(made)


def evaluation(*found: EntryQuality) -> Study:
    return replace(study(), quality=found)


def test_an_evaluation_says_of_a_run_how_right_its_entries_are() -> None:
    """Of those with the same weights; it is no run beside it."""
    other = replace(quality("slow", 28), model_sha256="b" * 64)
    (found,) = beside_evaluations([opened(evaluation(quality("fast", 12), other)), opened(fast_and_slow())])
    assert [each.entry for each in found.study.quality] == ["fast"]


def test_an_evaluation_alone_stays() -> None:
    (found,) = beside_evaluations([opened(evaluation(quality("fast", 12)))])
    assert len(found.study.quality) == 1


def test_of_two_evaluations_the_one_with_fewer_right_answers_counts() -> None:
    evaluations = [opened(evaluation(quality("fast", count))) for count in (20, 18, 25)]
    (found,) = beside_evaluations([*evaluations, opened(fast_and_slow())])
    assert [each.passed for each in found.study.quality] == [18]


def test_runs_that_are_pooled_pool_what_they_say_of_quality() -> None:
    a = fast_and_slow(quality("fast", 20), quality("slow", 28))
    b = replace(
        study(replicated("third", 8, {T: SLOW})),
        identity="2" * 64,
        quality=(quality("fast", 18), quality("third", 30)),
    )
    assert {each.entry: each.passed for each in merged([a, b]).quality} == {"fast": 18, "slow": 28, "third": 30}


# --- scorecards and published figures ---------------------------------------------------------------------


def test_a_scorecard_has_a_column_of_quality_where_it_was_measured() -> None:
    contract = load_contract(OURS)
    found = scorecard([fast_and_slow(quality("fast", 12))], contract)
    text = scorecard_text(found, contract)
    assert "pass@1 of basics" in text
    assert "40.0 % [24.6, 57.7]" in text
    check(plain(found), "scorecard", "a scorecard")
    without = scorecard([fast_and_slow()], contract)
    assert "pass@1" not in scorecard_text(without, contract)
    assert [replace(card, quality=None) for card in found.cards] == list(without.cards)


def test_a_study_with_quality_follows_its_schema() -> None:
    check(plain(fast_and_slow(quality("fast", 12))), "study", "a study")


@pytest.mark.parametrize(
    ("passed", "verdict"),
    [(139, "reproduced"), (146, "reproduced"), (128, "not reproduced"), (160, "not reproduced")],
)
def test_a_published_pass_rate_is_reproduced_if_our_interval_holds_it(passed: int, verdict: str) -> None:
    made = replace(evaluation(quality("llamacpp-7b", passed, 164, 1, "humaneval")), published="gx10")
    (line,) = [each for each in _humaneval(made) if each.entry_a == "llamacpp-7b"]
    assert (line.verdict, line.concurrency) == (verdict, 1)
    assert line.a is not None
    assert line.b is not None
    assert line.b.median == 84.76
    assert line.a.median == pytest.approx(100 * passed / 164)
    assert "not recorded" in line.caveat
    assert "not widened" in line.caveat


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ((), "no evaluation of llamacpp-7b with humaneval in the run"),
        ((quality("llamacpp-7b", 30),), "no evaluation of llamacpp-7b with humaneval in the run"),
        (
            (replace(quality("llamacpp-7b", 17, 20, 1, "humaneval"), of=164),),
            "only 20 of its 164 tasks were asked",
        ),
    ],
)
def test_a_published_pass_rate_is_not_compared_with_less(found: tuple[EntryQuality, ...], reason: str) -> None:
    made = replace(evaluation(*found), published="gx10")
    (line,) = [each for each in _humaneval(made) if each.entry_a == "llamacpp-7b"]
    assert (line.verdict, line.reason, line.ratio) == ("not comparable", reason, None)


def test_a_run_of_another_platform_is_not_held_against_it() -> None:
    made = replace(evaluation(quality("llamacpp-7b", 139, 164, 1, "humaneval")), published="yoga")
    assert {line.verdict for line in _humaneval(made)} == {"not comparable"}


def _humaneval(made: Study) -> list[Line]:
    return [each for each in against_published(made, published("gx10")).lines if each.metric == "pass_at_1"]

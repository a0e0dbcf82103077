"""Who leads at each number of users, and how sure that is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.documents.study import Subject
from kit.errors import InputError
from kit.judge.advice import Leader, leader_sentence, leaders
from tests.support.studies import replicated, study, subject, trial

T = "throughput_tok_s"


def only(*subjects: Subject, metric: str = T) -> Leader:
    """The leader of a study with one concurrency."""
    (found,) = leaders(study(*subjects), metric)
    return found


def test_ahead_means_that_no_ratio_to_another_may_be_one() -> None:
    """The winner is named with its margin to the next best and the interval of that."""
    found = only(
        replicated("vllm", 8, {T: [61.0, 62.0, 63.0]}),
        replicated("llamacpp", 8, {T: [80.0, 81.2, 82.0]}),
        replicated("ollama", 8, {T: [20.0, 20.5, 21.0]}),
    )
    assert (found.entry, found.runner_up, found.relation, found.tied) == ("llamacpp", "vllm", "ahead", ())
    assert leader_sentence(found) == "At 8 users: llamacpp, 81.2 tok/s, 1.31 x vllm [1.26, 1.36]"


def test_tied_names_everybody_who_is_surely_alike() -> None:
    """All others are surely slower."""
    found = only(
        replicated("a", 8, {T: [81.0, 81.1, 81.2]}),
        replicated("b", 8, {T: [80.5, 80.6, 80.7]}),
        replicated("c", 8, {T: [60.0, 61.0, 62.0]}),
    )
    assert (found.relation, found.tied, found.runner_up, found.open) == ("tied", ("a", "b"), "b", ())
    assert leader_sentence(found) == "At 8 users: tied within 5 %: a and b, 81.1 tok/s (1.006 x [1.002, 1.011])"


def test_what_is_not_told_apart_is_undecided() -> None:
    """Also by one that is not the next best, where that is surely slower; it says what would tell."""
    found = only(
        replicated("a", 8, {T: [80.0, 81.0, 82.0]}),
        replicated("b", 8, {T: [70.0, 70.5, 71.0]}),
        replicated("c", 8, {T: [60.0, 69.0, 85.0]}),
    )
    assert (found.relation, found.tied, found.runner_up, found.open) == ("undecided", (), "c", ("c",))
    assert leader_sentence(found) == (
        "At 8 users: undecided: a, 81.0 tok/s, not told apart from c: 0.43 x to 3.09 x c; "
        "17 more replicates would probably tell if it really is 1.17 x"
    )


def test_all_levels_of_a_table_share_the_error() -> None:
    """So what is sure of one level alone need not be of three; Holm's steps help where the others are clear."""
    close = {T: [100.0, 103.0, 106.0]}, {T: [93.0, 95.5, 98.0]}
    far = {T: [100.0, 101.0, 102.0]}, {T: [50.0, 51.0, 50.5]}

    def relations(*levels: tuple[dict[str, list[float]], dict[str, list[float]]]) -> list[str]:
        subjects = [
            replicated(name, level + 1, figures)
            for level, pair in enumerate(levels)
            for name, figures in zip("ab", pair, strict=True)
        ]
        return [found.relation for found in leaders(study(*subjects))]

    assert relations(close) == ["ahead"]
    assert relations(close, close, close) == ["undecided"] * 3
    assert relations(close, far, far) == ["ahead"] * 3


def test_without_intervals_it_is_undecided() -> None:
    """One replicate may be luck, however large the margin is."""
    found = only(subject("a", 1, throughput_tok_s=120.0), subject("b", 1, throughput_tok_s=100.0))
    assert found.relation == "undecided"
    words = "At 1 user: undecided: a, 120.0 tok/s, 1.20 x b, one replicate each, so no interval"
    assert leader_sentence(found) == words


def test_one_alone_is_no_winner() -> None:
    """Without another there is no margin."""
    found = only(subject("a", 4, throughput_tok_s=5.0))
    assert (found.relation, found.ratio) == ("alone", None)
    assert leader_sentence(found) == "At 4 users: only a has a valid result, 5.0 tok/s"


def test_what_does_not_count_is_left_out_with_its_reason() -> None:
    """SUSPECT, a replicate without a result, no data, and not measured at that concurrency."""
    suspect = trial(1, throughput_tok_s=900.0)
    suspect = replace(suspect, suspect=("lag",))
    first, second = leaders(
        study(
            subject("fast", 4, suspect),
            subject("broken", 4, trial(1, throughput_tok_s=800.0), trial(2, "failed")),
            subject("silent", 4, ttft_ms__p50=1.0),
            subject("other", 8, throughput_tok_s=7.0),
        )
    )
    assert first.relation == "none"
    assert dict(first.left_out) == {
        "fast": "SUSPECT: lag",
        "broken": "1 of 2 replicates without a result: ready: the server exited",
        "silent": "no data for throughput_tok_s",
        "other": "not measured at concurrency 4",
    }
    assert leader_sentence(first).startswith(
        "At 4 users: no runtime has a valid result; left out: fast (SUSPECT: lag), broken (1 of 2"
    )
    assert (second.concurrency, second.entry, second.relation) == (8, "other", "alone")


def test_of_times_the_shortest_leads() -> None:
    """The ratio is still that of the leader to the other, so it lies below 1."""
    found = only(
        replicated("a", 2, {"ttft_ms.p50": [50.0, 50.0, 50.0]}),
        replicated("b", 2, {"ttft_ms.p50": [40.0, 40.0, 40.0]}),
        metric="ttft_ms.p50",
    )
    assert leader_sentence(found) == "At 2 users, TTFT p50: b, 40.0 ms, 0.80 x a [0.80, 0.80]"


@pytest.mark.parametrize(
    ("metric", "words"),
    [("throughput", "Did you mean 'throughput_tok_s'"), ("tokens.prompt", "has no better direction")],
)
def test_a_figure_by_which_nothing_wins_is_refused(metric: str, words: str) -> None:
    """Unknown names get the nearest one."""
    with pytest.raises(InputError, match=words):
        leaders(study(), metric)


def test_hostile_names_reach_no_terminal() -> None:
    """Names of a study are somebody else's text."""
    found = only(subject("a\x1b[31m\n", 1, throughput_tok_s=1.0))
    assert "\x1b" not in leader_sentence(found)
    assert "\n" not in leader_sentence(found)


def test_a_figure_that_can_only_be_too_low_is_left_out_with_what_it_is_at_least() -> None:
    """As any that is SUSPECT; a figure without a direction is not told."""
    idle = replace(trial(1, throughput_tok_s=812.34, ttft_ms__p50=9.0), suspect=("idle",), at_least=True)
    both = (subject("a", 4, idle), subject("b", 4, throughput_tok_s=5.0, ttft_ms__p50=10.0))
    words = "; left out: a (SUSPECT: idle; throughput at least 812.3 tok/s)"
    assert leader_sentence(only(*both)).endswith(words)
    assert only(*both, metric="ttft_ms.p50").left_out == (("a", "SUSPECT: idle"),)
    mixed = subject("a", 4, idle, replace(trial(2, throughput_tok_s=9.0), suspect=("odd",)))
    assert only(mixed).left_out == (("a", "SUSPECT: idle; odd"),)
    half = subject("a", 4, idle, trial(2, throughput_tok_s=800.0))
    assert only(half).left_out == (("a", "SUSPECT: idle; throughput at least 806.2 tok/s"),)

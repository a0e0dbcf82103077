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
    assert leader_sentence(found) == "At 8 users: llamacpp, 81.2 tok/s, 1.31 x vllm [1.27, 1.34]"


def test_tied_names_everybody_whom_the_best_may_equal() -> None:
    """Also one that is not the next best, where the next best is surely slower."""
    found = only(
        replicated("a", 8, {T: [80.0, 81.0, 82.0]}),
        replicated("b", 8, {T: [78.0, 78.5, 79.0]}),
        replicated("c", 8, {T: [60.0, 78.0, 95.0]}),
    )
    assert (found.relation, found.tied, found.runner_up) == ("tied", ("a", "c"), "c")
    assert leader_sentence(found) == "At 8 users: tied: a and c, 81.0 tok/s (1.04 x [0.84, 1.37])"


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

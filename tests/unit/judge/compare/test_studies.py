"""Two studies, cell by cell: verdicts by intervals, and every reason why figures are not comparable."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.catalogue import models
from kit.documents import OutputTokens
from kit.documents.study import Study, Subject
from kit.errors import InputError
from kit.judge.compare import Comparison, compare_studies
from tests.support.studies import CONDITIONS, LAPTOP, replicated, study, subject, trial

T = "throughput_tok_s"


def other(*subjects: Subject, **changes: Any) -> Study:
    """Another run than `study` makes, so with another identity."""
    return replace(study(*subjects), **{"identity": "d" * 64} | changes)


def verdicts(found: Comparison) -> list[tuple[str, str]]:
    return [(line.verdict, line.reason) for line in found.lines]


@pytest.mark.parametrize(
    ("metric", "a", "b", "verdict"),
    [
        (T, [80.0, 81.0, 82.0], [60.0, 61.0, 62.0], "faster"),
        (T, [60.0, 61.0, 62.0], [80.0, 81.0, 82.0], "slower"),
        (T, [70.0, 70.1, 70.2], [70.2, 70.3, 70.1], "tied"),
        (T, [71.0, 71.1, 71.2], [70.2, 70.3, 70.1], "tied"),
        (T, [60.0, 70.0, 80.0], [65.0, 70.0, 75.0], "undecided"),
        (T, [60.0, 70.0], [6.0, 7.0], "undecided"),
        ("ttft_ms.p50", [60.0, 61.0, 62.0], [80.0, 81.0, 82.0], "faster"),
        ("ttft_ms.p50", [80.0, 81.0, 82.0], [60.0, 61.0, 62.0], "slower"),
        ("error_rate", [0.1, 0.1, 0.1], [0.2, 0.2, 0.2], "better"),
        ("error_rate", [0.2, 0.2, 0.2], [0.1, 0.1, 0.1], "worse"),
        ("error_rate", [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], "tied"),
        ("error_rate", [0.1, 0.1, 0.1], [0.0, 0.0, 0.0], "undecided"),
        ("memory_max_mb", [800.0, 800.0, 800.0], [900.0, 900.0, 900.0], "better"),
    ],
)
def test_the_verdict_says_what_a_is_by_the_interval(
    metric: str, a: list[float], b: list[float], verdict: str
) -> None:
    """Of times less is faster; what is surely alike is tied; without an interval nothing is decided."""
    found = compare_studies(
        study(replicated("x", 4, {metric: a})), other(replicated("x", 4, {metric: b})), metrics=[metric]
    )
    assert [line.verdict for line in found.lines] == [verdict]
    assert bool(found.lines[0].reason) == (verdict == "undecided")


@settings(max_examples=15, deadline=None)
@given(*[st.lists(st.floats(1, 1000), min_size=1, max_size=4)] * 2)
def test_to_exchange_the_sides_exchanges_the_verdict(a: list[float], b: list[float]) -> None:
    """Nobody wins by being named first."""
    left, right = study(replicated("x", 4, {T: a})), other(replicated("x", 4, {T: b}))
    (one,), (two,) = (compare_studies(*sides, metrics=[T]).lines for sides in ((left, right), (right, left)))
    opposite = {"faster": "slower", "slower": "faster"}
    assert two.verdict == opposite.get(one.verdict, one.verdict)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method": "probador"}, "different method: kit and probador"),
        ({"loop": "open"}, "different loop: closed and open"),
        ({"loop": None}, "loop of B not known"),
        ({"prompts_sha256": "e" * 64}, "different prompts, both called short"),
        ({"prompts": "long", "prompts_sha256": "e" * 64}, "other prompts: short against long"),
        ({"prompts": "long", "prompts_sha256": None}, "other prompts: short against long"),
        ({"output_tokens": OutputTokens("uniform", 32, 32)}, "different output tokens: 16-64 and 32"),
        ({"ignore_eos": False}, "different ignore_eos: on and off"),
    ],
)
def test_other_conditions_are_not_comparable(changes: dict[str, Any], words: str) -> None:
    """Each of them changes what is measured, so no verdict is given, in either direction."""
    a = study(subject("x", 4, throughput_tok_s=1.0))
    b = other(subject("x", 4, throughput_tok_s=2.0), conditions=replace(CONDITIONS, **changes))
    ((verdict, reason),) = verdicts(compare_studies(a, b, metrics=[T]))
    assert verdict == "not comparable"
    assert words in reason
    assert verdicts(compare_studies(b, a, metrics=[T]))[0][0] == "not comparable"


def test_what_neither_side_says_is_taken_to_be_the_same_and_said() -> None:
    """So imported results, which say little, can be compared with each other."""
    silent = replace(CONDITIONS, method="probador", prompts=None, prompts_sha256=None, ignore_eos=None)
    a = study(replicated("x", 4, {T: [1.0, 1.0, 1.0]}), conditions=silent)
    b = other(replicated("x", 4, {T: [2.0, 2.0, 2.0]}), conditions=silent)
    found = compare_studies(a, b, metrics=[T])
    assert verdicts(found) == [("slower", "")]
    assert found.notes == ("Not stated by either, assumed equal: prompts, ignore_eos.",)


def test_another_machine_window_or_version_is_noted_and_does_not_forbid() -> None:
    """To compare machines is what some runs are for."""
    a = study(replicated("x", 4, {T: [1.0, 1.0, 1.0]}))
    b = other(
        replicated("x", 4, {T: [2.0, 2.0, 2.0]}),
        conditions=replace(CONDITIONS, warmup_s=2.0, window_s=8.0),
        hardware=replace(LAPTOP, device="GB10"),
        kit_version="0.2.0",
    )
    found = compare_studies(a, b, metrics=[T])
    assert [line.verdict for line in found.lines] == ["slower"]
    assert found.notes == (
        "Different warm-up: 5 s and 2 s.",
        "Different window: 60 s and 8 s.",
        "Different machine: NVIDIA GeForce RTX 4060 Laptop GPU, 8 GB and GB10.",
        "Different kit version: 0.1.0 and 0.2.0.",
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"model_sha256": "e" * 64}, "other model hash: aaaaaaaaaaaa against eeeeeeeeeeee"),
        ({"model_sha256": "e" * 64, "model": "qwen"}, "other model hash: smollm2-135m-instruct-q4_1 against qwen"),
        ({"model_sha256": None}, "model hash of B not known"),
        ({"trials": (replace(trial(1, throughput_tok_s=1.0), suspect=("lag",)),)}, "B: SUSPECT: lag"),
        ({"trials": (trial(1, "failed"),)}, "B: 1 of 1 replicate without a result: ready: the server exited"),
        ({"trials": (trial(1, ttft_ms__p50=1.0),)}, f"B: no data for {T}"),
        ({"concurrency": 8}, "not measured in B at this concurrency"),
        ({"entry": "y"}, "no such entry in B"),
    ],
)
def test_a_figure_that_does_not_count_says_why(changed: dict[str, Any], words: str) -> None:
    """Of B here; A gets the same words."""
    a = study(subject("x", 4, throughput_tok_s=1.0))
    b = other(replace(subject("x", 4, throughput_tok_s=1.0), **changed))
    line = compare_studies(a, b, metrics=[T]).lines[0]
    assert line.verdict == "not comparable"
    assert words in line.reason
    assert line.ratio is None


def test_weights_made_from_the_same_file_are_the_same() -> None:
    """The catalogue knows what a folder for another engine was made of."""
    made = next(each for each in models() if each.source.made_from and each.sha256)
    source = next(each for each in models() if each.name == made.source.made_from)
    a = study(replace(subject("x", 4, throughput_tok_s=1.0), model_sha256=source.sha256, model=source.name))
    b = other(replace(subject("x", 4, throughput_tok_s=1.0), model_sha256=made.sha256, model=made.name))
    assert compare_studies(a, b, metrics=[T]).lines[0].verdict == "undecided"


def test_two_entries_of_one_run_may_have_other_weights_and_say_so() -> None:
    """Whoever planned the run put them side by side."""
    one = study(
        replicated("x", 4, {T: [1.0, 1.0, 1.0]}),
        replace(replicated("y", 4, {T: [2.0, 2.0, 2.0]}), model_sha256="e" * 64, model="awq"),
    )
    (line,) = compare_studies(one, one, [("x", "y")], [T]).lines
    assert (line.entry_a, line.row_b, line.verdict) == ("x", "y", "slower")
    assert line.caveat == "other model hash: smollm2-135m-instruct-q4_1 against awq"


def test_pairs_metrics_and_levels_can_be_chosen() -> None:
    """In the order asked for; a level that nobody measured says so."""
    figures = {"throughput_tok_s": 1.0, "ttft_ms__p50": 2.0}
    a = study(subject("x", 1, **figures), subject("x", 4, **figures))
    b = other(subject("z", 1, **figures), subject("z", 4, **figures))
    found = compare_studies(a, b, [("x", "z")], ["ttft_ms.p50", T], [4, 64])
    assert [(line.metric, line.concurrency) for line in found.lines] == [
        ("ttft_ms.p50", 4),
        ("ttft_ms.p50", 64),
        (T, 4),
        (T, 64),
    ]
    assert found.lines[1].reason == "not measured in A at this concurrency"


@pytest.mark.parametrize(
    ("pairs", "metrics", "words"),
    [
        ([("llamacp", "llamacpp")], [T], "Did you mean 'llamacpp'"),
        ([("llamacpp", "q")], [T], "B .yoga. has no entry 'q'. It has llamacpp"),
        (None, ["ttft_ms_p50"], "Did you mean 'ttft_ms.p50'"),
        (None, ["tokens.prompt"], "has no better direction"),
    ],
)
def test_names_that_do_not_exist_are_refused(
    pairs: list[tuple[str, str]] | None, metrics: list[str], words: str
) -> None:
    """With the nearest, or those that there are."""
    with pytest.raises(InputError, match=words):
        compare_studies(study(subject("llamacpp", 1)), other(subject("llamacpp", 1)), pairs, metrics)


def test_a_run_against_itself_needs_pairs() -> None:
    """Every entry equals itself, which would be no finding."""
    with pytest.raises(InputError, match="A and B are the same run"):
        compare_studies(study(subject("x", 1)), study(subject("x", 1)))


def test_two_results_of_the_same_thing_are_not_chosen_from() -> None:
    """Imported files may hold several; nobody can tell which of them is meant."""
    twice = other(subject("vllm", 4, throughput_tok_s=1.0), subject("vllm", 4, throughput_tok_s=9.0))
    with pytest.raises(InputError, match="holds 2 results of vllm at 4 users"):
        compare_studies(study(subject("vllm", 4, throughput_tok_s=5.0)), twice)

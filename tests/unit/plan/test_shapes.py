"""From lengths and rates in a platform file to shapes, cells and loads; prompts of the corpus, cut to a length."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.assets import asset
from kit.documents import LengthFit, Loop, MadeUp, OutputTokens, PlannedRequest, Shape
from kit.errors import InputError
from kit.plan.chat_body import Message, body
from kit.plan.extension import deciding, extended
from kit.plan.plan import cell_load, cell_order
from kit.plan.platforms import load_platform
from kit.plan.workloads.corpus import corpus_prompts, corpus_text, planned_prompts, prompt_count
from kit.plan.workloads.kit_traces import kit_trace_lines, kit_trace_names, pinned_of_kit
from kit.plan.workloads.lengths import fit_faults, fit_of, fit_questions, long_words, made_up, prompt_tokens_of
from kit.plan.workloads.shapes import shape_text, shapes_of_workload
from kit.strict import plain
from tests.support.documents import LOAD
from tests.support.good_shapes import grid_plan, open_plan, shaped_plan

FIT = LengthFit(32, (56, 57, 55, 56), 384, 432)


# --- shapes -----------------------------------------------------------------------------------------------


def test_every_input_length_meets_every_output_length() -> None:
    """In the order in which they are written."""
    assert [shape.name for shape in grid_plan().workload.shapes] == [
        "i256-o8", "i256-o16", "i512-o8", "i512-o16",
    ]  # fmt: skip
    assert grid_plan().workload.output_tokens == OutputTokens("uniform", 8, 16)
    first = grid_plan().cells[0]
    assert (first.id, first.lane, first.shape) == (
        "r1-i256-o8-c1-llamacpp-serial", "r1-i256-o8-c1", "i256-o8",
    )  # fmt: skip
    assert [cell.order for cell in grid_plan().cells] == list(range(16))


def test_rates_become_shapes_of_an_open_loop() -> None:
    """With the arrivals and the rate in the load of each cell."""
    plan = open_plan()
    assert [(shape.name, shape.rate_milli_per_s) for shape in plan.workload.shapes] == [
        ("q5", 5000), ("q20", 20_000),
    ]  # fmt: skip
    load = cell_load(plan, plan.cells[-1], "http://127.0.0.1:1", "m")
    assert load.loop == Loop("open", None, "poisson", 20_000)
    assert (load.prefill, load.made_up, load.prompts_from) == (False, None, "kit")


def test_a_plan_of_one_kind_of_request_says_nothing_of_shapes() -> None:
    """So that plans from before there were shapes are the same bytes."""
    plan = shaped_plan(lambda work: work)
    document: Any = plain(plan)
    assert not {"shapes", "arrivals", "api", "trace", "burstiness_milli"} & document["workload"].keys()
    assert {key for cell in document["cells"] for key in cell} == {
        "id", "order", "entry", "concurrency", "replicate", "lane",
    }  # fmt: skip
    load: Any = plain(cell_load(plan, plan.cells[0], "http://127.0.0.1:1", "m"))
    assert not {"api", "made_up", "prefill", "trace"} & load.keys()


def test_a_trace_of_the_kit_is_played_at_speeds() -> None:
    """Its hash is in the plan, and its speed in the load."""
    plan = shaped_plan(
        lambda work: replace(work, loop="open", trace="bursts", speeds=(1, 2.5), concurrencies=(4,))
    )
    assert [shape.name for shape in plan.workload.shapes] == ["x1", "x2.5"]
    load = cell_load(plan, plan.cells[-1], "http://127.0.0.1:1", "m")
    assert load.trace == replace(pinned_of_kit("bursts"), speed_milli=2500)
    assert load.loop == Loop("open", None, "trace")
    assert kit_trace_names() == ["bursts"]
    lines = kit_trace_lines("bursts")
    assert lines[-1].at_ns > 590 * 10**9
    assert {8 <= (line.output_tokens or 0) <= 512 for line in lines} == {True}
    with pytest.raises(InputError, match="The kit has no trace 'burst'"):
        pinned_of_kit("burst")


def test_options_that_do_not_fit_an_open_loop_are_refused() -> None:
    """Several numbers of users (`--concurrency 1,4`, `kit selftest`), and a window beyond the end of the trace."""
    with pytest.raises(InputError, match="An open loop has one concurrency"):
        shaped_plan(lambda work: replace(work, loop="open", rates=(1.0,), concurrencies=(1, 4)))
    with pytest.raises(InputError, match="the trace ends after 5"):
        shaped_plan(
            lambda work: replace(
                work, loop="open", trace="bursts", speeds=(100.0,), concurrencies=(4,), window_s=60.0
            )
        )


def test_shapes_in_words() -> None:
    """As tables, sentences and `kit plan` say them."""
    output = OutputTokens("uniform", 64, 64)
    assert shape_text(Shape("i4096-o64", output, 4096)) == "4,096 in, 64 out"
    assert shape_text(Shape("o64", output)) == "64 out"
    assert shape_text(Shape("q1", output, None, 1000)) == "1 request/s"
    assert shape_text(Shape("i512-q2.5", OutputTokens("uniform", 8, 16), 512, 2500)) == (
        "512 in, 8-16 out, 2.5 requests/s"
    )
    assert shape_text(Shape("x2", output, None, None, 2000)) == "trace x 2"


def test_replicates_can_be_added_to_several_shapes_but_nothing_is_decided_over_them() -> None:
    """The rule that decides compares entries under one kind of request."""
    more = extended(grid_plan(), 3)
    assert len(more.cells) == 3 * len(grid_plan().cells)
    names = tuple(entry.name for entry in more.entries)
    shapes = tuple(shape.name for shape in more.workload.shapes)
    assert more.cells == cell_order(names, (1, 2), 3, {}, shapes)
    with pytest.raises(InputError, match="this plan has several"):
        deciding(more, None)


# --- platform files ---------------------------------------------------------------------------------------


def platform_file(folder: Path, **workload: object) -> str:
    """The demo with other words in its workload; None takes one away."""
    document = yaml.safe_load(asset("compose", "platforms", "demo.yaml").read_text())
    merged = document["workload"] | workload
    document["workload"] = {name: value for name, value in merged.items() if value is not None}
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(document))
    return str(path)


def test_a_platform_file_may_have_a_grid(tmp_path: Path) -> None:
    """Lists of lengths, as people write them."""
    found = load_platform(platform_file(tmp_path, prompts="corpus", input_tokens=[256], output_tokens=[8, 16]))
    assert [shape.name for shape in shapes_of_workload(found.workload)] == ["i256-o8", "i256-o16"]
    assert shapes_of_workload(load_platform("demo").workload) == ()


@pytest.mark.parametrize(
    ("workload", "words"),
    [
        ({"input_tokens": [256]}, "input_tokens and prompts: corpus come together"),
        ({"prompts": "corpus"}, "input_tokens and prompts: corpus come together"),
        ({"prompts": "corpus", "input_tokens": [256, 256]}, "the same value twice in input_tokens"),
        (
            {"prompts": "corpus", "input_tokens": [640]},
            "context_tokens_per_slot is 640, but prompt and",
        ),
        ({"rates": [1]}, "a closed loop has no rates"),
        ({"loop": "open"}, "an open loop needs rates or a trace"),
        ({"loop": "open", "rates": [1]}, "an open loop has one concurrency"),
        ({"loop": "open", "rates": [1], "arrivals": "gamma"}, "arrivals: gamma and burstiness come together"),
        ({"loop": "open", "rates": [0.0001], "concurrencies": [4]}, "more than three decimals"),
        ({"loop": "open", "trace": "bursts", "concurrencies": [4]}, "a trace needs its speed"),
        ({"loop": "open", "trace": "bursts", "rates": [1]}, "a trace has no rates"),
        ({"loop": "open", "trace": "burst", "speeds": [1], "concurrencies": [4]}, "unknown trace 'burst'"),
        (
            {"loop": "open", "trace": "bursts", "speeds": [100], "concurrencies": [4], "window_s": 60},
            "at its highest speed the trace ends after",
        ),
        ({"loop": "open", "speeds": [1], "rates": [1]}, "speeds are of a trace"),
    ],
)
def test_words_that_do_not_fit_together_are_refused(tmp_path: Path, workload: dict[str, Any], words: str) -> None:
    """With the line of the file."""
    with pytest.raises(InputError, match=words) as found:
        load_platform(platform_file(tmp_path, **workload))
    assert ", line " in found.value.what
    assert found.value.remedy


# --- the corpus -------------------------------------------------------------------------------------------


def test_the_corpus_is_pinned_like_a_prompt_set() -> None:
    """Its texts are its patterns; nothing of it is asked as it is."""
    found = planned_prompts("corpus")
    assert (found.origin, found.name) == ("corpus", "corpus")
    assert len(found.texts) == 14
    assert planned_prompts("micro").origin == "kit"


def test_prompts_of_a_length_differ_and_share_no_beginning() -> None:
    """After the line that says what to do; the salt that stands before that differs in every request anyway."""
    found = corpus_prompts(2026, MadeUp(512, 472))
    assert len(set(found.texts)) == prompt_count(512) == 32
    told = [text.removeprefix("Continue this report:") for text in found.texts]
    assert len({text[:40] for text in told}) == 32
    assert prompt_count(32_768) == 12
    assert prompt_count(262_144) == 4


def test_a_prompt_is_the_same_for_the_same_seed_and_begins_as_its_longer_self() -> None:
    """`kit-corpus-1`: a change of one word needs a new name."""
    text = corpus_text(2026, 512, 0, 12)
    assert text == corpus_text(2026, 512, 0, 12)
    assert corpus_text(2026, 512, 0, 24).startswith(text)
    assert text != corpus_text(2027, 512, 0, 12)
    said = text.removeprefix("Continue this report:")
    assert len(said.replace(".", " .").replace(",", " ,").split()) == 12
    assert all(ord(char) < 128 for char in text)


# --- lengths ----------------------------------------------------------------------------------------------


def test_the_fit_takes_what_stands_around_from_the_mean_and_the_words_from_the_slope() -> None:
    """56 tokens for 32 words and 432 for 384: 376 / 352 tokens a word, 21.8 around them."""
    assert made_up(512, FIT) == MadeUp(512, round((512 - (56 - 32 * 376 / 352)) * 352 / 376), FIT)
    assert made_up(512, None) == MadeUp(512, 488)
    assert made_up(64, LengthFit(32, (400,) * 4, 96, 464)).words == 1


@pytest.mark.parametrize("tokens_a_word", [0.3, 1.0, 1.4, 5.5])
@pytest.mark.parametrize("around", [0, 21, 900])
@pytest.mark.parametrize("wanted", [1024, 4096, 32_768])
def test_a_server_that_counts_so_gets_prompts_of_the_length(
    tokens_a_word: float, around: int, wanted: int
) -> None:
    """Within 1 %, whatever a word costs and whatever stands around the words."""

    def counted(words: int) -> int:
        return round(words * tokens_a_word) + around

    fit = fit_of(wanted, [*(counted(32) for _ in range(4)), counted(long_words(wanted))])
    assert fit is not None
    assert fit_faults(wanted, fit) == ""
    assert abs(counted(made_up(wanted, fit).words) - wanted) <= wanted / 100


def test_counts_that_say_nothing_give_no_fit() -> None:
    """No count, or one that no tokenizer gives."""
    assert fit_of(512, [56, 56, None, 56, 432]) is None
    assert fit_of(512, [56, 56, 56, 56, None]) is None
    assert fit_of(512, [56, 56, 56, 56, 56]) is None
    assert fit_of(512, [56, 56, 56, 56, 9000]) is None
    odd: list[object] = [None, [], {}, {"usage": None}, {"usage": {"prompt_tokens": True}}]
    assert [prompt_tokens_of(answer) for answer in (*odd, {"usage": {"prompt_tokens": 0}})] == [None] * 6
    assert prompt_tokens_of({"usage": {"prompt_tokens": 7}}) == 7


def test_the_questions_before_the_load_ask_for_one_token_each() -> None:
    """Four short ones with salts of their own, and one long one that begins as the first."""
    asked = fit_questions(replace(LOAD, extra_body={"ignore_eos": True}), 4096)
    assert [(each["max_tokens"], each["stream"]) for each in asked] == [(1, False)] * 5
    assert not any({"ignore_eos", "stream_options"} & each.keys() for each in asked)
    salts = [each["messages"][0]["content"][:16] for each in asked]  # type: ignore[index]
    assert salts[0] == salts[4]
    assert len(set(salts)) == 4
    texts = [each["messages"][1]["content"] for each in asked]  # type: ignore[index]
    assert texts[4].startswith(texts[0])


def test_raw_prompts_begin_with_the_salt_and_have_no_messages() -> None:
    """For base models."""
    request = open_plan().cells[0]
    load = replace(cell_load(open_plan(), request, "http://127.0.0.1:1", "m"), api="completions")
    asked = body(load, ["What is a tree?"], PlannedRequest(0, 0, "ab" * 8, 5))
    assert asked["prompt"] == f"{'ab' * 8} is the number of this request.\n\nWhat is a tree?"
    assert "messages" not in asked
    with pytest.raises(InputError, match="cannot be sent as a raw prompt"):
        body(load, [(Message("user", "x"),)], PlannedRequest(0, 0, "ab" * 8, 5))

"""Prompt sets and request bodies."""

from __future__ import annotations

import re
from hashlib import sha256
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.assets import asset
from kit.documents import Load, Loop, OutputTokens, PlannedRequest, Setting, TextPin, Timeouts
from kit.errors import InputError
from kit.plan.chat_body import RESERVED_KEYS, body, messages
from kit.plan.prompts import PromptSet, load_prompts, parse_prompts, prompt_set_names

MAX_YAML_BYTES = 64 * 1024
# Characters of the shortest and the longest prompt; the tokens were counted with a real tokenizer.
SIZES_CHARS = {"micro": (20, 60), "short": (90, 150), "medium": (350, 620), "long": (950, 1550)}
GOOD = b"""schema: kit/prompts/1
name: two
title: Two of them
prompts:
  - id: two-01
    text: Explain a heap.
  - id: two-02
    text: >-
      Write a queue

          push(x)
"""
REQUEST = PlannedRequest(id=3, prompt=1, salt="00ff00ff00ff00ff", max_tokens=17)


def load_of(*, seed: int = 7, **extra_body: Setting) -> Load:
    return Load(
        schema="kit/load/1",
        url="http://127.0.0.1:1/v1",
        model="m",
        loop=Loop("closed", 1),
        warmup_ns=0,
        window_ns=None,
        requests=1,
        drain_ns=0,
        timeouts=Timeouts(1, 1, 1, 1),
        schedule="kit-schedule-1",
        seed=seed,
        lane="a",
        prompts=TextPin("two", "0" * 64, 2),
        output_tokens=OutputTokens("uniform", 1, 2),
        extra_body=extra_body,
    )


# --- the sets that come with the kit --------------------------------------------------------------------


def test_the_four_sets_are_there_and_the_correctness_suite_is_none_of_them() -> None:
    """Everything under prompts/ but the suite is a prompt set."""
    assert prompt_set_names() == ["long", "medium", "micro", "short"]


@pytest.mark.parametrize("name", SIZES_CHARS)
def test_a_set_has_forty_prompts_of_its_size(name: str) -> None:
    """At least 32 are needed; none may be far from the size that the set promises."""
    prompts = load_prompts(name)
    low, high = SIZES_CHARS[name]

    assert len(prompts.texts) == 40
    assert [prompts.ids[i] for i, text in enumerate(prompts.texts) if not low <= len(text) <= high] == []


@pytest.mark.parametrize("name", SIZES_CHARS)
def test_a_set_stays_below_the_readers_limit(name: str) -> None:
    """The strict YAML reader refuses more than 64 KiB."""
    assert asset("prompts", f"{name}.yaml").stat().st_size < MAX_YAML_BYTES


@pytest.mark.parametrize("name", SIZES_CHARS)
def test_the_prompts_of_a_set_differ_from_the_first_word_on(name: str) -> None:
    """A shared beginning could be answered from a prompt cache."""
    words = [re.findall(r"\w+", text)[0].lower() for text in load_prompts(name).texts]

    assert len(set(words)) == len(words)


def test_no_two_prompts_of_the_kit_are_alike() -> None:
    """Prompts made from one template with other nouns would share most of their words."""
    texts = [text for name in ("short", "medium", "long") for text in load_prompts(name).texts]
    bags = [set(re.findall(r"\w+", text.lower())) for text in texts]
    alike = [
        (texts[a][:40], texts[b][:40])
        for a, b in combinations(range(len(bags)), 2)
        if len(bags[a] & bags[b]) > 0.5 * len(bags[a] | bags[b])
    ]

    assert alike == []


@pytest.mark.parametrize("name", SIZES_CHARS)
def test_ids_are_the_name_and_a_number(name: str) -> None:
    """So a record's prompt index can be found in the file by eye."""
    assert tuple(f"{name}-{number:02d}" for number in range(1, 41)) == load_prompts(name).ids


def test_the_hash_is_that_of_the_file() -> None:
    """A plan pins the set by the sha256 of the file's bytes."""
    assert sha256(asset("prompts", "short.yaml").read_bytes()).hexdigest() == load_prompts("short").sha256


def test_an_unknown_set_names_the_nearest() -> None:
    """A typing error is met with the right word."""
    with pytest.raises(InputError, match=r"'meduim'.*'medium'.*long, medium, micro, short"):
        load_prompts("meduim")


@pytest.mark.parametrize("name", ["correctness", "../pyproject", "", "short.yaml", "\x1b[2J"])
def test_a_name_is_never_a_path(name: str) -> None:
    """Only the listed names are opened, and what was typed is harmless to print."""
    with pytest.raises(InputError, match="There is no prompt set") as caught:
        load_prompts(name)

    assert "\x1b" not in str(caught.value)


# --- reading a file -------------------------------------------------------------------------------------


def test_a_file_becomes_texts_and_ids_in_order() -> None:
    """Folded text keeps its indented code."""
    expected = PromptSet(
        "two",
        ("Explain a heap.", "Write a queue\n\n    push(x)"),
        ("two-01", "two-02"),
        sha256(GOOD).hexdigest(),
    )

    assert expected == parse_prompts(GOOD, "two")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"name: two", b"name: three", r"line 2.*calls itself 'three'"),
        (b"id: two-02", b"id: two-01", r"line 7.*prompts\[1\] has the id of an earlier"),
        (b"text: Explain a heap.", b"text: 5", r"line 6.*text"),
        (b"text: Explain a heap.", b"txt: Explain a heap.", r"line 6.*text"),
        (b"text: Explain a heap.", b"text: &a Explain", r"line 6.*anchors"),
        (b"kit/prompts/1", b"kit/prompts/2", r"line 1.*schema"),
        (b"title: Two of them\n", b"", r"title"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(old: bytes, new: bytes, said: str) -> None:
    """The message names the file and the line of the mistake."""
    with pytest.raises(InputError, match=rf"(?s)prompts/two\.yaml.*{said}"):
        parse_prompts(GOOD.replace(old, new), "two")


def test_the_same_text_twice_is_refused() -> None:
    """The second could be answered from a cache."""
    twice = GOOD.split(b"    text: >-")[0] + b"    text: Explain a heap.\n"

    with pytest.raises(InputError, match=r"line 8.*prompts\[1\] has the text of an earlier"):
        parse_prompts(twice, "two")


@given(st.binary(max_size=200) | st.tuples(st.integers(0, len(GOOD)), st.binary(max_size=3)))
def test_any_bytes_are_a_set_or_an_input_error(change: bytes | tuple[int, bytes]) -> None:
    """Nothing but InputError ever comes out of the reader."""
    data = change if isinstance(change, bytes) else GOOD[: change[0]] + change[1] + GOOD[change[0] :]
    try:
        prompts = parse_prompts(data, "two")
    except InputError:
        return

    assert len(prompts.ids) == len(prompts.texts) > 0


# --- asking ---------------------------------------------------------------------------------------------


def test_the_salt_stands_first_of_all() -> None:
    """Then no two requests share a prefix."""
    chat = messages(["a", "b"], REQUEST)

    assert [message["role"] for message in chat] == ["system", "user"]
    assert chat[0]["content"].startswith("00ff00ff00ff00ff is the number of this request.")
    assert chat[1]["content"] == "b"


def test_the_body_asks_for_a_greedy_counted_stream() -> None:
    """Every field of the request, and no other."""
    expected = {
        "model": "m",
        "messages": messages(["a", "b"], REQUEST),
        "max_tokens": 17,
        "temperature": 0,
        "top_p": 1,
        "seed": 7,
        "stream": True,
        "stream_options": {"include_usage": True},
        "ignore_eos": True,
    }

    assert expected == body(load_of(ignore_eos=True), ["a", "b"], REQUEST)


def test_extra_body_may_change_the_sampling() -> None:
    """Temperature is a choice of the load, the stream is not."""
    assert body(load_of(temperature=1), ["a", "b"], REQUEST)["temperature"] == 1


@pytest.mark.parametrize("seed", [2**31, 2**63 + 5, 0])
def test_the_seed_fits_into_31_bits(seed: int) -> None:
    """Servers read it into a signed 32-bit integer."""
    assert body(load_of(seed=seed), ["a", "b"], REQUEST)["seed"] == seed % 2**31


@pytest.mark.parametrize("key", sorted(RESERVED_KEYS))
def test_extra_body_may_not_override_what_is_measured(key: str) -> None:
    """Else the records would not be of the plan."""
    with pytest.raises(InputError, match=f"extra_body may not set {key}"):
        body(load_of(**{key: 1}), ["a", "b"], REQUEST)

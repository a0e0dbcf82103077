"""The prefix cache of the reference endpoint: what it knows, what it gives up, what the endpoint says of it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.reference.behaviour import Behaviour
from kit.reference.faults import parse_rule
from kit.reference.prefix_cache import PrefixCache, PrefixCacheShape
from kit.reference.requests import BYTES_PER_TOKEN
from kit.reference.shapes import Shape
from kit.reference.timing import Delay
from tests.support.scripted import MS, behaving, chat_request, connected, exchange, in_thread, read_truths

ROOMY = PrefixCacheShape(1_000_000, 4)
BLOCK_BYTES = 4 * BYTES_PER_TOKEN


def test_a_prompt_is_known_from_the_second_time_on_but_for_its_last_token() -> None:
    """Whole blocks only, and one token is always computed."""
    cache = PrefixCache(ROOMY)
    prompt = b"x" * (3 * BLOCK_BYTES)
    assert [cache.take(prompt) for _ in range(3)] == [0, 8, 8]
    assert cache.take(prompt + b"and more") == 12


def test_what_comes_after_a_difference_is_not_known() -> None:
    """A block is known by all that stands before it."""
    cache = PrefixCache(ROOMY)
    cache.take(b"a" * BLOCK_BYTES + b"b" * 4 * BLOCK_BYTES)
    assert cache.take(b"c" * BLOCK_BYTES + b"b" * 4 * BLOCK_BYTES) == 0
    assert cache.take(b"a" * BLOCK_BYTES + b"b" * BLOCK_BYTES + b"d" * BLOCK_BYTES) == 8


def test_an_answer_is_known_when_it_comes_back() -> None:
    """With the prompt before it, as the next turn of a session sends it."""
    cache = PrefixCache(ROOMY)
    prompt, answer = b"p" * BLOCK_BYTES, b"q" * (2 * BLOCK_BYTES)
    cache.take(prompt)
    cache.add(prompt, answer)
    assert cache.take(prompt + answer + b"r" * BLOCK_BYTES) == 12


def test_the_end_of_what_was_least_recently_used_is_given_up_first() -> None:
    """Its beginning is of use without it, the other way round not."""
    cache = PrefixCache(PrefixCacheShape(4 * 4, 4))  # four blocks
    first, second = b"1" * (3 * BLOCK_BYTES), b"2" * (3 * BLOCK_BYTES)
    cache.take(first)
    cache.take(second)  # two blocks of the first have to go
    assert cache.take(first[: 2 * BLOCK_BYTES]) == 4


words = st.lists(st.sampled_from([b"a", b"b"]), max_size=12).map(
    lambda parts: b"".join(p * BLOCK_BYTES for p in parts)
)


@given(st.lists(words, max_size=20))
def test_without_a_limit_it_knows_the_longest_prefix_that_was_there(prompts: list[bytes]) -> None:
    """Against a search through all that was asked before."""
    cache = PrefixCache(ROOMY)
    before: list[bytes] = []
    for prompt in prompts:
        blocks = len(prompt) // BLOCK_BYTES
        known = max(
            (n for old in before for n in range(blocks + 1) if old.startswith(prompt[: n * BLOCK_BYTES])),
            default=0,
        )
        most = max(0, len(prompt) // BYTES_PER_TOKEN - 1) // 4
        assert cache.take(prompt) == 4 * min(known, most)
        before.append(prompt)


@given(st.lists(words, max_size=30), st.integers(1, 8))
def test_a_small_cache_never_knows_more_than_a_large_one(prompts: list[bytes], blocks: int) -> None:
    """Nor more than it can hold."""
    small, large = PrefixCache(PrefixCacheShape(4 * blocks, 4)), PrefixCache(ROOMY)
    for prompt in prompts:
        here, there = small.take(prompt), large.take(prompt)
        assert here <= there
        assert here <= 4 * blocks


# --- what the endpoint says -------------------------------------------------------------------------------


def caching(*faults: str, shape: Shape = "llamacpp", **more: Any) -> Behaviour:
    return behaving(*faults, shape=shape, cache=PrefixCacheShape(100_000, 4), **more)


def told(url: str, prompt: str) -> dict[str, Any]:
    """The usage of one answer of two tokens."""
    asked = chat_request(messages=[{"role": "user", "content": prompt}], max_tokens=2)
    with connected(url) as sock:
        body = b"".join(data for _, data in exchange(sock, asked).pieces)
    events = [line[6:] for line in body.decode().splitlines() if line.startswith("data: {")]
    found: dict[str, Any] = next(event["usage"] for event in map(json.loads, events) if event.get("usage"))
    return found


def cached(usage: dict[str, Any]) -> int | None:
    details = usage.get("prompt_tokens_details")
    return details["cached_tokens"] if details else None


@pytest.mark.parametrize(("shape", "speaks"), [("llamacpp", True), ("vllm", True), ("ollama", False)])
def test_shapes_that_speak_of_their_cache_say_what_came_from_it(
    tmp_path: Path, shape: Shape, speaks: bool
) -> None:
    """The truth log says it of all."""
    prompt = "x" * 100
    with in_thread(caching(shape=shape), tmp_path / "truth.jsonl") as url:
        said = [cached(told(url, prompt)) for _ in range(2)]
    assert said == ([0, 24] if speaks else [None, None])
    truths = read_truths(tmp_path / "truth.jsonl")
    assert [(truth.prompt_tokens, truth.cached_tokens) for truth in truths] == [(25, 0), (25, 24)]


def test_an_endpoint_without_a_cache_says_what_it_always_did(tmp_path: Path) -> None:
    """And its truth log has no word more."""
    with in_thread(behaving(), tmp_path / "truth.jsonl") as url:
        assert cached(told(url, "x" * 100)) == 0
    line = json.loads((tmp_path / "truth.jsonl").read_text())
    assert "cached_tokens" not in line
    assert "prompt_tokens" not in line


def test_it_can_lie_and_be_silent() -> None:
    """More than was there, and nothing at all."""
    with in_thread(caching("cached-lie:2", "no-cached:3")) as url:
        said = [cached(told(url, f"{number}" + "x" * 99)) for number in range(3)]
    assert said == [0, 25, None]
    assert parse_rule("cached-lie:2").every == 2


def test_what_is_known_is_not_read_again() -> None:
    """The first text comes after the prefill of the other tokens."""
    slow = Behaviour(
        ttft=Delay("constant", 0),
        itl=Delay("constant", 0),
        prefill_ns_per_token=2 * MS,
        cache=PrefixCacheShape(100_000, 4),
    )
    with in_thread(slow) as url:
        took = []
        for _ in range(2):
            before = time.monotonic()
            told(url, "y" * 400)
            took.append(time.monotonic() - before)
    assert took[0] >= 0.2  # 100 tokens
    assert took[1] < took[0] - 0.1

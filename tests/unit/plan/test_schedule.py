"""kit-schedule-1 against its test vectors (docs/method.md) and its own promises."""

from __future__ import annotations

import math
from collections import Counter
from hashlib import sha256
from itertools import islice, pairwise
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents import Loop, OutputTokens, PlannedRequest
from kit.plan.schedule import arrivals_ns, below, planned_request, prompt_order, u64

Kind = Literal["constant", "poisson", "gamma"]
LANE = "r1-c4"
PRODUCTION = OutputTokens("uniform", 16, 256)


def open_loop(kind: Kind, milli: int, burstiness_milli: int | None = None) -> Loop:

    return Loop("open", None, kind, milli, burstiness_milli)


def test_draws_are_the_vectors_of_the_method() -> None:
    """The first draws of a stream, as written in docs/method.md."""
    assert [f"{u64(2026, LANE, 'salt', i):016x}" for i in range(3)] == [
        "3176d369132dc3aa",
        "7af20531659b2be9",
        "3673d11b598225ef",
    ]
    assert u64(0, "", "", 0) == 7263251988771766072


def test_a_draw_is_the_head_of_a_sha256_over_plain_text() -> None:
    """Anybody can recompute a draw with sha256sum."""
    digest = sha256(b"kit-schedule-1/7/a/salt/12").hexdigest()
    assert u64(7, "a", "salt", 12) == int(digest[:16], 16)


def test_prompt_orders_are_the_vectors_of_the_method() -> None:
    """Two passes over a set of eight."""
    assert prompt_order(2026, LANE, 0, 8) == (0, 3, 4, 2, 7, 6, 5, 1)
    assert prompt_order(2026, LANE, 1, 8) == (4, 5, 6, 2, 1, 7, 0, 3)


@pytest.mark.parametrize(
    ("index", "prompt", "salt", "length"),
    [
        (0, 9, "3176d369132dc3aa", 17),
        (1, 10, "7af20531659b2be9", 52),
        (39, 1, "bd277d7b0d4d4800", 56),
        (40, 38, "3a869059786debcf", 60),
    ],
)
def test_planned_requests_are_the_vectors_of_the_method(index: int, prompt: int, salt: str, length: int) -> None:
    """Prompt, salt and length of four requests of the production workload."""
    expected = PlannedRequest(index, prompt, salt, length)
    assert planned_request(2026, LANE, index, 40, PRODUCTION) == expected


@pytest.mark.parametrize(
    ("kind", "burstiness", "expected"),
    [
        ("constant", None, [0, 400000000, 800000000, 1200000000, 1600000000]),
        ("poisson", None, [0, 297228819, 508588628, 1064513924, 1323611069]),
        ("gamma", 500, [0, 56434906, 241906512, 245557977, 303674174]),
        ("gamma", 2500, [0, 215614563, 439263892, 583426677, 699377861]),
    ],
)
def test_arrivals_are_the_vectors_of_the_method(kind: Kind, burstiness: int | None, expected: list[int]) -> None:
    """Five arrivals at 2.5 per second."""
    assert list(islice(arrivals_ns(2026, "load", open_loop(kind, 2500, burstiness)), 5)) == expected


@given(st.integers(0, 2**53), st.integers(1, 200))
def test_every_prompt_comes_once_in_each_pass(seed: int, n: int) -> None:
    """An order is a permutation."""
    assert sorted(prompt_order(seed, LANE, 3, n)) == list(range(n))


@given(st.integers(0, 2**64 - 1), st.integers(1, 2**40))
def test_below_stays_below(draw: int, n: int) -> None:
    """0 <= below(n) < n for any draw."""
    assert 0 <= below(draw, n) < n


def test_lengths_are_uniform_over_the_whole_range() -> None:
    """Every length of 16..256 turns up about equally often; the chi-square statistic stays ordinary."""
    n = 24_100
    counts = Counter(planned_request(1, LANE, i, 40, PRODUCTION).max_tokens for i in range(n))
    assert set(counts) == set(range(16, 257))
    expected = n / 241
    chi2 = sum((count - expected) ** 2 / expected for count in counts.values())
    assert 150 < chi2 < 340  # 240 degrees of freedom: mean 240, far out beyond 4.5 sigma


def test_salts_differ_between_requests_lanes_and_seeds() -> None:
    """No two of 3,000 requests share a salt."""
    salts = {
        planned_request(seed, lane, i, 40, PRODUCTION).salt
        for seed in (1, 2, 3)
        for lane in ("a", "b")
        for i in range(500)
    }
    assert len(salts) == 3000


@pytest.mark.parametrize(
    ("kind", "burstiness", "cv"), [("poisson", None, 1.0), ("gamma", 500, math.sqrt(2)), ("gamma", 4000, 0.5)]
)
def test_arrival_gaps_have_the_asked_mean_and_variation(kind: Kind, burstiness: int | None, cv: float) -> None:
    """Mean 1 / rate; coefficient of variation 1 / sqrt(burstiness)."""
    n = 4000
    times = list(islice(arrivals_ns(5, "load", open_loop(kind, 100_000, burstiness)), n + 1))
    gaps = [later - earlier for earlier, later in pairwise(times)]
    mean = sum(gaps) / n
    deviation = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / n)
    assert min(gaps) >= 0
    assert abs(mean - 10_000_000) < 10_000_000 * 4 * cv / math.sqrt(n)
    assert abs(deviation / mean - cv) < 0.1 * cv


def test_an_open_loop_without_a_rate_is_a_mistake_of_the_caller() -> None:
    """No rate, no arrivals."""
    with pytest.raises(ValueError, match="rate"):
        next(arrivals_ns(1, "load", Loop("open", None, "poisson", None)))

"""How long the load generator may wait before it reads: never so long that two tokens of a stream run together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.loadgen.linger import LONGEST_NS, SHORTEST_NS, linger_ns

MS = 1_000_000
TICK_NS = 50 * MS


@pytest.mark.parametrize(
    ("pieces", "most", "wait_ns"),
    [
        (0, 0, 0),  # nothing comes: whatever comes next is read at once
        (10, 10, 0),  # one stream of 200 tokens/s: each of its tokens is a wake-up anyway
        (320, 10, 1_250_000),  # 32 streams with 5 ms between their tokens: a quarter of that
        (640, 20, 625_000),  # the same at twice the pace
        (160, 40, SHORTEST_NS),  # four streams of 800 tokens/s: 1.25 ms apart
        (160, 80, SHORTEST_NS),  # two fast streams, the others wait for their first token
        (50_000, 2000, SHORTEST_NS),  # as fast as it goes
        (60, 1, LONGEST_NS),  # many slow streams
        (30, 1, 0),  # too few for a wait to be worth it
    ],
)
def test_the_wait_suits_what_comes(pieces: int, most: int, wait_ns: int) -> None:
    assert linger_ns(pieces, most, TICK_NS) == wait_ns


@given(st.integers(-1, 10**7), st.integers(0, 5000), st.integers(-1, 10**10))
def test_the_wait_is_none_or_within_its_bounds(pieces: int, most: int, span_ns: int) -> None:
    """Whatever is counted, a clock that stands still among it."""
    wait_ns = linger_ns(pieces, most, span_ns)
    assert wait_ns == 0 or SHORTEST_NS <= wait_ns <= LONGEST_NS
    if wait_ns > SHORTEST_NS:
        assert 4 * wait_ns <= span_ns / max(1, most)

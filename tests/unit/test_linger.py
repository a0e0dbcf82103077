"""How long the load generator may wait before it reads: never so long that two tokens of a stream run together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.loadgen.linger import LONGEST_NS, SHORTEST_NS, linger_ns

MS = 1_000_000
TICK_NS = 50 * MS


@pytest.mark.parametrize(
    ("pieces", "streams", "wait_ns"),
    [
        (0, 8, 0),  # nothing comes: whatever comes next is read at once
        (10, 1, 0),  # one stream of 200 tokens/s: each of its tokens is a wake-up anyway
        (320, 32, LONGEST_NS),  # 32 streams with 5 ms between their tokens
        (640, 32, 1_250_000),  # the same at twice the pace: half of 2.5 ms
        (50_000, 32, SHORTEST_NS),  # as fast as it goes
        (40, 100, LONGEST_NS),  # many slow streams: a token every 1.25 ms
        (30, 100, 0),  # too few for a wait to be worth it
    ],
)
def test_the_wait_suits_what_comes(pieces: int, streams: int, wait_ns: int) -> None:
    assert linger_ns(pieces, streams, TICK_NS) == wait_ns


@given(st.integers(-1, 10**7), st.integers(0, 5000), st.integers(-1, 10**10))
def test_the_wait_is_none_or_within_its_bounds(pieces: int, streams: int, span_ns: int) -> None:
    """Whatever is counted, a clock that stands still among it."""
    wait_ns = linger_ns(pieces, streams, span_ns)
    assert wait_ns == 0 or SHORTEST_NS <= wait_ns <= LONGEST_NS
    if wait_ns > SHORTEST_NS:
        assert 2 * wait_ns <= span_ns * max(1, streams) / pieces

"""A load by several clients begins at one time of day, or not at all."""

from __future__ import annotations

import time

import pytest

from kit.errors import InputError
from kit.loadgen.start import common_start
from kit.timestamps import utc_text

MS = 1_000_000


def test_the_origin_is_given_at_the_common_time() -> None:
    """Not before it, and within milliseconds on a machine that is not busy."""
    at_ns = time.time_ns() + 60 * MS
    begun_ns = time.monotonic_ns()
    origin_ns = common_start(utc_text(at_ns), lambda: False)()
    assert time.time_ns() >= at_ns - 1000
    assert origin_ns - begun_ns >= 59 * MS


def test_a_time_that_is_past_is_refused() -> None:
    """The others are under way; nothing is sent."""
    with pytest.raises(InputError, match="nothing was sent"):
        common_start(utc_text(time.time_ns() - 10**9), lambda: False)()


def test_a_user_who_gives_up_does_not_wait() -> None:
    """The load then ends at once."""
    begun_ns = time.monotonic_ns()
    common_start(utc_text(time.time_ns() + 3600 * 10**9), lambda: True)()
    assert time.monotonic_ns() - begun_ns < 10**9

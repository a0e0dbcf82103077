"""Sizes and durations of compose files: each unit, and the limits of both."""

from __future__ import annotations

import pytest

from kit.runtimes.compose.amounts import MAX_BYTES, MAX_SECONDS, duration_ns, size_bytes

KIB = 1024


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("7b", 7),
        ("1k", KIB),
        ("1kb", KIB),
        ("3K", 3 * KIB),
        ("2KB", 2 * KIB),
        ("1m", KIB**2),
        ("512mb", 512 * KIB**2),
        ("2g", 2 * KIB**3),
        ("1GB", KIB**3),
        ("1t", KIB**4),
        ("1024t", MAX_BYTES),
    ],
)
def test_a_size_counts_in_powers_of_1024(text: str, size: int) -> None:
    """As the Compose specification has it: k is 1,024 bytes, in capitals or not, with a b or without."""
    assert size_bytes(text) == size


@pytest.mark.parametrize("text", ["", "0", "0k", "k", "-1", "1.5g", "1 k", "1kib", "1p", "1bb", "1025t", "9" * 17])
def test_what_is_no_size_is_refused(text: str) -> None:
    """Nothing, fractions, units that Compose does not know, and more than any machine has."""
    with pytest.raises(ValueError):
        size_bytes(text)


NS_PER_S = 10**9


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1ns", 1),
        ("1us", 1_000),
        ("1ms", 1_000_000),
        ("10s", 10 * NS_PER_S),
        ("1m30s", 90 * NS_PER_S),
        ("1h", 3600 * NS_PER_S),
        ("1h5m30s20ms", 3930 * NS_PER_S + 20_000_000),
        (f"{MAX_SECONDS}s", MAX_SECONDS * NS_PER_S),
        ("24h", MAX_SECONDS * NS_PER_S),
    ],
)
def test_a_duration_is_the_sum_of_its_parts(text: str, ns: int) -> None:
    """Hours, minutes, seconds, and what is below."""
    assert duration_ns(text) == ns


@pytest.mark.parametrize("text", ["", "5", "s", "30s1m", "1s1s", "1d", "-1s", "24h1ns", "1.5s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """A number without unit, units out of order, and more than a day."""
    with pytest.raises(ValueError):
        duration_ns(text)

"""Whether an open loop keeps its schedule: the index of dispersion, by hand and of known processes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import takewhile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figure import Bench, Figure
from benchmarks.figures import open_loop
from benchmarks.figures.open_loop import dispersion
from benchmarks.loads import NS_PER_S, Ask
from kit.documents import Loop, Record
from kit.plan.schedule import arrivals_ns
from tests.support.records import make_record


def counted(*counts: int) -> list[int]:
    """Times of which so many lie in the first second, so many in the next, and so on."""
    return [second * NS_PER_S + at for second, count in enumerate(counts) for at in range(count)]


@pytest.mark.parametrize(
    ("counts", "index"),
    [
        ((2, 4), 2 / 3),  # mean 3, variance (1 + 1) / 1
        ((0, 10), 10.0),  # mean 5, variance 50 / 1
        ((1, 2, 3), 0.5),  # mean 2, variance 2 / 2
        ((0, 0, 0, 8), 8.0),  # mean 2, variance (3 * 4 + 36) / 3
        ((3, 7, 3, 7), 16 / 3 / 5),  # mean 5, variance 4 * 4 / 3
        ((7, 7, 7), 0.0),
    ],
)
def test_the_index_is_what_a_hand_computes(counts: tuple[int, ...], index: float) -> None:
    """Variance with n - 1, over the mean."""
    assert dispersion(counted(*counts), len(counts)) == pytest.approx(index)


def test_a_second_begins_with_its_first_nanosecond() -> None:
    """The last ns of a second belongs to it, the next to the next; the order of the times is all one."""
    times = [NS_PER_S, 0, 2 * NS_PER_S - 1, NS_PER_S - 1]
    assert dispersion(times, 2) == 0.0


def test_times_after_the_last_window_do_not_count() -> None:
    """A load goes on a little after its window."""
    assert dispersion(counted(2, 4, 90), 2) == pytest.approx(2 / 3)


def test_seconds_without_a_time_count_as_empty() -> None:
    """A client that stood still is not let off."""
    assert dispersion(counted(5, 5), 4) == pytest.approx(25 / 3 / 2.5)


@given(st.lists(st.integers(0, 30), min_size=2, max_size=12).filter(any))
def test_the_index_is_never_negative_and_0_only_for_equal_counts(counts: list[int]) -> None:
    """Whatever arrives."""
    index = dispersion(counted(*counts), len(counts))
    assert (index > 0) == (len(set(counts)) > 1)


# --- known processes ------------------------------------------------------------------------------------


def arrivals(loop: Loop, seconds: int) -> list[int]:
    """The kit's own schedule for these seconds."""
    return list(takewhile(lambda at: at < seconds * NS_PER_S, arrivals_ns(2026, "load", loop)))


def poisson(seed: int, rate: float, seconds: int) -> Iterator[int]:
    """A Poisson process that has nothing to do with the kit's."""
    draws, at = random.Random(seed), 0.0
    while at < seconds:
        yield int(at * NS_PER_S)
        at += draws.expovariate(rate)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_poisson_arrivals_lie_near_1(seed: int) -> None:
    """In 400 windows the index has a standard deviation of 0.07 (these draws are always the same)."""
    assert 0.8 < dispersion(list(poisson(seed, 50, 400)), 400) < 1.2


def test_the_kits_own_poisson_schedule_lies_near_1() -> None:
    """20 requests per second for 40 s."""
    assert 0.8 < dispersion(arrivals(Loop("open", None, "poisson", 20_000), 40), 40) < 1.2


@pytest.mark.parametrize("rate_milli", [1000, 20_000, 20_500])
def test_constant_arrivals_lie_near_0(rate_milli: int) -> None:
    """At half a request more per second the counts change by one, no more."""
    assert dispersion(arrivals(Loop("open", None, "constant", rate_milli), 40), 40) < 0.02


def test_bunched_arrivals_lie_far_above_1() -> None:
    """Gaps of shape 0.1: bursts with long pauses between."""
    assert dispersion(arrivals(Loop("open", None, "gamma", 20_000, 100), 40), 40) > 5


# --- the figures ----------------------------------------------------------------------------------------


class Sent:
    """Stands for a load whose requests were sent when these records say."""

    def __init__(self, records: list[Record]) -> None:
        self._records = records

    def records(self) -> list[Record]:
        return self._records


def figures(
    counts: tuple[int, ...], monkeypatch: pytest.MonkeyPatch, *, quick: bool, lags_ms: tuple[float, ...] = (0.5,)
) -> tuple[Figure, ...]:
    """The figures of a load with so many requests in each second, late by these times in turn."""
    times_ms = [at // 1000 / 1000 for at in counted(*counts)]
    records = [
        make_record(number, sent_ms=at + lags_ms[number % len(lags_ms)], intended_ms=at)
        for number, at in enumerate(times_ms)
    ]
    never = make_record(len(records), sent_ms=None, intended_ms=0, chunks_ms=(), outcome="failed")
    asked: list[Ask] = []

    def load(_bench: Bench, _url: str, ask: Ask) -> Sent:
        asked.append(ask)
        return Sent([*records, never])

    monkeypatch.setattr(open_loop, "reference", lambda *_: nullcontext("http://127.0.0.1:9"))
    monkeypatch.setattr(open_loop, "kit_load", load)
    found = open_loop.measure(Bench(Path(), quick=quick))
    assert [(ask.rate, ask.duration_s) for ask in asked] == [(500, len(counts))]
    return found


def test_the_lag_is_judged_by_its_p99_and_unsent_requests_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 requests: 99 are late by 0.5 ms, one by 7 ms, which p99 leaves out and the text names."""
    lag, *_ = figures((10,) * 10, monkeypatch, quick=True, lags_ms=(*[0.5] * 99, 7.0))
    assert (lag.value, lag.target, lag.met) == (0.5, "<= 1", True)
    assert lag.how == "500/s Poisson, 10 s, 100 requests; p50 0.500, max 7.000 ms"


def test_late_requests_miss_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of 100 are late by 7 ms: now p99 is."""
    lag, *_ = figures((10,) * 10, monkeypatch, quick=True, lags_ms=(*[0.5] * 49, 7.0))
    assert (lag.value, lag.met) == (7.0, False)


@pytest.mark.parametrize(
    ("counts", "index", "met"),
    [
        ((3, 7) * 30, 60 * 4 / 59 / 5, True),
        ((4, 6) * 30, 60 * 1 / 59 / 5, False),
        ((0, 10) * 30, 60 * 25 / 59 / 5, False),
    ],
)
def test_the_index_is_judged_on_both_sides(
    counts: tuple[int, ...], index: float, met: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A metronome misses the target as bursts do."""
    _, found, _ = figures(counts, monkeypatch, quick=False)
    assert found.value == pytest.approx(index)
    assert (found.target, found.met) == ("0.8 to 1.2", met)


def test_of_few_windows_the_index_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten windows say too little of a true Poisson process; the number is still given."""
    _, found, _ = figures((0, 10) * 5, monkeypatch, quick=True)
    assert found.value == pytest.approx(10 * 25 / 9 / 5)
    assert found.met is None


def test_what_the_client_adds_is_the_difference_to_the_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planned 2, 4, 2, 4 ...; two of each four are late by a second: 2, 2, 4, 2, 4 ..., mean 2.8."""
    _, sent, added = figures((2, 4) * 5, monkeypatch, quick=True, lags_ms=(0.0, 0.0, 1000.0))
    planned, actual = 10 * 1 / 9 / 3, (6 * 0.8**2 + 4 * 1.2**2) / 9 / 2.8
    assert f"of the schedule itself {planned:.3f}" in sent.how
    assert sent.value == pytest.approx(actual)
    assert added.value == pytest.approx(actual - planned)
    assert (added.target, added.met) == ("", None)

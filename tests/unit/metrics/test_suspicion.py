"""SUSPECT by effect, since method 3: a doubt counts by what it can have changed of the cell's own figures."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents import Calibration, CalibrationPoint, Fault, Metrics, Window
from kit.metrics.aggregate import cell_metrics
from kit.metrics.limits import MAX_LATE_PERCENT, MIN_BUSY_SHARE, MIN_PACE
from kit.metrics.suspicion import (
    BY_EFFECT,
    IDLE_USERS,
    NOT_CALIBRATED,
    PROVED_NOTHING,
    Doubt,
    doubts,
    faults_for,
    suspicions,
)
from tests.support.calibrations import good_calibration, good_point
from tests.support.records import MS, make_record

CALIBRATION = good_calibration((1, 4))  # proven to 2,560 tokens/s and 4 streams
FINE = replace(cell_metrics([make_record()], Window(0, 1000 * MS), open_loop=False), mean_in_flight=4.0)


def metrics(
    *, ttft: float | None = 300.0, itl: float | None = 10.0, tpot: float | None = 10.0, e2e: float | None = 500.0
) -> Metrics:
    """Metrics with these medians (and this mean latency) in milliseconds, and nothing late."""
    return replace(
        FINE,
        ttft_ms=replace(FINE.ttft_ms, p50=ttft),
        itl_ms=replace(FINE.itl_ms, p50=itl),
        tpot_ms=replace(FINE.tpot_ms, p50=tpot),
        e2e_ms=replace(FINE.e2e_ms, mean=e2e),
    )


def late(count: int, mean_ms: float, *, latency_ms: float | None = 500.0, window_s: float = 10.0) -> Metrics:
    """So many requests that were late by this on average."""
    lag = replace(FINE.send_lag_ms, n=count, mean=mean_ms, p99=None, max=mean_ms * count)
    return replace(metrics(e2e=latency_ms), send_lag_ms=lag, window_s=window_s)


def point(
    *faults: Fault, ttft: float = 0.2, gap: float = 0.02, pace: float = 1.0, concurrency: int = 4
) -> CalibrationPoint:
    """A point with these faults and errors."""
    good = good_point(concurrency)
    found = replace(
        good.accuracy,
        ttft_error_ms=replace(good.accuracy.ttft_error_ms, p99=ttft),
        gap_error_ms=replace(good.accuracy.gap_error_ms, p99=gap),
    )
    return replace(good, accuracy=found, pace=pace, ok=not faults, faults=faults)


def calibrated(*points: CalibrationPoint) -> Calibration:
    return replace(CALIBRATION, points=(good_point(1), *points), steps=())


# --- late sends -------------------------------------------------------------------------------------------


def test_one_late_request_of_many_is_no_doubt() -> None:
    """One of 36 was late by 180 ms: 5 ms on average, of 500 ms; before method 3 that made the cell SUSPECT."""
    found = late(36, 5.0, window_s=20.0)
    assert suspicions(4, found, CALIBRATION, 2) == ("send lag max 180.0 ms, limit 5.0 ms",)
    assert suspicions(4, found, CALIBRATION, BY_EFFECT) == ()


@pytest.mark.parametrize(("more", "count"), [(0.0, 0), (1e-6, 1)])
def test_late_sends_may_take_one_percent_of_the_users_time(more: float, count: int) -> None:
    """4 users of 10 s have 40 s; 100 requests late by 4 ms take 0.4 s of it."""
    found = late(100, 4.0 * MAX_LATE_PERCENT + more, latency_ms=None)
    words = ("late sends took 1.0 % of the users' time, limit 1 %",)[:count]
    assert suspicions(4, found, CALIBRATION, BY_EFFECT) == words


@pytest.mark.parametrize(("more", "count"), [(0.0, 0), (1e-6, 1)])
def test_late_sends_may_be_one_percent_of_the_latency(more: float, count: int) -> None:
    """Of its mean, as the lateness is a mean."""
    found = late(2, 5.0 * MAX_LATE_PERCENT + more)
    words = ("sends were late by 1.0 % of the mean latency, limit 1 %",)[:count]
    assert suspicions(4, found, CALIBRATION, BY_EFFECT) == words


def test_a_cell_without_a_request_or_a_window_is_no_crash() -> None:
    """A bundle may claim anything."""
    nothing = cell_metrics([], Window(0, 1000 * MS), open_loop=False)
    assert suspicions(1, nothing, CALIBRATION, BY_EFFECT) == ()
    assert suspicions(1, replace(late(2, 1.0), window_s=0.0), CALIBRATION, BY_EFFECT) == ()


# --- the calibration --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error_ms", "ttft_ms", "words"),
    [
        (1.25, 300.0, ()),  # 0.4 %
        (3.0, 300.0, ()),
        (3.01, 300.0, ("the calibration failed at concurrency 4, TTFT error p99 3.01 ms, limit 3.00 ms",)),
        (1.25, 50.0, ("the calibration failed at concurrency 4, TTFT error p99 1.25 ms, limit 1.00 ms",)),
        (1.25, None, ("the calibration failed at concurrency 4, TTFT error p99 1.25 ms, limit 1.00 ms",)),
    ],
)
def test_a_ttft_error_counts_by_the_cells_own_ttft(
    error_ms: float, ttft_ms: float | None, words: tuple[str, ...]
) -> None:
    """One percent of it, or a millisecond where that is more."""
    found = calibrated(point("ttft_error", ttft=error_ms))
    assert suspicions(4, metrics(ttft=ttft_ms), found, BY_EFFECT) == words
    assert (
        suspicions(4, metrics(ttft=ttft_ms), found, 2)[0] == "the calibration failed at concurrency 4, TTFT error"
    )


@pytest.mark.parametrize(
    ("error_ms", "itl_ms", "tpot_ms", "fails"),
    [(1.4, 150.0, 150.0, False), (1.4, 150.0, 120.0, True), (1.4, None, 150.0, False), (1.4, None, None, True)],
)
def test_a_gap_error_counts_by_the_smaller_of_itl_and_tpot(
    error_ms: float, itl_ms: float | None, tpot_ms: float | None, fails: bool
) -> None:
    """Both are made of gaps; one that was withheld cannot speak."""
    found = calibrated(point("gap_error", gap=error_ms))
    assert bool(suspicions(4, metrics(itl=itl_ms, tpot=tpot_ms), found, BY_EFFECT)) is fails


@pytest.mark.parametrize(("tpot_ms", "fails"), [(5.0, True), (20.0, False), (None, True)])
def test_a_lost_pace_counts_by_the_cells_own_pace(tpot_ms: float | None, fails: bool) -> None:
    """200 tok/s at 0.95 lost 0.26 ms a token: 5 % of 5 ms, 1.3 % of 20 ms, where 2 % are allowed."""
    found = calibrated(point("pace", pace=0.95))
    doubted = doubts(4, metrics(tpot=tpot_ms), found, BY_EFFECT)
    assert bool(doubted) is fails
    assert all(each.lowers for each in doubted)  # a client that is slow makes rates lower, never higher


@pytest.mark.parametrize(("pace", "left"), [(0.97, ()), (0.9, ("pace",)), (0.0, ("pace",)), (None, ("pace",))])
def test_a_pace_that_says_nothing_is_no_pace(pace: float | None, left: tuple[Fault, ...]) -> None:
    assert faults_for(replace(point("pace"), pace=pace), metrics()) == left


def test_a_point_that_lost_something_never_suffices() -> None:
    """However slow the cell is."""
    slow = metrics(ttft=60_000.0, itl=9_000.0, tpot=9_000.0)
    words = "the calibration failed at concurrency 4, lost chunks or requests"
    assert suspicions(4, slow, calibrated(point("lost", "ttft_error", ttft=9.0)), BY_EFFECT) == (words,)


def test_one_try_that_suffices_is_enough() -> None:
    """As one that holds was."""
    tries = (point("ttft_error", ttft=40.0), point("ttft_error", ttft=1.5))
    assert suspicions(4, metrics(), calibrated(*tries), BY_EFFECT) == ()
    assert len(suspicions(4, metrics(), calibrated(*reversed(tries)), BY_EFFECT)) == 0


def test_what_suffices_for_a_cell_is_proven_for_it() -> None:
    """Its streams and its rate too: the ceiling is that of the points that are accurate enough for this cell."""
    narrow = calibrated(point("ttft_error", ttft=1.5, concurrency=8))
    assert suspicions(8, replace(metrics(), mean_in_flight=8.0), narrow, BY_EFFECT) == ()
    quick = replace(metrics(ttft=20.0), mean_in_flight=8.0)
    assert suspicions(8, quick, narrow, BY_EFFECT)[0].startswith("the calibration failed at concurrency 8")
    beyond = replace(metrics(), mean_in_flight=9.0)
    assert suspicions(9, beyond, narrow, BY_EFFECT) == ("9 streams, proven to 8",)


def test_without_a_calibration_or_a_point_that_suffices_nothing_is_proven() -> None:
    """For none of the cells."""
    assert doubts(1, metrics(), None, BY_EFFECT) == (Doubt(NOT_CALIBRATED),)
    nothing = replace(CALIBRATION, points=(point("lost", concurrency=2),), steps=(), ceiling=None)
    assert doubts(1, metrics(), nothing, BY_EFFECT) == (Doubt(PROVED_NOTHING),)


# --- directions -------------------------------------------------------------------------------------------


def test_reasons_that_can_only_lower_rates_say_so() -> None:
    """Beyond the proven range, late, idle; an error of times has no direction, and before method 3 nothing has."""
    many = replace(metrics(), tokens=replace(FINE.tokens, chunks=99_999), mean_in_flight=4 * MIN_BUSY_SHARE - 0.1)
    found = doubts(4, many, CALIBRATION, BY_EFFECT)
    assert [each.words for each in found] == ["99,999 chunks/s, proven to 2,560", IDLE_USERS]
    assert all(each.lowers for each in (*found, *doubts(9, FINE, CALIBRATION, BY_EFFECT)))
    assert all(each.lowers for each in doubts(4, late(100, 9.0), CALIBRATION, BY_EFFECT))
    (error,) = doubts(4, metrics(ttft=1.0), calibrated(point("ttft_error", ttft=2.0)), BY_EFFECT)
    assert not error.lowers
    assert not any(each.lowers for each in doubts(4, many, CALIBRATION, 2))


@given(
    ttft=st.floats(0.1, 1e5), tpot=st.floats(0.1, 1e4), error=st.floats(0, 1e4), gap=st.floats(0, 1e4),
    pace=st.floats(0.01, 2),
)  # fmt: skip
def test_a_point_that_holds_suffices_for_every_cell(
    ttft: float, tpot: float, error: float, gap: float, pace: float
) -> None:
    """And what fails without sufficing says with which limit."""
    found = metrics(ttft=ttft, itl=tpot, tpot=tpot)
    assert faults_for(good_point(4), found) == ()
    failed = point("ttft_error", "gap_error", "pace", ttft=error, gap=gap, pace=pace)
    left = faults_for(failed, found)
    assert ("ttft_error" in left) == (error > max(1.0, ttft / 100))
    assert pace < MIN_PACE or "pace" not in left or tpot < 1000 / failed.rate_tok_s

"""Errors of the load generator against a known truth, verdicts on points, and marks on cells."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents import (
    Accuracy,
    CalibrationPoint,
    CalibrationRecord,
    ErrorSpread,
    Fault,
    Metrics,
    Record,
    Window,
)
from kit.metrics.accuracy import (
    accuracy,
    arrived_tok_s,
    calibration_point,
    calibration_records,
    error_spread,
    faults,
    pace,
    proven,
    streams_text,
)
from kit.metrics.aggregate import cell_metrics
from kit.metrics.suspicion import IDLE_USERS, NOT_CALIBRATED, suspicions
from kit.reference.truth import Truth
from tests.support.calibrations import good_calibration, good_point
from tests.support.records import MS, make_record

ORIGIN_NS = 77_000 * MS
SALT = "0123456789abcdef"
WINDOW = Window(0, 1000 * MS)
TIMES_MS = (50.0, 55.0, 60.0, 65.0)


def truth_of(left_ms: tuple[float, ...], received_ms: float = 0, salt: str | None = SALT) -> Truth:
    """A request that was received and answered at these times after the origin."""
    sent = tuple((ORIGIN_NS + round(at * MS), 1) for at in left_ms)
    received_ns = ORIGIN_NS + round(received_ms * MS)
    return Truth(1, salt, received_ns, None, sent[0][0] if sent else None, sent, received_ns, len(sent))


def measured(chunks_ms: tuple[float, ...], id_: int = 0, salt: str = SALT, sent_ms: float = 0) -> Record:
    return replace(make_record(id_, sent_ms=sent_ms, chunks_ms=chunks_ms), salt=salt)


def found(*records: Record, truth: Truth | None = None) -> Accuracy:
    """The accuracy of these records against one truth, by its salt."""
    truths = {SALT: truth or truth_of(TIMES_MS)}
    return accuracy(calibration_records(0, records, truths, ORIGIN_NS), WINDOW)


def seen(*records: Record) -> list[CalibrationRecord]:
    """What is kept of records of which the endpoint knows nothing."""
    return calibration_records(0, records, {}, ORIGIN_NS)


# --- errors ---------------------------------------------------------------------------------------------


def test_a_perfect_measurement_has_no_error() -> None:
    """The same times on both sides: all errors 0, everything matched."""
    none = ErrorSpread(1, 0.0, 0.0, 0.0)
    of_chunks = replace(none, n=4)
    assert found(measured(TIMES_MS)) == Accuracy(1, 1, 4, 0, none, replace(none, n=3), of_chunks, none)


@given(
    way_us=st.integers(0, 5000),
    late_us=st.lists(st.integers(0, 4000), min_size=4, max_size=4),
)
def test_lateness_of_each_chunk_and_of_the_way_is_found(way_us: int, late_us: list[int]) -> None:
    """TTFT error: the way there and the lateness of the first chunk; gap error: what lateness changes."""
    truth = truth_of(TIMES_MS, received_ms=way_us / 1000)
    late = [at + each / 1000 for at, each in zip(TIMES_MS, late_us, strict=True)]
    errors = found(measured(tuple(late)), truth=truth)
    assert errors.ttft_error_ms.max == (way_us + late_us[0]) / 1000
    assert errors.receive_error_ms.max == max(late_us) / 1000
    steps = [abs(after - before) for before, after in pairwise(late_us)]
    assert errors.gap_error_ms.max == max(steps) / 1000


def test_an_error_has_no_sign() -> None:
    """Too early is as wrong as too late; percentiles are nearest rank."""
    assert error_spread([-3 * MS, MS, 2 * MS]) == ErrorSpread(3, 2.0, 3.0, 3.0)
    assert error_spread([]) == ErrorSpread(0, None, None, None)
    assert error_spread(list(range(MS, 201 * MS, MS))) == ErrorSpread(200, 100.0, 198.0, 200.0)


def test_a_lost_chunk_is_counted_and_the_request_not_held_against_others() -> None:
    """One of four is missing: which one, nobody can say, so no gap is compared."""
    errors = found(measured((50, 55, 60)))
    assert (errors.requests, errors.matched, errors.chunks, errors.lost_chunks) == (1, 0, 0, 1)
    assert errors.gap_error_ms.n == 0


def test_the_error_of_a_first_token_is_from_the_sending_on() -> None:
    """Sent at 10 ms, received at 12: what came at the right time is 2 ms too long for the client."""
    errors = found(measured(TIMES_MS, sent_ms=10), truth=truth_of(TIMES_MS, received_ms=12))
    assert errors.ttft_error_ms.max == 2.0


def test_a_request_nobody_knows_is_not_matched() -> None:
    """Another salt than any the endpoint saw."""
    errors = found(measured(TIMES_MS, salt="f" * 16))
    assert (errors.requests, errors.matched, errors.lost_chunks) == (1, 0, 0)


def test_only_requests_of_the_window_count_and_no_cut_ones() -> None:
    """One sent after the window, one cut by the end."""
    cut = replace(measured(TIMES_MS), outcome="unfinished")
    assert found(cut, measured((1050, 1055), sent_ms=1000)).requests == 0


def test_the_lag_of_sending_is_kept() -> None:
    """Sent 2 ms after it was meant to be."""
    late = replace(measured((52, 57, 62, 67), sent_ms=2), intended_ns=0)
    assert found(late, truth=truth_of((52, 57, 62, 67), received_ms=2)).send_lag_ms.max == 2.0


# --- points ---------------------------------------------------------------------------------------------


def test_the_pace_is_that_of_the_streams_while_they_stream() -> None:
    """Three gaps of 5 ms are 200 tokens/s; a stream of one chunk has no pace."""
    assert pace(seen(measured(TIMES_MS)), WINDOW, 200.0) == 1.0
    assert pace(seen(measured(TIMES_MS)), WINDOW, 400.0) == 0.5
    assert pace(seen(measured((50,))), WINDOW, 200.0) is None


def test_the_pace_is_over_the_answers_that_were_sent_in_the_window() -> None:
    """Not of failed ones, nor of those sent after it; six digits of a fraction."""
    slow = replace(measured((50, 150, 250)), outcome="failed")
    late = measured((1050, 1150, 1250), sent_ms=1000)
    two = measured((50, 60))
    assert pace(seen(two, slow, late), WINDOW, 100.0) == 1.0
    assert pace(seen(two, measured((50, 70))), WINDOW, 100.0) == 0.666667
    assert pace(seen(slow, late), WINDOW, 100.0) is None
    assert pace(seen(two), WINDOW, 300.0) == 0.333333


def test_throughput_has_three_digits() -> None:
    """Of a fraction that does not end."""
    assert arrived_tok_s(seen(measured(TIMES_MS)), Window(0, 3000 * MS)) == 1.333


def test_what_arrived_outside_the_window_is_not_throughput() -> None:
    """Two of four chunks in a window of 10 ms."""
    assert arrived_tok_s(seen(measured(TIMES_MS)), Window(50 * MS, 60 * MS)) == 200.0


GOOD = good_point(4)


def with_errors(**values: Any) -> CalibrationPoint:
    return replace(GOOD, accuracy=replace(GOOD.accuracy, **values))


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        (GOOD, ()),
        (with_errors(ttft_error_ms=ErrorSpread(9, 0.1, 1.0, 1.0)), ()),
        (with_errors(ttft_error_ms=ErrorSpread(9, 0.1, 1.001, 1.5)), ("ttft_error",)),
        (with_errors(gap_error_ms=ErrorSpread(9, 0.1, 2.0, 2.0)), ("gap_error",)),
        (with_errors(gap_error_ms=ErrorSpread(0, None, None, None)), ("gap_error",)),
        (with_errors(lost_chunks=1), ("lost",)),
        (with_errors(matched=39), ("lost",)),
        (with_errors(requests=0, matched=0), ("lost",)),
        (replace(GOOD, pace=0.9799), ("pace",)),
        (replace(GOOD, pace=None), ("pace",)),
    ],
)
def test_a_point_holds_or_says_why_not(point: CalibrationPoint, expected: tuple[Fault, ...]) -> None:
    """p99 up to 1 ms, nothing lost, 98 % of the pace; no data is no proof."""
    assert faults(point.accuracy, point.pace) == expected


def test_a_point_is_made_from_records_and_truth() -> None:
    """Verdict, expected and real rate together."""
    kept = calibration_records(3, [measured(TIMES_MS)], {SALT: truth_of(TIMES_MS)}, ORIGIN_NS)
    point = calibration_point(1, 200.0, kept, WINDOW)
    assert (point.ok, point.faults, point.expected_tok_s, point.tok_s, point.pace) == (True, (), 200.0, 4.0, 1.0)
    assert (point.concurrency, point.rate_tok_s) == (1, 200.0)
    assert point.accuracy == found(measured(TIMES_MS))
    two = calibration_point(2, 300.0, kept, WINDOW)
    assert (two.ok, two.faults, two.expected_tok_s) == (False, ("pace",), 600.0)


def test_proven_is_what_points_that_hold_reached() -> None:
    """The failed one with more of both does not count; without a good one nothing is proven."""
    failed = replace(good_point(64), ok=False, faults=("lost",))
    ceiling = proven([good_point(1), GOOD, failed])
    assert ceiling
    assert (ceiling.tok_s, ceiling.streams) == (640.0, 4)
    assert proven([failed]) is None


# --- cells ----------------------------------------------------------------------------------------------

CALIBRATION = good_calibration((1, 4))  # proven to 2,560 tokens/s and 4 streams


def metrics_of(chunks: int = 4, lag_ms: float = 0, requests: int = 1, in_flight: float | None = 5.0) -> Metrics:
    """A window of one second in which each request brought so many chunks, sent late by `lag_ms`."""
    last_ms = 60 + lag_ms
    times = tuple(lag_ms + 50 + (last_ms - lag_ms - 50) * at / max(1, chunks - 1) for at in range(chunks))
    records = [make_record(i, sent_ms=lag_ms, intended_ms=0, chunks_ms=times) for i in range(requests)]
    return replace(cell_metrics(records, WINDOW, open_loop=False), mean_in_flight=in_flight)


def failed_at(concurrency: int) -> CalibrationPoint:
    return replace(good_point(concurrency), ok=False, faults=("gap_error", "pace"))


@pytest.mark.parametrize(
    ("concurrency", "metrics", "reasons"),
    [
        (4, metrics_of(), ()),
        (5, metrics_of(), ("5 streams, proven to 4",)),
        (4, metrics_of(chunks=2561), ("2,561 chunks/s, proven to 2,560",)),
        (4, metrics_of(lag_ms=5), ()),
        (4, metrics_of(lag_ms=6), ("send lag max 6.0 ms, limit 5.0 ms",)),
        (4, metrics_of(lag_ms=6, requests=500), ("send lag p99 6.0 ms, limit 5.0 ms",)),
        (1, cell_metrics([], WINDOW, open_loop=False), ()),
    ],
)
def test_a_cell_beyond_what_is_proven_is_suspect(
    concurrency: int, metrics: Metrics, reasons: tuple[str, ...]
) -> None:
    """Streams, chunks per second and lag, each with its own words."""
    assert suspicions(concurrency, metrics, CALIBRATION, 2) == reasons


def test_a_slow_server_may_be_met_a_little_later() -> None:
    """1 % of a latency of 800 ms is 8 ms."""
    records = [make_record(0, sent_ms=7, intended_ms=0, chunks_ms=(100, 807))]
    metrics = replace(cell_metrics(records, WINDOW, open_loop=False), mean_in_flight=1.0)
    assert suspicions(1, metrics, CALIBRATION, 2) == ()


def test_without_a_calibration_every_cell_is_suspect() -> None:
    """And so where it proved nothing at all."""
    assert suspicions(1, metrics_of(), None, 2) == (NOT_CALIBRATED,)
    nothing = replace(CALIBRATION, ceiling=None)
    assert suspicions(1, metrics_of(), nothing, 2) == ("the calibration proved nothing",)


def test_a_cell_at_a_concurrency_that_failed_is_suspect() -> None:
    """Unless its second try held."""
    points = (good_point(1), failed_at(2), failed_at(2), good_point(4))
    twice = replace(CALIBRATION, points=points)
    words = ("the calibration failed at concurrency 2, gap error and streams slower than asked for",)
    assert suspicions(2, metrics_of(), twice, 2) == words
    second = replace(CALIBRATION, points=(good_point(1), failed_at(2), good_point(2), good_point(4)))
    assert suspicions(2, metrics_of(), second, 2) == ()


def test_the_last_try_says_why_a_concurrency_failed() -> None:
    """And one stream is one."""
    first = replace(failed_at(2), faults=("lost",))
    points = (good_point(1), first, failed_at(2), good_point(4))
    words = ("the calibration failed at concurrency 2, gap error and streams slower than asked for",)
    assert suspicions(2, metrics_of(), replace(CALIBRATION, points=points), 2) == words
    assert [streams_text(count) for count in (0, 1, 2)] == ["0 streams", "1 stream", "2 streams"]


def test_a_window_of_no_length_is_no_crash() -> None:
    """A bundle may claim anything."""
    assert suspicions(1, replace(metrics_of(), window_s=0.0), CALIBRATION, 2) == ()


@pytest.mark.parametrize(
    ("in_flight", "failed", "expected"),
    [
        (4.0, 0, ()),
        (3.8, 0, ()),
        (3.79, 0, (IDLE_USERS,)),
        (3.0, 1, ()),  # who failed waits before the next request
        (None, 0, ()),
    ],
)
def test_littles_law_holds_in_a_closed_loop_or_the_cell_is_suspect(
    in_flight: float | None, failed: int, expected: tuple[str, ...]
) -> None:
    """Users without a request in flight are users the load generator was too slow for."""
    metrics = metrics_of(in_flight=in_flight)
    metrics = replace(metrics, requests=replace(metrics.requests, failed=failed))
    assert suspicions(4, metrics, CALIBRATION, 2) == expected

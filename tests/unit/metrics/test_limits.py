"""The limits of judgement: their values, and what is just inside and just outside of each in records and cells."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from kit.documents import Accuracy, ErrorSpread, Fault, Metrics, Record, Window
from kit.metrics import limits
from kit.metrics.accuracy import faults
from kit.metrics.aggregate import cell_metrics, is_replayed, sent_in
from kit.metrics.limits import (
    MAX_ERROR_MS,
    MAX_LAG_NS,
    MAX_LAG_PERCENT,
    MIN_BUSY_SHARE,
    MIN_ONE_CHARACTER_CHARS,
    MIN_PACE,
    MIN_REPLICATES_FOR_INTERVAL,
    MIN_SAME_CHARS,
    REPLAY_MIN_TOKENS,
    REPLAY_NS_PER_TOKEN,
    REPLAY_SPAN_DIVISOR,
)
from kit.metrics.stats import (
    BOOTSTRAP_ROUNDS,
    BOOTSTRAP_SEED,
    bootstrap_interval,
    bootstrap_medians,
    median_interval,
)
from kit.metrics.suspicion import IDLE_USERS, suspicions
from kit.metrics.validation import judge_all, parse_rule
from tests.support.calibrations import good_calibration, good_point
from tests.support.records import MS, make_record

WINDOW = Window(100 * MS, 1100 * MS)
# A change of one of these changes what old bundles are worth: it belongs into CHANGELOG.md and docs/rules.md.
VALUES: dict[str, Any] = {
    "CALIBRATION_TOK_S": 200.0,
    "CALIBRATION_RUN_TOK_S": 10_000.0,
    "MAX_ABOVE_PACE_PERCENT": 2,
    "MIN_POINT_NS": 2_000_000_000,
    "MIN_STEP_NS": 1_000_000_000,
    "MIN_PUBLISHED_WINDOW_NS": 5_000_000_000,
    "TAIL_SLACK_NS": 100_000_000,
    "TURN_SLACK_NS": 10_000_000,
    "BOOT_SLACK_NS": 10_000_000,
    "REPRODUCED_ERROR": 0.05,
    "MAX_OTHER_SHARE": 0.03,
    "MAX_OTHER_CPUS": 0.3,
    "MAX_WORST_OTHER_SHARE": 0.2,
    "MAX_WORST_OTHER_CPUS": 0.8,
    "MAX_BUSY_WITH_ROOM": 0.7,
    "MIN_FREE_CPUS": 1.0,
    "MAX_PRESSURE_WITH_ROOM": 0.1,
    "MAX_OTHER_SHARE_WITH_ROOM": 0.25,
    "MAX_STEAL_SHARE": 0.01,
    "MAX_MEMORY_PRESSURE_SHARE": 0.01,
    "MAX_SWAPPED_BYTES": 16 << 20,
    "MAX_THROTTLED_SHARE": 0.01,
    "MAX_SAMPLE_GAP_NS": 1_000_000_000,
    "MAX_CLOCK_STEP_NS": 50_000_000,
    "GPU_SLOWDOWNS": {
        0x08: "hardware slowdown",
        0x20: "software thermal slowdown",
        0x40: "hardware thermal slowdown",
        0x80: "power brake",
    },
    "MAX_ERROR_MS": 1.0,
    "MAX_POINT_TRIES": 4,
    "MAX_STEP_TRIES": 2,
    "MIN_PACE": 0.98,
    "MIN_BUSY_SHARE": 0.95,
    "MAX_LAG_NS": 5_000_000,
    "MAX_LAG_PERCENT": 1,
    "MAX_LATE_PERCENT": 1,
    "MAX_EFFECT_PERCENT": 1,
    "BACKOFF_FIRST_NS": 10_000_000,
    "BACKOFF_MAX_NS": 1_000_000_000,
    "MAX_STALL_NS": 500_000_000,
    "STEADY_PARTS": 10,
    "STEADY_WAITS": 4,
    "MIN_STEADY_PARTS": 3,
    "MIN_STEADY_CHUNKS": 20,
    "MIN_STEADY_SHARE": 0.5,
    "STEADY_FROM_METHOD": 3,
    "MAX_LENGTH_PERCENT": 1,
    "MAX_LENGTH_TOKENS": 4,
    "STAMP_SLACK_NS": 2_000,
    "MAX_RESOLUTION_NS": 1_000_000,
    "READING_SLACK_NS": 1_000_000,
    "UTC_SLACK_NS": 50_000_000,
    "UTC_DRIFT_PER_MILLION": 100,
    "MIN_SAME_CHARS": 200,
    "MIN_ONE_CHARACTER_CHARS": 5,
    "REPLAY_MIN_TOKENS": 9,
    "REPLAY_SPAN_DIVISOR": 20,
    "REPLAY_NS_PER_TOKEN": 200_000,
    "SAMPLE_FLOORS": {250: 17, 500: 1, 750: 17, 900: 44, 950: 90, 990: 459, 999: 4603},
    "MAX_CHUNKS_PER_ARRIVAL": 3,
    "MIN_REPLICATES_FOR_INTERVAL": 3,
    "AHEAD_ERROR": 0.04,
    "TIED_ERROR": 0.01,
    "EQUIVALENT_PERCENT": 5,
    "PAIRED_FROM": 5,
    "MIN_SPREAD": "0.001",
    "GROWTH_PERCENT": 5,
    "FLAT_STEPS": 2,
    "EQUAL_PERCENT": 2,
    "MIN_KNEE_HEIGHT": 0.1,
    "WORST_NS": 1_000_000_000,
    "WORST_STEP_NS": 500_000_000,
    "MAX_WORST_STEPS": 20_000,
    "MAX_ENERGY_DISAGREEMENT_PERCENT": 5,
    "GAP_INTERVALS": 3,
    "GAP_SLACK_NS": 1_000_000_000,
    "CPU_SLACK_PERCENT": 5,
    "CPU_SLACK_NS": 100_000_000,
}


def test_every_limit_has_the_value_that_the_documents_state() -> None:
    """All of them, so that a new one is written down here, and none moves by a slip."""
    assert {name: value for name, value in vars(limits).items() if name.isupper()} == VALUES
    assert (BOOTSTRAP_ROUNDS, BOOTSTRAP_SEED) == (2000, 2026)


# --- replays ----------------------------------------------------------------------------------------------


def burst(tokens: int, span_ns: int, latency_ns: int) -> Record:
    """An answer whose text came within `span_ns`, the last of it `latency_ns` after it was sent."""
    first_ns = latency_ns - span_ns
    stamps = [first_ns, *[first_ns + span_ns // 2] * (tokens - 2), latency_ns]
    return replace(make_record(chunks_ms=(1.0,) * tokens), chunks=tuple((at, 1, 0) for at in stamps))


LONG_NS = 10**12
FAST_NS = 30 * REPLAY_NS_PER_TOKEN  # as fast as 30 tokens may not come


@pytest.mark.parametrize(
    ("tokens", "span_ns", "latency_ns", "replayed"),
    [
        (REPLAY_MIN_TOKENS, 1000, LONG_NS, True),
        (REPLAY_MIN_TOKENS - 1, 1000, LONG_NS, False),
        (30, 1000, 1000 * REPLAY_SPAN_DIVISOR + 1, True),
        (30, 1000, 1000 * REPLAY_SPAN_DIVISOR, False),
        (30, FAST_NS - 1, LONG_NS, True),
        (30, FAST_NS, LONG_NS, False),
    ],
)
def test_a_replay_is_long_enough_and_faster_than_both_bounds(
    tokens: int, span_ns: int, latency_ns: int, replayed: bool
) -> None:
    """Tokens, part of the latency, time a token: just inside and just outside of each."""
    record = burst(tokens, span_ns, latency_ns)
    assert is_replayed(record) is replayed
    assert cell_metrics([record], Window(0, 10**13), open_loop=False).replayed == replayed


def test_what_was_never_sent_or_has_no_text_is_no_replay() -> None:
    """There is no latency to compare with."""
    record = burst(20, 1000, LONG_NS)
    assert not is_replayed(replace(record, sent_ns=None))
    assert not is_replayed(replace(record, chunks=()))


# --- the window -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at_ns", "inside"),
    [
        (WINDOW.start_ns - 1, False),
        (WINDOW.start_ns, True),
        (WINDOW.end_ns - 1, True),
        (WINDOW.end_ns, False),
    ],
)
def test_the_window_holds_its_first_nanosecond_and_not_the_one_after_its_last(at_ns: int, inside: bool) -> None:
    """For requests that are sent, for those that end, and for chunks that arrive alike."""
    sent = make_record(0, sent_ms=at_ns / MS, chunks_ms=(2000.0, 2010.0))
    assert sent_in(sent, WINDOW) is inside
    assert sent_in(replace(sent, sent_ns=None), WINDOW) is inside  # then by its intended time
    ended = make_record(1, sent_ms=100, chunks_ms=(120.0,), done_ms=at_ns / MS)
    assert cell_metrics([ended], WINDOW, open_loop=False).request_rate_s == float(inside)
    arrived = make_record(2, sent_ms=100, chunks_ms=(at_ns / MS,), done_ms=3000)
    assert cell_metrics([arrived], WINDOW, open_loop=False).throughput_tok_s == float(inside)


def test_a_request_is_in_flight_for_the_part_of_it_that_lies_in_the_window() -> None:
    """Begun before, over after, within; nothing where it was never sent, or over before the window began."""
    spans = {(0, 2000): 1.0, (0, 600): 0.5, (600, 2000): 0.5, (200, 300): 0.1, (0, 50): 0.0, (1200, 1300): 0.0}
    for (sent_ms, done_ms), expected in spans.items():
        record = make_record(0, sent_ms=sent_ms, chunks_ms=(sent_ms + 1.0,), done_ms=done_ms)
        assert cell_metrics([record], WINDOW, open_loop=False).mean_in_flight == expected
    never = make_record(0, sent_ms=None, intended_ms=200, chunks_ms=(), outcome="failed", error="connect")
    assert cell_metrics([replace(never, done_ns=900 * MS)], WINDOW, open_loop=False).mean_in_flight == 0.0


# --- intervals --------------------------------------------------------------------------------------------


def test_the_interval_leaves_two_and_a_half_percent_of_the_medians_out_on_each_side() -> None:
    """Of 2,000 different ones, fifty lie below it and fifty above it."""
    values = [math.sqrt(number) + number**2 / 7 for number in range(1, 181)]
    medians = sorted(bootstrap_medians(values))
    low, high = bootstrap_interval(values)
    assert medians[49] < low == medians[50] < medians[51]
    assert medians[1948] < high == medians[1949] < medians[1950]
    assert sum(value < low for value in medians) == sum(value > high for value in medians) == 50


def test_an_interval_takes_so_many_replicates() -> None:
    """One fewer has a median alone."""
    values = [float(number) for number in range(MIN_REPLICATES_FOR_INTERVAL)]
    assert (median_interval(values).low, median_interval(values).high) == (values[0], values[-1])
    fewer = median_interval(values[:-1])
    assert (fewer.n, fewer.low, fewer.high) == (MIN_REPLICATES_FOR_INTERVAL - 1, None, None)


# --- the client -------------------------------------------------------------------------------------------

CALIBRATION = good_calibration((1, 4))
FINE = replace(cell_metrics([make_record()], Window(0, 1000 * MS), open_loop=False), mean_in_flight=4.0)
MAX_LAG_MS = MAX_LAG_NS / MS
SLOW_MS = 20 * MAX_LAG_MS / MAX_LAG_PERCENT * 100  # a latency whose share is twenty times the fixed limit


def late(lag_ms: float, latency_ms: float | None, *, p99: bool = True) -> Metrics:
    """Metrics with this send lag, as p99 or, of few requests, as the largest."""
    lag = replace(FINE.send_lag_ms, p99=lag_ms if p99 else None, max=None if p99 else lag_ms)
    return replace(FINE, send_lag_ms=lag, e2e_ms=replace(FINE.e2e_ms, p50=latency_ms))


@pytest.mark.parametrize("p99", [True, False])
@pytest.mark.parametrize(
    ("limit_ms", "latency_ms"),
    [(MAX_LAG_MS, 10.0), (MAX_LAG_MS, None), (20 * MAX_LAG_MS, SLOW_MS)],
    ids=["fixed", "no latency", "share of the latency"],
)
def test_a_send_lag_may_be_as_long_as_its_limit(limit_ms: float, latency_ms: float | None, p99: bool) -> None:
    """The fixed one, or the share of the latency where that is more."""
    assert suspicions(4, late(limit_ms, latency_ms, p99=p99), CALIBRATION, 2) == ()
    (reason,) = suspicions(4, late(limit_ms + 1e-6, latency_ms, p99=p99), CALIBRATION, 2)
    name = "p99" if p99 else "max"
    assert reason == f"send lag {name} {limit_ms:.1f} ms, limit {limit_ms:.1f} ms"


@pytest.mark.parametrize(("less", "reasons"), [(0.0, ()), (1e-6, (IDLE_USERS,))])
def test_so_many_users_must_be_busy(less: float, reasons: tuple[str, ...]) -> None:
    """On average over the window."""
    assert suspicions(4, replace(FINE, mean_in_flight=4 * MIN_BUSY_SHARE - less), CALIBRATION, 2) == reasons


@pytest.mark.parametrize(("more", "count"), [(0, 0), (1, 1)])
def test_a_cell_may_have_as_many_streams_and_chunks_as_were_proven(more: int, count: int) -> None:
    """One more of either is beyond it; chunks by the second of the window."""
    ceiling = CALIBRATION.ceiling
    assert ceiling is not None
    users = ceiling.streams + more
    assert len(suspicions(users, replace(FINE, mean_in_flight=float(users)), CALIBRATION, 2)) == count
    chunks = int(ceiling.tok_s * 2) + more
    many = replace(FINE, window_s=2.0, tokens=replace(FINE.tokens, chunks=chunks))
    assert len(suspicions(4, many, CALIBRATION, 2)) == count


GOOD: Accuracy = good_point(4).accuracy


@pytest.mark.parametrize(
    ("error_ms", "pace", "expected"),
    [
        (MAX_ERROR_MS, MIN_PACE, ()),
        (math.nextafter(MAX_ERROR_MS, 2), MIN_PACE, ("ttft_error", "gap_error")),
        (MAX_ERROR_MS, math.nextafter(MIN_PACE, 0), ("pace",)),
    ],
)
def test_a_point_of_a_calibration_holds_up_to_its_limits(
    error_ms: float, pace: float, expected: tuple[Fault, ...]
) -> None:
    """Both errors and the pace, just there and just beyond."""
    spread_of = ErrorSpread(10, 0.1, error_ms, 2.0)
    assert faults(replace(GOOD, ttft_error_ms=spread_of, gap_error_ms=spread_of), pace) == expected


# --- answers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("chars", "failed"), [(MIN_SAME_CHARS - 1, 0), (MIN_SAME_CHARS, 2)])
def test_the_same_answer_counts_from_a_paragraph_on(chars: int, failed: int) -> None:
    """To two prompts; shorter ones may well be the same."""
    text = "ab" * (chars // 2) + "c" * (chars % 2)
    records = [replace(make_record(number), prompt=number) for number in (0, 1)]
    found = judge_all(parse_rule("basic"), records, {0: text, 1: text})
    assert found.failed_by_reason == ({"same_answer": failed} if failed else {})
    assert (found.checked, found.passed) == (2, 2 - failed)


@pytest.mark.parametrize(
    ("chars", "reasons"), [(MIN_ONE_CHARACTER_CHARS - 1, {}), (MIN_ONE_CHARACTER_CHARS, {"one_character": 1})]
)
def test_one_character_over_and_over_counts_from_so_many_on(chars: int, reasons: dict[str, int]) -> None:
    """Blanks between do not."""
    found = judge_all(parse_rule("basic"), [make_record()], {0: " ".join("7" * chars)})
    assert found.failed_by_reason == reasons

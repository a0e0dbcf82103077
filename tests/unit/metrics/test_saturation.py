"""Rows of loads: when a server is saturated, what is on the frontier, where the knee is."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents import Metrics, SweepLevel, Window
from kit.metrics.aggregate import cell_metrics
from kit.metrics.limits import EQUAL_PERCENT, FLAT_STEPS, GROWTH_PERCENT, MIN_KNEE_HEIGHT
from kit.metrics.saturation import Point, knee, pareto, point, reason_to_stop, saturated
from tests.support.records import MS, make_record


def points(*rows: tuple[float | None, float | None]) -> list[Point]:
    """Levels 1, 2, 4, ... with throughput and latency; decode is the inverse of the latency."""
    return [
        Point(f"c{2**i}", 2.0**i, height, None if latency is None else 1000 / latency, latency)
        for i, (height, latency) in enumerate(rows)
    ]


@pytest.mark.parametrize(
    ("rows", "is_saturated"),
    [
        ([(100, 10), (104, 20), (108, 40)], True),
        ([(100, 10), (90, 20), (80, 40)], True),
        ([(50, 5), (100, 10), (104, 20), (108, 40)], True),
        ([(100, 10), (104, 20)], False),
        ([(100, 10), (200, 10), (204, 20)], False),
        ([(100, 10), (104, 20), (120, 40)], False),
        ([(100, 10), (104, 10.4), (108, 10.8)], False),
        ([(100, 10), (105, 20), (110.25, 40)], False),
        ([(100, 10), (None, None), (100, 40)], False),
        ([(100, 10), (104, None), (108, 40)], False),
    ],
)
def test_a_server_is_saturated_after_two_steps_that_brought_only_waiting(
    rows: list[tuple[float | None, float | None]], is_saturated: bool
) -> None:
    """Under 5 % more throughput and over 5 % more latency, twice in a row; no data is no evidence."""
    assert saturated(points(*rows)) is is_saturated


@pytest.mark.parametrize(
    ("rows", "best"),
    [
        ([], ()),
        ([(100, 10)], ("c1",)),
        ([(100, 10), (190, 11), (180, 20), (200, 40)], ("c1", "c2", "c8")),
        ([(100, 10), (100, 10)], ("c1",)),
        ([(100, 10), (None, 10), (200, None)], ("c1",)),
        ([(100, 20), (200, 10)], ("c2",)),
        ([(100, 10), (100, 20)], ("c1",)),
        ([(165, 9.99), (329, 10), (659, 10), (660, 9.99), (660, 10)], ("c4",)),
        ([(100, 10), (102, 10.2)], ("c1",)),
        ([(100, 10), (103, 10.2)], ("c2",)),
        ([(100, 10), (103, 10.3)], ("c1", "c2")),
    ],
)
def test_the_frontier_holds_what_no_other_level_beats(
    rows: list[tuple[float | None, float | None]], best: tuple[str, ...]
) -> None:
    """Throughput of all against decode of each; within 2 % is equal, and of equal levels the lowest stays."""
    assert pareto(points(*rows)) == best


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=8))
def test_where_noise_plays_no_part_the_frontier_is_what_is_not_dominated(rows: list[tuple[int, int]]) -> None:
    """Whole numbers up to nine differ by more than it; of equal levels the first counts."""
    levels = points(*rows)
    numbers = [(level.throughput_tok_s or 0, level.decode_tok_s or 0) for level in levels]
    best = tuple(
        level.id
        for i, (level, mine) in enumerate(zip(levels, numbers, strict=True))
        if mine not in numbers[:i]
        and not any(other != mine and other[0] >= mine[0] and other[1] >= mine[1] for other in numbers)
    )
    assert pareto(levels) == best


@pytest.mark.parametrize(
    ("heights", "found"),
    [
        ((100, 195, 370, 600, 640, 650), "c8"),
        ((100, 200, 400, 400, 400), "c4"),
        ((100, 200, 400, 800), None),
        ((100, 205, 410, 790), None),
        ((100, 100, 100), None),
        ((100, 400), None),
        ((300, 200, 100), "c1"),
        ((100, None, 400, 410), "c4"),
        ((100, 400, 300, 200), "c2"),
        ((), None),
    ],
)
def test_the_knee_stands_highest_above_the_chord(heights: tuple[float | None, ...], found: str | None) -> None:
    """Proportional growth, noise and two levels have none; where it only falls, it is the first."""
    assert knee(points(*((height, None) for height in heights))) == found


@given(st.lists(st.integers(1, 1000), max_size=8), st.integers(1, 50))
def test_the_knee_does_not_depend_on_units(heights: list[int], factor: int) -> None:
    """Tokens or kilotokens."""
    plain_knee = knee(points(*((float(height), None) for height in heights)))
    assert plain_knee == knee(points(*((float(height * 2**factor), None) for height in heights)))


@pytest.mark.parametrize(("open_loop", "latency_ms"), [(False, 50.0), (True, 80.0)])
def test_where_arrivals_have_a_schedule_waiting_begins_with_it(open_loop: bool, latency_ms: float) -> None:
    """Intended at 0, sent at 30 ms, last text at 80: a client that is late must not look like a quick server."""
    numbers = cell_metrics([make_record(sent_ms=30, intended_ms=0)], Window(0, 1000 * MS), open_loop=open_loop)
    found = point(SweepLevel("r0.5", None, 500, "0" * 64, numbers))
    assert (found.load, found.latency_ms, found.throughput_tok_s) == (0.5, latency_ms, 4.0)
    assert point(SweepLevel("c2", 2, None, "0" * 64, None)) == Point("c2", 2, None, None, None)


# --- on each side of the limits -------------------------------------------------------------------------

GROWTH = 1 + GROWTH_PERCENT / 100
ABOVE, BELOW = math.nextafter(GROWTH, 2), math.nextafter(GROWTH, 1)


@pytest.mark.parametrize(
    ("growth", "slowdown", "is_flat"),
    [
        (BELOW, ABOVE, True),
        (GROWTH, ABOVE, False),
        (BELOW, GROWTH, False),
        (BELOW, BELOW, False),
        (ABOVE, ABOVE, False),
    ],
)
def test_a_flat_step_grows_by_less_than_the_limit_and_waits_by_more(
    growth: float, slowdown: float, is_flat: bool
) -> None:
    """Just there it is neither; the step before is as flat as can be."""
    rows = [Point("a", 1, 1.0, 1.0, 0.1), Point("b", 2, 1.0, 1.0, 1.0), Point("c", 3, growth, 1.0, slowdown)]
    assert saturated(rows) is is_flat


@pytest.mark.parametrize(("steps", "is_saturated"), [(FLAT_STEPS - 1, False), (FLAT_STEPS, True)])
def test_so_many_flat_steps_in_a_row_are_a_plateau(steps: int, is_saturated: bool) -> None:
    """One fewer may be an unlucky window; no level at all is no plateau."""
    assert saturated(points(*((100.0, 10.0 * 2**at) for at in range(steps + 1)))) is is_saturated
    assert not saturated([])


@pytest.mark.parametrize(("percent", "best"), [(EQUAL_PERCENT, ("a",)), (EQUAL_PERCENT + 0.01, ("a", "b"))])
def test_levels_within_the_limit_are_equal_for_both_sides(percent: float, best: tuple[str, ...]) -> None:
    """More for all, or a faster decode for each: by so many percent it is none."""
    factor = 1 + percent / 100
    assert pareto([Point("a", 1, 100.0, 100.0, None), Point("b", 2, 100.0 * factor, 50.0, None)]) == best
    assert pareto([Point("a", 1, 100.0, 100.0, None), Point("b", 2, 50.0, 100.0 * factor, None)]) == best


@pytest.mark.parametrize(("above", "found"), [(0.0, "b"), (-0.001, None)])
def test_a_knee_stands_at_least_so_high_above_the_chord(above: float, found: str | None) -> None:
    """Where the chord is at 0, so that no sum is rounded."""
    height = MIN_KNEE_HEIGHT + above
    levels = [Point("a", 1, 0.0, None, None), Point("b", 1, height, None, None), Point("c", 2, 1.0, None, None)]
    assert knee(levels) == found


def test_height_and_load_are_each_scaled_from_their_least_to_their_most() -> None:
    """A curve far above zero, from a load that is not one, has the knee of the same curve from zero."""
    levels = [
        Point("a", 10, 1000.0, None, None),
        Point("b", 11, 1070.0, None, None),
        Point("c", 12, 1100.0, None, None),
    ]
    assert knee(levels) == "b"
    flat = [
        Point("a", 10, 1000.0, None, None),
        Point("b", 11, 1050.0, None, None),
        Point("c", 12, 1100.0, None, None),
    ]
    assert knee(flat) is None


def test_three_levels_at_one_load_have_no_knee() -> None:
    """There is no chord to stand above."""
    assert (
        knee([Point(name, 1, height, None, None) for name, height in zip("abc", (1, 3, 2), strict=True)]) is None
    )


def level(number: int, **answers: int) -> SweepLevel:
    numbers: Metrics | None = None
    if answers:
        records = [make_record(at) for at in range(answers["ok"])]
        numbers = cell_metrics(records, Window(0, 1000 * MS), open_loop=False)
    return SweepLevel(f"c{number}", number, None, "0" * 64, numbers)


def test_a_sweep_stops_without_answers_or_when_saturated() -> None:
    """A level that was never measured, and one in which nobody was answered, are no answers."""
    assert reason_to_stop([level(1, ok=2)]) is None
    assert reason_to_stop([level(1, ok=2), level(2)]) == "no_answers"
    assert reason_to_stop([level(1, ok=2), level(2, ok=0)]) == "no_answers"
    assert reason_to_stop([level(1, ok=1), level(2, ok=2)]) is None
    slow = [SweepLevel(f"c{n}", n, None, "0" * 64, numbers_of(50.0 * n)) for n in (1, 2, 3)]
    assert reason_to_stop(slow) == "saturated"


def numbers_of(latency_ms: float) -> Metrics:
    """One answer of four tokens in the window, so late."""
    chunks = tuple(latency_ms + at for at in range(4))
    return cell_metrics([make_record(chunks_ms=chunks)], Window(0, 1000 * MS), open_loop=False)

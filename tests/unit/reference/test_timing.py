"""kit.reference.timing: delays, slots with a queue, common steps; no clock anywhere."""

from __future__ import annotations

from heapq import heapify, heapreplace
from itertools import pairwise
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.reference.timing import CommonPace, Delay, OwnPace, Slots, Steps, drawn_ns

MS = 1_000_000
DURATIONS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=40)


# --- delays ---------------------------------------------------------------------------------------------


def test_a_constant_delay_is_its_mean() -> None:
    """Whatever the seed and the index."""
    assert {drawn_ns(Delay("constant", 7), seed, "s", index) for seed in (0, 1) for index in (0, 9)} == {7}


@pytest.mark.parametrize("kind", ["normal", "lognormal"])
def test_draws_have_the_mean_and_the_deviation_asked_for(kind: str) -> None:
    """Of the duration itself, in the lognormal case too; four thousand draws of a fixed seed."""
    delay = Delay("normal" if kind == "normal" else "lognormal", 50 * MS, 10 * MS)
    draws = [drawn_ns(delay, 1, "s", index) for index in range(4000)]
    assert fmean(draws) == pytest.approx(50 * MS, rel=0.02)
    assert stdev(draws) == pytest.approx(10 * MS, rel=0.05)
    assert len(set(draws)) > 3990


def test_the_two_distributions_differ_in_their_tails() -> None:
    """A lognormal delay is skewed to the right, a normal one is cut at zero."""
    wide = [Delay(kind, 10 * MS, 10 * MS) for kind in ("normal", "lognormal")]
    normal, lognormal = ([drawn_ns(delay, 3, "s", i) for i in range(2000)] for delay in wide)
    assert min(normal) == 0 < min(lognormal)
    assert max(lognormal) > 1.5 * max(normal)


def test_draws_depend_on_seed_stream_and_index_and_on_nothing_else() -> None:
    """The same draw twice is the same; one coordinate changed is another."""
    delay = Delay("normal", 50 * MS, 10 * MS)
    first = drawn_ns(delay, 1, "ttft", 5)
    assert first == drawn_ns(delay, 1, "ttft", 5)
    assert first not in {drawn_ns(delay, *other) for other in ((2, "ttft", 5), (1, "gap", 5), (1, "ttft", 6))}


# --- slots ----------------------------------------------------------------------------------------------


def starts_through_slots(jobs: list[tuple[int, int]], limit: int | None) -> list[int]:
    """Start times of (arrival, duration) jobs, driven event by event as the server does."""
    slots: Slots[int] = Slots(limit)
    starts: dict[int, int] = {}
    running: list[tuple[int, int]] = []
    for job, (arrival, _) in enumerate(jobs):
        leave_until(slots, jobs, starts, running, arrival)
        begin(jobs, starts, running, job, slots.arrive(job, arrival))
    leave_until(slots, jobs, starts, running, None)
    return [starts[job] for job in range(len(jobs))]


def begin(
    jobs: list[tuple[int, int]],
    starts: dict[int, int],
    running: list[tuple[int, int]],
    job: int,
    start: int | None,
) -> None:
    if start is not None:
        starts[job] = start
        running.append((start + jobs[job][1], job))


def leave_until(
    slots: Slots[int],
    jobs: list[tuple[int, int]],
    starts: dict[int, int],
    running: list[tuple[int, int]],
    time: int | None,
) -> None:
    while running and (time is None or min(running)[0] <= time):
        end, job = min(running)
        running.remove((end, job))
        following = slots.leave(end)
        if following is not None:
            begin(jobs, starts, running, *following)


def starts_by_definition(jobs: list[tuple[int, int]], limit: int) -> list[int]:
    """First come, first served: each job takes the slot that is free first."""
    free = [0] * limit
    heapify(free)
    starts = []
    for arrival, duration in jobs:
        start = max(arrival, free[0])
        heapreplace(free, start + duration)
        starts.append(start)
    return starts


@given(DURATIONS, st.integers(1, 5))
def test_slots_serve_first_come_first_served(jobs: list[tuple[int, int]], limit: int) -> None:
    """Event by event gives the same starts as the definition, for any arrivals and durations."""
    jobs = sorted(jobs, key=lambda job: job[0])
    assert starts_through_slots(jobs, limit) == starts_by_definition(jobs, limit)


@given(DURATIONS)
def test_without_a_limit_nobody_waits(jobs: list[tuple[int, int]]) -> None:
    """Each starts when it arrives."""
    jobs = sorted(jobs, key=lambda job: job[0])
    assert starts_through_slots(jobs, None) == [arrival for arrival, _ in jobs]


@pytest.mark.parametrize(
    ("limit", "starts"), [(1, [0, 10, 20, 30]), (2, [0, 2, 10, 12]), (3, [0, 2, 3, 10]), (None, [0, 2, 3, 4])]
)
def test_four_requests_at_some_numbers_of_slots(limit: int | None, starts: list[int]) -> None:
    """Ten ns each, arriving at 0, 2, 3 and 4."""
    assert starts_through_slots([(0, 10), (2, 10), (3, 10), (4, 10)], limit) == starts


def test_a_place_is_passed_on_from_when_it_was_due_not_from_when_it_was_noticed() -> None:
    """A request that came after that starts when it came."""
    slots: Slots[str] = Slots(1)
    assert slots.arrive("a", 0) == 0
    assert slots.arrive("b", 15) is None
    assert slots.arrive("c", 16) is None
    assert slots.leave(10) == ("b", 15)
    assert slots.leave(30) == ("c", 30)
    assert slots.leave(40) is None
    assert slots.arrive("d", 41) == 41


def test_who_gives_up_waiting_is_passed_over() -> None:
    """The queue closes up behind it."""
    slots: Slots[str] = Slots(1)
    for name in "abc":
        slots.arrive(name, 0)
    slots.give_up("b")
    assert slots.leave(5) == ("c", 5)


# --- paces ----------------------------------------------------------------------------------------------


def test_an_own_pace_waits_one_gap_for_each_token_of_a_chunk() -> None:
    """The first text is due when it is ready."""
    pace = OwnPace(Delay("constant", 5), 0, 1)
    assert (pace.first(100), pace.later(100, 1), pace.later(105, 3), pace.instant) == (100, 105, 120, False)
    assert OwnPace(Delay("constant", 0), 0, 1).instant


def test_an_own_pace_with_a_distribution_draws_each_gap_once() -> None:
    """Three tokens in one chunk are due when the third of three single ones would be; requests differ."""
    gap = Delay("normal", 5 * MS, MS)
    single, triple, other = OwnPace(gap, 0, 1), OwnPace(gap, 0, 1), OwnPace(gap, 0, 2)
    due = 0
    for _ in range(3):
        due = single.later(due, 1)
    assert due == triple.later(0, 3) != other.later(0, 3)


def test_streams_of_a_batch_share_steps_and_join_at_the_next() -> None:
    """The first sets the steps, one that is ready between two waits, one that is ready at a step does not."""
    steps = Steps(lambda _: 10)
    a, b, c = CommonPace(steps), CommonPace(steps), CommonPace(steps)
    assert a.first(100) == 100
    assert b.first(101) == 110
    assert c.first(120) == 120
    assert (a.later(100, 1), a.later(110, 2), b.later(110, 1), c.later(120, 1)) == (110, 130, 120, 130)


def test_an_empty_batch_begins_anew_when_the_next_is_ready() -> None:
    """While anybody is in it the steps go on; leaving twice, or without having joined, empties nothing."""
    steps = Steps(lambda _: 10)
    a, b, c = CommonPace(steps), CommonPace(steps), CommonPace(steps)
    assert (a.first(100), b.first(105)) == (100, 110)
    for pace in (a, a, CommonPace(steps)):
        pace.left()
    assert c.first(123) == 130
    b.left()
    c.left()
    assert CommonPace(steps).first(157) == 157


@given(st.lists(st.integers(0, 500), min_size=1, max_size=20), st.integers(0, 5))
def test_all_dues_of_a_batch_are_steps_in_order(readies: list[int], seed: int) -> None:
    """Whoever is ready when: each first due is the earliest step at or after, and no due is off the steps."""
    steps = Steps(lambda n: 1 + (n * 7 + seed) % 10)
    paces = [CommonPace(steps) for _ in readies]
    firsts = [pace.first(ready) for pace, ready in zip(paces, sorted(readies), strict=True)]
    times = [steps.time_ns(n) for n in range(600)]
    assert all(before < after for before, after in pairwise(times))
    assert firsts == [min(time for time in times if time >= ready) for ready in sorted(readies)]
    assert {pace.later(0, 2) for pace in paces} <= set(times)

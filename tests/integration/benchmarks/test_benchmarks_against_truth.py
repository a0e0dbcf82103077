"""Records beside the truth log of the benchmarks: errors and lost chunks of times made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.against_truth import Errors, at_ms, compare, extent
from kit.documents import Record, Window
from kit.reference.truth import Truth
from tests.support.records import MS, make_record

ORIGIN_NS = 77_000 * MS
NONE = Errors((), (), (), 0)


def salt(number: int) -> str:
    return f"{number:016x}"


def seen(number: int, *chunks_ms: float, sent_ms: float | None = 0, intended_ms: float | None = None) -> Record:
    """What the client noted of one request: ms since its origin."""
    record = make_record(number, sent_ms=sent_ms, intended_ms=intended_ms, chunks_ms=chunks_ms)
    return replace(record, salt=salt(number))


def true(number: int | None, *left_ms: float, received_ms: float = 0) -> Truth:
    """What really happened to it: ms since the same origin, kept as absolute ns."""
    sent = tuple((ORIGIN_NS + round(at * MS), 1) for at in left_ms)
    name = None if number is None else salt(number)
    received_ns = ORIGIN_NS + round(received_ms * MS)
    return Truth(1, name, received_ns, None, sent[0][0] if sent else None, sent, received_ns, len(sent))


def test_each_kind_of_error_is_what_a_hand_computes() -> None:
    """TTFT |(151 - 100) - (150 - 100.2)|; gaps |5 - 5|, |4 - 6|; stamps |151 - 150|, |156 - 155|, |160 - 161|."""
    found = compare(
        [seen(1, 151, 156, 160, sent_ms=100)], [true(1, 150, 155, 161, received_ms=100.2)], None, ORIGIN_NS
    )
    assert found == Errors(ttft_ns=(1_200_000,), receive_ns=(MS, MS, MS), gap_ns=(0, 2 * MS), lost_chunks=0)


def test_errors_are_absolute() -> None:
    """A client that is early is as wrong as one that is late."""
    late = compare([seen(1, 52, 57)], [true(1, 50, 56)], None, ORIGIN_NS)
    early = compare([seen(1, 50, 56)], [true(1, 52, 57)], None, ORIGIN_NS)
    assert late == early == Errors((2 * MS,), (2 * MS, MS), (MS,), 0)


@given(
    st.lists(st.integers(1, 10**9), min_size=1, max_size=8),
    st.integers(0, 10**12),
    st.integers(0, 10**15),
    st.integers(0, 10**9),
)
def test_a_perfect_client_has_no_error(steps: list[int], sent_ns: int, origin_ns: int, way_ns: int) -> None:
    """Wherever its clock starts; a constant way to the client shows in the stamps and in nothing else."""
    stamps = [sent_ns + sum(steps[: place + 1]) for place in range(len(steps))]
    record = replace(
        seen(1), sent_ns=sent_ns - way_ns, chunks=tuple((stamp, 1, 0) for stamp in stamps), salt=salt(1)
    )
    sent = tuple((origin_ns + stamp - way_ns, 1) for stamp in stamps)
    truth = Truth(1, salt(1), origin_ns + sent_ns - 2 * way_ns, None, None, sent, None, len(sent))
    found = compare([record], [truth], None, origin_ns)
    assert found == Errors((0,), (way_ns,) * len(steps), (0,) * (len(steps) - 1), 0)


def test_without_an_origin_only_intervals_are_judged() -> None:
    """The clocks of client and server need have nothing in common for TTFT and gaps."""
    found = compare([seen(1, 51, 56)], [true(1, 50, 55)], None, None)
    assert found == Errors(ttft_ns=(MS,), receive_ns=(), gap_ns=(0,), lost_chunks=0)


def test_records_are_matched_by_salt_not_by_order() -> None:
    """Requests end in an order of their own; errors stand in the order of the truth log."""
    records = [seen(1, 51), seen(2, 63), seen(3, 70)]
    found = compare(records, [true(3, 70), true(1, 50), true(2, 60)], None, None)
    assert found.ttft_ns == (0, MS, 3 * MS)


@pytest.mark.parametrize(
    ("records", "truths", "lost", "judged"),
    [
        ([seen(1, 50, 55)], [true(1, 50, 55, 60)], 1, 1),  # the last chunk is missing
        ([seen(1)], [true(1, 50, 55, 60)], 3, 0),  # nothing was seen of an answer
        ([], [true(1, 50, 55)], 2, 0),  # no record at all
        ([seen(1, 50)], [true(2, 50, 55)], 2, 0),  # the record of another request
        ([seen(1, 50)], [true(None, 50, 55)], 2, 0),  # a request that told no salt
        ([seen(1, 50)], [true(1, 50), true(2, 50, 55), true(3, 9)], 3, 1),  # added up over requests
        ([seen(1), seen(2, 50)], [true(1), true(2, 50)], 0, 1),  # no text left, none was lost
        ([seen(1, 50)], [], 0, 0),  # never arrived: nothing left that could be lost
    ],
)
def test_chunks_that_left_and_are_in_no_record_are_lost(
    records: list[Record], truths: list[Truth], lost: int, judged: int
) -> None:
    """Counted one by one; an answer of which nothing is known has no error to be judged by."""
    found = compare(records, truths, None, None)
    assert (found.lost_chunks, len(found.ttft_ns)) == (lost, judged)


def test_only_requests_sent_in_the_window_are_judged_but_all_are_searched_for_lost_chunks() -> None:
    """The window is [start, end); warm-up may be slow, but may lose nothing."""
    sent_ms = (99.0, 100.0, 199.0, 200.0)
    records = [seen(number, at + 50, sent_ms=at) for number, at in enumerate(sent_ms)]
    truths = [true(number, at + 50, at + 55, received_ms=at - number) for number, at in enumerate(sent_ms)]
    found = compare(records, truths, Window(100 * MS, 200 * MS), ORIGIN_NS)
    assert found == Errors(ttft_ns=(MS, 2 * MS), receive_ns=(0, 0), gap_ns=(), lost_chunks=4)


def test_a_request_without_a_send_stamp_counts_from_its_intended_time() -> None:
    """As everywhere in the kit; also for whether it lies in the window."""
    record = seen(1, 60, sent_ms=None, intended_ms=8)
    truths = [true(1, 60, received_ms=10)]
    assert compare([record], truths, Window(0, 9 * MS), None).ttft_ns == (2 * MS,)
    assert compare([record], truths, Window(9 * MS, 20 * MS), None) == NONE


def test_nothing_gives_nothing() -> None:
    """No records, no truths: no errors, none lost."""
    assert compare([], [], None, ORIGIN_NS) == NONE


# --- percentiles ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("permille", "ms"), [(500, 50.0), (990, 99.0), (1000, 100.0)])
def test_a_percentile_is_the_nearest_rank_in_ms(permille: int, ms: float) -> None:
    """Of 1 to 100 ms in any order: the value at rank ceil(n p)."""
    assert at_ms([at * MS for at in range(100, 0, -1)], permille) == ms


def test_p99_is_the_default_and_no_values_have_none() -> None:
    """Of two values the larger; of none no number, rather than 0."""
    assert at_ms([3 * MS, 1 * MS]) == 3.0
    assert at_ms([]) is None


def test_the_extent_is_told_in_words() -> None:
    """p50 and max in ms with the count, or that there is no data."""
    assert extent([at * 1000 for at in range(2000, 0, -1)]) == "p50 1.000, max 2.000 ms of 2,000"
    assert extent([]) == "no data"

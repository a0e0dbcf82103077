"""A token timeline: which stretch, which requests, which marks."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kit.documents import Record, Window
from kit.report.plots.timeline import MAX_ROWS, STRETCHES_S, stretch_of, timeline, timeline_plot
from tests.support.records import MS, make_record

WINDOW = Window(2000 * MS, 12000 * MS)  # ten seconds


def steady(workers: int, step_ms: float = 50.0, each_ms: float = 1000.0) -> list[Record]:
    """So many workers that send a request every second, its text a piece every 50 ms."""
    count = int(each_ms / step_ms) - 4
    return [
        make_record(
            turn * workers + worker,
            sent_ms=turn * each_ms + worker,
            chunks_ms=tuple(turn * each_ms + worker + 100 + step_ms * at for at in range(count)),
        )
        for turn in range(14)
        for worker in range(workers)
    ]


def test_the_stretch_is_the_longest_round_one_that_fits() -> None:
    """All of the window for few requests, less for more, by requests and by marks."""
    assert stretch_of(steady(1), WINDOW) == 10
    assert stretch_of(steady(8), WINDOW) == 4
    assert stretch_of(steady(1), WINDOW, marks=40) == 2.5


def test_more_requests_at_once_than_rows_are_cut_by_marks() -> None:
    """The first 32 are shown, and the caption says of how many."""
    length = stretch_of(steady(64), WINDOW, marks=1000)
    found = timeline("c", "vllm", 64, steady(64), WINDOW, length)
    assert length >= 1
    assert len(found.streams) == MAX_ROWS
    assert found.overlapping > MAX_ROWS
    assert f"The first 32 of {found.overlapping} requests" in timeline_plot(found, "t").caption


def test_a_request_is_cut_at_the_edges_of_the_stretch() -> None:
    """Sent before it: from its beginning; text after it: up to its end; marks only inside."""
    record = make_record(0, sent_ms=6000, chunks_ms=(6400, 6600, 7000, 7600), done_ms=7600)
    found = timeline("c", "vllm", 1, [record], WINDOW, 1)  # 6.5 s to 7.5 s
    (stream,) = found.streams
    assert (stream.sent_s, stream.first_s, stream.last_s, stream.marks) == (0, 0, 1, (0.1, 0.5))


def test_a_request_without_text_waits_until_its_end() -> None:
    """And a failed one is marked."""
    record = make_record(0, sent_ms=6700, chunks_ms=(), done_ms=7000, outcome="failed", error="timeout_first")
    (stream,) = timeline("c", "vllm", 1, [record], WINDOW, 1).streams
    assert (stream.sent_s, stream.first_s, stream.last_s, stream.marks) == (0.2, 0.5, None, ())
    assert stream.outcome == "failed"


def test_what_was_never_sent_or_lies_elsewhere_has_no_row() -> None:
    """Nor has a stretch without requests a problem."""
    records = [make_record(0, sent_ms=None, outcome="unfinished"), make_record(1, sent_ms=0)]
    found = timeline("c", "vllm", 1, records, WINDOW, 1)
    assert found.streams == ()
    assert timeline_plot(found, "t").spec["data"]["values"] == []


def test_the_caption_says_which_cell_and_which_part() -> None:
    """Also when it is all of the window."""
    part = timeline("r1-c8-vllm", "vllm", 8, steady(8), WINDOW, 3)
    whole = timeline("r1-c1-vllm", "vllm", 1, steady(1), WINDOW, 10)
    assert timeline_plot(part, "t").caption == (
        "Cell r1-c8-vllm: 3 s, from the middle of the window (from 3.5 s of 10 s)."
    )
    assert timeline_plot(whole, "t").caption == "Cell r1-c1-vllm: 10 s, the whole window."


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 70), st.integers(100, 4000))
def test_rows_and_marks_stay_within_their_bounds(workers: int, marks: int) -> None:
    """But for the shortest stretch there is."""
    records = steady(workers, step_ms=100)
    length = stretch_of(records, WINDOW, marks)
    found = timeline("c", "vllm", workers, records, WINDOW, length)
    assert len(found.streams) <= MAX_ROWS
    assert sum(len(stream.marks) for stream in found.streams) <= marks or length == STRETCHES_S[-1]
    assert all(0 <= at <= length for stream in found.streams for at in stream.marks)

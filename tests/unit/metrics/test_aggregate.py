"""The definitions of design section 5, each on records small enough to work out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents import Metrics, Record, Window
from kit.metrics.aggregate import cell_metrics, is_replayed, timing, tokens_in_window
from tests.support.records import MS, make_record

SECOND = Window(0, 1000 * MS)


def metrics(*records: Record, window: Window = SECOND, open_loop: bool = False) -> Metrics:
    return cell_metrics(records, window, open_loop=open_loop)


def test_ttft_is_first_text_minus_send() -> None:
    """Sent at 10 ms, first text at 50 ms."""
    assert metrics(make_record(sent_ms=10)).ttft_ms.p50 == 40.0


def test_e2e_ends_with_the_last_text_not_with_the_end_of_the_stream() -> None:
    """Last text at 80 ms, [DONE] at 200 ms."""
    assert metrics(make_record(sent_ms=10, done_ms=200)).e2e_ms.p50 == 70.0


def test_tpot_leaves_the_first_chunk_out() -> None:
    """30 ms for the three tokens after the first."""
    assert metrics(make_record()).tpot_ms.p50 == 10.0


def test_tpot_counts_the_tokens_of_the_first_chunk_where_the_server_does() -> None:
    """Five tokens, two of them in the first chunk: 30 ms for three."""
    record = make_record(tokens=5, chunk_tokens=(2, 1, 1, 1))
    assert metrics(record).tpot_ms.p50 == 10.0


def test_tpot_of_coalesced_chunks_is_per_token() -> None:
    """Eight tokens in four equal chunks: 30 ms for six tokens."""
    assert metrics(make_record(tokens=8)).tpot_ms.p50 == 5.0


@pytest.mark.parametrize(
    "record", [make_record(chunks_ms=(50,), tokens=1), make_record(chunks_ms=(50,), tokens=9)]
)
def test_tpot_needs_two_chunks_and_two_tokens(record: Record) -> None:
    """One chunk tells nothing about the pace."""
    assert timing(record).tpot_ns is None


def test_decode_rate_is_one_over_the_median_tpot() -> None:
    """TPOT 10 and 20 ms: nearest rank takes 10 ms, 100 tokens per second."""
    slow = make_record(1, chunks_ms=(50, 70, 90))
    assert metrics(make_record(), slow).decode_tok_s == 100.0


def test_itl_is_the_gap_per_token_and_chunk_gap_the_gap() -> None:
    """Two tokens in each chunk: gaps of 10 ms are 5 ms per token."""
    found = metrics(make_record(tokens=8))
    assert found.itl_ms.p50 == 5.0
    assert found.chunk_gap_ms.p50 == 10.0


def test_itl_divides_by_the_tokens_of_the_later_chunk() -> None:
    """Gaps of 10 ms ended by chunks of 1, 2 and 5 tokens."""
    found = timing(make_record(tokens=9, chunk_tokens=(1, 1, 2, 5)))
    assert found.itl_ns == (10 * MS, 5 * MS, 2 * MS)


def test_itl_pools_the_gaps_of_all_requests() -> None:
    """One stall of 500 ms inside a stream is the maximum of the cell."""
    stalled = make_record(1, chunks_ms=(50, 60, 560, 570))
    found = metrics(make_record(), stalled)
    assert found.itl_ms.n == 6
    assert found.itl_ms.max == 500.0


def test_throughput_counts_tokens_by_their_arrival_in_the_window() -> None:
    """Two of four chunks arrive inside the window of 100 ms: 2 tokens in 0.1 s."""
    record = make_record(chunks_ms=(80, 90, 110, 120))
    assert metrics(record, window=Window(0, 100 * MS)).throughput_tok_s == 20.0


def test_throughput_includes_requests_sent_before_the_window() -> None:
    """What arrives in the window counts, whenever it was asked for."""
    early = make_record(sent_ms=0, chunks_ms=(80, 120, 160, 180))
    found = metrics(early, window=Window(100 * MS, 200 * MS))
    assert found.throughput_tok_s == 30.0
    assert found.requests.ok == 0


def test_throughput_counts_what_an_unfinished_request_gave() -> None:
    """Cut by the end of the load, but its tokens arrived."""
    cut = make_record(outcome="unfinished", source="chunks")
    assert metrics(cut).throughput_tok_s == 4.0
    assert metrics(cut).requests.unfinished == 1


def test_a_failed_request_gives_no_throughput() -> None:
    """Half an answer is no answer."""
    failed = make_record(1, outcome="failed", error="truncated")
    assert tokens_in_window(failed, SECOND) == 0
    assert metrics(make_record(), failed).throughput_tok_s == 4.0


def test_the_window_is_closed_at_its_start_and_open_at_its_end() -> None:
    """A request sent at the start belongs to it, one sent at its end does not."""
    window = Window(100 * MS, 200 * MS)
    inside = make_record(0, sent_ms=100, chunks_ms=(150, 160))
    outside = make_record(1, sent_ms=200, chunks_ms=(250, 260))
    assert metrics(inside, outside, window=window).requests.ok == 1


def test_error_rate_leaves_unfinished_requests_out() -> None:
    """One failed, one ok, one cut: half of those that ended failed."""
    found = metrics(
        make_record(0),
        make_record(1, outcome="failed", error="http_status", chunks_ms=()),
        make_record(2, outcome="unfinished"),
    )
    assert found.error_rate == 0.5
    assert found.errors_by_kind == {"http_status": 1}


def test_a_dead_server_has_no_numbers_and_error_rate_one() -> None:
    """Null metrics, never zeros."""
    dead = [
        make_record(i, sent_ms=None, intended_ms=i, chunks_ms=(), outcome="failed", error="connect")
        for i in range(3)
    ]
    found = metrics(*dead)
    assert found.error_rate == 1.0
    assert (found.throughput_tok_s, found.decode_tok_s, found.request_rate_s) == (None, None, None)
    assert (found.ttft_ms.n, found.ttft_ms.p50, found.itl_ms.p50) == (0, None, None)
    assert found.errors_by_kind == {"connect": 3}


def test_no_requests_at_all_have_no_error_rate() -> None:
    """No data is null."""
    found = metrics()
    assert (found.error_rate, found.throughput_tok_s, found.mean_in_flight) == (None, None, None)


def test_a_finished_answer_sent_in_one_burst_is_a_replay() -> None:
    """20 tokens within 1 ms after 500 ms: no TTFT, no ITL, but an end-to-end time."""
    burst = make_record(chunks_ms=tuple(500 + i * 0.05 for i in range(20)))
    found = metrics(burst)
    assert is_replayed(burst)
    assert (found.replayed, found.ttft_ms.n, found.itl_ms.n, found.tpot_ms.n, found.e2e_ms.n) == (1, 0, 0, 0, 1)


def test_a_queue_in_front_of_a_real_stream_is_no_replay() -> None:
    """20 tokens at 10 ms each after 10 s in a queue span 2 % of the latency, and are a stream."""
    queued = make_record(chunks_ms=tuple(10_000 + i * 10 for i in range(20)))
    assert not is_replayed(queued)
    assert metrics(queued).ttft_ms.p50 == 10_000.0


def test_a_short_burst_is_not_judged() -> None:
    """Eight tokens are too few to tell."""
    assert not is_replayed(make_record(chunks_ms=tuple(500 + i * 0.05 for i in range(8))))


def test_an_open_loop_reports_latency_from_the_intended_send_too() -> None:
    """Intended at 0, sent at 30 ms, first text at 50, last at 80."""
    record = make_record(sent_ms=30, intended_ms=0)
    found = metrics(record, open_loop=True)
    assert found.ttft_from_intended_ms is not None
    assert found.e2e_from_intended_ms is not None
    assert (found.ttft_ms.p50, found.ttft_from_intended_ms.p50) == (20.0, 50.0)
    assert (found.e2e_ms.p50, found.e2e_from_intended_ms.p50) == (50.0, 80.0)
    assert found.send_lag_ms.p50 == 30.0
    assert metrics(record).ttft_from_intended_ms is None


def test_mean_in_flight_is_busy_time_over_window_time() -> None:
    """Two requests of 80 ms each in a window of 100 ms."""
    found = metrics(make_record(0), make_record(1), window=Window(0, 100 * MS))
    assert found.mean_in_flight == 1.6


def test_token_counts_say_where_they_come_from() -> None:
    """Different sources in one cell are called mixed."""
    found = metrics(make_record(0), make_record(1, source="chunks"))
    assert found.tokens.source == "mixed"
    assert (found.tokens.completion, found.tokens.prompt, found.tokens.chunks) == (8, 20, 8)
    assert (found.tokens.completion_min, found.tokens.completion_max, found.tokens.cached) == (4, 4, 0)
    assert metrics(replace(make_record(), cached_tokens=None)).tokens.cached is None


times = st.lists(st.integers(1, 900), min_size=1, max_size=30).map(sorted)


@given(st.lists(times, min_size=1, max_size=8))
def test_the_numbers_do_not_depend_on_the_order_of_the_records(streams: list[list[int]]) -> None:
    """A cell is a set of requests."""
    records = [make_record(i, chunks_ms=tuple(stream)) for i, stream in enumerate(streams)]
    assert metrics(*records) == metrics(*reversed(records))


@given(st.lists(times, min_size=1, max_size=8), st.integers(1, 999))
def test_throughput_of_two_halves_adds_up(streams: list[list[int]], cut: int) -> None:
    """Tokens before and after any cut are the tokens of the whole window."""
    records = [make_record(i, chunks_ms=tuple(stream)) for i, stream in enumerate(streams)]
    halves = (Window(0, cut * MS), Window(cut * MS, 1000 * MS))
    for record in records:
        whole = tokens_in_window(record, SECOND)
        assert sum(tokens_in_window(record, half) for half in halves) == whole == len(record.chunks)

"""The definitions of design section 5, each on records small enough to work out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents import Metrics, Record, Slo, Window
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


# --- method 2: chunks with one stamp are one arrival ----------------------------------------------------


def second_method(*records: Record) -> Metrics:
    return cell_metrics(records, SECOND, open_loop=False, method=2)


def flushes(size: int, times: int = 8, gap_ms: int = 40) -> Record:
    """So many chunks at a time, every 40 ms, one token each."""
    return make_record(chunks_ms=tuple(50 + gap_ms * (at // size) for at in range(size * times)))


def test_chunks_of_one_read_are_one_arrival() -> None:
    """Two tokens every 40 ms are one every 20 ms, not one at once and one after 40."""
    found = second_method(flushes(2))
    assert (found.itl_ms.n, found.itl_ms.min, found.itl_ms.max) == (7, 20.0, 20.0)
    assert (found.chunk_gap_ms.n, found.chunk_gap_ms.p50) == (7, 40.0)
    assert found.tpot_ms.p50 == 20.0  # 14 tokens after the first two, in 280 ms
    assert found.coalesced_share == round(8 / 15, 9)


def test_by_the_first_method_every_chunk_is_an_arrival() -> None:
    """Cells from before have the numbers that they had."""
    found = cell_metrics([flushes(2)], SECOND, open_loop=False)
    assert (found.itl_ms.n, found.itl_ms.p50, found.itl_ms.max) == (15, 0.0, 40.0)
    assert found.tpot_ms.p50 == pytest.approx(280 / 15, abs=1e-6)
    assert (found.coalesced_share, found.ttft_answer_ms, found.dialects) == (None, None, None)


def test_an_arrival_has_the_tokens_of_its_chunks_where_the_server_counts_them() -> None:
    """Gaps of 10 ms, ended by 1 + 2 tokens, 4 tokens, and 0 tokens, which count as one."""
    record = make_record(chunks_ms=(50, 60, 60, 70, 80), tokens=9, chunk_tokens=(2, 1, 2, 4, 0))
    assert timing(record, 2).itl_ns == (round(10 * MS / 3), 2_500_000, 10 * MS)
    assert timing(record, 2).tpot_ns == round(30 * MS / 7)


def test_an_arrival_has_its_part_of_tokens_that_are_spread_evenly() -> None:
    """Four chunks of two tokens, the last two at once."""
    record = make_record(chunks_ms=(50, 60, 70, 70), tokens=8)
    assert timing(record, 2).itl_ns == (5 * MS, 2_500_000)
    assert timing(record, 2).tpot_ns == round(20 * MS / 6)


@pytest.mark.parametrize(
    ("size", "withheld"), [(1, False), (2, False), (3, False), (4, True), (5, True), (8, True)]
)
def test_itl_is_withheld_where_chunks_come_more_than_three_at_a_time(size: int, withheld: bool) -> None:
    """Of a flush no gap between its tokens is known; how many gaps there are is, and the pace."""
    found = second_method(flushes(size))
    assert found.itl_ms.n == 7
    assert (found.itl_ms.p50 is None, found.itl_ms.max is None, found.itl_ms.mean is None) == (withheld,) * 3
    assert found.chunk_gap_ms.p50 == 40.0
    assert found.decode_tok_s == pytest.approx(size * 1000 / 40)


def test_an_answer_in_one_read_has_no_pace() -> None:
    """Eight chunks at once are no stream, and no gap."""
    found = second_method(make_record(chunks_ms=(50,) * 8))
    assert (found.itl_ms.n, found.tpot_ms.n, found.decode_tok_s, found.coalesced_share) == (0, 0, None, 1.0)
    assert found.ttft_ms.p50 == 50.0
    assert second_method(make_record(chunks_ms=(50,))).coalesced_share is None


# --- tokens that were not streamed ----------------------------------------------------------------------


def thought(untimed: int | None) -> Record:
    """40 hidden tokens, then 20 at 20 tokens a second from 300 ms on; what of them is known."""
    chunks_ms = tuple(300 + 50 * at for at in range(20))
    return replace(make_record(chunks_ms=chunks_ms, tokens=60), untimed_tokens=untimed, reasoning_tokens=40)


@pytest.mark.parametrize("method", [1, 2])
def test_the_pace_is_that_of_the_tokens_that_were_seen(method: int) -> None:
    """20 tokens a second, whatever else was counted; the count stands apart."""
    found = cell_metrics([thought(40)], Window(0, 2000 * MS), open_loop=False, method=method)
    assert (found.decode_tok_s, found.itl_ms.p50, found.throughput_tok_s) == (20.0, 50.0, 10.0)
    assert (found.tokens.completion, found.tokens.untimed, found.tokens.reasoning) == (60, 40, 40)
    assert (found.tokens.unknown_requests, found.tokens.spread_requests) == (0, 0)


def test_where_nobody_knows_what_was_seen_there_is_no_pace() -> None:
    """But the times to the first and last text stand, and the fewest tokens that the text can have."""
    found = cell_metrics([thought(None)], Window(0, 2000 * MS), open_loop=False, method=2)
    assert (found.decode_tok_s, found.tpot_ms.n, found.itl_ms.n) == (None, 0, 0)
    assert (found.ttft_ms.p50, found.e2e_ms.p50, found.chunk_gap_ms.p50) == (300.0, 1250.0, 50.0)
    assert (found.throughput_tok_s, found.tokens.completion) == (10.0, 60)
    assert (found.tokens.unknown_requests, found.tokens.untimed) == (1, 0)
    long = replace(thought(None), chunks=tuple((at, 33, 0) for at, _, _ in thought(None).chunks))
    assert tokens_in_window(long, Window(0, 2000 * MS)) == 60  # three of 16 characters a chunk


def test_hidden_tokens_make_no_replay_of_a_stream() -> None:
    """20 tokens in 76 ms after half a minute are slow enough, 1,000 would not be."""
    chunks_ms = tuple(30_000 + 4 * at for at in range(20))
    record = make_record(chunks_ms=chunks_ms, tokens=1000)
    assert is_replayed(record)
    assert not is_replayed(replace(record, untimed_tokens=980))
    assert not is_replayed(replace(record, untimed_tokens=None))


def test_a_limit_of_pace_judges_no_answer_whose_pace_is_not_known() -> None:
    """Then goodput is no number; limits of other times are."""
    for slo, known in ((Slo(tpot_ns=MS), False), (Slo(itl_ns=MS), False), (Slo(ttft_ns=400 * MS), True)):
        found = cell_metrics(
            [thought(None), thought(40)], Window(0, 2000 * MS), open_loop=False, slo=slo, method=2
        )
        assert (found.goodput_req_s is not None, found.goodput_share is not None) == (known, known)
        assert cell_metrics([thought(40)], SECOND, open_loop=False, slo=slo).goodput_share is not None


def test_answers_of_several_tokens_a_chunk_are_counted() -> None:
    """From three more than chunks on, where the server does not count by chunk."""
    records = [
        make_record(0, tokens=6),
        make_record(1, tokens=7),
        make_record(2, tokens=8, chunk_tokens=(2, 2, 2, 2)),
    ]
    assert second_method(*records).tokens.spread_requests == 1
    assert metrics(*records).tokens.spread_requests == 0


def test_faults_and_dialects_are_counted() -> None:
    """Of the ok requests that were sent in the window."""
    records = [
        replace(make_record(0), count_fault="below-chunks", dialect=("no-done",)),
        replace(make_record(1), count_fault="below-chunks", dialect=("no-done", "choices")),
        replace(make_record(2), count_fault="missing-part"),
        replace(make_record(3, sent_ms=1500), count_fault="missing-part", dialect=("no-done",)),
        replace(make_record(4, outcome="failed", error="empty"), dialect=("choices",)),
    ]
    found = second_method(*records)
    assert found.tokens.faults == {"below-chunks": 2, "missing-part": 1}
    assert found.dialects == {"choices": 1, "no-done": 2}


# --- three times to the first text ----------------------------------------------------------------------


def channelled(*channels: int) -> Record:
    """Chunks from 50 ms on, one every 10 ms, of these channels."""
    record = make_record(chunks_ms=tuple(50 + 10 * at for at in range(len(channels))))
    chunks = tuple((at, 1, channel) for (at, _, _), channel in zip(record.chunks, channels, strict=True))
    return replace(record, chunks=chunks)


@pytest.mark.parametrize(
    ("channels", "first", "reasoning", "answer"),
    [
        ((1, 1, 0, 0), 50.0, 50.0, 70.0),
        ((1, 1, 2, 0), 50.0, 50.0, 70.0),
        ((0, 1, 1, 0), 50.0, 60.0, 50.0),
        ((1, 1, 1, 1), 50.0, 50.0, None),
    ],
)
def test_reasoning_and_the_answer_have_a_first_text_each(
    channels: tuple[int, ...], first: float, reasoning: float, answer: float | None
) -> None:
    """Tool arguments are an answer; the time to first token is that of either."""
    found = second_method(channelled(*channels))
    assert found.ttft_reasoning_ms is not None
    assert found.ttft_answer_ms is not None
    assert (found.ttft_ms.p50, found.ttft_reasoning_ms.p50, found.ttft_answer_ms.p50) == (first, reasoning, answer)


def test_without_reasoning_there_is_one_time_to_the_first_text() -> None:
    """Where one answer has some, the others count among the times to the answer."""
    assert (second_method(channelled(0, 0)).ttft_reasoning_ms, second_method(channelled(2)).ttft_answer_ms) == (
        None,
        None,
    )
    both = second_method(channelled(0, 0), replace(channelled(1, 0), id=1))
    assert both.ttft_reasoning_ms is not None
    assert both.ttft_answer_ms is not None
    assert (both.ttft_reasoning_ms.n, both.ttft_answer_ms.n) == (1, 2)

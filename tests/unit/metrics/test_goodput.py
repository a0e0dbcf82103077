"""Goodput: limits are read strictly, and a request is good only if it kept every one of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents import Metrics, Record, Slo, Window
from kit.errors import InputError
from kit.metrics.aggregate import cell_metrics
from kit.metrics.goodput import RequestLatencies, meets, parse_slo, slo_text
from tests.support.records import MS, make_record

SECOND = Window(0, 1000 * MS)
LATENCIES = RequestLatencies(200 * MS, 50 * MS, (40 * MS, 60 * MS), 1000 * MS)


def metrics(*records: Record, slo: Slo | None, open_loop: bool = False) -> Metrics:
    return cell_metrics(records, SECOND, open_loop=open_loop, slo=slo)


@pytest.mark.parametrize(
    ("text", "slo"),
    [
        ("ttft=200ms", Slo(ttft_ns=200 * MS)),
        ("ttft=200ms,tpot=50ms", Slo(ttft_ns=200 * MS, tpot_ns=50 * MS)),
        ("e2e=5s,itl=0.5ms", Slo(e2e_ns=5000 * MS, itl_ns=MS // 2)),
        ("ttft=0.000001ms", Slo(ttft_ns=1)),
        ("tpot=0.1s", Slo(tpot_ns=100 * MS)),
    ],
)
def test_limits_are_read_exactly(text: str, slo: Slo) -> None:
    """In whole nanoseconds, whatever the unit."""
    assert parse_slo(text) == slo


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "METRIC=TIME"),
        ("ttft", "METRIC=TIME"),
        ("ttft=200ms,", "METRIC=TIME"),
        ("tftt=200ms", "Did you mean 'ttft'"),
        ("ttft_ns=200ms", "no metric"),
        ("ttft=200", "unit ms or s"),
        ("ttft=200us", "unit ms or s"),
        ("ttft=200 ms", "unit ms or s"),
        (" ttft=200ms", "no metric"),
        ("ttft=-1ms", "unit ms or s"),
        ("ttft=1e3ms", "unit ms or s"),
        ("ttft=.5s", "unit ms or s"),
        ("ttft=٢ms", "unit ms or s"),
        ("ttft=0.0000001ms", "unit ms or s"),
        ("ttft=0ms", "above zero"),
        ("ttft=999999999s", "at most"),
        ("ttft=1ms,tpot=2ms,ttft=3ms", "twice"),
        ("ttft=1ms;tpot=2ms", "unit ms or s"),
    ],
)
def test_a_limit_that_is_not_exact_is_refused_in_words(text: str, words: str) -> None:
    """Nothing is guessed: no unit, no number, no such metric, twice the same."""
    with pytest.raises(InputError) as raised:
        parse_slo(text)
    assert words in str(raised.value)


limits_ns = st.none() | st.integers(1, 10**12 - 1).map(lambda us: us * 1000)


@given(limits_ns, limits_ns, limits_ns, limits_ns)
def test_limits_in_words_are_those_that_were_read(
    ttft_ns: int | None, tpot_ns: int | None, itl_ns: int | None, e2e_ns: int | None
) -> None:
    """Written out with commas and blanks removed, they read as the same limits."""
    slo = Slo(ttft_ns, tpot_ns, itl_ns, e2e_ns)
    words = slo_text(slo).split(", ")
    written = ",".join(word.replace(",", "").replace(" ms", "ms").replace(" ", "=") for word in words)
    assert slo == (parse_slo(written) if written else Slo())


@pytest.mark.parametrize("metric", ["ttft_ns", "tpot_ns", "e2e_ns"])
def test_a_limit_is_kept_up_to_the_last_nanosecond(metric: str) -> None:
    """Equal is kept, one nanosecond more is not."""
    value = getattr(LATENCIES, metric)
    assert meets(Slo(**{metric: value}), LATENCIES)
    assert not meets(Slo(**{metric: value - 1}), LATENCIES)


def test_the_longest_gap_of_a_request_is_what_itl_limits() -> None:
    """One stall is felt, however smooth the rest is."""
    assert meets(Slo(itl_ns=60 * MS), LATENCIES)
    assert not meets(Slo(itl_ns=59 * MS), LATENCIES)


def test_a_request_without_a_pace_breaks_no_limit_of_it() -> None:
    """One token: there was nothing to wait for after it."""
    short = replace(LATENCIES, tpot_ns=None, itl_ns=())
    assert meets(Slo(tpot_ns=1, itl_ns=1), short)
    assert not meets(Slo(tpot_ns=1, ttft_ns=1), short)


def test_every_limit_must_be_kept() -> None:
    """TTFT alone is not enough."""
    slow = make_record(1, chunks_ms=(50, 150, 250))
    found = metrics(make_record(), slow, slo=parse_slo("ttft=50ms,tpot=10ms"))
    assert (found.goodput_req_s, found.goodput_share) == (1.0, 0.5)


def test_goodput_counts_requests_sent_in_the_window_over_its_length() -> None:
    """Sent before it does not count; sent in it and ended after it does."""
    before = make_record(0, sent_ms=10)
    inside = make_record(1, sent_ms=110, chunks_ms=(150, 500))
    found = cell_metrics(
        (before, inside), Window(100 * MS, 200 * MS), open_loop=False, slo=parse_slo("ttft=100ms")
    )
    assert (found.goodput_req_s, found.goodput_share) == (10.0, 1.0)


def test_a_failed_request_is_in_the_share_and_never_good() -> None:
    """One good, one failed: half. Unfinished ones are in neither."""
    failed = make_record(1, outcome="failed", error="truncated")
    found = metrics(make_record(), failed, make_record(2, outcome="unfinished"), slo=parse_slo("e2e=10s"))
    assert (found.goodput_req_s, found.goodput_share) == (1.0, 0.5)


def test_a_dead_server_has_a_goodput_of_zero_and_no_requests_have_none() -> None:
    """Nothing was good is a number; nothing was asked is none."""
    dead = make_record(sent_ms=None, intended_ms=0, chunks_ms=(), outcome="failed", error="connect")
    slo = parse_slo("ttft=1s")
    assert (metrics(dead, slo=slo).goodput_req_s, metrics(dead, slo=slo).goodput_share) == (0.0, 0.0)
    assert (metrics(slo=slo).goodput_req_s, metrics(slo=slo).goodput_share) == (None, None)


def test_without_limits_there_is_no_goodput() -> None:
    """None, not one."""
    found = metrics(make_record(), slo=None)
    assert (found.goodput_req_s, found.goodput_share, found.validation) == (None, None, None)


def test_a_replayed_answer_is_judged_by_the_wait_for_its_first_text() -> None:
    """No TTFT in the table, but its user waited half a second for anything."""
    burst = make_record(chunks_ms=tuple(500 + i * 0.05 for i in range(20)))
    assert metrics(burst, slo=parse_slo("ttft=499ms,tpot=0.01ms")).goodput_share == 0.0
    assert metrics(burst, slo=parse_slo("ttft=500ms,tpot=0.01ms")).goodput_share == 1.0


def test_in_an_open_loop_the_user_waits_from_the_intended_send() -> None:
    """Intended at 0, sent at 30 ms, first text at 50, last at 80."""
    late = make_record(sent_ms=30, intended_ms=0)
    for words, closed, open_ in (
        ("ttft=20ms", 1.0, 0.0),
        ("e2e=50ms", 1.0, 0.0),
        ("ttft=50ms,e2e=80ms", 1.0, 1.0),
    ):
        slo = parse_slo(words)
        assert metrics(late, slo=slo).goodput_share == closed
        assert metrics(late, slo=slo, open_loop=True).goodput_share == open_


@given(st.lists(st.integers(1, 900), min_size=1, max_size=20), st.integers(1, 900), st.integers(0, 100))
def test_a_looser_limit_is_never_kept_by_fewer(firsts_ms: list[int], limit_ms: int, more_ms: int) -> None:
    """Goodput rises with the limit."""
    records = [make_record(i, chunks_ms=(first, first + 10)) for i, first in enumerate(firsts_ms)]
    tight = metrics(*records, slo=Slo(ttft_ns=limit_ms * MS)).goodput_req_s
    loose = metrics(*records, slo=Slo(ttft_ns=(limit_ms + more_ms) * MS)).goodput_req_s
    assert tight is not None
    assert loose is not None
    assert tight <= loose == sum(first <= limit_ms + more_ms for first in firsts_ms)

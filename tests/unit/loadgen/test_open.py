"""kit.loadgen.session: the open loop sends on its schedule, whatever the server does."""

from __future__ import annotations

from itertools import islice
from typing import Literal

import pytest

from kit.documents import Loop
from kit.metrics.aggregate import cell_metrics
from kit.plan.schedule import arrivals_ns
from tests.support.hostile import (
    ANSWER,
    ENDLESS,
    Ran,
    answering,
    asked,
    carried_out,
    most_in_flight,
    serving,
    verdict,
)
from tests.support.scripted import MS, behaving, in_thread

Arrivals = Literal["constant", "poisson", "gamma"]


def opened(rate_per_s: int, arrivals: Arrivals = "constant") -> Loop:
    return Loop("open", None, arrivals, rate_per_s * 1000, 500 if arrivals == "gamma" else None)


def check_open(ran: Ran, loop: Loop) -> None:
    due = list(islice(arrivals_ns(1, "scripted", loop), len(ran.records)))
    assert [each.intended_ns for each in ran.records] == due
    assert all(each.sent_ns is None or each.sent_ns >= each.intended_ns for each in ran.records)


@pytest.mark.parametrize("arrivals", ["constant", "poisson", "gamma"])
def test_an_open_loop_intends_exactly_its_schedule(arrivals: Arrivals) -> None:
    """Request by request, and never sends early."""
    loop = opened(400, arrivals)
    with in_thread(behaving(ttft_ms=2)) as url:
        ran = carried_out(asked(url, requests=40, loop=loop, tokens=(1, 3)))
    assert [verdict(each) for each in ran.records] == ["ok"] * 40
    check_open(ran, loop)


def test_an_open_loop_sends_while_earlier_requests_hang() -> None:
    """There is no limit on what is in flight; what hangs at the end is unfinished."""
    loop = opened(500)
    with serving(answering(ENDLESS)) as server:
        ran = carried_out(asked(server.url, requests=None, loop=loop, window_ns=100 * MS, drain_ns=0))
    assert len(ran.records) >= 10  # 50 if nothing else keeps this machine busy
    assert {verdict(each) for each in ran.records} == {"unfinished"}
    assert most_in_flight(ran.records) == sum(each.sent_ns is not None for each in ran.records)
    check_open(ran, loop)


def test_an_open_loop_gives_latencies_from_send_and_from_intent() -> None:
    """The second are never shorter, by the lag of each send."""
    with in_thread(behaving(ttft_ms=5)) as url:
        ran = carried_out(asked(url, requests=10, loop=opened(200)))
    assert ran.run.window is not None
    metrics = cell_metrics(ran.records, ran.run.window, open_loop=True)
    assert metrics.e2e_from_intended_ms is not None
    assert metrics.e2e_ms.n == metrics.e2e_from_intended_ms.n == 10
    assert (metrics.e2e_from_intended_ms.min or 0) >= (metrics.e2e_ms.min or 0) >= 5


def test_an_open_loop_uses_connections_again() -> None:
    """A request that ends leaves its connection to the next arrival."""
    with serving(answering(ANSWER)) as server:
        ran = carried_out(asked(server.url, requests=10, loop=opened(100)))
    assert server.connections < 10
    assert [verdict(each) for each in ran.records] == ["ok"] * 10


def test_an_open_loop_does_not_slow_down_for_failures() -> None:
    """No pause after them: who comes next knows nothing of it."""
    loop = opened(400)
    with serving(answering(b"", close=True)) as server:
        ran = carried_out(asked(server.url, requests=20, loop=loop))
    assert {verdict(each) for each in ran.records} == {"protocol"}
    check_open(ran, loop)


def test_a_schedule_that_ends_ends_only_the_sending() -> None:
    """The window goes on to its end, and what was sent is followed."""
    with in_thread(behaving(ttft_ms=30)) as url:
        load = asked(url, requests=None, loop=opened(100), window_ns=60 * MS, drain_ns=900 * MS)
        ran = carried_out(load, arrivals=iter([0, 5 * MS, 40 * MS]))
    assert [each.intended_ns for each in ran.records] == [0, 5 * MS, 40 * MS]
    assert [verdict(each) for each in ran.records] == ["ok"] * 3
    assert ran.run.window is not None
    assert ran.run.window.end_ns == 60 * MS

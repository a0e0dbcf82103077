"""Who of several clients has which request and user, and what their facts say of the whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.documents import ClientFacts, ClientHost, Window
from kit.metrics.clients import client_of, facts_of_client, request_ids, whole_facts

HOST = ClientHost("Linux", "6.1", "x86_64", "a CPU", 4, 2, 10**9, "3.11.0", {})
ONE = ClientFacts(
    host=HOST,
    origin_utc="2026-01-31T12:00:00.000100Z",
    ended_utc="2026-01-31T12:00:02.000100Z",
    origin_ns=5,
    duration_ns=2 * 10**9,
    stamp_source="kernel",
    clock="CLOCK_MONOTONIC",
    clock_resolution_ns=1,
    cpu_ns=7,
    stale_retries=1,
    requests=3,
    records_sha256="a" * 64,
    texts_sha256="b" * 64,
)
OTHER = replace(ONE, origin_ns=9, duration_ns=3 * 10**9, stamp_source="user", cpu_ns=4, requests=1)


@pytest.mark.parametrize(
    ("counts", "ids"),
    [([3, 3], [0, 1, 2, 3, 4, 5]), ([3, 1], [0, 1, 2, 4]), ([0, 2], [1, 3]), ([1, 1, 2], [0, 1, 2, 5])],
)
def test_ids_have_holes_where_one_client_sent_more(counts: list[int], ids: list[int]) -> None:
    """Ascending, each of its own client."""
    assert list(request_ids(counts)) == ids
    assert [sum(client_of(each, len(counts)) == at for each in ids) for at in range(1, len(counts) + 1)] == counts


def test_the_whole_has_the_clock_of_the_client_that_went_on_longest() -> None:
    """Counts are sums; a stamp is the kernel's only where all are."""
    facts = whole_facts([ONE, OTHER], Window(0, 10**9), None, "c" * 64, "d" * 64)
    assert (facts.origin_ns, facts.duration_ns) == (9, 3 * 10**9)
    assert (facts.cpu_ns, facts.requests, facts.processes, facts.stale_retries) == (11, 4, 2, 2)
    assert facts.stamp_source == "user"
    assert whole_facts([ONE, replace(ONE, requests=9)], None, None, "c", "d").origin_ns == 5


def test_a_part_has_the_times_of_its_client() -> None:
    """What is of all together stays."""
    facts = whole_facts([ONE, OTHER], Window(0, 10**9), None, "c" * 64, "d" * 64)
    part = facts_of_client(facts, 1)
    assert (part.duration_ns, part.requests, part.window) == (2 * 10**9, 3, Window(0, 10**9))

"""One load by several clients: what each of them does of it, and what their facts say of the whole. Pure.

Client I of N has every N-th request and user, from number I - 1 on, as the processes of one client have. Each
counts its stamps from its own origin, and all begin at one time of day: stamps of two clients are as far apart as
their clocks are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from heapq import merge

from kit.documents import ClientFacts, ClientHost, Failures, Host, Load, LoadFacts, Window

MAX_CLIENTS = 64
MAX_LATE_NS = 100_000_000  # after the common time a load no longer begins: the others are under way


def whole_load(load: Load) -> Load:
    """The load of all clients, of which this is the share of one."""
    return replace(load, client=0)


def client_of(number: int, clients: int) -> int:
    """Which client, counted from 1, a request or user of this number is of."""
    return number % clients + 1


def users_of(load: Load, client: int) -> range:
    """The users of a client, counted from 1."""
    return range(client - 1, load.loop.concurrency or 0, load.clients)


def request_ids(requests: Sequence[int]) -> Iterator[int]:
    """The ids of the requests of all clients, ascending, where client n has sent so many as stand at n - 1.

    They have holes near the end, where one client has sent more than another.
    """
    return merge(*(range(at, at + len(requests) * count, len(requests)) for at, count in enumerate(requests)))


def client_host(host: Host) -> ClientHost:
    """What is kept of a client's machine."""
    return ClientHost(
        system=host.system,
        kernel=host.kernel,
        architecture=host.architecture,
        cpu_model=host.cpu_model,
        cpus=host.cpus,
        cpus_usable=host.cpus_usable,
        memory_bytes=host.memory_bytes,
        python=host.python,
        packages=host.packages,
    )


def client_facts(facts: LoadFacts, host: Host) -> ClientFacts:
    """What is kept of the facts of one client's share."""
    return ClientFacts(
        host=client_host(host),
        origin_utc=facts.origin_utc,
        ended_utc=facts.ended_utc,
        origin_ns=facts.origin_ns,
        duration_ns=facts.duration_ns,
        stamp_source=facts.stamp_source,
        clock=facts.clock,
        clock_resolution_ns=facts.clock_resolution_ns,
        cpu_ns=facts.cpu_ns,
        stale_retries=facts.stale_retries,
        requests=facts.requests,
        records_sha256=facts.records_sha256,
        texts_sha256=facts.texts_sha256,
        longest_stall_ns=facts.longest_stall_ns,
        utc_error_ns=facts.utc_error_ns,
    )


def last_to_end(clients: Sequence[ClientFacts]) -> int:
    """Which of them, counted from 0, went on longest: its clock is that of the whole load."""
    return max(range(len(clients)), key=lambda at: (clients[at].duration_ns, -at))


def whole_facts(
    clients: Sequence[ClientFacts],
    window: Window | None,
    failures: Failures | None,
    records_sha256: str,
    texts_sha256: str,
) -> LoadFacts:
    """The facts of the whole load, which follow from those of its clients and from all records."""
    last = clients[last_to_end(clients)]
    return LoadFacts(
        origin_utc=last.origin_utc,
        ended_utc=last.ended_utc,
        origin_ns=last.origin_ns,
        duration_ns=last.duration_ns,
        window=window,
        stamp_source="kernel" if all(each.stamp_source == "kernel" for each in clients) else "user",
        clock=last.clock,
        clock_resolution_ns=max(each.clock_resolution_ns for each in clients),
        cpu_ns=sum(each.cpu_ns for each in clients),
        interrupted=False,
        stale_retries=sum(each.stale_retries for each in clients),
        requests=sum(each.requests for each in clients),
        records_sha256=records_sha256,
        texts_sha256=texts_sha256,
        processes=len(clients),
        failures=failures,
        longest_stall_ns=max(each.longest_stall_ns for each in clients),
        clients=tuple(clients),
    )


def facts_of_client(facts: LoadFacts, client: int) -> LoadFacts:
    """The facts of the whole with those of one client, counted from 1, in place of what is of all together."""
    one = facts.clients[client - 1]
    return replace(
        facts,
        origin_utc=one.origin_utc,
        ended_utc=one.ended_utc,
        origin_ns=one.origin_ns,
        duration_ns=one.duration_ns,
        longest_stall_ns=one.longest_stall_ns,
        requests=one.requests,
    )

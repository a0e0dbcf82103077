"""Rules about loads that several clients carried out together: the whole follows from what each of them left."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from itertools import zip_longest

from kit.documents import ClientFacts
from kit.metrics.clients import MAX_LATE_NS, client_host, client_of, request_ids, whole_facts
from kit.metrics.clocks import clock_difference_ns, clock_slack_ns
from kit.storage.names import RECORDS, TEXTS
from kit.timestamps import utc_ns
from kit.verify.difference import differences
from kit.verify.evidence import Evidence
from kit.verify.rule import Issue, Steps, rule
from kit.verify.views import Loaded, eps_ns, loaded_cells

MAX_OFF_PERCENT = 1  # of the window: by so much the sum of two clients is wrong at most, if their clocks are


@rule(
    "load.clients",
    "reject",
    "clients",
    "Of a load by several clients each has its share and began with the others; together they left what is kept",
)
def load_clients(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        if _is_of_one(loaded):
            continue
        yield len(loaded.facts.clients)
        where = f"{loaded.where}: facts.clients"
        if loaded.load.client or len(loaded.facts.clients) != loaded.load.clients:
            yield Issue(where, f"are {len(loaded.facts.clients)}, the load is by {loaded.load.clients}")
            continue
        yield from (Issue(where, why) for why in _whole_faults(evidence, loaded))
        for number, client in enumerate(loaded.facts.clients, 1):
            yield from (Issue(f"{where}: client {number}", why) for why in _faults(loaded, number, client))


def _is_of_one(loaded: Loaded) -> bool:
    """Whether nothing of a cell speaks of several clients."""
    load, facts = loaded.load, loaded.facts
    said = load.clients > 1 or load.client or load.at_utc is not None
    return not (said or facts.clients or facts.utc_error_ns is not None)


def _whole_faults(evidence: Evidence, loaded: Loaded) -> Iterator[str]:
    facts = loaded.facts
    expected = whole_facts(facts.clients, facts.window, facts.failures, facts.records_sha256, facts.texts_sha256)
    yield from differences(expected, facts)
    if evidence.host is not None and client_host(evidence.host) != facts.clients[0].host:
        yield "the first is not of the machine in host.json"
    counts = [client.requests for client in facts.clients]
    if sum(counts) != len(loaded.records):
        yield f"sent {sum(counts)} requests together, and {len(loaded.records)} are kept"
        return
    ids = (record.id for record in loaded.records)
    if any(found != wanted for found, wanted in zip_longest(ids, request_ids(counts))):
        yield f"have other requests than every {len(counts)}th from their own number on"
        return
    yield from _file_faults(evidence, loaded)


def _file_faults(evidence: Evidence, loaded: Loaded) -> Iterator[str]:
    """The lines of each client are, byte for byte, the file that it left."""
    clients = loaded.facts.clients
    for name in (RECORDS, TEXTS):
        digests = [sha256() for _ in clients]
        lines = BytesIO(evidence.files.get(loaded.found.file(name), b""))
        for record, line in zip(loaded.records, lines, strict=False):
            digests[client_of(record.id, len(clients)) - 1].update(line)
        for number, (client, digest) in enumerate(zip(clients, digests, strict=True), 1):
            left = client.records_sha256 if name == RECORDS else client.texts_sha256
            if digest.hexdigest() != left:
                yield f"client {number} left another {name} than its lines of the one that is kept"


def _faults(loaded: Loaded, number: int, client: ClientFacts) -> Iterator[str]:
    load, window = loaded.load, loaded.window
    mine = [record for record in loaded.records if client_of(record.id, load.clients) == number]
    if loaded.closed and any(client_of(record.worker, load.clients) != number for record in mine):
        yield "has requests of a user of another client"
    if any(record.done_ns > client.duration_ns + eps_ns(loaded) for record in mine):
        yield "has requests that ended after its own end"
    if window is not None and client.duration_ns < window.end_ns:
        yield "ended before the window"
    if not 1 <= client.host.cpus_usable <= client.host.cpus:
        yield f"cannot use {client.host.cpus_usable} of {client.host.cpus} CPUs"
    try:
        late_ns = utc_ns(client.origin_utc) - utc_ns(load.at_utc or "")
        off_ns = abs(clock_difference_ns(client.origin_utc, client.ended_utc, client.duration_ns))
    except ValueError:
        yield "has a time that does not exist, or no common one to begin at"
        return
    if not 0 <= late_ns <= MAX_LATE_NS + eps_ns(loaded):
        yield f"began {late_ns / 1e6:+.1f} ms from the common time"
    if off_ns > clock_slack_ns(client.duration_ns):
        yield f"has a real time and a duration that differ by {off_ns // 1_000_000} ms"


@rule(
    "time.clients",
    "flag",
    "clients",
    "The clocks of all clients of a load are known to be right within 1 % of its window",
)
def time_clients(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        window = loaded.window
        for number, client in enumerate(loaded.facts.clients, 1):
            yield 1
            where = f"{loaded.where}: facts.clients: client {number}"
            if client.utc_error_ns is None:
                words = "its clock was not synchronised, or its kernel did not say: its window may lie elsewhere"
                yield Issue(where, words)
            elif window and client.utc_error_ns * 100 > (window.end_ns - window.start_ns) * MAX_OFF_PERCENT:
                yield Issue(where, f"its clock may have been {client.utc_error_ns / 1e6:.0f} ms off")


RULES = (load_clients, time_clients)

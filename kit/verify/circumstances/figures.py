"""Rules about figures that stand beside the records: counters, caches, exit codes, the client's own word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kit.documents import Record, ServerFacts
from kit.metrics.limits import CPU_SLACK_NS, CPU_SLACK_PERCENT
from kit.plan.plan import caches_on
from kit.runtimes.planned import planned_runtime
from kit.verify.evidence import Evidence
from kit.verify.rule import Issue, Steps, rule
from kit.verify.views import Loaded, found_cells, loaded_cells, possible_retries

PROMPT, HITS = "prompt_tokens", "prefix_cache_hits"
# Runtimes whose prompt caches the kit switches off, and which say of every answer what came from one.
CACHES_OFF = frozenset({"llamacpp", "vllm"})
COUNTS_HITS = frozenset({"vllm"})
CLOCK = "CLOCK_MONOTONIC"
# How a server ends that is told to stop: by itself, by the signal, or killed when it was too slow to obey.
STOPPED = frozenset({0, 143, -15, 130, -2, 137, -9})


def _measured(evidence: Evidence) -> Iterator[tuple[Loaded, ServerFacts]]:
    for loaded in loaded_cells(evidence):
        if loaded.found.measured and loaded.cell.server is not None:
            yield loaded, loaded.cell.server


def _grown(server: ServerFacts, name: str) -> int | None:
    """By how much a counter of the server grew in the load; None where it has none."""
    before, after = _value(server.counters_before, name), _value(server.counters_after, name)
    return None if before is None or after is None else after - before


def _value(counters: Mapping[str, int] | None, name: str) -> int | None:
    return counters.get(name) if counters else None


@rule("evidence.prompts", "flag", "loads", "The server's own counter of prompt tokens agrees with the records")
def evidence_prompts(evidence: Evidence) -> Steps:
    for loaded, server in _measured(evidence):
        runtime = planned_runtime(loaded.plan, loaded.cell.runtime)
        if runtime is None or not runtime.COUNTERS_PATH:
            continue
        yield 1
        counted = _grown(server, PROMPT)
        low, high = _possible_prompts(loaded)
        if counted is None:
            yield Issue(f"{loaded.where}: server", "has no counter of prompt tokens, which this runtime has")
        elif not low <= counted <= high:
            words = f"read {counted} tokens of prompts in the load; the records allow {low} to {high}"
            yield Issue(f"{loaded.where}: server", words)


def _possible_prompts(loaded: Loaded) -> tuple[int, int]:
    """Every answer read its prompt, but for what came from a cache; all others may have, and those sent twice."""
    done = [record for record in loaded.records if record.outcome == "ok"]
    read = sum(record.prompt_tokens or 0 for record in done)
    longest = max((record.prompt_tokens or 0 for record in done), default=0)
    others = len(loaded.records) - len(done) + sum(record.prompt_tokens is None for record in done)
    # A prompt that was not answered may be longer than all that were, but not twice as long: they are of one set.
    more = 2 * longest * (others + possible_retries(loaded)) if done else counter_limit(loaded)
    return read - sum(record.cached_tokens or 0 for record in done), read + more


def counter_limit(loaded: Loaded) -> int:
    """Where nothing was answered, nothing is known of how long the prompts are."""
    return 10**9 * max(1, len(loaded.records))


def connected(records: Sequence[Record]) -> int:
    return sum(record.connect_ns is not None for record in records)


@rule("evidence.cache", "flag", "loads", "Where the plan switches prompt caches off, nothing came from one")
def evidence_cache(evidence: Evidence) -> Steps:
    for loaded, server in _measured(evidence):
        if loaded.cell.runtime not in CACHES_OFF or caches_on(loaded.plan.workload):
            continue
        yield 1
        done = [record for record in loaded.records if record.outcome == "ok"]
        cached = [record for record in done if record.cached_tokens]
        silent = [record for record in done if record.cached_tokens is None]
        hits = _grown(server, HITS)
        if cached:
            many = len(cached) - 1
            words = f"had {cached[0].cached_tokens} tokens of its prompt from a cache; {many} others had some"
            yield Issue(loaded.of(cached[0]), words)
        if silent:
            words = f"does not say what came from a cache, nor do {len(silent) - 1} others; this runtime says it"
            yield Issue(loaded.of(silent[0]), words)
        if hits or (hits is None and loaded.cell.runtime in COUNTS_HITS):
            words = f"took {hits} tokens from its prefix cache" if hits else "counts no hits of its prefix cache"
            yield Issue(f"{loaded.where}: server", words)


@rule("evidence.client", "flag", "loads", "What the load generator says of itself can be true")
def evidence_client(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        yield 1
        yield from (Issue(f"{loaded.where}: facts", why) for why in _client_faults(loaded))


def _client_faults(loaded: Loaded) -> Iterator[str]:
    facts = loaded.facts
    if facts.clock != CLOCK:
        yield f"clock is not {CLOCK}"
    # One thread in each process, and the one that watches over several.
    threads = facts.processes + (facts.processes > 1)
    most_ns = facts.duration_ns * threads * (100 + CPU_SLACK_PERCENT) // 100 + CPU_SLACK_NS
    if not 0 < facts.cpu_ns <= most_ns:
        yield f"cpu_ns is {facts.cpu_ns}, and {threads} threads can have had 1 to {most_ns}"
    if not 0 <= facts.stale_retries <= (most := connected(loaded.records)):
        yield f"stale_retries is {facts.stale_retries}, but only {most} requests had a new connection"


@rule("server.exit", "flag", "servers", "A measured server ended as one does that is told to stop")
def server_exit(evidence: Evidence) -> Steps:
    for found in found_cells(evidence):
        server = found.cell.server
        if not found.measured or server is None:
            continue
        yield 1
        if server.exit_code not in STOPPED:
            how = "has no exit code" if server.exit_code is None else f"ended with exit code {server.exit_code}"
            yield Issue(f"{found.where}: server", f"{how}, although it was stopped")
        if server.container is not None and server.container.exit_code != server.exit_code:
            yield Issue(f"{found.where}: server.container", "has another exit code than the server")


@rule("cell.unproven", "flag", "cells", "No cell failed before its load, where nothing shows why")
def cell_unproven(evidence: Evidence) -> Steps:
    for found in found_cells(evidence):
        yield 1
        if found.cell.status == "failed" and found.cell.facts is None and found.attempt is None:
            yield Issue(found.where, "failed before its load: there is only its word for that")


RULES = (evidence_prompts, evidence_cache, evidence_client, server_exit, cell_unproven)

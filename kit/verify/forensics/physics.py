"""What a device cannot exceed: each token reads the weights once, and computes twice for each of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kit.catalogue.devices import Device, device
from kit.documents import Entry, Host, Plan
from kit.runtimes.outside.declared import DeclaredRuntime
from kit.runtimes.planned import planned_runtime
from kit.runtimes.programs import PROGRAM_GPU
from kit.storage.names import HOST
from kit.verify.evidence import Evidence
from kit.verify.rule import Issue, Steps, rule
from kit.verify.views import Loaded, loaded_cells

# Variants that compute on the CPUs whatever GPU there is; a process does so too.
ON_CPUS = frozenset({"cpu", "lavapipe"})
# A part of the file is read by row for each token (the embeddings, where they are no output layer as well).
READ_SHARE = 0.8
# Weights that lie in the last cache in part are not read from memory once a token.
CACHES = 8
MARGIN = 1.1  # clocks and memory that were set a little faster than their maker says
MIN_DECODED = 16  # tokens of a request whose pace is judged
# Bits a weight at most, by what the name of the model says of its type.
BITS = ((re.compile(r"q4|awq|int4"), 6.0), (re.compile(r"q8|fp8|int8"), 9.0))
WIDEST_BITS = 16.0
DRAFTS = re.compile(r"draft|spec|lookup|lookahead|ngram|mtp|eagle|medusa")


@dataclass(frozen=True, slots=True)
class Bound:
    """What the machine of a cell can do at most. `bytes_s` is None where the weights may lie in its caches."""

    name: str
    bytes_s: float | None
    operations_s: float


@rule("physics.device", "note", "devices", "The kit knows the bandwidth and operations of the device")
def physics_device(evidence: Evidence) -> Steps:
    host = evidence.host
    if host is None or evidence.plan is None:
        return
    for kind, name in sorted(_devices(evidence.plan, host)):
        yield 1
        if device("gpu" if kind == "gpu" else "cpu", name) is None:
            words = f"{name or 'the ' + kind} is not in the kit's table of devices: its rates are not judged"
            yield Issue(HOST, words)


def _devices(plan: Plan, host: Host) -> set[tuple[str, str]]:
    found = set()
    for entry in plan.entries:
        if entry.url is not None:
            continue  # nobody knows on which device it is, nor with which weights
        if _on_cpus(plan, entry):
            found.add(("cpu", host.cpu_model or ""))
        else:
            found |= {("gpu", gpu.name) for gpu in host.gpus} or {("gpu", "")}
    return found


def _on_cpus(plan: Plan, entry: Entry) -> bool:
    runtime = planned_runtime(plan, entry.runtime)
    if runtime is not None and isinstance(runtime, DeclaredRuntime) and entry.variant in runtime.VARIANTS:
        return runtime.declared.variants[entry.variant].device.kind == "cpu"
    process = runtime.PROCESS_VARIANTS if runtime is not None else {}
    return entry.variant in ON_CPUS or (entry.variant in process and entry.variant != PROGRAM_GPU)


@rule("physics.decode", "flag", "cells", "No stream or server is faster than the device's memory or units allow")
def physics_decode(evidence: Evidence) -> Steps:
    for loaded, bound, size in _bounded(evidence):
        yield 1
        yield from (Issue(loaded.where, words) for words in _too_fast(loaded, bound, size))


@dataclass(frozen=True, slots=True)
class Size:
    """The weights of an entry: bytes that each token reads, and parameters that it computes with, at the least."""

    read_bytes: float
    parameters: float


def _bounded(evidence: Evidence) -> Iterator[tuple[Loaded, Bound, Size]]:
    plan, host = evidence.plan, evidence.host
    if plan is None or host is None:
        return
    entries = {entry.name: entry for entry in plan.entries}
    for loaded in loaded_cells(evidence):
        entry = entries.get(loaded.cell.entry)
        if entry is None or entry.url is not None or not loaded.found.measured or loaded.window is None:
            continue
        name, size = _weights(plan, entry)
        bound = _bound(plan, entry, host, size) if size and _is_read_whole(plan, entry) else None
        if bound is not None and size:
            yield loaded, bound, Size(READ_SHARE * size, READ_SHARE * size * 8 / _bits(name))


def _weights(plan: Plan, entry: Entry) -> tuple[str, int | None]:
    """Name and bytes of the model that an entry runs."""
    if entry.model is None:
        return plan.model.name, plan.model.bytes
    pins = [pin for pin in plan.models if pin.name == entry.model]
    return entry.model, pins[0].bytes if pins else None


def _is_read_whole(plan: Plan, entry: Entry) -> bool:
    """Whether each token takes all weights once: known of the models of the catalogue, none of which has experts.

    Drafts are checked several at once, so with them a token may take less.
    """
    pins = [pin for pin in plan.models if pin.name == entry.model]
    known = plan.model.catalogue if entry.model is None else all(pin.catalogue for pin in pins)
    return known and not any(DRAFTS.search(flag) for flag in entry.flags)


def _bits(name: str) -> float:
    return next((bits for pattern, bits in BITS if pattern.search(name)), WIDEST_BITS)


def _bound(plan: Plan, entry: Entry, host: Host, size: int) -> Bound | None:
    if _on_cpus(plan, entry):
        found = device("cpu", host.cpu_model or "")
        return None if found is None else _cpu_bound(found, host, size)
    cards = [device("gpu", gpu.name) for gpu in host.gpus]
    known = [card for card in cards if card is not None]
    if not cards or len(known) < len(cards):
        return None
    return Bound(
        known[0].told,
        MARGIN * sum(card.memory_gb_s for card in known) * 1e9,
        MARGIN * sum(card.tera_operations or 0.0 for card in known) * 1e12,
    )


def _cpu_bound(found: Device, host: Host, size: int) -> Bound:
    cached = size < CACHES * found.cache_mb * 1_000_000 * found.sockets
    each = (found.operations_per_cycle or 0) * (found.max_ghz or 0.0) * 1e9
    bytes_s = None if cached else MARGIN * found.sockets * found.memory_gb_s * 1e9
    return Bound(found.told, bytes_s, MARGIN * host.cpus * each)


def _too_fast(loaded: Loaded, bound: Bound, size: Size) -> Iterator[str]:
    fastest = 0.0
    for record in loaded.records:
        tokens, chunks = (record.completion_tokens or 0) - (record.untimed_tokens or 0), record.chunks
        span_ns = chunks[-1][0] - chunks[0][0] if chunks else 0
        if record.outcome == "ok" and tokens >= MIN_DECODED and span_ns > 0:
            fastest = max(fastest, (tokens - 1) / span_ns * 1e9)
    if bound.bytes_s is not None and fastest * size.read_bytes > bound.bytes_s:
        yield (
            f"has a stream of {fastest:.0f} tok/s: {fastest * size.read_bytes / 1e9:.0f} GB/s of weights,"
            f" {bound.name} reads {bound.bytes_s / 1e9:.0f} GB/s at most"
        )
    metrics = loaded.cell.metrics
    whole = metrics.throughput_tok_s if metrics and metrics.throughput_tok_s else fastest
    needed = 2 * size.parameters * max(whole, fastest)
    if needed > bound.operations_s:
        yield (
            f"has {max(whole, fastest):.0f} tok/s: {needed / 1e12:.1f} tera operations a second,"
            f" {bound.name} does {bound.operations_s / 1e12:.1f} at most"
        )


@rule("physics.prefill", "flag", "requests", "No first token came before the prompt can have been computed")
def physics_prefill(evidence: Evidence) -> Steps:
    for loaded, bound, size in _bounded(evidence):
        for record in loaded.records:
            if record.outcome != "ok" or not record.chunks or record.sent_ns is None or not record.prompt_tokens:
                continue
            yield 1
            uncached = max(1, record.prompt_tokens - (record.cached_tokens or 0))
            least_s = 2 * size.parameters * uncached / bound.operations_s
            if bound.bytes_s is not None:
                least_s = max(least_s, size.read_bytes / bound.bytes_s)
            took_s = (record.chunks[0][0] - record.sent_ns) / 1e9
            if took_s < least_s:
                words = (
                    f"has its first token after {took_s * 1e3:.2f} ms, {bound.name} needs {least_s * 1e3:.2f} ms"
                    f" at least for {uncached} tokens"
                )
                yield Issue(loaded.of(record), words)


@rule("physics.load", "flag", "entries", "The weights fit into the memory of the device")
def physics_load(evidence: Evidence) -> Steps:
    plan, host = evidence.plan, evidence.host
    if plan is None or host is None:
        return
    for entry in (each for each in plan.entries if each.url is None):
        _, size = _weights(plan, entry)
        memory = _memory(plan, entry, host)
        if size is None or memory is None:
            continue
        yield 1
        if size > memory:
            words = f"{entry.name} has {size / 1e9:.1f} GB of weights, the device has {memory / 1e9:.1f} GB"
            yield Issue(HOST, words)


def _memory(plan: Plan, entry: Entry, host: Host) -> int | None:
    if _on_cpus(plan, entry):
        return host.memory_bytes
    sizes = [gpu.memory_bytes for gpu in host.gpus]
    return sum(size for size in sizes if size) if sizes and all(sizes) else None


RULES = (physics_device, physics_decode, physics_prefill, physics_load)

"""How far the stamps are from the truth: 32 fast streams, also beside a busy process, and 1,000 slow ones."""

from __future__ import annotations

from contextlib import nullcontext

from benchmarks.against_truth import Errors, at_ms, compare, extent
from benchmarks.children import busy_core
from benchmarks.endpoint import paced, reference, truths
from benchmarks.figure import Bench, Figure, at_least, at_most, untargeted
from benchmarks.loads import Ask, Loaded, kit_load

STREAMS = 32
# Lengths vary by a quarter and the start is warm-up, so that streams do not begin and step together.
TOKENS = (150, 250)


def _load(bench: Bench, ask: Ask, options: tuple[str, ...], *, busy: bool = False) -> tuple[Loaded, Errors]:
    log = bench.new("truth")
    with reference(*options, truth=log) as url, busy_core() if busy else nullcontext():
        loaded = kit_load(bench, url, ask)
    return loaded, compare(loaded.records(), truths(log), loaded.window, loaded.origin_ns)


def _figures(name: str, errors: Errors, how: str, ttft_ms: float, gap_ms: float) -> tuple[Figure, ...]:
    receive = f"stamp of a chunk - its leaving; {extent(errors.receive_ns)}"
    return (
        at_most(
            f"{name}: TTFT error p99", at_ms(errors.ttft_ns), ttft_ms, "ms", f"{how}; {extent(errors.ttft_ns)}"
        ),
        at_most(f"{name}: gap error p99", at_ms(errors.gap_ns), gap_ms, "ms", extent(errors.gap_ns)),
        untargeted(f"{name}: receive error p99", at_ms(errors.receive_ns), "ms", receive),
        at_most(f"{name}: lost", errors.lost_chunks, 0, "chunks", "in the truth log, in no record"),
    )


def _fast(bench: Bench, *, busy: bool) -> tuple[Errors, str]:
    ask = Ask(tokens=TOKENS, concurrency=STREAMS, requests=bench.pick(256, 1024), warmup_s=1)
    loaded, errors = _load(bench, ask, paced(), busy=busy)
    stamps = loaded.cell["facts"]["stamp_source"]
    return errors, f"{STREAMS} streams x 200 tok/s, {ask.requests} requests, {stamps} stamps"


def measure(bench: Bench) -> tuple[Figure, ...]:
    errors, how = _fast(bench, busy=False)
    return _figures("fidelity", errors, how, 1.0, 0.5)


def measure_busy(bench: Bench) -> tuple[Figure, ...]:
    """The same with one core kept busy by another process."""
    errors, how = _fast(bench, busy=True)
    return _figures("fidelity, one core busy", errors, how, 2.0, 1.0)


def measure_many(bench: Bench) -> tuple[Figure, ...]:
    """1,000 streams at once, each slow; varied times, so that they do not step together."""
    ask = Ask(tokens=(20, 30), concurrency=1000, requests=bench.pick(1000, 5000), warmup_s=3)
    times = ("--ttft-ms", "800", "--ttft-dist", "normal", "--ttft-sd-ms", "150")
    gaps = ("--itl-ms", "170", "--itl-dist", "normal", "--itl-sd-ms", "20")
    loaded, errors = _load(bench, ask, (*times, *gaps))
    metrics = loaded.cell["metrics"]
    rate = metrics["throughput_tok_s"] or 0
    failed = sum(record.outcome != "ok" for record in loaded.records())
    how = f"{ask.requests} requests after {ask.warmup_s:g} s of warm-up"
    return (
        *_figures("1,000 streams", errors, how, 5.0, 5.0),
        at_most("1,000 streams: requests not ok", failed, 0, "requests", ""),
        at_least("1,000 streams: tokens/s", rate, 4000, "tok/s", "5,000 less the end, when streams run out"),
    )

"""What reading costs the kit, beside a bare loop that only reads; and how much it can take in."""

from __future__ import annotations

import os

from benchmarks.endpoint import IN_BLOCKS, SATURATED, paced, reference
from benchmarks.figure import Bench, Figure, at_least, at_most, untargeted
from benchmarks.loads import Ask, Bare, Loaded, bare_load, kit_load, lost_tokens, span_s
from kit.metrics.stats import median

STREAMS, TOKENS = 32, 200
BEST_PEER = 13_600  # tokens per CPU-second: the best whole tool of facts 4.1; benchmarks.peers measures it anew
REQUEST_S = 0.05 + (TOKENS - 1) * 0.005


def _alternating(bench: Bench, ask: Ask, options: tuple[str, ...], rounds: int) -> tuple[list[Loaded], list[Bare]]:
    """Kit, bare, kit, bare: each against the same endpoint, so that a slow minute of the machine meets both."""
    kits, bares = [], []
    with reference(*options) as url:
        for _ in range(rounds):
            kits.append(kit_load(bench, url, ask))
            bares.append(bare_load(bench, url, ask))
    return kits, bares


def saturated(bench: Bench) -> tuple[Figure, ...]:
    """The endpoint makes a send call for each token, so that reads coalesce as they do with real servers."""
    ask = Ask(tokens=TOKENS, concurrency=STREAMS, requests=1000)
    kits, bares = _alternating(bench, ask, SATURATED, bench.pick(2, 3))
    tokens = TOKENS * 1000
    kit = tokens / median([each.ended.cpu_s for each in kits])
    bare = tokens / median([each.loop_cpu_s for each in bares])
    window = tokens / median([each.cell["facts"]["cpu_ns"] / 1e9 for each in kits])
    whole_bare = tokens / median([each.whole_cpu_s for each in bares])
    how = f"{tokens:,} tokens, {STREAMS} streams, a send for each token, {len(kits)} x A B, medians"
    alone = f"the loop alone, as strict as can be; with its start-up {whole_bare:,.0f}"
    return (
        at_least("saturated: kit / bare loop", kit / bare, 0.5, "ratio of tok/CPU-s", how),
        at_least(
            "saturated: kit load, whole tool", kit, 5 * BEST_PEER, "tok/CPU-s", "5 x the best peer of the facts"
        ),
        untargeted("saturated: kit, while it loads", window, "tok/CPU-s", "facts.cpu_ns: no start-up, no parse"),
        untargeted("saturated: bare loop", bare, "tok/CPU-s", alone),
    )


def _through(bench: Bench, options: tuple[str, ...], requests: int) -> tuple[float, float, int]:
    """Tokens per second through the kit and through the bare loop, and tokens lost."""
    ask = Ask(tokens=TOKENS, concurrency=STREAMS, requests=requests)
    with reference(*options) as url:
        records = kit_load(bench, url, ask).records()
        bare = bare_load(bench, url, ask)
    tokens = TOKENS * requests
    return tokens / span_s(records), tokens / bare.wall_s, lost_tokens(records)


def ceiling(bench: Bench) -> tuple[Figure, ...]:
    """The most that comes through, on the cores shared with the endpoint that makes it."""
    rate, bare, lost = _through(bench, IN_BLOCKS, bench.pick(1000, 4000))
    each_rate, each_bare, each_lost = _through(bench, SATURATED, bench.pick(500, 1000))
    cores = f"{STREAMS} streams, {os.cpu_count()} cores shared with the endpoint"
    return (
        at_least("ceiling: answers in blocks", rate, 100_000, "tok/s", f"{cores}; bare loop {bare:,.0f}"),
        untargeted(
            "ceiling: a send for each token", each_rate, "tok/s", f"bare loop {each_bare:,.0f}: the endpoint's"
        ),
        at_most("ceiling: lost", lost + each_lost, 0, "tokens", ""),
    )


def paced_cost(bench: Bench) -> tuple[Figure, ...]:
    seconds = bench.pick(10, 60)
    ask = Ask(tokens=TOKENS, concurrency=STREAMS, requests=round(seconds / REQUEST_S) * STREAMS)
    kits, bares = _alternating(bench, ask, paced(), 1)
    kit, bare = kits[0].ended.cpu_s, bares[0].loop_cpu_s
    loading = kits[0].cell["facts"]["cpu_ns"] / 1e9
    how = (
        f"{seconds} s of {STREAMS} x 200 tok/s: kit {kit:.2f} CPU-s in all, {loading:.2f} while it loads; "
        f"bare {bare:.2f} (whole program {bares[0].whole_cpu_s:.2f})"
    )
    while_loading = untargeted(
        "paced: the same while it loads", loading / bare, "ratio of CPU-s", "no start-up, no parse"
    )
    return at_most("paced: kit / bare loop", kit / bare, 2, "ratio of CPU-s", how), while_loading

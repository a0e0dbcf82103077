"""By how much the client slows a server that shares the cores with it: real llama.cpp."""

from __future__ import annotations

from benchmarks.endpoint import llama_server
from benchmarks.figure import Bench, Figure, at_least, untargeted
from benchmarks.loads import Ask, bare_load, kit_load, lost_tokens, span_s
from kit.metrics.stats import median

SLOTS, TOKENS = 4, 64


def measure(bench: Bench) -> tuple[Figure, ...]:
    ask = Ask(tokens=TOKENS, concurrency=SLOTS, requests=bench.pick(16, 40), ignore_eos=True)
    tokens = TOKENS * (ask.requests or 0)
    rounds = bench.pick(2, 3)
    kit, bare, kit_cpu, bare_cpu = [], [], [], []
    lost = 0
    with llama_server(bench.new("llama"), SLOTS) as url:
        for _ in range(rounds):
            loop = bare_load(bench, url, ask)
            bare.append(tokens / loop.wall_s)
            bare_cpu.append(loop.whole_cpu_s)
            loaded = kit_load(bench, url, ask)
            records = loaded.records()
            lost += lost_tokens(records)
            kit.append(tokens / span_s(records))
            kit_cpu.append(loaded.ended.cpu_s)
    seen = f"kit {', '.join(f'{x:.1f}' for x in kit)}; bare {', '.join(f'{x:.1f}' for x in bare)} tok/s"
    cpu = f"CPU-s kit {median(kit_cpu):.2f}, bare {median(bare_cpu):.2f} whole programs"
    what = f"llama.cpp, SmolLM2-135M, {SLOTS} slots, {ask.requests} prompts x {TOKENS} tokens"
    how = f"{what}, {rounds} x B A, medians: {seen}; {cpu}"
    return (
        at_least("disturbance: kit / bare loop", median(kit) / median(bare), 0.97, "ratio of tok/s", how),
        untargeted("disturbance: tokens not had", lost, "tokens", "asked for and not in the records"),
    )

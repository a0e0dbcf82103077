"""How much memory a run of 10 million chunks takes."""

from __future__ import annotations

from benchmarks.endpoint import IN_BLOCKS, reference
from benchmarks.figure import Bench, Figure, at_most, untargeted
from benchmarks.loads import Ask, kit_load

STREAMS, TOKENS = 32, 200
ALL = 10_000_000
GIB = 1 << 30
LIMIT_S = 3600


def _peak(bench: Bench, url: str, chunks: int) -> int:
    ask = Ask(tokens=TOKENS, concurrency=STREAMS, requests=chunks // TOKENS)
    return kit_load(bench, url, ask, memory=True, limit_s=LIMIT_S).ended.peak_bytes or 0


def measure(bench: Bench) -> tuple[Figure, ...]:
    """The whole run; a quick one tells how memory grows, which says little of a size a hundred times larger."""
    small, large = bench.pick(100_000, 200_000), bench.pick(400_000, 1_000_000)
    with reference(*IN_BLOCKS) as url:
        low, high = _peak(bench, url, small), _peak(bench, url, large)
        whole = None if bench.quick else _peak(bench, url, ALL)
    slope = (high - low) / (large - small)
    how = f"resident in kit load and its children: {small:,} chunks {low >> 20} MiB, {large:,} {high >> 20} MiB"
    growth = untargeted("memory: for each chunk", slope, "bytes", f"slope between the two; {how}")
    if whole is None:
        return (growth,)
    return at_most("memory: 10 million chunks", whole / GIB, 1, "GiB", how), growth

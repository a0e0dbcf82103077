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
    loaded = kit_load(bench, url, ask, memory=True, limit_s=LIMIT_S)
    bench.cells.remove(loaded.folder)  # too large to be read again by others
    return loaded.ended.peak_bytes or 0


def measure(bench: Bench) -> tuple[Figure, ...]:
    small, large = bench.pick(100_000, 200_000), bench.pick(400_000, 1_000_000)
    with reference(*IN_BLOCKS) as url:
        low, high = _peak(bench, url, small), _peak(bench, url, large)
        whole = _peak(bench, url, ALL) if bench.full else None
    slope = (high - low) / (large - small)
    expected = low + slope * (ALL - small)
    how = f"resident in kit load and its children: {small:,} chunks {low >> 20} MiB, {large:,} {high >> 20} MiB"
    if whole is not None:
        figure = at_most("memory: 10 million chunks", whole / GIB, 1, "GiB", f"measured; {how}")
    else:
        figure = at_most("memory: 10 million chunks", expected / GIB, 1, "GiB", f"extrapolated; {how}")
    return figure, untargeted("memory: for each chunk", slope, "bytes", "slope between the two")

"""Whether an open loop sends when its schedule says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from benchmarks.against_truth import at_ms
from benchmarks.endpoint import paced, reference
from benchmarks.figure import Bench, Figure, at_most, untargeted
from benchmarks.loads import NS_PER_S, Ask, kit_load

RATE = 500
WINDOWS_TO_JUDGE = 30  # of fewer, the index of a true Poisson process often lies outside 0.8 to 1.2


def dispersion(times_ns: Sequence[int], windows: int) -> float:
    """Variance / mean of the counts in the first whole seconds: 1 for a Poisson process, 0 for a metronome."""
    counts = Counter(time // NS_PER_S for time in times_ns)
    each = [counts[second] for second in range(windows)]
    mean = sum(each) / windows
    return sum((count - mean) ** 2 for count in each) / (windows - 1) / mean


def measure(bench: Bench) -> tuple[Figure, ...]:
    seconds = bench.pick(10, 60)
    ask = Ask(tokens=4, rate=RATE, duration_s=seconds)
    with reference(*paced(20, 5)) as url:
        loaded = kit_load(bench, url, ask)
    sent = [(record.sent_ns, record.intended_ns) for record in loaded.records() if record.sent_ns is not None]
    lags = [actual - intended for actual, intended in sent]
    index = dispersion([actual for actual, _ in sent], seconds)
    planned = dispersion([intended for _, intended in sent], seconds)
    judged = 0.8 <= index <= 1.2 if seconds >= WINDOWS_TO_JUDGE else None
    extent = f"p50 {at_ms(lags, 500):.3f}, max {max(lags) / 1e6:.3f} ms"
    lag = f"{RATE}/s Poisson, {seconds} s, {len(lags):,} requests; {extent}"
    how = f"counts of send times in {seconds} windows of 1 s; of the schedule itself {planned:.3f}"
    return (
        at_most("open loop: send lag p99", at_ms(lags), 1.0, "ms", lag),
        Figure("open loop: index of dispersion", index, "", "0.8 to 1.2", judged, how),
        untargeted("open loop: sent - planned index", index - planned, "", "what the client adds"),
    )

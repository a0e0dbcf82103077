"""How often a search for the largest number of users is right, and how a level is best decided.

python -m benchmarks.users [--quick]
python -m benchmarks.users --real 20 [--from 0]

A simulated server slows down with its users; each request draws its time around that (lognormal), each window has
a factor of its own, and one window in twenty may be disturbed. The truth is the last level at which the share of
requests within the limit, without the factor of a window, reaches what is asked. "right" is within one level.

--real searches with the real load generator against reference endpoints of so many seeds, whose places are drawn
from 2 to 8: one user more than there are places, and requests wait for one.
"""

from __future__ import annotations

import argparse
import math
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist, fmean, median

from tabulate import tabulate

from benchmarks.endpoint import paced, reference
from kit.documents import Loop, OutputTokens, SearchRule
from kit.engines.process import ProcessEngine
from kit.metrics.goodput import parse_slo
from kit.metrics.search import kept_levels, sweep_faults
from kit.metrics.users import RULE, SHARE_MILLI, bracket, levels_between, next_level
from kit.plan.schedule import u64
from kit.run.load_request import LoadRequest
from kit.run.sweep import run_sweep

NORMAL = NormalDist()
Counts = Sequence[tuple[int, int]]  # good and all requests of each replicate
Rule = Callable[[Counts, float], bool]
SEED, MOST = 2026, 64


def _worst(counts: Counts, share: float) -> bool:
    return min(good / n for good, n in counts) >= share


def _median(counts: Counts, share: float) -> bool:
    return median(good / n for good, n in counts) >= share


def _pooled(counts: Counts, share: float) -> bool:
    return sum(good for good, _ in counts) / sum(n for _, n in counts) >= share


def _surely(counts: Counts, share: float) -> bool:
    """Wilson's lower bound of the share at 95 %, one-sided, of all requests together."""
    return _wilson(counts, 1.6449) >= share


def _not_surely_missed(counts: Counts, share: float) -> bool:
    """Wilson's upper bound."""
    return _wilson(counts, -1.6449) >= share


def _wilson(counts: Counts, z: float) -> float:
    good, n = sum(good for good, _ in counts), sum(n for _, n in counts)
    p = good / n
    middle = p + z * z / (2 * n)
    reach = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - reach) / (1 + z * z / n)


DECIDED_BY: dict[str, Rule] = {
    "worst replicate": _worst,
    "median": _median,
    "pooled": _pooled,
    "lower bound": _surely,
    "upper bound": _not_surely_missed,
}


@dataclass(frozen=True, slots=True)
class Server:
    """One that takes `at_one * (1 + users / slope)` for a request; `spread` is of requests, `noise` of windows.

    A user makes `each` requests in a window without load, fewer as it slows down.
    """

    slope: float
    spread: float
    noise: float
    disturbed: float
    each: float
    limit: float

    def misses(self, users: int, factor: float = 1.0) -> float:
        """The share of requests beyond the limit, in a window of this factor."""
        middle = (1 + users / self.slope) * factor
        return 1 - NORMAL.cdf(math.log(self.limit / middle) / self.spread)

    def window(self, users: int, rng: random.Random) -> tuple[int, int]:
        factor = math.exp(rng.gauss(0, self.noise))
        if rng.random() < self.disturbed:
            factor *= rng.uniform(1.1, 2)
        n = max(1, round(users * self.each / (1 + users / self.slope)))
        return n - _binomial(n, self.misses(users, factor), rng), n


def _binomial(n: int, p: float, rng: random.Random) -> int:
    """By the gaps between hits."""
    if p >= 1:
        return n
    if p <= 1e-12:
        return 0
    hits, at = 0, -1
    while True:
        at += 1 + math.floor(math.log(1 - rng.random()) / math.log1p(-p))
        if at >= n:
            return hits
        hits += 1


def searched(server: Server, rule: Rule, share: float, replicates: int, rng: random.Random) -> tuple[int, int]:
    """The place of the level that a search finds (-1 for none), and how many levels it measured."""
    levels = levels_between(1, MOST)
    kept: dict[int, bool] = {}
    while (level := next_level(levels, kept)) is not None:
        kept[level] = rule([server.window(level, rng) for _ in range(replicates)], share)
    found = bracket(kept).kept
    return (-1 if found is None else levels.index(found)), len(kept)


def truth(server: Server, share: float) -> int:
    levels = levels_between(1, MOST)
    return max((at for at, level in enumerate(levels) if 1 - server.misses(level) >= share), default=-1)


SCENARIOS = {
    # noise of windows, disturbed windows, spread of requests, requests of a user in a window
    "quiet, long": (0.01, 0.0, 0.1, 30),
    "quiet, short": (0.01, 0.0, 0.1, 6),
    "wide, long": (0.02, 0.0, 0.4, 30),
    "wide, short": (0.02, 0.0, 0.4, 6),
    "noisy, short": (0.05, 0.0, 0.2, 6),
    "1 in 20 disturbed": (0.02, 0.05, 0.2, 10),
}


def servers(scenario: tuple[float, float, float, float], share: float) -> list[Server]:
    """Servers of which the largest number is 3 to 50 users."""
    noise, disturbed, spread, each = scenario
    quantile = math.exp(NORMAL.inv_cdf(share) * spread)
    return [
        Server(slope, spread, noise, disturbed, each, (1 + (users + 0.5) / slope) * quantile)
        for users in (3, 9, 20, 44)
        for slope in (8.0, 32.0)
    ]


def simulate(runs: int) -> list[list[object]]:
    rows: list[list[object]] = []
    for name, scenario in SCENARIOS.items():
        for share in (0.99, 0.95):
            for replicates in (1, 3):
                for rule_name, rule in DECIDED_BY.items():
                    if replicates == 1 and rule_name in ("median", "pooled"):
                        continue
                    rng = random.Random(f"{SEED}/{name}/{share}/{replicates}")
                    off, steps = [], []
                    for server in servers(scenario, share):
                        true = truth(server, share)
                        for _ in range(runs):
                            found, taken = searched(server, rule, share, replicates, rng)
                            off.append(found - true)
                            steps.append(taken)
                    rows.append(
                        [
                            name,
                            f"{share:.0%}",
                            replicates,
                            rule_name,
                            f"{fmean(abs(each) <= 1 for each in off):.1%}",
                            f"{fmean(each > 1 for each in off):.1%}",
                            f"{fmean(off):+.2f}",
                            f"{fmean(steps):.1f}",
                        ]
                    )
    return rows


# --- real ---------------------------------------------------------------------------------------------------

REAL_MOST, LEAST_PLACES, MOST_PLACES = 16, 2, 8
# So slow that a busy machine, which may keep client or endpoint waiting for 50 ms, decides nothing.
TTFT_MS, ITL_MS, LIMIT = 400, 40, "ttft=500ms"


def real(seed: int) -> list[object]:
    """One endpoint: its places, what a search found, and in how many loads."""
    slots = LEAST_PLACES + u64(SEED, "capacity", "real", seed) % (MOST_PLACES - LEAST_PLACES + 1)
    rule = SearchRule(RULE, parse_slo(LIMIT), SHARE_MILLI, 1, REAL_MOST)
    asked = LoadRequest(
        url="",
        model="m",
        loop=Loop("closed", 1),
        warmup_s=1.5,
        window_s=5,
        requests=None,
        prompts="micro",
        output_tokens=OutputTokens("uniform", 10, 30),
        ignore_eos=False,
        seed=seed,
    )
    with (
        tempfile.TemporaryDirectory(prefix="kit-users-") as scratch,
        reference(*paced(TTFT_MS, ITL_MS), "--slots", str(slots), "--seed", str(seed)) as url,
    ):
        folder = Path(scratch) / "sweep"
        sweep = run_sweep(replace(asked, url=url), (), folder, ProcessEngine(), lambda *_: None, search=rule)
    faults = list(sweep_faults(sweep))
    found = bracket(kept_levels(sweep.levels, SHARE_MILLI))
    levels = levels_between(1, REAL_MOST)
    off = (-1 if found.kept is None else levels.index(found.kept)) - levels.index(slots)
    steps = ",".join(str(level.concurrency) for level in sweep.levels)
    return [seed, slots, found.kept, "yes" if abs(off) <= 1 else "no", len(sweep.levels), steps, "; ".join(faults)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer runs")
    parser.add_argument("--real", type=int, metavar="N", help="so many real endpoints")
    parser.add_argument("--from", type=int, default=0, dest="first", metavar="SEED", help="from this seed on")
    asked = parser.parse_args()
    if asked.real:
        rows = [real(seed) for seed in range(asked.first, asked.first + asked.real)]
        headers = ["seed", "places", "found", "right", "loads", "levels", "faults"]
    else:
        rows = simulate(40 if asked.quick else 400)
        headers = ["windows", "share", "replicates", "a level is kept by"]
        headers += ["right", "too many", "mean, levels", "levels"]
    print(tabulate(rows, headers, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()

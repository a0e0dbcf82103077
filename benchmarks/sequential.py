"""What a run that decides saves, and how often it errs: kit-sequential-1 against simulated servers.

python -m benchmarks.sequential [--quick]

Each simulated run measures the entries of a table, interleaved, at three concurrencies. Where the true ratio
between the best and the others is 1.00, every verdict "ahead" is false; from 1.05 on every verdict "tied" is.
Cell time is that of the cells the rule calls for, as a part of the fixed plan of ten replicates, whose error
rates, by Holm over all comparisons of the same table, stand beside it.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median

from tabulate import tabulate

from benchmarks import floats
from kit.catalogue import model
from kit.documents import CellResult, Plan
from kit.documents.rules import SequentialRule
from kit.metrics import sequential
from kit.metrics.limits import EQUIVALENT_PERCENT
from kit.metrics.sequential import Course, Decision, course, default_rule
from kit.plan.correctness import load_suite
from kit.plan.plan import cell_order, make_plan
from kit.plan.platforms import load_platform
from kit.plan.prompts import load_prompts

RATIOS = (1.0, 1.02, 1.1, 1.3, 2.0)
MAXIMUM, LEVELS, SEED = 10, (1, 2, 4), 2026
Noise = Callable[[random.Random, int, int], float]  # logarithm, for an entry at a replicate


def _lognormal(share: float) -> Noise:
    return lambda rng, *_: rng.gauss(0, share)


def _heavy(rng: random.Random, *_: int) -> float:
    """Student's t with three degrees of freedom."""
    return 0.01 * rng.gauss(0, 1) / math.sqrt(rng.gammavariate(1.5, 2) / 3)


def _unequal(rng: random.Random, entry: int, _: int) -> float:
    return rng.gauss(0, 0.03 if entry else 0.005)


def _drift(rng: random.Random, _: int, at: int) -> float:
    """A machine that grows slower, and was cold at first."""
    return rng.gauss(0, 0.01) - 0.01 * at - (0.03 if at == 1 else 0)


def _disturbed(rng: random.Random, *_: int) -> float:
    """One cell in ten beside other work, of those that telemetry did not see."""
    return rng.gauss(0, 0.01) + (math.log(rng.uniform(0.5, 0.9)) if rng.random() < 0.1 else 0)


NOISES: dict[str, Noise] = {
    "1 %": _lognormal(0.01),
    "2 %": _lognormal(0.02),
    "5 %": _lognormal(0.05),
    "heavy tails": _heavy,
    "unequal": _unequal,
    "drift": _drift,
    "1 in 10 disturbed": _disturbed,
}


@dataclass(slots=True)
class Tally:
    """What became of the runs of one scenario."""

    runs: int = 0
    false_ahead: int = 0
    false_tied: int = 0
    undecided: float = 0.0
    cells: float = 0.0


def simulated_plan(entries: int, rule: SequentialRule, replicates: int) -> Plan:
    """A plan of so many entries; nothing of it but its cells and its rule matters here."""
    platform = load_platform("demo")
    suite = load_suite(platform.correctness.name, platform.correctness.level)
    plan = make_plan(platform, model(platform.model), load_prompts("short"), suite, cpus=2, seed=None)
    names = tuple(f"e{at}" for at in range(entries))
    return replace(
        plan,
        entries=tuple(replace(plan.entries[0], name=name) for name in names),
        workload=replace(plan.workload, concurrencies=LEVELS, replicates=replicates),
        cells=cell_order(names, LEVELS, replicates),
        sequential=rule,
    )


def measured(
    plan: Plan, ratio: float, noise: Noise, rng: random.Random
) -> tuple[dict[str, CellResult], dict[str, float]]:
    """A line and a figure for every cell of the plan: the first entry is `ratio` times as fast as the others."""
    lines, figures = {}, {}
    for cell in plan.cells:
        entry = int(cell.entry[1:])
        figures[cell.id] = (1.0 if entry else ratio) * 100 * math.exp(noise(rng, entry, cell.replicate))
        lines[cell.id] = CellResult(
            cell.id, cell.entry, cell.concurrency, cell.replicate, "measured", None, None, ()
        )
    return lines, figures


def _figure(figures: Mapping[str, float], line: CellResult) -> float:
    return figures[line.id]


def judge(found: Course, ratio: float, tally: Tally, cells: int) -> None:
    """Count one run by the verdicts that it gives: at each concurrency where nothing is open."""
    close = ratio < 1 + EQUIVALENT_PERCENT / 100
    open_at = {each.concurrency for each in found.open}
    said = [
        each for each in found.decided if each.concurrency not in open_at and "e0" in (each.first, each.second)
    ]
    beaten = [each for each in found.decided if each.concurrency not in open_at and each.state == "ahead"]
    if ratio == 1:  # the leader is any of them: whoever is ahead of all others
        wrong = any(_is_led(beaten, level) for level in LEVELS)
    else:
        wrong = any(each.second == "e0" for each in beaten)
    tally.runs += 1
    tally.false_ahead += wrong
    tally.false_tied += not close and any(each.state == "tied" for each in said)
    tally.undecided += len(open_at) / len(LEVELS)
    tally.cells += len(found.called) / cells


def _is_led(beaten: Sequence[Decision], level: int) -> bool:
    firsts = [each.first for each in beaten if each.concurrency == level]
    others = {name for each in beaten if each.concurrency == level for name in (each.first, each.second)}
    return any(firsts.count(name) == len(others) - 1 for name in set(firsts))


def simulate(entries: int, runs: int, rng: random.Random) -> list[list[object]]:
    """A row for each noise and ratio."""
    rule = default_rule(None)
    plan = simulated_plan(entries, rule, MAXIMUM)
    fixed = replace(plan, sequential=replace(rule, first=MAXIMUM))
    rows: list[list[object]] = []
    for name, noise in NOISES.items():
        for ratio in RATIOS:
            tallies = Tally(), Tally()
            for _ in range(runs):
                lines, figures = measured(plan, ratio, noise, rng)
                for tally, chosen in zip(tallies, (plan, fixed), strict=True):
                    found = course(chosen, lines, {}, 0, partial(_figure, figures))
                    judge(found, ratio, tally, len(plan.cells))
            rows.append([name, ratio, *_columns(tallies[0]), *_columns(tallies[1])[:-1]])
    return rows


def _columns(tally: Tally) -> list[float]:
    parts = (tally.false_ahead, tally.false_tied, tally.undecided, tally.cells)
    return [part / tally.runs for part in parts]


def medians(rows: Sequence[Sequence[object]]) -> list[str]:
    """The cell time of the median scenario, of each noise and of all."""
    times = {name: [float(str(row[5])) for row in rows if row[0] == name] for name in NOISES}
    lines = [f"{name}: {median(values):.0%} of the cell time of the fixed plan" for name, values in times.items()]
    return [*lines, f"all: {median(value for values in times.values() for value in values):.0%}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("compare", "difference_p", "equivalence_p"):
        setattr(sequential, name, getattr(floats, name))
    parser.add_argument("--quick", action="store_true", help="fewer runs: half a minute")
    parser.add_argument("--seed", type=int, default=SEED)
    chosen = parser.parse_args()
    for entries in (2, 4):
        rows = simulate(entries, 100 if chosen.quick else 2000, random.Random(chosen.seed))
        head = ["noise", "ratio", "false ahead", "false tied", "left open", "cell time"]
        head += ["fixed: false ahead", "false tied", "left open"]
        print(f"\n{entries} entries, concurrencies {', '.join(map(str, LEVELS))}\n")
        print(tabulate(rows, head, tablefmt="github", floatfmt=("", ".2f", *[".3f"] * 7)))
        print("\nMedian over the ratios:\n")
        print("\n".join(f"- {line}" for line in medians(rows)))


if __name__ == "__main__":
    main()

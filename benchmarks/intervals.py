"""How often intervals over replicates hold the truth, how often verdicts err, and what they find: a simulation.

    python -m benchmarks.intervals [--quick]

Replicates are interleaved, as in a run, with noise of several kinds. Nothing is measured, and a seed decides
everything: the same command prints the same figures. One comparison is of two runtimes that are equal (or of which
one is so many times as fast); a table has five runtimes at three numbers of users.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from math import log
from random import Random

from tabulate import tabulate

from benchmarks.replicates.methods import METHODS, Span, kit_t, one_bootstrap, one_t
from benchmarks.replicates.noise import MODELS, Model
from benchmarks.replicates.verdicts import (
    LEVELS,
    RUNTIMES,
    SCENARIOS,
    Said,
    any_pair,
    before,
    by_kit,
    each_alone,
    tables,
)
from kit.metrics.limits import MIN_REPLICATES_FOR_INTERVAL, PAIRED_FROM

REPLICATES = (3, 5, 10)
RATIOS = (1.02, 1.05, 1.1, 1.5)
LEADS = (1.05, 1.1, 1.2, 1.5)
SLOW = "bootstrap of medians"
Row = list[str]


def percent(count: int, of: int) -> str:
    return f"{100 * count / of:.1f}"


def _holds(spans: Sequence[Span]) -> str:
    return percent(sum(span is not None and span[0] <= 0 <= span[1] for span in spans), len(spans))


def _finds(spans: Sequence[Span], ratio: float) -> str:
    """How often 1 is excluded if the one is so many times as fast: noise is the same, only moved."""
    return percent(sum(span is not None and span[0] + log(ratio) > 0 for span in spans), len(spans))


def one_figure(count: int) -> Iterator[Row]:
    """Coverage of the interval of one figure."""
    for n in (2, *REPLICATES):
        for name, method in (("bootstrap of the median", one_bootstrap), ("t on logarithms", one_t)):
            row = [str(n), name]
            for model in MODELS.values():
                rng = Random(f"one/{model.name}/{n}")
                row.append(_holds([method(model.make(rng, 1, n)[0]) for _ in range(count)]))
            yield row


def comparisons(model: Model, n: int, count: int) -> Iterator[Row]:
    """Of every method that so many replicates allow: coverage, false differences, power."""
    rng = Random(f"two/{model.name}/{n}")
    draws = [model.make(rng, 2, n) for _ in range(count)]
    for name, method in METHODS.items():
        spans = [method(a, b) for a, b in draws[: count // 5 if name == SLOW else count]]
        if None in spans:
            continue
        held = _holds(spans)
        chosen = n >= MIN_REPLICATES_FOR_INTERVAL and name == ("paired t" if n >= PAIRED_FROM else "Welch t")
        yield [
            model.name,
            str(n),
            name + " *" * chosen,
            held,
            f"{100 - float(held):.1f}",
            *(_finds(spans, ratio) for ratio in RATIOS),
        ]


def false_verdicts(n: int, count: int) -> Iterator[Row]:
    """Tables of which something is said that is not so."""
    ways: dict[str, Callable[..., list[Said]]] = {"the kit": by_kit, "each at 95 %": each_alone, "before": before}
    for scenario in SCENARIOS:
        for way, judge in ways.items():
            row = [scenario.name, str(n), way]
            for model in MODELS.values():
                made = tables(model, scenario.true, n, count // 20 if judge is before else count)
                said = [judge(table, kit_t) for table in made]
                row.append(percent(sum(any(map(scenario.is_false, each)) for each in said), len(said)))
            yield row
    row = ["five equal", str(n), "any of all pairs"]
    for model in MODELS.values():
        made = tables(model, SCENARIOS[0].true, n, count)
        row.append(percent(sum(any(any_pair(level, kit_t) for level in table) for table in made), count))
    yield row


def found_verdicts(n: int, count: int) -> Iterator[Row]:
    """How many numbers of users are decided, and rightly."""
    for lead in LEADS:
        row = [f"one ahead by {lead:g} x", str(n)]
        for model in MODELS.values():
            said = [
                each
                for table in tables(model, (lead, *(1.0,) * (RUNTIMES - 1)), n, count)
                for each in by_kit(table, kit_t)
            ]
            row.append(percent(sum(each.is_ahead and each.leader == 0 for each in said), len(said)))
        yield row
    for equal in (2, RUNTIMES):
        row = [f"{equal} equal, called tied", str(n)]
        for model in MODELS.values():
            said = [each for table in tables(model, (1.0,) * equal, n, count) for each in by_kit(table, kit_t)]
            row.append(percent(sum(len(each.tied) == equal - 1 for each in said), len(said)))
        yield row


def show(title: str, head: Sequence[str], rows: Iterator[Row]) -> None:
    print(f"\n{title}\n")
    print(tabulate(list(rows), head, tablefmt="github", disable_numparse=True), flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.intervals", description="A simulation of verdicts."
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the draws: half a minute instead of five")
    given = parser.parse_args(arguments)
    singles, whole = (400, 60) if given.quick else (5000, 1000)
    models = list(MODELS)
    print("Noise:\n" + "\n".join(f"- {model.name}: {model.about}" for model in MODELS.values()))
    error = f"{100 * (0.05 * 0.95 / whole) ** 0.5:.1f}"
    print(f"\n{singles:,} draws of comparisons, {whole:,} tables of {LEVELS} x {RUNTIMES}: +-{error} at 5 %.")
    show(
        "One figure: how often its 95 % interval holds the true one, %",
        ["n", "method", *models],
        one_figure(singles),
    )
    show(
        "One comparison at 95 %, * is the kit's: how often the interval holds the truth, equal ones are called "
        "different, and one that is 1.02 to 1.5 times as fast is found, %",
        ["noise", "n", "method", "holds", "false", *(f"{ratio:g} x" for ratio in RATIOS)],
        (row for model in MODELS.values() for n in (2, *REPLICATES) for row in comparisons(model, n, singles)),
    )
    show(
        "Whole tables: how many say something that is not so, %",
        ["truth", "n", "judged by", *models],
        (row for n in REPLICATES for row in false_verdicts(n, whole)),
    )
    show(
        "Whole tables by the kit's rule: how many numbers of users are rightly decided, %",
        ["truth", "n", *models],
        (row for n in REPLICATES for row in found_verdicts(n, whole // 4)),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

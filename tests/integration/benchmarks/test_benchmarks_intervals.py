"""The simulation of verdicts: what it counts is what the kit does, in floats, and the same each time."""

from __future__ import annotations

from math import exp, log
from random import Random

import pytest

from benchmarks.intervals import comparisons, false_verdicts, found_verdicts, one_figure
from benchmarks.replicates.methods import METHODS, bootstrap, kit_t, one_t, paired, welch
from benchmarks.replicates.noise import MODELS
from benchmarks.replicates.student import p_value, rough_limit
from benchmarks.replicates.verdicts import SCENARIOS, Said, by_kit, tables
from kit.judge.advice import leaders
from kit.metrics.intervals import figure_interval, log_ratio_interval
from kit.metrics.limits import PAIRED_FROM
from kit.metrics.probability.student import t_limit, two_sided_p
from kit.metrics.stats import bootstrap_medians
from tests.support.studies import replicated, study


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("n", [3, PAIRED_FROM, 10])
def test_the_simulated_interval_is_the_kits(model: str, n: int) -> None:
    """Of one figure and of a ratio, to the rounding of the limits of t."""
    a, b = MODELS[model].make(Random(f"{model}{n}"), 2, n)
    found = log_ratio_interval([exp(x) for x in a], [exp(x) for x in b])
    simulated = (paired if n >= PAIRED_FROM else welch)(a, b)
    assert found is not None
    assert simulated is not None
    assert (exp(simulated[0]), exp(simulated[1])) == pytest.approx((found.low, found.high), rel=1e-3)
    one, own = figure_interval([exp(x) for x in a]), one_t(a)
    assert one is not None
    assert own is not None
    assert own == pytest.approx((log(one.low), log(one.high)), abs=1e-9)


@pytest.mark.parametrize("n", [3, 5])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.name)
@pytest.mark.parametrize("model", ["1 %", "heavy tail"])
def test_the_simulated_verdict_is_the_kits(model: str, scenario: object, n: int) -> None:
    """Holm's steps, ties and all: table for table the same leaders, ahead, tied with the same or undecided."""
    true = next(each.true for each in SCENARIOS if each is scenario)
    for table in tables(MODELS[model], true, n, 8):
        subjects = [
            replicated(f"e{who}", level + 1, {"throughput_tok_s": [exp(x) for x in row]})
            for level, rows in enumerate(table)
            for who, row in enumerate(rows)
        ]
        found = [
            Said(
                int((each.entry or "")[1:]),
                each.relation == "ahead",
                tuple(sorted(int(name[1:]) for name in each.tied[1:])),
            )
            for each in leaders(study(*subjects))
        ]
        assert found == by_kit(table, kit_t)


def test_the_float_arithmetic_of_the_simulation_is_near_the_kits() -> None:
    """Tails to ten digits, limits to a promille between two degrees of freedom."""
    for df, t in ((2.0, 3.0), (2.37, 0.4), (3.99, 7.5), (18.0, 2.1)):
        assert p_value(t, df) == pytest.approx(two_sided_p(t, df), rel=1e-10)
        assert rough_limit(df, 0.975) == pytest.approx(float(t_limit(df, 0.975)), rel=1e-3)


def test_the_simulated_bootstrap_is_the_one_of_before() -> None:
    """All draws with their probabilities, where the kit drew 2,000."""
    a, b = [1.0, 1.1, 1.3, 1.35, 1.5], [0.9, 0.95, 1.0, 1.2, 1.21]
    ratios = sorted(x / y for x, y in zip(bootstrap_medians(a, "a"), bootstrap_medians(b, "b"), strict=True))
    found = bootstrap([log(x) for x in a], [log(x) for x in b])
    assert found is not None
    assert (exp(found[0]), exp(found[1])) == pytest.approx((ratios[50], ratios[1949]), rel=0.05)


def test_a_method_that_needs_more_replicates_is_left_out() -> None:
    """Ranks of three against three exclude nothing at 95 %."""
    rows = list(comparisons(MODELS["1 %"], 3, 20))
    assert [row[2] for row in rows] == ["bootstrap of medians", "Welch t *", "paired t"]
    assert len(list(comparisons(MODELS["1 %"], 10, 20))) == len(METHODS)


def test_a_seed_decides_every_figure() -> None:
    """The documents quote them."""
    assert list(one_figure(30)) == list(one_figure(30))
    assert list(found_verdicts(3, 4)) == list(found_verdicts(3, 4))
    assert list(false_verdicts(3, 20)) == list(false_verdicts(3, 20))

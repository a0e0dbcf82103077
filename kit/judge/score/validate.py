"""What a schema cannot say of a contract: sums, orders, and names that must be known. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from math import isclose

from kit.judge.score.contract import SCENARIOS, Better, Contract, Level, MetricRule, PlatformClass
from kit.metrics.registry import METRICS
from kit.text import did_you_mean, plain_text

# Weights are decimals with few digits; their sum may miss 1 by what binary fractions miss.
WEIGHT_TOLERANCE = 1e-9
# What the original scores though it is no figure of one cell: tokens/s at c over decode at one user.
SCALING = "throughput_scaling"


def complaints(contract: Contract) -> Iterator[str]:
    """What is wrong with a contract that its schema allows, the first thing first."""
    yield from _twice("metrics", [rule.name for rule in contract.metrics])
    yield from _twice("classes", [each.name for each in contract.classes])
    yield from _twice("grades", [each.grade for each in contract.grades])
    yield from _twice("extra", [each.by for each in contract.extra])
    for rule in contract.metrics:
        yield from _of_metric(rule, contract)
    for scenario in SCENARIOS:
        total = sum(rule.weight(scenario) for rule in contract.metrics)
        if not isclose(total, 1, abs_tol=WEIGHT_TOLERANCE):
            yield f"metrics: the {scenario} weights add up to {total:g} instead of 1"
    steps = [each.at_least for each in contract.grades]
    if steps != sorted(set(steps), reverse=True) or steps[-1] != 0:
        yield "grades: must go down and end with one from 0 on"
    if contract.jitter:
        yield from _known("jitter: metric", contract.jitter.metric, [rule.name for rule in contract.metrics])
        yield from _paths("jitter", contract.jitter.path, contract.jitter.fallback)
    for each in contract.classes:
        yield from _of_class(each, contract.metrics)
    for extra in contract.extra:
        if not _ordered(extra.better, extra.excellent, extra.good):
            yield f"extra {extra.by}: excellent must be better than good"


def _twice(what: str, names: Sequence[str]) -> Iterator[str]:
    for place, name in enumerate(names):
        if name in names[:place]:
            yield f"{what}: duplicate {plain_text(name)!r}"


def _known(what: str, name: str, names: Collection[str]) -> Iterator[str]:
    if name not in names:
        yield f"{what}: there is no {plain_text(name)!r}" + did_you_mean(name, names).rstrip("?")


def _paths(what: str, *paths: str | None) -> Iterator[str]:
    for path in paths:
        if path is not None:
            yield from _known(f"{what}: path", path, METRICS)


def _of_metric(rule: MetricRule, contract: Contract) -> Iterator[str]:
    what = f"metric {rule.name}"
    if not contract.is_copy or rule.path != SCALING:
        yield from _paths(what, rule.path, rule.fallback)
    if (rule.excellent is None) != (rule.good is None):
        yield f"{what}: excellent and good go together"
    elif rule.excellent is not None and rule.good is not None:
        if not _ordered(rule.better, rule.excellent, rule.good):
            yield f"{what}: excellent must be better than good, and good above 0"
    elif not contract.classes:
        yield f"{what}: has no thresholds, and there are no classes to define them"
    if rule.zero_at is not None and (rule.better != "lower" or rule.good is None or rule.zero_at <= rule.good):
        yield f"{what}: zero_at is for metrics where lower is better, beyond their good"


def _ordered(better: Better, excellent: float, good: float) -> bool:
    return good > 0 and (excellent > good if better == "higher" else 0 <= excellent < good)


def _of_class(each: PlatformClass, metrics: Sequence[MetricRule]) -> Iterator[str]:
    what = f"class {each.name}"
    by_name = {rule.name: rule for rule in metrics}
    low, high = each.memory_gb_s_from, each.memory_gb_s_to
    if (low is None) != (high is None) or (low is not None and high is not None and low > high):
        yield f"{what}: memory_gb_s_from and memory_gb_s_to go together, upwards"
    if each.weights_gb_over >= each.weights_gb_up_to:
        yield f"{what}: weights_gb_up_to must be above weights_gb_over"
    yield from _twice(f"{what}: thresholds", [table.metric for table in each.thresholds])
    for table in each.thresholds:
        yield from _known(f"{what}: thresholds: metric", table.metric, list(by_name))
        if table.metric in by_name:
            yield from _of_levels(f"{what}: {table.metric}", table.levels, by_name[table.metric])
    there = {table.metric for table in each.thresholds}
    for rule in metrics:
        if rule.excellent is None and rule.name not in there:
            yield f"{what}: does not mention the metric {rule.name}"


def _of_levels(what: str, levels: Sequence[Level], rule: MetricRule) -> Iterator[str]:
    steps = [level.concurrency for level in levels]
    if steps != sorted(set(steps)):
        yield f"{what}: the concurrencies of the levels must go up"
    first = 1 if rule.interactive else 2
    if steps[0] > first:
        yield f"{what}: the first level must begin at concurrency {first}"
    if not all(_ordered(rule.better, level.excellent, level.good) for level in levels):
        yield f"{what}: excellent must be better than good, and good above 0"

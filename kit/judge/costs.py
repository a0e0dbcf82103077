"""What tokens cost in money and energy, from prices that a person gives and the figures of a window. Pure.

The machine's price goes by throughput, energy by the joules that telemetry counted. All of it is laid on the
output tokens, and all of it again on the input tokens: two ways to state one cost, never added up.
"""

from __future__ import annotations

from dataclasses import dataclass

from kit.documents import Metrics
from kit.documents.study import Subject
from kit.judge.study import values_of
from kit.metrics.registry import THROUGHPUT
from kit.metrics.stats import median

MILLION, S_PER_HOUR, J_PER_WH, DIGITS = 1_000_000, 3600, 3600, 6
ENERGY = "joules_per_token"


@dataclass(frozen=True, slots=True)
class Prices:
    """Money for an hour of the machine and for a kilowatt-hour, in one currency; None is not asked for."""

    per_hour: float | None = None
    per_kwh: float | None = None

    @property
    def given(self) -> bool:
        return self.per_hour is not None or self.per_kwh is not None


@dataclass(frozen=True, slots=True)
class Cost:
    """Per million tokens, output and input apart; None is no data. Energy is what telemetry has of the window."""

    money_per_million_output: float | None
    money_per_million_input: float | None
    energy_wh_per_million_output: float | None
    energy_wh_per_million_input: float | None
    energy_money_per_million_output: float | None
    energy_money_per_million_input: float | None


def cost(
    prices: Prices, throughput_tok_s: float | None, inputs_per_output: float | None, joules_per_token: float | None
) -> Cost:
    """From tokens per second, input tokens for each output token, and joules for each output token."""
    machine = None
    if prices.per_hour is not None and throughput_tok_s:
        machine = prices.per_hour * MILLION / (throughput_tok_s * S_PER_HOUR)
    energy_wh = None if joules_per_token is None else joules_per_token * MILLION / J_PER_WH
    energy_money = None
    if energy_wh is not None and prices.per_kwh is not None:
        energy_money = energy_wh / 1000 * prices.per_kwh
    found = (_apart(each, inputs_per_output) for each in (machine, energy_wh, energy_money))
    return Cost(*(value for pair in found for value in pair))


def _apart(per_output: float | None, inputs_per_output: float | None) -> tuple[float | None, float | None]:
    """The same for output and input tokens, rounded once."""
    if per_output is None:
        return None, None
    return round(per_output, DIGITS), round(per_output / inputs_per_output, DIGITS) if inputs_per_output else None


def cost_of_subject(prices: Prices, subject: Subject) -> Cost:
    """The cost at one level of an entry, from medians over its replicates; energy only where all have it."""
    prompt, completion = (values_of(subject, f"tokens.{name}") for name in ("prompt", "completion"))
    ratios = [asked / made for asked, made in zip(prompt, completion, strict=False) if made > 0]
    joules = values_of(subject, ENERGY)
    return cost(
        prices,
        _median(values_of(subject, THROUGHPUT)),
        _median(ratios),
        _median(joules) if len(joules) == len(subject.trials) else None,
    )


def cost_of_metrics(prices: Prices, metrics: Metrics) -> Cost:
    """The cost of one load by hand, which has no telemetry."""
    tokens = metrics.tokens
    ratio = tokens.prompt / tokens.completion if tokens.completion else None
    return cost(prices, metrics.throughput_tok_s, ratio, None)


def _median(values: list[float]) -> float | None:
    return median(values) if values else None

"""What tokens cost: by hand."""

from __future__ import annotations

import pytest

from kit.documents import Window
from kit.judge.costs import Cost, Prices, cost, cost_of_metrics, cost_of_subject
from kit.metrics.aggregate import cell_metrics
from kit.report.cost_text import cost_table
from tests.support.records import MS, make_record
from tests.support.studies import replicated, study, subject

BOTH = Prices(per_hour=3.6, per_kwh=0.5)


def test_the_machine_costs_its_hours_and_energy_its_kilowatt_hours() -> None:
    """1,000 tok/s at 3.6 an hour: a million takes 1,000 s, 1.0; 0.36 J a token: 100 Wh, 0.05. Inputs are half."""
    assert cost(BOTH, 1000.0, 2.0, 0.36) == Cost(1.0, 0.5, 100.0, 50.0, 0.05, 0.025)


@pytest.mark.parametrize(
    ("prices", "arguments", "expected"),
    [
        (Prices(3.6), (1000.0, None, None), Cost(1.0, None, None, None, None, None)),
        (Prices(None, 0.5), (1000.0, 1.0, None), Cost(None, None, None, None, None, None)),
        (Prices(3.6), (1000.0, 1.0, 0.36), Cost(1.0, 1.0, 100.0, 100.0, None, None)),
        (BOTH, (None, 1.0, None), Cost(None, None, None, None, None, None)),
        (BOTH, (0.0, 0.0, None), Cost(None, None, None, None, None, None)),
        (Prices(0.0), (10.0, 1.0, None), Cost(0.0, 0.0, None, None, None, None)),
    ],
)
def test_what_is_not_known_costs_nobody_knows_what(
    prices: Prices, arguments: tuple[float | None, float | None, float | None], expected: Cost
) -> None:
    """No data is None, never zero; a machine that is free costs 0."""
    assert cost(prices, *arguments) == expected


def test_a_level_costs_by_the_medians_of_its_replicates() -> None:
    """Energy only where every replicate has it."""
    figures = {
        "throughput_tok_s": (500.0, 1000.0, 2000.0),
        "tokens.prompt": (100.0, 100.0, 100.0),
        "tokens.completion": (50.0, 50.0, 50.0),
    }
    whole = replicated("a", 4, {**figures, "joules_per_token": (0.3, 0.36, 0.4)})
    assert cost_of_subject(BOTH, whole) == Cost(1.0, 0.5, 100.0, 50.0, 0.05, 0.025)
    one = subject("a", 4, *whole.trials, *subject("a", 4, throughput_tok_s=1000.0).trials)
    assert cost_of_subject(BOTH, one).energy_wh_per_million_output is None


def test_a_load_by_hand_costs_by_its_own_figures_and_has_no_energy() -> None:
    """Four tokens in a second for a prompt of so many."""
    numbers = cell_metrics([make_record()], Window(0, 1000 * MS), open_loop=False)
    found = cost_of_metrics(Prices(3.6), numbers)
    assert found.money_per_million_output == 250.0
    assert found.money_per_million_input == pytest.approx(250.0 * 4 / numbers.tokens.prompt)
    assert found.energy_wh_per_million_output is None


def test_the_table_says_what_its_columns_are() -> None:
    """And that there is nothing, where there is nothing."""
    text = cost_table(study(subject("a", 4, throughput_tok_s=1000.0)), BOTH)
    assert text.startswith("**Cost per million tokens, at 3.6 an hour and 0.5 a kWh**")
    assert "| a       |       4 |   1.0000 |" in text
    assert "not to be added up" in text
    assert cost_table(study(), Prices(1.0)).endswith("No cell has figures that count.")

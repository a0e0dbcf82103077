"""--price-per-hour and --price-per-kwh: what tokens cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kit.cli._shared.words.numbers import Number

if TYPE_CHECKING:
    from kit.judge.costs import Prices

F = TypeVar("F", bound=Callable[..., Any])

MOST = 1e9


def price_options(function: F) -> F:
    """The two options; their values go to `given_prices`."""
    hour = click.option(
        "--price-per-hour", type=Number(0, MOST), metavar="X", help="Price of the machine; adds costs."
    )
    kwh = click.option("--price-per-kwh", type=Number(0, MOST), metavar="X", help="Price of energy; adds costs.")
    return hour(kwh(function))


def given_prices(price_per_hour: float | None, price_per_kwh: float | None) -> Prices | None:
    """The prices; None where none was given."""
    from kit.judge.costs import Prices

    prices = Prices(price_per_hour, price_per_kwh)
    return prices if prices.given else None

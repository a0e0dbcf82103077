"""Numbers on the command line: what is wrong is told in words, and ranges do not crowd the help."""

from __future__ import annotations

import re
from typing import Any

import click

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?:[eE][+-]?[0-9]{1,2})?")


class Whole(click.ParamType[int]):
    """One whole number from `low` to `high`."""

    name = "N"

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        expected = f"expected one whole number from {self.low} to {self.high}."
        if not isinstance(value, int) and not _WHOLE.fullmatch(str(value)):
            self.fail(f"{value!r}: {expected}", param, ctx)
        number = int(value)
        if not self.low <= number <= self.high:
            self.fail(f"{number}: {expected}", param, ctx)
        return number


class Number(click.ParamType[float]):
    """One number from `low` to `high`; no nan, no infinity."""

    name = "X"

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        expected = f"expected one number from {self.low:.15g} to {self.high:.15g}."
        if not isinstance(value, int | float) and not _DECIMAL.fullmatch(str(value)):
            self.fail(f"{value!r}: {expected}", param, ctx)
        number = float(value)
        if not self.low <= number <= self.high:
            self.fail(f"{value}: {expected}", param, ctx)
        return number

"""A part of the whole on the command line: 10%, 0.1."""

from __future__ import annotations

import re
from typing import Any

import click


class Percent(click.ParamType[float]):
    """10% or 0.1: a part of the whole, from 0 to `most`."""

    name = "PERCENT"

    def __init__(self, most: float = 1.0) -> None:
        self.most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)(%?)", str(value))
        if not found:
            self.fail(f"{value!r} is neither a percentage like 10% nor a fraction like 0.1.", param, ctx)
        part = float(found[1]) / (100 if found[2] else 1)
        if part > self.most:
            self.fail(f"{value!r} is more than {self.most * 100:g}%; use e.g. 10% or 0.1.", param, ctx)
        return part

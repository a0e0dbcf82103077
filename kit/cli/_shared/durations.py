"""Durations as people write them: 30s, 2m, 500ms, 1.5h, or plain seconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import click

SECONDS = {"ms": Fraction(1, 1000), "s": Fraction(1), "m": Fraction(60), "h": Fraction(3600), "": Fraction(1)}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?|\.[0-9]{1,9}) ?(ms|s|m|h|)")


def duration_text(seconds: float) -> str:
    """A duration as it can be typed: 500ms, 30s, 2m, 24h."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:g}ms"
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


class Duration(click.ParamType[float]):
    """A duration between two others; seconds."""

    name = "TIME"

    def __init__(self, low_s: float, high_s: float) -> None:
        self._low_s, self._high_s = low_s, high_s

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        found = _DURATION.fullmatch(str(value).strip().lower())
        if found is None:
            self.fail(f"{value!r} is not a duration like 30s, 2m, 500ms or plain seconds.", param, ctx)
        seconds = float(Fraction(found[1]) * SECONDS[found[2]])
        if not self._low_s <= seconds <= self._high_s:
            self.fail(
                f"{value!r} is not between {duration_text(self._low_s)} and {duration_text(self._high_s)}.",
                param,
                ctx,
            )
        return seconds


_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)Z", re.IGNORECASE)


class TimeOfDay(click.ParamType[str]):
    """A time in UTC, to the second, that is still to come and not more than a day away; as records write it."""

    name = "UTC"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        found, now = _MOMENT.fullmatch(str(value).strip()), datetime.now(UTC)
        try:
            moment = datetime.fromisoformat(f"{found[1]}T{found[2]}+00:00") if found else None
        except ValueError:
            moment = None
        if moment is None:
            self.fail(
                f"{value!r} is no time in UTC like {now + timedelta(minutes=2):%Y-%m-%dT%H:%M:00Z}.", param, ctx
            )
        if not now < moment <= now + timedelta(days=1):
            self.fail(
                f"{value!r} is not within the next 24 hours; here it is {now:%Y-%m-%dT%H:%M:%SZ}.", param, ctx
            )
        return f"{moment:%Y-%m-%dT%H:%M:%S}.000000Z"

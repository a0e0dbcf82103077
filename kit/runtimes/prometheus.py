"""Counters out of the text that servers give at /metrics (the Prometheus exposition format)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

# name, maybe {labels}, value; a time stamp may follow.
_LINE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{.*\})? ([0-9][0-9.eE+-]{0,30})(?: -?[0-9]+)?\s*")
_LIMIT = 10**15


def totals(text: str, names: Mapping[str, str]) -> dict[str, int]:
    """The counters of `names` by the names it gives them, whole numbers, summed over their labels.

    llama.cpp prints its counters with six digits, so from 1,000,000 on as 1.23457e+06 and no longer exact.
    """
    values: dict[str, int] = {}
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if not found or found[1] not in names:
            continue
        try:
            value = float(found[2])
        except ValueError:
            continue
        if math.isfinite(value) and value < _LIMIT:
            name = names[found[1]]
            values[name] = values.get(name, 0) + round(value)
    return values

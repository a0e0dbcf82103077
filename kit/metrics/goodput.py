"""Goodput: how many requests kept every limit that a user sets. Pure; the words are in docs/method.md."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from fractions import Fraction

from kit.documents import Slo
from kit.errors import InputError
from kit.text import hint, number, plain_text

NS_PER_UNIT = {"ms": 1_000_000, "s": 1_000_000_000}
METRICS = tuple(field.name.removesuffix("_ns") for field in fields(Slo))
MAX_LIMIT_NS = 10**15
_LIMIT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|s)")
_REMEDY = "Write limits like ttft=200ms,tpot=50ms or e2e=5s."


@dataclass(frozen=True, slots=True)
class RequestLatencies:
    """What the user of one ok request met, ns. `tpot_ns` is None and `itl_ns` empty where there is no pace."""

    ttft_ns: int
    tpot_ns: int | None
    itl_ns: tuple[int, ...]
    e2e_ns: int


def parse_slo(text: str) -> Slo:
    """Limits like `ttft=200ms,tpot=50ms,e2e=5s`; each metric once, every number with ms or s.

    `InputError` names the part that is wrong, and for an unknown metric the nearest one.
    """
    limits: dict[str, int] = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        name = name.lower()
        shown = plain_text(part)
        if not equals:
            raise InputError(f"The limit {shown!r} is not of the form METRIC=TIME.", _REMEDY)
        if name not in METRICS:
            raise InputError(
                f"There is no metric {plain_text(name)!r} to limit.",
                hint(name, METRICS, also=f"Known metrics: {', '.join(METRICS)}."),
            )
        if f"{name}_ns" in limits:
            raise InputError(f"The metric {name} is limited twice.", "Give each metric one limit.")
        limits[f"{name}_ns"] = _limit_ns(value, shown)
    return Slo(**limits)


def _limit_ns(value: str, shown: str) -> int:
    found = _LIMIT.fullmatch(value)
    if found is None:
        raise InputError(f"The limit {shown!r} is not a number with the unit ms or s.", _REMEDY)
    exact = Fraction(found[1]) * NS_PER_UNIT[found[2]]
    if not 1 <= exact <= MAX_LIMIT_NS:
        raise InputError(f"The limit {shown!r} must be above zero and at most {MAX_LIMIT_NS // 10**9} s.", _REMEDY)
    return int(exact)


def slo_text(slo: Slo) -> str:
    """The limits for people, e.g. `ttft 200 ms, e2e 5,000 ms`."""
    limits = {name: getattr(slo, f"{name}_ns") for name in METRICS}
    return ", ".join(
        f"{name} {_plain_ms(limit_ns)} ms" for name, limit_ns in limits.items() if limit_ns is not None
    )


def _plain_ms(ns: int) -> str:
    shown = number(ns / 1_000_000, 6)
    return shown.rstrip("0").rstrip(".")


def meets(slo: Slo, latencies: RequestLatencies) -> bool:
    """Whether a request kept every limit; a pace that it does not have (one token, one chunk) breaks none."""
    values = (
        (slo.ttft_ns, latencies.ttft_ns),
        (slo.tpot_ns, latencies.tpot_ns),
        (slo.itl_ns, max(latencies.itl_ns, default=None)),
        (slo.e2e_ns, latencies.e2e_ns),
    )
    return all(limit is None or value is None or value <= limit for limit, value in values)

"""Faults on request: which request is answered wrongly, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from kit.text import did_you_mean, one_of

Fault = Literal[
    "error-event",
    "cut",
    "stall",
    "status-500",
    "status-429",
    "slow-headers",
    "reset",
    "no-answer",
    "no-usage",
    "replay",
    "garbage",
    "empty",
    "no-cached",
    "cached-lie",
]
FAULTS: tuple[Fault, ...] = get_args(Fault)
MAX_EVERY = 1_000_000_000


@dataclass(frozen=True, slots=True)
class FaultRule:
    """Every `every`-th request (counted from 1) has the fault."""

    kind: Fault
    every: int


def parse_rule(text: str) -> FaultRule:
    """KIND:EVERY; `ValueError` says in words what is wrong."""
    kind, colon, every = text.partition(":")
    known = next((fault for fault in FAULTS if fault == kind), None)
    if known is None:
        raise ValueError(f"{kind!r} is not a fault{did_you_mean(kind, FAULTS)}; expected {one_of(FAULTS)}")
    if not colon or not (every.isascii() and every.isdigit()) or not 1 <= int(every[:12]) <= MAX_EVERY:
        raise ValueError(f"{text!r} is not KIND:EVERY with a whole number from 1, like {kind}:10")
    return FaultRule(known, int(every))


def fault_of(rules: Sequence[FaultRule], request: int) -> Fault | None:
    """The fault of a request (the first is 1); where several rules meet, the first given wins."""
    return next((rule.kind for rule in rules if request % rule.every == 0), None)

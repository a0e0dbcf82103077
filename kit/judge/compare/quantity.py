"""What a figure is: its name for people, its unit, and whether more or less of it is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kit.documents import Spread
from kit.errors import InputError
from kit.judge.study import PARTS, PATHS, TIMES
from kit.text import NO_DATA, nearest, number, plain_text

Better = Literal["more", "less", "neither"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """One path of `kit.judge.study.PATHS`. `better` is "neither" for counts that only describe the load."""

    path: str
    title: str
    unit: str
    digits: int
    better: Better


_KNOWN = {
    each.path: each
    for each in (
        Quantity("throughput_tok_s", "throughput", "tok/s", 1, "more"),
        Quantity("decode_tok_s", "decode per user", "tok/s", 1, "more"),
        Quantity("request_rate_s", "requests finished", "req/s", 2, "more"),
        Quantity("error_rate", "error rate", "", 4, "less"),
        Quantity("goodput_share", "goodput share", "", 4, "more"),
        Quantity("goodput_req_s", "goodput", "req/s", 2, "more"),
        Quantity("requests.failed", "requests failed", "", 0, "less"),
        Quantity("tpot_cv", "variation of TPOT", "", 3, "less"),
        Quantity("spikes", "spikes", "", 0, "less"),
        Quantity("decode_us_per_layer", "decode per layer", "us", 1, "less"),
        Quantity("cold_start_ms", "cold start", "ms", 0, "less"),
        Quantity("pass_rate", "correct answers", "", 3, "more"),
        Quantity("memory_max_mb", "memory", "MB", 0, "less"),
        Quantity("power_mean_w", "power", "W", 1, "less"),
    )
}


def quantity(path: str) -> Quantity:
    """What the path is; `InputError` naming the nearest one if there is no such figure."""
    if path not in PATHS:
        like = nearest(path, PATHS)
        raise InputError(
            f'Unknown metric "{plain_text(path)}".',
            f'Did you mean "{like}"?' if like else "Name one like throughput_tok_s or ttft_ms.p50.",
        )
    if path in _KNOWN:
        return _KNOWN[path]
    name, _, part = path.partition(".")
    if name in TIMES and part != "n":
        title = f"{name.removesuffix('_ms').upper()} {part}".replace("E2E", "end to end")
        digits = 2 if name in ("itl_ms", "tpot_ms") else 1
        return Quantity(path, title, "ms", digits, "less")
    return Quantity(path, path, "", 0 if part in PARTS else 1, "neither")


def judged_quantity(path: str) -> Quantity:
    """`quantity` of which more or less is better; `InputError` for one that only describes the load."""
    found = quantity(path)
    if found.better == "neither":
        raise InputError(
            f"{path} has no better direction, so it cannot be compared.",
            "Name a rate or a time, like throughput_tok_s or ttft_ms.p50.",
        )
    return found


def figure_text(what: Quantity, value: float | None) -> str:
    """A figure with its unit, `81.2 tok/s`; a dash for no data."""
    return NO_DATA if value is None else f"{number(value, what.digits)} {what.unit}".rstrip()


def spread_text(what: Quantity, spread: Spread) -> str:
    """A median with its interval, `81.2 [80.1, 83.0]`, without the unit; a dash for no data."""
    shown = number(spread.median, what.digits)
    if spread.low is None or spread.high is None:
        return shown
    return f"{shown} [{number(spread.low, what.digits)}, {number(spread.high, what.digits)}]"

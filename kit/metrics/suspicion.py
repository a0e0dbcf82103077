"""Which cells are SUSPECT: what the load generator may have changed in their numbers. Pure.

Maker and verifier mark cells with it. Since method 3 a doubt counts by its effect on the cell's own figures; the
rule and its reasons are in docs/method.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Final

from kit.documents import Calibration, CalibrationPoint, ErrorSpread, Fault, Metrics
from kit.metrics.accuracy import FAULT_WORDS, fault_text, streams_text
from kit.metrics.limits import (
    MAX_EFFECT_PERCENT,
    MAX_ERROR_MS,
    MAX_LAG_NS,
    MAX_LAG_PERCENT,
    MAX_LATE_PERCENT,
    MIN_BUSY_SHARE,
    MIN_PACE,
)
from kit.metrics.stats import milliseconds
from kit.text import number

BY_EFFECT: Final = 3  # the first method that judges so
IDLE_USERS = f"over {100 - 100 * MIN_BUSY_SHARE:g} % of the users had no request in flight, against Little's law"
NOT_CALIBRATED = "not calibrated"
PROVED_NOTHING = "the calibration proved nothing"


@dataclass(frozen=True, slots=True)
class Doubt:
    """One reason; `lowers`: it can only have made the rates of all users together (registry.LOWERED) too low."""

    words: str
    lowers: bool = False


def suspicions(
    concurrency: int, metrics: Metrics, calibration: Calibration | None, method: int
) -> tuple[str, ...]:
    """Why the numbers of a cell may be the load generator's rather than the server's; empty if nothing says so."""
    return tuple(doubt.words for doubt in doubts(concurrency, metrics, calibration, method))


def doubts(
    concurrency: int, metrics: Metrics, calibration: Calibration | None, method: int, *, closed: bool = True
) -> tuple[Doubt, ...]:
    """The same with the direction of each; before method 3 none has one.

    In an open loop nobody is idle, and so many streams are counted as were in flight: at least as many as planned.
    """
    if not closed:
        in_flight = ceil(metrics.mean_in_flight or 0)
        return (
            *_uncalibrated(max(concurrency, in_flight), metrics, calibration),
            *(Doubt(words, lowers=True) for words in lateness(max(1, in_flight), metrics)),
        )
    if method < BY_EFFECT:
        return tuple(map(Doubt, _suspicions_by_limit(concurrency, metrics, calibration)))
    beyond = _uncalibrated(concurrency, metrics, calibration)
    late = (Doubt(words, lowers=True) for words in lateness(concurrency, metrics))
    idle = (Doubt(words, lowers=True) for words in _too_few(concurrency, metrics))
    return (*beyond, *late, *idle)


def _uncalibrated(concurrency: int, metrics: Metrics, calibration: Calibration | None) -> Iterator[Doubt]:
    if calibration is None:
        yield Doubt(NOT_CALIBRATED)
    else:
        yield from _beyond(concurrency, metrics, calibration)


def _too_few(concurrency: int, metrics: Metrics) -> Iterator[str]:
    """Little's law for a closed loop: as many requests are in flight as there are users, or nobody sends for some.

    Users whose request failed wait before the next one, so a cell with failures says nothing here. Users of
    sessions also think.
    """
    in_flight = metrics.mean_in_flight
    thinking = metrics.sessions.thinking if metrics.sessions else 0.0
    if in_flight is None or metrics.requests.failed:
        return
    if in_flight + thinking < concurrency * MIN_BUSY_SHARE:
        yield IDLE_USERS


def _chunks_per_s(metrics: Metrics) -> float:
    """A window of no length comes only from a bundle that other rules refuse."""
    return metrics.tokens.chunks / metrics.window_s if metrics.window_s > 0 else 0.0


# --- by effect: method 3 ----------------------------------------------------------------------------------


def lateness(concurrency: int, metrics: Metrics) -> Iterator[str]:
    """How late sends were where that may have changed a figure: the flag load.lag says the same.

    Two parts, either alone enough: of the users' time in the window, which throughput lost, and of the latency.
    """
    lag, latency_ms = metrics.send_lag_ms, metrics.e2e_ms.mean
    users_ms = concurrency * metrics.window_s * 1000
    if lag.mean is None:
        return
    lost = 100 * lag.n * lag.mean / users_ms if users_ms > 0 else 0.0
    if lost > MAX_LATE_PERCENT:
        yield f"late sends took {number(lost, 1)} % of the users' time, limit {MAX_LATE_PERCENT} %"
    share = 100 * lag.mean / latency_ms if latency_ms else 0.0
    if share > MAX_LATE_PERCENT:
        yield f"sends were late by {number(share, 1)} % of the mean latency, limit {MAX_LATE_PERCENT} %"


def _beyond(concurrency: int, metrics: Metrics, calibration: Calibration) -> Iterator[Doubt]:
    """What of the cell lies beyond the points and steps that are accurate enough for its own figures."""
    good = [point for point in (*calibration.points, *calibration.steps) if not faults_for(point, metrics)]
    here = [point for point in calibration.points if point.concurrency == concurrency]
    streams = max((point.concurrency for point in good), default=0)
    if here and not any(point in good for point in here):
        last = here[-1]
        left = faults_for(last, metrics)
        words = " and ".join(_fault_words(fault, last, metrics) for fault in left)
        yield Doubt(f"the calibration failed at concurrency {concurrency}, {words}", lowers=left == ("pace",))
    elif not good:
        yield Doubt(PROVED_NOTHING)
    elif concurrency > streams:
        yield Doubt(f"{streams_text(concurrency)}, proven to {streams}", lowers=True)
    tok_s = max((point.tok_s for point in good), default=None)
    if tok_s is not None and _chunks_per_s(metrics) > tok_s:
        words = f"{number(_chunks_per_s(metrics), 0)} chunks/s, proven to {number(tok_s, 0)}"
        yield Doubt(words, lowers=True)


def faults_for(point: CalibrationPoint, metrics: Metrics) -> tuple[Fault, ...]:
    """The faults of a point that could change a figure of this cell; none of a point that holds."""
    harmless: dict[Fault, bool] = {
        "ttft_error": _is_small(point.accuracy.ttft_error_ms, metrics.ttft_ms.p50),
        "gap_error": _is_small(point.accuracy.gap_error_ms, _gap_ms(metrics)),
        "pace": _keeps_pace(point, metrics.tpot_ms.p50),
        "lost": False,
    }
    return tuple(fault for fault in point.faults if not harmless[fault])


def _gap_ms(metrics: Metrics) -> float | None:
    """The smaller of the figures that gaps make: ITL and TPOT."""
    return min((each for each in (metrics.itl_ms.p50, metrics.tpot_ms.p50) if each is not None), default=None)


def _limit_ms(figure_ms: float | None) -> float:
    return max(MAX_ERROR_MS, (figure_ms or 0.0) * MAX_EFFECT_PERCENT / 100)


def _is_small(error: ErrorSpread, figure_ms: float | None) -> bool:
    return error.p99 is not None and error.p99 <= _limit_ms(figure_ms)


def _keeps_pace(point: CalibrationPoint, tpot_ms: float | None) -> bool:
    """Whether the time that streams of the point lost on each token leaves this cell the pace that is asked."""
    if point.pace is None or not point.pace or not point.rate_tok_s or not tpot_ms:
        return False
    lost_ms = 1000 / point.rate_tok_s * (1 / point.pace - 1)
    return 1 - lost_ms / tpot_ms >= MIN_PACE


def _fault_words(fault: Fault, point: CalibrationPoint, metrics: Metrics) -> str:
    errors = {
        "ttft_error": (point.accuracy.ttft_error_ms, metrics.ttft_ms.p50),
        "gap_error": (point.accuracy.gap_error_ms, _gap_ms(metrics)),
    }
    if fault not in errors or errors[fault][0].p99 is None:
        return FAULT_WORDS[fault]
    error, figure_ms = errors[fault]
    return f"{FAULT_WORDS[fault]} p99 {number(error.p99, 2)} ms, limit {number(_limit_ms(figure_ms), 2)} ms"


# --- by fixed limits: methods 1 and 2 ---------------------------------------------------------------------


def _suspicions_by_limit(concurrency: int, metrics: Metrics, calibration: Calibration | None) -> tuple[str, ...]:
    beyond = (NOT_CALIBRATED,) if calibration is None else _beyond_ceiling(concurrency, metrics, calibration)
    return (*beyond, *_late(metrics), *_too_few(concurrency, metrics))


def _beyond_ceiling(concurrency: int, metrics: Metrics, calibration: Calibration) -> Iterator[str]:
    ceiling = calibration.ceiling
    if ceiling is None:
        yield PROVED_NOTHING
        return
    here = [point for point in calibration.points if point.concurrency == concurrency]
    if here and not any(point.ok for point in here):
        yield f"the calibration failed at concurrency {concurrency}, {fault_text(here[-1].faults)}"
    elif concurrency > ceiling.streams:
        yield f"{streams_text(concurrency)}, proven to {ceiling.streams}"
    chunks_s = _chunks_per_s(metrics)
    if chunks_s > ceiling.tok_s:
        yield f"{number(chunks_s, 0)} chunks/s, proven to {number(ceiling.tok_s, 0)}"


def _late(metrics: Metrics) -> Iterator[str]:
    lag, latency = metrics.send_lag_ms, metrics.e2e_ms.p50
    name, value = ("p99", lag.p99) if lag.p99 is not None else ("max", lag.max)
    limit = max(milliseconds(MAX_LAG_NS), (latency or 0.0) * (MAX_LAG_PERCENT / 100))
    if value is not None and value > limit:
        yield f"send lag {name} {number(value, 1)} ms, limit {number(limit, 1)} ms"

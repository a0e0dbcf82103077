"""Rules about the calibration of the load generator: that it was done, and that its figures fit each other.

Whether the figures follow from the requests that were kept is asked in kit.verify.circumstances.calibrated. Here
what follows from the figures is recomputed: which points hold, the ceiling, the marks on cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from kit.documents import Accuracy, Calibration, CalibrationPoint, ErrorSpread, Plan
from kit.metrics.accuracy import faults, proven
from kit.metrics.limits import (
    CALIBRATION_RUN_TOK_S,
    CALIBRATION_TOK_S,
    MAX_ABOVE_PACE_PERCENT,
    MAX_ERROR_MS,
    MAX_POINT_TRIES,
    MAX_STEP_TRIES,
    MIN_PACE,
    MIN_POINT_NS,
    MIN_STEP_NS,
    READING_SLACK_NS,
)
from kit.plan.workloads.levels import calibrated_levels
from kit.storage.names import CALIBRATION, PLAN, RESULT
from kit.timestamps import utc_ns
from kit.verify.difference import differences
from kit.verify.evidence import Evidence
from kit.verify.rule import Issue, Steps, rule
from kit.verify.views import found_cells, loaded_cells

MAX_STEPS = 5  # how often the search doubles at most
MIN_TRIES = 2  # of what never holds


@rule(
    "calibration.present", "flag", "runs", "The load generator was calibrated in this run, before the first cell"
)
def calibration_present(evidence: Evidence) -> Steps:
    if evidence.plan is None or (evidence.plan.evaluation is not None and evidence.plan.evaluation.alone):
        return  # nothing is timed where only tasks are asked
    yield 1
    if not evidence.plan.calibrate:
        so = "nobody does for a load by hand" if evidence.plan.loads else "every cell is SUSPECT"
        yield Issue(f"{PLAN}: calibrate", f"says that the load generator was not calibrated; {so}")
    elif evidence.calibration is None:
        yield Issue(CALIBRATION, "is missing or cannot be read")


@rule(
    "calibration.consistent",
    "reject",
    "points",
    "The calibration covers the plan's concurrencies, came first, and its verdicts follow from its figures",
)
def calibration_consistent(evidence: Evidence) -> Steps:
    plan, calibration = evidence.plan, evidence.calibration
    if plan is None or calibration is None:
        return
    yield len(calibration.points) + len(calibration.steps)
    yield from (Issue(CALIBRATION, words) for words in _faults(plan, calibration))
    yield from (Issue(CALIBRATION, words) for words in _circumstances(evidence, calibration))


def _faults(plan: Plan, calibration: Calibration) -> Iterator[str]:
    points, steps = calibration.points, calibration.steps
    if (calibration.limit_ms, calibration.min_pace) != (MAX_ERROR_MS, MIN_PACE):
        yield f"has limits other than {MAX_ERROR_MS:g} ms and {MIN_PACE:g} of the pace"
    levels = [level for level, _ in groupby(point.concurrency for point in points)]
    if levels != sorted(calibrated_levels(plan)):
        yield "does not have the plan's concurrencies in order"
    for where, series, most in (("points", points, MAX_POINT_TRIES), ("steps", steps, MAX_STEP_TRIES)):
        yield from (f"{where}: {words}" for words in _tries(series, most))
        for at, point in enumerate(series):
            yield from (f"{where}[{at}]: {words}" for words in _point_faults(point))
    if points and any(step.concurrency != points[-1].concurrency for step in steps):
        yield "steps: are not at the largest concurrency"
    for words in differences(proven((*points, *steps)), calibration.ceiling):
        yield f"ceiling: {words}"


def _tries(series: Sequence[CalibrationPoint], most: int) -> Iterator[str]:
    """What holds is not measured again, and what does not is tried again: once at least, `most` times in all."""
    for (level, rate), group in groupby(series, key=lambda point: (point.concurrency, point.rate_tok_s)):
        tried = [point.ok for point in group]
        if len(tried) > most or any(tried[:-1]) or (len(tried) < MIN_TRIES and not tried[-1]):
            yield f"{level} streams at {rate:g} tokens/s were not tried as a calibration tries"


def _point_faults(point: CalibrationPoint) -> Iterator[str]:
    expected = faults(point.accuracy, point.pace)
    if point.faults != expected or point.ok == bool(expected):
        yield f"its verdict should be: {', '.join(expected) or 'ok'}"
    if point.expected_tok_s != point.concurrency * point.rate_tok_s:
        yield "expected_tok_s is not the pace of all streams"
    yield from _accuracy_faults(point.accuracy)


def _accuracy_faults(found: Accuracy) -> Iterator[str]:
    spreads = {
        "ttft_error_ms": (found.ttft_error_ms, found.matched),
        "gap_error_ms": (found.gap_error_ms, found.chunks - found.matched),
        "receive_error_ms": (found.receive_error_ms, found.chunks),
        "send_lag_ms": (found.send_lag_ms, found.send_lag_ms.n),
    }
    for name, (spread, count) in spreads.items():
        if spread.n != count or not _ascending(spread):
            yield f"{name} does not fit its counts, or its percentiles do not ascend"
    if not found.matched <= found.requests or found.send_lag_ms.n > found.requests:
        yield "counts more requests than there were"


def _ascending(spread: ErrorSpread) -> bool:
    if spread.p50 is None or spread.p99 is None or spread.max is None:
        return not spread.n and (spread.p50, spread.p99, spread.max) == (None, None, None)
    return spread.n > 0 and spread.p50 <= spread.p99 <= spread.max


def _circumstances(evidence: Evidence, calibration: Calibration) -> Iterator[str]:
    """The same machine and kind of stamps as the cells, and over before the first of them."""
    if evidence.host and calibration.cpus != evidence.host.cpus_usable:
        yield f"was made with {calibration.cpus} CPUs, the host has {evidence.host.cpus_usable} usable"
    if any(loaded.facts.stamp_source != calibration.stamp_source for loaded in loaded_cells(evidence)):
        yield "was made with another source of stamps than a cell"
    try:
        ended_ns = utc_ns(calibration.started_utc) + calibration.duration_ns
        first_ns = min((utc_ns(found.cell.started_utc) for found in found_cells(evidence)), default=ended_ns)
    except ValueError:
        yield "cannot be placed before the cells: there is a date that does not exist"
        return
    if ended_ns > first_ns + READING_SLACK_NS:
        yield "was not over when the first cell started"


@rule(
    "calibration.plausible",
    "flag",
    "points",
    "The calibration can be true: asked as a run asks, no faster than asked, with errors, in the time it took",
)
def calibration_plausible(evidence: Evidence) -> Steps:
    calibration = evidence.calibration
    if calibration is None:
        return
    points, steps = calibration.points, calibration.steps
    yield len(points) + len(steps)
    least_ns = len(points) * MIN_POINT_NS + len(steps) * MIN_STEP_NS
    if calibration.duration_ns < least_ns:
        words = f"took {calibration.duration_ns / 1e9:g} s; its loads alone take {least_ns / 1e9:g} s"
        yield Issue(CALIBRATION, words)
    for where, series, asked in (("points", points, _asked), ("steps", steps, _asked_of_steps(points))):
        for at, point in enumerate(series):
            if point.rate_tok_s not in asked(point.concurrency):
                yield Issue(f"{CALIBRATION}: {where}[{at}]", f"asks {point.rate_tok_s:g} tokens/s, as no run does")
            yield from (Issue(f"{CALIBRATION}: {where}[{at}]", why) for why in _too_good(point))


def _asked(concurrency: int) -> tuple[float, ...]:
    return (min(CALIBRATION_TOK_S, CALIBRATION_RUN_TOK_S / concurrency),)


def _asked_of_steps(points: Sequence[CalibrationPoint]) -> Callable[[int], tuple[float, ...]]:
    """The search doubles the pace of the last point."""
    base = points[-1].rate_tok_s if points else CALIBRATION_TOK_S
    return lambda _: tuple(base * 2**doubling for doubling in range(1, MAX_STEPS + 1))


def _too_good(point: CalibrationPoint) -> Iterator[str]:
    if point.tok_s > point.expected_tok_s * (100 + MAX_ABOVE_PACE_PERCENT) / 100:
        yield f"has {point.tok_s:g} tokens/s, more than the {point.expected_tok_s:g} that were asked for"
    found = point.accuracy
    for name in ("ttft_error_ms", "gap_error_ms", "receive_error_ms"):
        spread: ErrorSpread = getattr(found, name)
        if spread.n and not spread.max:
            yield f"{name} is 0 throughout, which no clock gives"


@rule("calibration.range", "flag", "cells", "No measured cell exceeds the proven range of the calibration")
def calibration_range(evidence: Evidence) -> Steps:
    for line in evidence.result.cells if evidence.result else ():
        if line.metrics is not None:
            yield 1
            if line.suspect:
                yield Issue(f"{RESULT}: {line.id}", f"SUSPECT: {'; '.join(line.suspect)}")


RULES = (calibration_present, calibration_consistent, calibration_plausible, calibration_range)

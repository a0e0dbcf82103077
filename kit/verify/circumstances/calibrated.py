"""Rules about the requests of the calibration: that they were kept, and that its figures are made of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256

from kit.documents import Calibration, CalibrationPoint, CalibrationRecord
from kit.metrics.accuracy import calibration_point
from kit.plan.calibration_load import asked_tokens, run_window
from kit.storage.names import CALIBRATED, CALIBRATION
from kit.verify.difference import differences
from kit.verify.evidence import Evidence
from kit.verify.rule import Issue, Steps, rule
from kit.verify.rules_plan import is_later

LAST_WITHOUT_RECORDS = (0, 1, 0)  # kits up to this one kept the figures of a calibration alone


@rule("calibration.records", "flag", "calibrations", "The requests that the calibration is made of were kept")
def calibration_records(evidence: Evidence) -> Steps:
    plan, calibration = evidence.plan, evidence.calibration
    if plan is None or calibration is None:
        return
    if not is_later(plan.kit_version, LAST_WITHOUT_RECORDS):
        return
    yield 1
    if evidence.calibrated is None:
        yield Issue(CALIBRATED, f"is missing or cannot be read: {CALIBRATION} cannot be made again")
    elif calibration.records_sha256 is None:
        yield Issue(CALIBRATION, f"does not name the sha256 of {CALIBRATED}")


@rule(
    "calibration.recomputed",
    "reject",
    "points",
    "Every figure of the calibration follows from its requests, which are those that a calibration makes",
)
def calibration_recomputed(evidence: Evidence) -> Steps:
    calibration, records = evidence.calibration, evidence.calibrated
    if calibration is None or records is None:
        return
    named = calibration.records_sha256
    if named is not None and named != sha256(evidence.files[CALIBRATED]).hexdigest():
        yield Issue(CALIBRATED, f"has another sha256 than {CALIBRATION} says")
    by_load: dict[int, list[CalibrationRecord]] = defaultdict(list)
    for record in records:
        by_load[record.load].append(record)
    places = list(_places(calibration))
    yield len(places)
    if [(record.load, record.id) for record in records] != _in_order(by_load, len(places)):
        yield Issue(CALIBRATED, "does not have the requests of each load in order, each once, and no others")
        return
    for load, (where, point, window) in enumerate(places):
        for words in _faults(point, by_load.get(load, []), window=window):
            yield Issue(f"{CALIBRATION}: {where}", words)
        yield from (Issue(f"{CALIBRATED}: load {load}", words) for words in _unasked(point, by_load.get(load, [])))


def _places(calibration: Calibration) -> Iterator[tuple[str, CalibrationPoint, object]]:
    """Each load: where its figures stand, the figures, and the window that a calibration gives it."""
    for where, series in (("points", calibration.points), ("steps", calibration.steps)):
        for at, point in enumerate(series):
            yield f"{where}[{at}]", point, run_window(point.concurrency, step=where == "steps")


def _in_order(by_load: Mapping[int, Sequence[CalibrationRecord]], loads: int) -> list[tuple[int, int]]:
    return [(load, id_) for load in range(loads) for id_ in range(len(by_load.get(load, ())))]


def _faults(point: CalibrationPoint, records: Sequence[CalibrationRecord], *, window: object) -> Iterator[str]:
    if point.window is None:
        yield "has no window"
        return
    if point.window != window:
        yield "has another window than a calibration gives it"
    if point.window.end_ns <= point.window.start_ns or point.rate_tok_s <= 0:
        return  # no figures can be made of it
    expected = calibration_point(point.concurrency, point.rate_tok_s, records, point.window)
    for name in ("tok_s", "pace", "accuracy"):
        for words in differences(getattr(expected, name), getattr(point, name)):
            yield f"{name}: {words}"


def _unasked(point: CalibrationPoint, records: Sequence[CalibrationRecord]) -> Iterator[str]:
    """A whole answer is as long as the seed asked for."""
    for record in records:
        if record.outcome != "ok" or not _is_rate(point.rate_tok_s):
            continue
        wanted = asked_tokens(point.concurrency, point.rate_tok_s, record.id)
        if record.received_ns is not None and len(record.left) != wanted:
            yield f"request {record.id} has {len(record.left)} tokens, the seed asks for {wanted}"


def _is_rate(rate_tok_s: float) -> bool:
    """Whether a stream can have this pace, so that lengths follow from it."""
    return 0 < rate_tok_s <= 1e9


RULES = (calibration_records, calibration_recomputed)

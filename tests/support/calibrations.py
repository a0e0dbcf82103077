"""Calibrations made by code: figures alone, and such as follow from requests that were kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256

from kit import __version__
from kit.documents import Accuracy, Calibration, CalibrationPoint, CalibrationRecord, ErrorSpread
from kit.metrics.accuracy import calibration_point, proven
from kit.metrics.limits import MAX_ERROR_MS, MIN_PACE
from kit.plan.calibration_load import asked_tokens, run_window
from kit.storage.calibration_file import written_records
from kit.strict import plain, write_json
from kit.timestamps import utc_text

MS = 1_000_000
START_NS = 1_793_534_400 * 1_000_000_000  # when the first cell of the good run begins: in November 2026


def good_point(concurrency: int, rate_tok_s: float = 200.0) -> CalibrationPoint:
    """A point that holds: 10 requests of 41 tokens for each stream, errors far below the limit."""
    requests = 10 * concurrency
    chunks = 41 * requests
    found = Accuracy(
        requests=requests,
        matched=requests,
        chunks=chunks,
        lost_chunks=0,
        ttft_error_ms=ErrorSpread(requests, 0.1, 0.2, 0.25),
        gap_error_ms=ErrorSpread(chunks - requests, 0.001, 0.02, 0.4),
        receive_error_ms=ErrorSpread(chunks, 0.004, 0.03, 0.4),
        send_lag_ms=ErrorSpread(requests, 0.2, 0.4, 0.4),
    )
    total = concurrency * rate_tok_s
    return CalibrationPoint(concurrency, rate_tok_s, total, 0.8 * total, 0.9995, found, True, ())


def good_calibration(concurrencies: tuple[int, ...] = (1, 2)) -> Calibration:
    """A point at each concurrency, and a search that found no end in two steps."""
    points = tuple(good_point(each) for each in concurrencies)
    steps = tuple(good_point(concurrencies[-1], rate) for rate in (400.0, 800.0))
    return Calibration(
        schema="kit/calibration/1",
        kit_version=__version__,
        started_utc=utc_text(START_NS - 12_000 * MS),
        duration_ns=11_500 * MS,
        cpus=2,
        stamp_source="kernel",
        limit_ms=MAX_ERROR_MS,
        min_pace=MIN_PACE,
        points=points,
        steps=steps,
        ended_by="time",
        ceiling=proven((*points, *steps)),
    )


# --- with the requests that the figures are made of ---------------------------------------------------------

TTFT_NS = 50 * MS
ERRORS_NS = (20_000, 31_000, 24_500, 70_250, 12_000)  # by which stamps are late, over and over


@cache
def recorded_load(
    load: int, concurrency: int, rate_tok_s: float, late_ns: int = 0, *, step: bool = False
) -> tuple[CalibrationRecord, ...]:
    """The requests of one load, worker by worker; every second chunk arrives `late_ns` later still."""
    window = run_window(concurrency, step=step)
    made: list[tuple[int, int]] = [(0, worker) for worker in range(concurrency)]
    records: list[CalibrationRecord] = []
    for at in range(10_000):
        made.sort()
        intended_ns, worker = made.pop(0)
        if intended_ns >= window.end_ns:
            break
        record = _record(load, at, intended_ns, asked_tokens(concurrency, rate_tok_s, at), rate_tok_s, late_ns)
        records.append(record)
        made.append((max(record.arrived_ns()) + 50_000, worker))
    return tuple(records)


def _record(
    load: int, id_: int, intended_ns: int, tokens: int, rate_tok_s: float, late_ns: int
) -> CalibrationRecord:
    sent_ns, received_ns = intended_ns + 9_000, intended_ns + 60_000
    left = (TTFT_NS, *(round(1e9 / rate_tok_s) for _ in range(tokens - 1)))
    late = [ERRORS_NS[(id_ + at) % len(ERRORS_NS)] + (late_ns if at % 2 else 0) for at in range(tokens)]
    way_ns = received_ns - sent_ns
    steps = [step + now - before for step, now, before in zip(left, late, [-way_ns, *late], strict=False)]
    return CalibrationRecord(load, id_, "ok", intended_ns, sent_ns, received_ns, tuple(steps), left)


def recorded_point(
    records: Sequence[CalibrationRecord], concurrency: int, rate: float, *, step: bool
) -> CalibrationPoint:
    window = run_window(concurrency, step=step)
    return replace(calibration_point(concurrency, rate, records, window), window=window)


def recorded_calibration(
    concurrencies: tuple[int, ...] = (1, 2), late_ns: tuple[int, ...] = ()
) -> tuple[Calibration, bytes]:
    """The good calibration as its requests give it, and their file.

    `late_ns` is of each point in turn, all at the first concurrency but the last ones: (5 * MS, 0, 0) tries the
    first twice.
    """
    extra = max(0, len(late_ns) - len(concurrencies))
    levels = (*concurrencies[:1] * extra, *concurrencies)
    late = (*late_ns, *[0] * (len(levels) - len(late_ns)))
    asked = [(level, 200.0, each, False) for level, each in zip(levels, late, strict=True)]
    asked += [(concurrencies[-1], rate, 0, True) for rate in (400.0, 800.0)]
    return assembled(asked)


def assembled(asked: Sequence[tuple[int, float, int, bool]]) -> tuple[Calibration, bytes]:
    """A calibration of these loads (concurrency, pace, lateness, whether a step), and the file of its requests."""
    loads = [recorded_load(at, level, rate, late, step=step) for at, (level, rate, late, step) in enumerate(asked)]
    made = [
        (recorded_point(records, level, rate, step=step), step)
        for records, (level, rate, _, step) in zip(loads, asked, strict=True)
    ]
    data = written_records(record for records in loads for record in records)
    points = tuple(point for point, step in made if not step)
    steps = tuple(point for point, step in made if step)
    found = replace(
        good_calibration(), points=points, steps=steps, ceiling=proven((*points, *steps)),
        ended_by="time" if steps else "largest_point", records_sha256=sha256(data).hexdigest(),
    )  # fmt: skip
    return found, data


def calibration_files(calibration: tuple[Calibration, bytes]) -> Mapping[str, bytes]:
    """Both files of a calibration, by name."""
    return dict(_files(*calibration))


def _files(calibration: Calibration, records: bytes) -> Iterator[tuple[str, bytes]]:
    yield "calibration.json", write_json(plain(calibration))
    yield "calibration.jsonl", records

"""Calibrations made by code."""

from __future__ import annotations

from kit import __version__
from kit.documents import Accuracy, Calibration, CalibrationPoint, ErrorSpread
from kit.metrics.accuracy import proven
from kit.metrics.limits import MAX_ERROR_MS, MIN_PACE
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

"""calibration.jsonl: the requests of a calibration, a line each, written and read strictly."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import replace

from kit.documents import CalibrationRecord
from kit.strict import Json, StrictError, plain, typed, write_jsonl_line

MAX_LINE_BYTES = 1 << 20  # of an answer of 50,000 chunks
# The largest that a run's own calibration can leave: 10,000 tokens/s, doubled five times, for three seconds each.
MAX_CALIBRATED_BYTES = 64 << 20
MAX_LINES = 200_000
MOST = (MAX_LINE_BYTES, MAX_LINES, MAX_CALIBRATED_BYTES)
_MOST = 10**15


def written_records(records: Iterable[CalibrationRecord]) -> bytes:
    """The lines of these records."""
    return b"".join(write_jsonl_line(plain(record)) for record in records)


def calibration_record_from(value: Json, where: str) -> CalibrationRecord:
    """One line; `StrictError` for another type than its schema has, or a number out of its range."""
    found = typed(CalibrationRecord, value, where)
    for name in ("load", "id", "intended_ns", "sent_ns", "received_ns"):
        number = getattr(found, name)
        if number is not None and not 0 <= number <= _MOST:
            raise StrictError(where, name, f"is not from 0 to {_MOST}")
    for name in ("arrived", "left"):
        steps = getattr(found, name)
        if steps and not (min(steps) >= -_MOST and max(steps) <= _MOST):
            raise StrictError(where, name, f"has a step of more than {_MOST}")
    return replace(found, arrived=array("q", found.arrived), left=array("q", found.left))

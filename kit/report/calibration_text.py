"""A calibration in words: one line for reports, a table and its method for `kit calibrate`. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from tabulate import tabulate

from kit.documents import Calibration, CalibrationPoint, Ceiling, ErrorSpread
from kit.metrics.accuracy import FAULT_WORDS, fault_text, streams_text
from kit.text import number

HEADERS = (
    "concurrency", "tok/s each", "tok/s", "TTFT error p50/p99/max", "gap error p50/p99/max", "send lag p99",
    "verdict",
)  # fmt: skip
END_WORDS: Mapping[str, str] = {
    **FAULT_WORDS,
    "steps": "no failure up to the last step",
    "time": "no failure within the time limit",
    "largest_point": "not searched: the largest concurrency fails",
}


def calibration_line(calibration: Calibration | None) -> str:
    """What a report says of the load generator that made it."""
    if calibration is None:
        return "Load generator: not calibrated in this run."
    point = calibration.points[-1]
    errors = point.accuracy
    return (
        f"Load generator: TTFT error p99 {_ms(errors.ttft_error_ms.p99)}, "
        f"gap error p99 {_ms(errors.gap_error_ms.p99)} at {streams_text(point.concurrency)}; "
        f"{_proven(calibration.ceiling)}."
    )


def _ms(value: float | None) -> str:
    return f"{number(value, 2)} ms"


def _proven(ceiling: Ceiling | None) -> str:
    if ceiling is None:
        return "nothing proven"
    return f"proven to {number(ceiling.tok_s, 0)} tokens/s and {streams_text(ceiling.streams)}"


def _spread(errors: ErrorSpread) -> str:
    return " / ".join(number(value, 2) for value in (errors.p50, errors.p99, errors.max))


def _row(point: CalibrationPoint) -> list[str]:
    return [
        str(point.concurrency),
        number(point.rate_tok_s, 0),
        number(point.tok_s, 0),
        _spread(point.accuracy.ttft_error_ms),
        _spread(point.accuracy.gap_error_ms),
        number(point.accuracy.send_lag_ms.p99, 2),
        "ok" if point.ok else fault_text(point.faults),
    ]


def _advice(calibration: Calibration, processes: int) -> str:
    """What may reach further, where a fault ended the search and not its steps or its time."""
    if calibration.ended_by in ("steps", "time") or processes > 1 or calibration.cpus < 2:
        return ""
    return " This was one load generator process; try more: kit calibrate --processes 2."


def calibration_table(calibration: Calibration, processes: int = 1) -> str:
    """Points and steps as Markdown, errors in ms; the ceiling; the method in two lines.

    `processes` is how many the load generator was: where it was one and gave in, more may reach further.
    """
    rows = [_row(point) for point in (*calibration.points, *calibration.steps)]
    align = (*("right" for _ in HEADERS[:-1]), "left")
    table = tabulate(rows, list(HEADERS), tablefmt="github", disable_numparse=True, colalign=align)
    proven = _proven(calibration.ceiling)
    return "\n\n".join(
        (
            table,
            f"Ceiling: {proven} ({END_WORDS[calibration.ended_by]}).{_advice(calibration, processes)}",
            f"Errors in ms against the truth log of `kit reference` on this machine, on {calibration.cpus} "
            f"shared CPUs; timestamps: {calibration.stamp_source}.\n"
            f"Ok: p99 of TTFT and gap errors at most {calibration.limit_ms:g} ms, nothing lost, streams at "
            f"{calibration.min_pace:.0%} of their rate or more; a failure is retried once. Below 100 "
            "samples p99 is the max.",
        )
    )

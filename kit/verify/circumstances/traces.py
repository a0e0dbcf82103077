"""The requests of a plan's trace: of the kit, or of the user's file that lies in the run."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

from kit.plan.trace_tables import trace_bytes
from kit.plan.traces import TraceLine, read_trace
from kit.plan.workloads.kit_traces import kit_trace_lines
from kit.storage.names import TRACE
from kit.strict import StrictError
from kit.verify.evidence import Evidence
from kit.verify.known import known_trace


def trace_lines(evidence: Evidence) -> tuple[TraceLine, ...] | None:
    """The requests of the plan's trace; None where it has none, or one that `trace_fault` speaks of."""
    pin = evidence.plan.workload.trace if evidence.plan is not None else None
    if pin is None or trace_fault(evidence) is not None:
        return None
    return kit_trace_lines(pin.name) if pin.file_sha256 is None else _read(evidence.files[TRACE])[1]


def trace_fault(evidence: Evidence) -> str | None:
    """Why the plan's trace cannot be played again; None if it can, or there is none."""
    pin = evidence.plan.workload.trace if evidence.plan is not None else None
    if pin is None:
        return None
    if pin.file_sha256 is None:
        return None if pin == known_trace(pin.name) else "has a trace that is none of this kit"
    data = evidence.files.get(TRACE)
    digest, lines = _read(data) if data is not None else ("", None)
    if digest != pin.sha256:
        return f"has a trace, and {TRACE} is not that file"
    if lines is None or len(lines) != pin.count:
        return f"has a trace of {pin.count} requests, and {TRACE} is not one as the kit writes it"
    return None if pin.speed_milli == 1000 else "has a trace that is not at its own speed"


@lru_cache(maxsize=1)  # of one bundle at a time: every cell asks for it
def _read(data: bytes) -> tuple[str, tuple[TraceLine, ...] | None]:
    """The sha256 of a file, and its requests; None where it is no trace as the kit writes it."""
    digest = sha256(data).hexdigest()
    try:
        lines = read_trace(data, TRACE)
    except StrictError:
        return digest, None
    return digest, lines if trace_bytes(lines) == data else None

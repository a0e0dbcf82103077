"""Traces that a platform names by file: read, and pinned by what goes into the run, times and lengths alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from kit.documents import TracePin
from kit.documents.shape import TraceSource
from kit.errors import InputError
from kit.plan.trace_tables import any_trace, trace_bytes
from kit.plan.traces import MAX_TRACE_BYTES, TraceLine, pin_trace
from kit.plan.workloads.kit_traces import kit_trace_lines, pinned_of_kit
from kit.text import plain_text


@dataclass(frozen=True, slots=True)
class OwnTrace:
    """A user's trace as it lies in a run, its requests, and its pin at its own speed."""

    data: bytes
    lines: tuple[TraceLine, ...]
    pin: TracePin


def own_trace(source: TraceSource) -> OwnTrace:
    """The trace of a file; `InputError` if it cannot be read, is another one or is none."""
    path = Path(source.file)
    shown = plain_text(source.file, 300)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_TRACE_BYTES + 1)
    except OSError as error:
        raise InputError(f"The trace {shown} cannot be read: {error.strerror}.", "Check trace: file.") from None
    digest = sha256(data).hexdigest()
    if source.sha256 is not None and source.sha256 != digest:
        raise InputError(
            f"The trace {shown} has sha256 {digest}, the platform says {source.sha256}.",
            "Give the file that is meant, or the sha256 of this one.",
        )
    return _parsed(data, path.name, digest)


@lru_cache(maxsize=2)
def _parsed(data: bytes, name: str, digest: str) -> OwnTrace:
    lines = any_trace(data, plain_text(name, 200))
    kept = trace_bytes(lines)
    return OwnTrace(kept, lines, replace(pin_trace(kept, name, lines, 1000), file_sha256=digest))


def trace_requests(trace: str | TraceSource) -> tuple[TraceLine, ...]:
    """The requests of a platform's trace."""
    return kit_trace_lines(trace) if isinstance(trace, str) else own_trace(trace).lines


def platform_pin(trace: str | TraceSource) -> TracePin:
    """A platform's trace as a plan pins it, at its own speed."""
    return pinned_of_kit(trace) if isinstance(trace, str) else own_trace(trace).pin

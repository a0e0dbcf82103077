"""Arrivals that no seed decides: the lines of a trace file, and the spread starts of a ramp. Pure.

A trace is JSONL, one request a line: {"at_ms": 12.5} or {"at_ms": 12.5, "output_tokens": 64}; times count from the
start of the load and never fall. The lines of Mooncake's traces are read too: "timestamp" is at_ms and
"output_length" output_tokens; "input_length" and "hash_ids" are not played.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import sha256

from kit.documents import PlannedRequest, TracePin
from kit.errors import InputError
from kit.strict.decode import typed
from kit.strict.json_reader import Json, StrictError, read_jsonl

MAX_TRACE_BYTES = 64 << 20
MAX_LINE_BYTES = 65_536  # a line of Mooncake's with the hashes of a prompt of 128,000 tokens has 2,000
MAX_LINES = 1_000_000
MAX_AT_MS = 7 * 86_400_000
MAX_OUTPUT_TOKENS = 1_000_000
MAX_NAME_CHARS = 200
NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class TraceLine:
    """One request of a trace: ns from its start, and how long the answer may be (None: as the load says)."""

    at_ns: int
    output_tokens: int | None


@dataclass(frozen=True, slots=True)
class _Line:
    at_ms: float
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class _MooncakeLine:
    timestamp: float
    input_length: int | None = None
    output_length: int | None = None
    hash_ids: tuple[int, ...] | None = None


# The names of time and length in each form.
_OWN, _MOONCAKE = ("at_ms", "output_tokens"), ("timestamp", "output_length")


def is_mooncake(data: bytes) -> bool:
    """Whether the first line is of Mooncake's form, whose input lengths are not played."""
    return b'"timestamp"' in data.partition(b"\n")[0]


def read_trace(data: bytes, where: str) -> tuple[TraceLine, ...]:
    """The lines of a trace file, at least one; `StrictError` names file and line of what is wrong."""
    if len(data) > MAX_TRACE_BYTES:
        raise StrictError(where, "", f"{len(data)} bytes are more than the {MAX_TRACE_BYTES} allowed")
    found: list[TraceLine] = []
    for number, value in read_jsonl(data, where, max_line_bytes=MAX_LINE_BYTES, max_lines=MAX_LINES):
        names = _MOONCAKE if isinstance(value, dict) and "timestamp" in value else _OWN
        line = _trace_line(value, names, where, number)
        if found and line.at_ns < found[-1].at_ns:
            raise StrictError(where, f"line {number}", f"{names[0]} is before that of the line above")
        found.append(line)
    if not found:
        raise StrictError(where, "", "a trace needs at least one line")
    return tuple(found)


def _trace_line(value: Json, names: tuple[str, str], where: str, number: int) -> TraceLine:
    place = f"{where}: line {number}"
    if names is _MOONCAKE:
        theirs = typed(_MooncakeLine, value, place)
        line = _Line(theirs.timestamp, theirs.output_length)
    else:
        line = typed(_Line, value, place)
    if not 0 <= line.at_ms <= MAX_AT_MS:
        raise StrictError(
            where, f"line {number}: {names[0]}", f"must be 0 to {MAX_AT_MS}, in ms since the start of the trace"
        )
    if line.output_tokens is not None and not 1 <= line.output_tokens <= MAX_OUTPUT_TOKENS:
        raise StrictError(where, f"line {number}: {names[1]}", f"must be 1 to {MAX_OUTPUT_TOKENS}")
    return TraceLine(round(Fraction(line.at_ms) * NS_PER_MS), line.output_tokens)


def pin_trace(data: bytes, file_name: str, lines: Sequence[TraceLine], speed_milli: int) -> TracePin:
    """The pin of a trace file for a load; its name is made of letters that every document allows."""
    name = re.sub(r"[^A-Za-z0-9._-]", "-", file_name)[:MAX_NAME_CHARS].lstrip("._-") or "trace"
    return TracePin(name, sha256(data).hexdigest(), len(lines), speed_milli)


def pinned_trace(data: bytes, pin: TracePin, where: str) -> tuple[TraceLine, ...]:
    """The lines of the trace file that a load names; `InputError` if these bytes are another file."""
    if sha256(data).hexdigest() != pin.sha256:
        raise InputError(f"{where} is not the trace of this load.", "Start the load again with --trace.")
    return read_trace(data, where)


def trace_offsets_ns(lines: Sequence[TraceLine], speed_milli: int = 1000) -> tuple[int, ...]:
    """When each request is due, ns since the origin of the load, ascending; at twice the speed half the time."""
    return tuple(line.at_ns * 1000 // speed_milli for line in lines)


def with_trace_length(planned: PlannedRequest, lines: Sequence[TraceLine]) -> PlannedRequest:
    """The planned request with the answer length of its line, where the trace has that line and it has one."""
    if planned.id >= len(lines):
        return planned
    output_tokens = lines[planned.id].output_tokens
    return planned if output_tokens is None else replace(planned, max_tokens=output_tokens)


def start_offsets_ns(concurrency: int, ramp_ns: int) -> tuple[int, ...]:
    """When each worker of a closed loop sends first, ns since the origin: evenly spaced, the first at 0.

    Worker k starts at k / concurrency of the ramp, so all have started before it ends; without one all at 0.
    """
    return tuple(worker * ramp_ns // concurrency for worker in range(concurrency))

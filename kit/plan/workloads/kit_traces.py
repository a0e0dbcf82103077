"""The traces that come with the kit: arrivals that a platform names, and everybody else's kit knows by hash. Pure.

`bursts` is made, not recorded: ten minutes of 45 s at 0.5 requests/s and 15 s at 4 requests/s in turn, exponential
gaps, lognormal answer lengths of 8 to 512 tokens.
"""

from __future__ import annotations

from functools import lru_cache

from kit.assets import asset
from kit.documents import TracePin
from kit.errors import InputError
from kit.plan.traces import TraceLine, pin_trace, read_trace
from kit.text import hint, plain_text

_PREFIX = "trace-"


def kit_trace_names() -> list[str]:
    """The names of the traces that come with the kit."""
    return sorted(path.stem.removeprefix(_PREFIX) for path in asset("prompts").glob(f"{_PREFIX}*.jsonl"))


def kit_trace(name: str) -> bytes:
    """The lines of a trace of the kit, as they are in its file; `InputError` if there is none."""
    known = kit_trace_names()
    if name not in known:
        raise InputError(
            f"The kit has no trace {plain_text(name)!r}.", hint(name, known, also=f"Known: {', '.join(known)}.")
        )
    return asset("prompts", f"{_PREFIX}{name}.jsonl").read_bytes()


@lru_cache(maxsize=16)
def kit_trace_lines(name: str) -> tuple[TraceLine, ...]:
    """The requests of a trace of the kit."""
    return read_trace(kit_trace(name), name)


def pinned_of_kit(name: str) -> TracePin:
    """A trace of the kit as a plan pins it, at its own speed."""
    return pin_trace(kit_trace(name), name, kit_trace_lines(name), 1000)

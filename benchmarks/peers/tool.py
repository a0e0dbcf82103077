"""What the comparison wants to know of a tool, and what a tool says of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Job:
    """One run: `requests` of `tokens` output tokens each, `streams` at once, against `url`."""

    url: str
    streams: int
    requests: int
    tokens: int
    tokenizer: Path
    folder: Path


@dataclass(frozen=True, slots=True)
class Said:
    """What a tool reports, in ms; None: it gives no such number. `answered` counts the requests it calls good."""

    answered: int
    ttft_p50: float | None
    ttft_p99: float | None
    itl_p50: float | None
    itl_p99: float | None


@dataclass(frozen=True, slots=True)
class Tool:
    """`itl` says what the tool calls ITL: every gap between chunks, or one mean for each request. `offline`: it
    reads a tokenizer from a folder though the model hub is declared out of reach.
    """

    name: str
    package: str | None
    requirements: tuple[str, ...]
    command: Callable[[Path, Job], list[str]]
    said: Callable[[Job], Said]
    itl: str
    offline: bool = True
    unwanted: tuple[str, ...] = ()
    also_named: Mapping[str, str] = field(default_factory=dict)

"""What one request of a workload is like: how long prompt and answer are, and how it arrives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kit.documents.pins import Sparse

Api = Literal["chat", "completions"]
Arrivals = Literal["constant", "poisson", "gamma", "trace"]


@dataclass(frozen=True, slots=True)
class OutputTokens:
    """How many tokens each request may generate: uniform on [min, max]; a fixed length has min == max."""

    distribution: Literal["uniform"]
    min: int
    max: int


@dataclass(frozen=True, slots=True)
class Shape(Sparse):
    """One kind of request among several of a plan: figures of two shapes are never put together.

    `input_tokens` is how many the server is to count; None are the prompts of a set, as they are. With a rate, in
    thousandths of a request a second, its requests arrive in an open loop; `speed_milli` / 1000 is how many times
    as fast a trace is played.
    """

    name: str
    output_tokens: OutputTokens
    input_tokens: int | None = None
    rate_milli_per_s: int | None = None
    speed_milli: int | None = None


@dataclass(frozen=True, slots=True)
class LengthFit:
    """What a server counted for made-up prompts of two lengths, before the load (see kit.plan.workloads.lengths).

    `short_tokens` are its counts of prompts of `short_words` words, each with another salt, and `long_tokens` that
    of the first of them with `long_words`.
    """

    short_words: int
    short_tokens: tuple[int, ...]
    long_words: int
    long_tokens: int


@dataclass(frozen=True, slots=True)
class MadeUp(Sparse):
    """Prompts of `words` words made up to be of `input_tokens` tokens; without a fit the number is nominal."""

    input_tokens: int
    words: int
    fit: LengthFit | None = None


@dataclass(frozen=True, slots=True)
class Loop:
    """Closed: `concurrency` workers, each sends when its last answer ended. Open: arrivals on a schedule.

    The arrivals "trace" are those of `Load.trace`; they have no rate.
    """

    kind: Literal["closed", "open"]
    concurrency: int | None
    arrivals: Arrivals | None = None
    rate_milli_per_s: int | None = None
    burstiness_milli: int | None = None


@dataclass(frozen=True, slots=True)
class TraceSource(Sparse):
    """A trace that is none of the kit's: a `file` of a user, and the sha256 that it must have."""

    file: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class TracePin(Sparse):
    """A trace of arrivals, pinned by the hash of its file; its times are divided by `speed_milli` / 1000.

    A user's trace in a plan is pinned as it lies in the run: times and lengths only. `file_sha256` is then that of
    the file from which they were taken.
    """

    name: str
    sha256: str
    count: int
    speed_milli: int
    file_sha256: str | None = None

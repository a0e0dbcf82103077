"""The values that flow through the house: frozen, typed, without behaviour beyond their own shape.

Every document on disk is one of these classes; `kit.strict.typed` builds them from parsed JSON or YAML and
`kit.strict.plain` turns them back. Units stand in the names; times are integer nanoseconds relative to the
origin of the load they belong to; `None` is "no data".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Setting = int | str | bool
Outcome = Literal["ok", "failed", "unfinished"]
ErrorKind = Literal[
    "connect",
    "http_status",
    "timeout_first",
    "timeout_idle",
    "timeout_total",
    "protocol",
    "error_event",
    "empty",
    "truncated",
]
TokenSource = Literal["usage", "timings", "chunks"]
StampSource = Literal["kernel", "user"]
CellStatus = Literal["measured", "failed", "interrupted"]

CONTENT, REASONING, TOOL = 0, 1, 2  # the channel of a chunk


# --- what is asked for ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OutputTokens:
    """How many tokens each request may generate: uniform on [min, max]; a fixed length has min == max."""

    distribution: Literal["uniform"]
    min: int
    max: int


@dataclass(frozen=True, slots=True)
class Workload:
    """One load, as people write it in a platform file; durations in seconds."""

    name: str
    prompts: str
    output_tokens: OutputTokens
    loop: Literal["closed"]
    concurrencies: tuple[int, ...]
    warmup_s: float
    window_s: float
    drain_s: float
    replicates: int
    ignore_eos: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One configuration of one runtime that is to be measured."""

    name: str
    runtime: str
    variant: str
    settings: Mapping[str, Setting]


@dataclass(frozen=True, slots=True)
class Suite:
    """Which correctness prompts gate a cell."""

    name: str
    level: str


@dataclass(frozen=True, slots=True)
class Platform:
    """A machine class and what to measure on it: one YAML file under compose/platforms."""

    schema: Literal["kit/platform/1"]
    name: str
    title: str
    engine: Literal["process"]
    model: str
    correctness: Suite
    workload: Workload
    seed: int
    entries: tuple[Entry, ...]


# --- what is decided before anything starts -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ModelPin:
    """The weights of a plan: identified by hash, whatever the file is called."""

    name: str
    file: str
    sha256: str
    bytes: int
    confirmed: bool


@dataclass(frozen=True, slots=True)
class TextPin:
    """A prompt set or suite of the kit, pinned by the hash of its file."""

    name: str
    sha256: str
    count: int


@dataclass(frozen=True, slots=True)
class Timeouts:
    connect_ns: int
    first_ns: int
    idle_ns: int
    total_ns: int


@dataclass(frozen=True, slots=True)
class Loop:
    """Closed: `concurrency` workers, each sends when its last answer ended. Open: arrivals on a schedule."""

    kind: Literal["closed", "open"]
    concurrency: int | None
    arrivals: Literal["constant", "poisson", "gamma"] | None = None
    rate_milli_per_s: int | None = None
    burstiness_milli: int | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """One load, complete: the load generator needs this, the prompt file and nothing else.

    `window_ns` or `requests` ends the window; `lane` names the stream of random numbers (see docs/method.md).
    `extra_body` is merged into every request body (temperature, ignore_eos, ...).
    """

    schema: Literal["kit/load/1"]
    url: str
    model: str
    loop: Loop
    warmup_ns: int
    window_ns: int | None
    requests: int | None
    drain_ns: int
    timeouts: Timeouts
    schedule: Literal["kit-schedule-1"]
    seed: int
    lane: str
    prompts: TextPin
    output_tokens: OutputTokens
    extra_body: Mapping[str, Setting]


@dataclass(frozen=True, slots=True)
class CellPlan:
    """One cell to be measured; `order` is its place in the run, `lane` its stream of random numbers."""

    id: str
    order: int
    entry: str
    concurrency: int
    replicate: int
    lane: str


@dataclass(frozen=True, slots=True)
class PlannedWorkload:
    """The workload of a plan: as in the platform file, but exact."""

    name: str
    loop: Literal["closed"]
    output_tokens: OutputTokens
    warmup_ns: int
    window_ns: int
    drain_ns: int
    replicates: int
    concurrencies: tuple[int, ...]
    timeouts: Timeouts
    ignore_eos: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything decided before the first server starts. The same inputs give the same bytes."""

    schema: Literal["kit/plan/1"]
    kit_version: str
    platform: str
    title: str
    engine: Literal["process"]
    schedule: Literal["kit-schedule-1"]
    seed: int
    model: ModelPin
    prompts: TextPin
    correctness: TextPin
    correctness_level: str
    workload: PlannedWorkload
    entries: tuple[Entry, ...]
    cells: tuple[CellPlan, ...]


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """What the schedule says about request `id` of a lane: index of the prompt, salt, output length."""

    id: int
    prompt: int
    salt: str
    max_tokens: int


# --- what was seen --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request on the wire as the load generator saw it: stamps and bytes, nothing parsed.

    `pieces` are (stamp_ns, body bytes) after HTTP framing was removed. `failure` is set when the connection
    or a time-out ended the exchange; a complete answer has `complete` true. `connect_ns` is None when the
    request went over a kept-alive connection.
    """

    id: int
    worker: int
    intended_ns: int
    connect_ns: int | None
    sent_ns: int | None
    headers_ns: int | None
    done_ns: int
    status: int | None
    pieces: tuple[tuple[int, bytes], ...]
    complete: bool
    failure: ErrorKind | None = None
    failure_detail: str = ""
    unfinished: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a stream said, parsed from (stamp, bytes) pairs by `kit.stream`.

    `chunks` are (stamp_ns, characters, channel) of every piece of generated text, in order; `chunk_tokens`
    stands beside them only where the server counts tokens per chunk (else None).
    """

    text: str
    chunks: tuple[tuple[int, int, int], ...]
    chunk_tokens: tuple[int, ...] | None
    first_event_ns: int | None
    last_event_ns: int | None
    finish_reason: str | None
    done_seen: bool
    usage: Usage | None
    predicted_tokens: int | None
    model: str | None
    error: ErrorKind | None
    error_detail: str


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of one request: one line of records.jsonl. The text itself is in texts.jsonl.

    Stamps are ns since the origin of the load: intended <= sent <= headers <= chunks <= done.
    `completion_tokens` is the count by `token_source`; None when nothing was generated.
    """

    id: int
    worker: int
    prompt: int
    salt: str
    max_tokens: int
    intended_ns: int
    connect_ns: int | None
    sent_ns: int | None
    headers_ns: int | None
    first_event_ns: int | None
    done_ns: int
    status: int | None
    outcome: Outcome
    error: ErrorKind | None
    error_detail: str
    finish_reason: str | None
    done_seen: bool
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    token_source: TokenSource | None
    model: str | None
    text_chars: int
    text_sha256: str
    chunks: tuple[tuple[int, int, int], ...]
    chunk_tokens: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Window:
    """The measured part of a load: [start, end) in ns since its origin."""

    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """Milliseconds, nearest rank on integer nanoseconds; a percentile is None below its sample floor."""

    n: int
    min: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    p999: float | None
    max: float | None
    mean: float | None


@dataclass(frozen=True, slots=True)
class RequestCounts:
    ok: int
    failed: int
    unfinished: int


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """Tokens of the ok requests sent in the window."""

    prompt: int
    completion: int
    cached: int | None
    completion_min: int | None
    completion_max: int | None
    source: TokenSource | Literal["mixed"] | None
    chunks: int


@dataclass(frozen=True, slots=True)
class Metrics:
    """The numbers of one cell: a pure function of its records and window (see docs/method.md)."""

    window_s: float
    throughput_tok_s: float | None
    decode_tok_s: float | None
    request_rate_s: float | None
    error_rate: float | None
    requests: RequestCounts
    errors_by_kind: Mapping[str, int]
    tokens: TokenCounts
    replayed: int
    mean_in_flight: float | None
    ttft_ms: Distribution
    tpot_ms: Distribution
    itl_ms: Distribution
    chunk_gap_ms: Distribution
    e2e_ms: Distribution
    send_lag_ms: Distribution
    ttft_from_intended_ms: Distribution | None
    e2e_from_intended_ms: Distribution | None


# --- what is kept of a cell and of a run ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CellFailure:
    phase: str
    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of a cell; ns since the start of the cell."""

    name: str
    started_ns: int
    ended_ns: int
    outcome: Literal["ok", "failed", "interrupted"]


@dataclass(frozen=True, slots=True)
class LoadFacts:
    """How the load itself went: the window, the clock and what the client knows about itself."""

    origin_utc: str
    ended_utc: str
    duration_ns: int
    window: Window | None
    stamp_source: StampSource
    clock: str
    clock_resolution_ns: int
    cpu_ns: int
    interrupted: bool
    stale_retries: int
    requests: int
    records_sha256: str
    texts_sha256: str


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What ran: as started and as it reports itself. `counters_*` are the server's own, where it has them."""

    command: tuple[str, ...]
    version: str | None
    reported: Mapping[str, Setting]
    started_utc: str
    stopped_utc: str | None
    exit_code: int | None
    model_sha256: str
    counters_before: Mapping[str, int] | None
    counters_after: Mapping[str, int] | None


@dataclass(frozen=True, slots=True)
class AnswerCheck:
    """One correctness prompt, its answer and the verdict; `round` is "single" or "concurrent"."""

    round: Literal["single", "concurrent"]
    test: str
    copy: int
    passed: bool
    answer: str
    reason: str


@dataclass(frozen=True, slots=True)
class Cell:
    """cell.json: one cell, measured or not. A cell that failed has no metrics, it has a failure."""

    schema: Literal["kit/cell/1"]
    id: str
    entry: str
    runtime: str
    variant: str
    concurrency: int | None
    replicate: int
    status: CellStatus
    failure: CellFailure | None
    started_utc: str
    ended_utc: str
    duration_ns: int
    phases: tuple[Phase, ...]
    load: Load | None
    facts: LoadFacts | None
    server: ServerFacts | None
    metrics: Metrics | None


@dataclass(frozen=True, slots=True)
class Host:
    """host.json: facts about the machine, by allow list; no names, no addresses, no serial numbers."""

    schema: Literal["kit/host/1"]
    system: str
    kernel: str
    architecture: str
    cpu_model: str | None
    cpus: int
    cpus_usable: int
    memory_bytes: int | None
    cpu_governor: str | None
    clock_source: str | None
    python: str
    packages: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CellResult:
    """The line of one cell in result.json."""

    id: str
    entry: str
    concurrency: int
    replicate: int
    status: CellStatus | Literal["missing"]
    failure: CellFailure | None
    metrics: Metrics | None


@dataclass(frozen=True, slots=True)
class Spread:
    """A number over replicates: median, and a bootstrap interval where there are at least three."""

    n: int
    median: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One entry at one concurrency over its replicates; `spreads` by metric path, e.g. "ttft_ms.p50"."""

    entry: str
    concurrency: int
    replicates: int
    measured: int
    spreads: Mapping[str, Spread]


@dataclass(frozen=True, slots=True)
class Result:
    """result.json: the published view; `kit verify` recomputes all of it."""

    schema: Literal["kit/result/1"]
    kit_version: str
    plan_sha256: str
    complete: bool
    cells: tuple[CellResult, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class ManifestFile:
    path: str
    bytes: int
    sha256: str
    kind: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """manifest.json: every other file of a bundle. Its own sha256 is the identity of the bundle."""

    schema: Literal["kit/manifest/1"]
    kit_version: str
    plan_sha256: str
    files: tuple[ManifestFile, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing verification has to say: which rule, how grave, where, what."""

    rule: str
    level: Literal["reject", "flag", "note"]
    where: str
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of verification: a label, the findings, and which rules ran on how many things."""

    schema: Literal["kit/verdict/1"]
    kit_version: str
    identity: str | None
    label: Literal["rejected", "self-reported", "consistent"]
    findings: tuple[Finding, ...]
    checked: Mapping[str, int] = field(default_factory=dict)

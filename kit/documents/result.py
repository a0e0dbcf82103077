"""What is kept of a cell, a run and a bundle, and what verification says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kit.documents.found import FoundServer, ServerFacts
from kit.documents.host import ClientFacts
from kit.documents.pins import Sparse
from kit.documents.plan import Load
from kit.documents.record import Metrics, Window
from kit.documents.rules import SearchRule, Slo
from kit.documents.telemetry import TelemetryFacts
from kit.documents.vocabulary import CellStatus, ErrorKind, StampSource
from kit.documents.witness import WitnessFacts


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
class FailureReason:
    """Why `count` requests failed; `words` are the first 200 characters of what the server or the system said."""

    kind: ErrorKind
    status: int | None
    words: str
    count: int


@dataclass(frozen=True, slots=True)
class Failures:
    """All `requests` that failed, and the most frequent reasons (see kit.metrics.failures)."""

    requests: int
    reasons: tuple[FailureReason, ...]


@dataclass(frozen=True, slots=True)
class LoadFacts(Sparse):
    """How the load itself went: the window, the clock and what the client knows about itself.

    `origin_ns` is the origin of all stamps as a reading of `clock`. `aborted`: too many requests failed, and the
    load was given up. `cpu_ns` and `stale_retries` are of all `processes` together. `failures` are those of the
    window, of the whole load where none closed; None if nothing failed. `longest_stall_ns` is how long the load
    generator itself did not run after its warm-up, where that is more than a moment. The share of one of several
    clients has `utc_error_ns` (see ClientFacts), the load of all the facts of each of the `clients`.
    """

    origin_utc: str
    ended_utc: str
    origin_ns: int
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
    aborted: bool = False
    processes: int = 1
    failures: Failures | None = None
    longest_stall_ns: int = 0
    utc_error_ns: int | None = None
    clients: tuple[ClientFacts, ...] = ()


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
class Cell(Sparse):
    """cell.json: one cell, measured or not. A cell that failed has no metrics, it has a failure.

    `attempt` counts the times that it was measured, this one included; `telemetry` is of this attempt. A cell
    has a `server` that the kit started, or one that it `found`. `witness` is what its answers, asked again, say.
    """

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
    attempt: int = 1
    telemetry: TelemetryFacts | None = None
    found: FoundServer | None = None
    witness: WitnessFacts | None = None


@dataclass(frozen=True, slots=True)
class CellResult(Sparse):
    """The line of one cell in result.json; `suspect` says why its numbers may not be the server's own.

    A cell that the sequential rule of the plan did not call for is "not needed"; `attempts` counts how often it
    was measured. With `at_least` its rates of all users together can only be too low: they are lower bounds.
    `shape` names that of the plan's workload; `witness` is the cell's.
    """

    id: str
    entry: str
    concurrency: int
    replicate: int
    status: CellStatus | Literal["missing", "not needed"]
    failure: CellFailure | None
    metrics: Metrics | None
    suspect: tuple[str, ...]
    failures: Failures | None = None
    attempts: int = 1
    at_least: bool = False
    shape: str = ""
    witness: WitnessFacts | None = None


@dataclass(frozen=True, slots=True)
class MedianInterval:
    """A number over replicates: median, and a 95 % interval where there are at least three."""

    n: int
    median: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Row(Sparse):
    """One entry at one concurrency over its replicates; `spreads` by metric path, e.g. "ttft_ms.p50".

    `suspect` holds the reasons of all its cells; `at_least`: these can only have lowered its rates of all users.
    `shape` names that of the plan's workload.
    """

    entry: str
    concurrency: int
    replicates: int
    measured: int
    spreads: Mapping[str, MedianInterval]
    suspect: tuple[str, ...]
    at_least: bool = False
    shape: str = ""


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
class SweepLevel(Sparse):
    """One load of a sweep; `id` is its folder, and one of `concurrency` and `rate_milli_per_s` is its level.

    `failure` says why it has no numbers, `failures` why requests failed.
    """

    id: str
    concurrency: int | None
    rate_milli_per_s: int | None
    records_sha256: str
    metrics: Metrics | None
    failure: str | None = None
    failures: Failures | None = None


@dataclass(frozen=True, slots=True)
class Sweep(Sparse):
    """sweep.json: loads of rising level against one server, one after the other.

    `asked` are the ids of all levels that were asked for, `levels` those that were measured, and `ended` why no
    more were. `pareto` and `knee` are ids (see kit.metrics.saturation); None where there is no knee. With `search`
    the levels stand in the order in which its rule called for them, and `asked` are all that it may call for.
    """

    schema: Literal["kit/sweep/1"]
    kit_version: str
    url: str
    model: str
    slo: Slo | None
    started_utc: str
    ended_utc: str
    ended: Literal["complete", "saturated", "no_answers", "interrupted", "failed"]
    asked: tuple[str, ...]
    levels: tuple[SweepLevel, ...]
    pareto: tuple[str, ...]
    knee: str | None
    search: SearchRule | None = None


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
class Signature(Sparse):
    """What the signature of a bundle is worth by a file of allowed signers: who, never that it is true.

    "known": by a key that the file allows, of the signer `name`; "unknown": it fits the bundle, but nobody there
    has this key, or not for this namespace and time; "revoked": by a key on the list of revoked ones; "bad": it is
    no signature of this bundle; "missing": there is none. `fingerprint` is "SHA256:...".
    """

    outcome: Literal["known", "unknown", "revoked", "bad", "missing"]
    name: str | None = None
    fingerprint: str | None = None
    key_type: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict(Sparse):
    """The end of verification: a label, the findings, and which rules ran on how many things.

    `signature` is there only where somebody asked for it; it changes neither label nor findings.
    """

    schema: Literal["kit/verdict/1"]
    kit_version: str
    identity: str | None
    label: Literal["rejected", "self-reported", "consistent"]
    findings: tuple[Finding, ...]
    checked: Mapping[str, int] = field(default_factory=dict)
    signature: Signature | None = None

"""What a self test found: one small file that names neither people, machines nor places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from kit.documents.container import PassthroughMethod
from kit.documents.host import Host
from kit.documents.pins import Target
from kit.documents.platform import Engine
from kit.documents.vocabulary import CellStatus, Setting


@dataclass(frozen=True, slots=True)
class SelfTestImage:
    """The image that an entry ran: `digests` without their registry, `labels` by allow list."""

    reference: str
    target: Target
    image_id: str
    digests: tuple[str, ...]
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SelfTestFailure:
    phase: str
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class SelfTestLevel:
    """An entry at so many users: the phases that passed, what failed, and figures where it was measured.

    `right` of `asked` correctness answers. `suspect` says why figures may be the load generator's own.
    """

    users: int
    status: CellStatus | Literal["missing"]
    passed: tuple[str, ...]
    failure: SelfTestFailure | None
    right: int
    asked: int
    cold_start_ms: float | None
    requests_ok: int | None
    requests_failed: int | None
    throughput_tok_s: float | None
    decode_tok_s: float | None
    ttft_p50_ms: float | None
    itl_p50_ms: float | None
    suspect: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SelfTestEntry:
    """One entry of the platform: what it is, as what it reported itself, and how it did."""

    entry: str
    runtime: str
    variant: str
    settings: Mapping[str, Setting]
    model: str
    model_sha256: str | None
    version: str | None
    device: str | None
    passthrough: PassthroughMethod | None
    image: SelfTestImage | None
    levels: tuple[SelfTestLevel, ...]


@dataclass(frozen=True, slots=True)
class SelfTest:
    """The document that `kit selftest` writes.

    `load_generator_tok_s` is the rate up to which the load generator was proven here, `load_average` that of the
    machine before the test. `notes` say what differs between the entries' answers.
    """

    schema: Literal["kit/selftest/1"]
    kit_version: str
    platform: str
    plan_sha256: str
    ended_utc: str
    window_s: float
    engine: Engine
    engine_version: str | None
    host: Host
    load_average: float | None
    load_generator_tok_s: float | None
    notes: tuple[str, ...]
    entries: tuple[SelfTestEntry, ...]

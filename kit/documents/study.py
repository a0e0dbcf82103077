"""What judgement looks at: figures of entries under known conditions, of a run of ours or of somebody's files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from kit.documents.pins import Hardware
from kit.documents.plan import OutputTokens
from kit.documents.vocabulary import CellStatus

Origin = Literal["run", "imported"]
TrialStatus = CellStatus | Literal["missing"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One replicate of a subject: a cell of a run, or one imported result.

    `values` by path as in `kit.metrics.registry`; a path that is absent or None is no data, never zero.
    `reason` says why there are no figures. `suspect` holds the reasons why they may be the load generator's own.
    """

    replicate: int
    source: str
    status: TrialStatus
    reason: str
    suspect: tuple[str, ...]
    measured_utc: str | None
    values: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Subject:
    """One entry at one concurrency. `trials` are all replicates that were planned, in order.

    None is not known, as it is for most of what others publish.
    """

    entry: str
    runtime: str
    variant: str | None
    model: str | None
    model_sha256: str | None
    weights_bytes: int | None
    concurrency: int
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True)
class Conditions:
    """Under what the figures of a study came about; figures are comparable where these are the same.

    `method` names whose definitions the figures follow. None is not known.
    """

    method: Literal["kit", "probador"]
    loop: Literal["closed", "open"] | None
    prompts: str | None
    prompts_sha256: str | None
    output_tokens: OutputTokens | None
    ignore_eos: bool | None
    warmup_s: float | None
    window_s: float | None


@dataclass(frozen=True, slots=True)
class Study:
    """A run, or imported results, ready to be judged.

    `identity` is the sha256 of the bundle's manifest, of the run's plan, or over the imported files; `label` is
    what verification said, and None for what nobody can verify.
    """

    schema: Literal["kit/study/1"]
    kit_version: str
    origin: Origin
    name: str
    title: str
    identity: str | None
    label: Literal["self-reported", "consistent"] | None
    hardware: Hardware | None
    published: str | None
    conditions: Conditions
    subjects: tuple[Subject, ...]
    note: str = ""

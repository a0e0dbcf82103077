"""What judgement looks at: figures of entries under known conditions, of a run of ours or of somebody's files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Literal

from kit.documents.pins import Hardware, Sparse
from kit.documents.shape import Api, OutputTokens, Shape
from kit.documents.vocabulary import CellStatus

Origin = Literal["run", "imported"]
TrialStatus = CellStatus | Literal["missing", "not needed"]


@dataclass(frozen=True, slots=True)
class Trial(Sparse):
    """One replicate of a subject: a cell of a run, or one imported result.

    `values` by path as in `kit.metrics.registry`; a path that is absent or None is no data, never zero.
    `reason` says why there are no figures. `suspect` holds the reasons why they may be the load generator's own.
    `at_least`: these can only have lowered the rates of all users together.
    """

    replicate: int
    source: str
    status: TrialStatus
    reason: str
    suspect: tuple[str, ...]
    measured_utc: str | None
    values: Mapping[str, float | None]
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Subject(Sparse):
    """One entry at one concurrency with one shape of request. `trials` are all replicates that were planned.

    None is not known, as it is for most of what others publish. `shape` names one of the study's. `chosen` is what
    its runtime was told: each setting, flags and GPUs, in words.
    """

    entry: str
    runtime: str
    variant: str | None
    model: str | None
    model_sha256: str | None
    weights_bytes: int | None
    concurrency: int
    trials: tuple[Trial, ...]
    shape: str = ""
    chosen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conditions(Sparse):
    """Under what the figures of a study came about; figures are comparable where these are the same.

    `method` names whose definitions the figures follow. None is not known. `input_tokens` are those of prompts
    made to a length; `arrivals` and `rate_milli_per_s` are of an open loop. `sessions` are those of a run in
    words; None is requests that know nothing of each other.
    """

    method: Literal["kit", "probador"]
    loop: Literal["closed", "open"] | None
    prompts: str | None
    prompts_sha256: str | None
    output_tokens: OutputTokens | None
    ignore_eos: bool | None
    warmup_s: float | None
    window_s: float | None
    input_tokens: int | None = None
    arrivals: str | None = None
    rate_milli_per_s: int | None = None
    api: Api = "chat"
    sessions: str | None = None


@dataclass(frozen=True, slots=True)
class EntryQuality(Sparse):
    """How right an entry answers: `passed` of the first `tasks` of a suite's `of`, so many asked at once.

    `share` is pass@1, `low` and `high` its Wilson interval of 95 %.
    """

    entry: str
    suite: str
    concurrency: int
    tasks: int
    of: int
    passed: int
    share: float
    low: float
    high: float
    model_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Looks:
    """When a run that decided looked at its figures: after `first` replicates and each further one, to `most`."""

    first: int
    most: int


@dataclass(frozen=True, slots=True)
class Machine:
    """The facts of a machine by which two are one or two (kit.judge.machines); None is not known.

    `gpus` holds a name for each GPU, `power_limits_mw` their limits; `kernel` and `cpu_governor` decide nothing.
    """

    architecture: str
    cpu_model: str | None
    cpus: int
    memory_bytes: int | None
    gpus: tuple[str, ...]
    driver: str | None
    power_limits_mw: tuple[int, ...]
    kernel: str
    cpu_governor: str | None


@dataclass(frozen=True, slots=True)
class Study(Sparse):
    """A run, or imported results, ready to be judged.

    `identity` is the sha256 of the bundle's manifest, of the run's result, or over the imported files (once
    opened, of the study's own file); `label` is what verification said, and None for what nobody can verify.
    `hardware` is what its platform is meant for,
    `machine` what it ran on, by its facts; None where nobody states them. `looks` are those of a run that decided:
    its comparisons are held to the share of the error of the look that they were decided by. `shapes` are those of
    its subjects, where there is more than one: then it is several studies in one (kit.judge.shapes). `quality` is
    how right its entries answer, where they were evaluated.
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
    looks: Looks | None = None
    machine: Machine | None = None
    shapes: tuple[Shape, ...] = ()
    quality: tuple[EntryQuality, ...] = ()

    def written(self) -> Iterator[tuple[str, object]]:
        """As any sparse value, but that `note` stands in every file of a study, from before there were others."""
        for field in fields(self):
            value: object = getattr(self, field.name)
            if field.default is MISSING or field.name == "note" or value != field.default:
                yield field.name, value

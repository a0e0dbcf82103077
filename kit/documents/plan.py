"""What is decided before anything starts: the plan of a run, and the loads of its cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from kit.documents.pins import (
    Hardware,
    ImagePin,
    ModelPin,
    ProgramPin,
    RuntimePin,
    Sparse,
    WeightsPin,
)
from kit.documents.platform import Engine, Entry
from kit.documents.quality.asked import Evaluation
from kit.documents.rules import SearchRule, SequentialRule, Slo
from kit.documents.sessions import Sessions
from kit.documents.shape import Api, Arrivals, Loop, MadeUp, OutputTokens, Shape, TracePin
from kit.documents.witness import WitnessRule


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
class Load(Sparse):
    """One load, complete: the load generator needs this, the prompt file and nothing else.

    `window_ns` or `requests` ends the window; `lane` names the stream of random numbers (see docs/method.md).
    `extra_body` is merged into every request body (temperature, ignore_eos, ...), the members `without` are left
    out of it, and `limit_key` is the member that limits an answer. The workers of a closed loop start spread over
    `ramp_ns`, which is at most `warmup_ns`. `slo` and `validate` ("basic", "contains:TEXT",
    "regex:PATTERN") judge what came; they change nothing of what is sent. The load is given up when more than
    `max_error_milli` / 1000 of its requests fail; None goes on whatever happens. So many `processes` carry it out
    together; None is one. With `chat` "user" all stands in one message, for servers that read only the last.
    `method` is that of the numbers (see docs/method.md): loads from before there were several have none: 1.
    `prompts_from` says whether the prompts are the kit's, a user's file, or made up to a length. `headers` are the
    names of headers that were added, and `insecure` says that any certificate was trusted. `made_up` is how
    prompts of the corpus were cut; with `prefill` the numbers have its rate. With `sessions` each worker asks turn
    after turn (docs/sessions.md). So many `clients`, each on a machine of its own, carry it out together from
    `at_utc` on; `client` 1 to `clients` is the share of one, 0 the load of all.
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
    extra_body: Mapping[str, object]
    ramp_ns: int = 0
    trace: TracePin | None = None
    slo: Slo | None = None
    validate: str | None = None
    max_error_milli: int | None = None
    processes: int | None = None
    chat: Literal["system-user", "user"] = "system-user"
    method: Literal[1, 2, 3] = 1
    prompts_from: Literal["kit", "file", "synthetic", "corpus"] = "kit"
    without: tuple[str, ...] = ()
    limit_key: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    headers: tuple[str, ...] = ()
    insecure: bool = False
    api: Api = "chat"
    made_up: MadeUp | None = None
    prefill: bool = False
    sessions: Sessions | None = None
    clients: int = 1
    client: int = 0
    at_utc: str | None = None


@dataclass(frozen=True, slots=True)
class CellPlan(Sparse):
    """One cell to be measured; `order` is its place in the run, `lane` its stream of random numbers.

    `shape` names that of the workload; empty where there is one only.
    """

    id: str
    order: int
    entry: str
    concurrency: int
    replicate: int
    lane: str
    shape: str = ""


@dataclass(frozen=True, slots=True)
class PlannedWorkload(Sparse):
    """The workload of a plan: as in the platform file, but exact. Cells name the `shapes`, if there are some;

    `output_tokens` are then those of all together.
    """

    name: str
    loop: Literal["closed", "open"]
    output_tokens: OutputTokens
    warmup_ns: int
    window_ns: int
    drain_ns: int
    replicates: int
    concurrencies: tuple[int, ...]
    timeouts: Timeouts
    ignore_eos: bool
    shapes: tuple[Shape, ...] = ()
    arrivals: Arrivals | None = None
    burstiness_milli: int | None = None
    trace: TracePin | None = None
    api: Api = "chat"
    sessions: Sessions | None = None


@dataclass(frozen=True, slots=True)
class Plan(Sparse):
    """Everything decided before the first server starts. The same inputs give the same bytes.

    `models` are the weights that entries name beside `model`, `images` those of all entries where they run in
    containers. `method` is that of its loads, `server_memory_bytes` the most memory that a server gets there.
    A cell that was disturbed is measured up to `attempts` times, and before each start the run waits for a quiet
    machine for at most `quiet_wait_ns`. With `sequential` the cells are the most that may be measured, and the
    rule says which of them are needed. `extended` holds how many replicates the run had before each extension.
    `challenge` is the nonce that the seed follows from (kit.plan.challenge), in hexadecimal. `programs` are
    those of the machine that its entries run. `model` is NO_WEIGHTS where all entries are servers that already
    run. `loads` are those of a run by hand (`kit load`, `kit sweep`), one for each cell; with `stop_at_saturation`
    its later levels are not needed once throughput no longer grows. `runtimes` are those that are none of the
    kit's. With `search` the cells are those of all levels that may be measured, too, and its rule says which.
    With `evaluation` every entry is asked its tasks after the cells.
    With `witness` some requests of each load are asked again afterwards, alone.
    """

    schema: Literal["kit/plan/1"]
    kit_version: str
    platform: str
    title: str
    engine: Engine
    schedule: Literal["kit-schedule-1"]
    seed: int
    model: ModelPin
    prompts: TextPin
    correctness: TextPin
    correctness_level: str
    workload: PlannedWorkload
    calibrate: bool
    entries: tuple[Entry, ...]
    cells: tuple[CellPlan, ...]
    models: tuple[WeightsPin, ...] = ()
    images: tuple[ImagePin, ...] = ()
    hardware: Hardware | None = None
    published: str | None = None
    method: Literal[1, 2, 3] = 1
    server_memory_bytes: int | None = None
    attempts: int = 1
    quiet_wait_ns: int = 0
    sequential: SequentialRule | None = None
    extended: tuple[int, ...] = ()
    challenge: str | None = None
    programs: tuple[ProgramPin, ...] = ()
    loads: tuple[Load, ...] = ()
    stop_at_saturation: bool = False
    runtimes: tuple[RuntimePin, ...] = ()
    search: SearchRule | None = None
    evaluation: Evaluation | None = None
    witness: WitnessRule | None = None


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """What the schedule says about request `id` of a lane: index of the prompt, salt, output length."""

    id: int
    prompt: int
    salt: str
    max_tokens: int

"""What is asked for: platform files, and the plan that decides everything before anything starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from kit.documents.pins import ChatFamily, Hardware, ImagePin, ProgramPin, Sparse, Target, WeightsPin
from kit.documents.vocabulary import Setting

Engine = Literal["process", "docker"]


@dataclass(frozen=True, slots=True)
class OutputTokens:
    """How many tokens each request may generate: uniform on [min, max]; a fixed length has min == max."""

    distribution: Literal["uniform"]
    min: int
    max: int


@dataclass(frozen=True, slots=True)
class Workload:
    """One load, as people write it in a platform file; durations in seconds.

    `first_timeout_s` is how long the first text of an answer may take; None is the kit's own limit.
    """

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
    first_timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Entry(Sparse):
    """One configuration of one runtime that is to be measured.

    `model` and `image` are names in the catalogue: other weights than the platform's, another image than the
    variant's own. Concurrencies above `max_concurrency` are left out for this entry. An entry with a `url` is a
    server that already runs: `runtime` is then "server", `variant` "running", and `settings` are empty. It is
    asked for the model `served_model` (None is the first that it lists), with the key in the variable
    `api_key_env` of the environment (None is KIT_API_KEY, if that is set).
    """

    name: str
    runtime: str
    variant: str
    settings: Mapping[str, Setting]
    model: str | None = None
    image: str | None = None
    max_concurrency: int | None = None
    url: str | None = None
    served_model: str | None = None
    api_key_env: str | None = None


@dataclass(frozen=True, slots=True)
class ModelSource(Sparse):
    """Where a model comes from that no catalogue has: a `file`, a repository of a hub (`hf`), or an address.

    With `hf` the `file` is one of the repository, at the branch, tag or commit `revision`. `sha256` is what the
    file must have; `name` what the plan calls it, else that follows from the file.
    """

    file: str | None = None
    hf: str | None = None
    revision: str | None = None
    https: str | None = None
    sha256: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    """Which correctness prompts gate a cell."""

    name: str
    level: str


@dataclass(frozen=True, slots=True)
class Platform(Sparse):
    """A machine class and what to measure on it: one YAML file under compose/platforms.

    `published` names figures of others in kit/catalogue/published.yaml. `target` says which images to take where
    both can be had: the runtime's own, or built from sources; None leaves it to the machine. `sources` are the
    blocks that stand in the file in place of a model's name, by the name that the platform has for each here.
    """

    schema: Literal["kit/platform/1"]
    name: str
    title: str
    engine: Engine
    model: str
    correctness: Suite
    workload: Workload
    seed: int
    entries: tuple[Entry, ...]
    hardware: Hardware | None = None
    published: str | None = None
    target: Target | None = None
    sources: Mapping[str, ModelSource] = field(default_factory=dict)

    def written(self) -> Iterator[tuple[str, object]]:
        """As people write it: what names stand for in their places."""
        for name, value in Sparse.written(self):
            if name == "model":
                yield name, self.sources.get(self.model, self.model)
            elif name == "entries":
                yield name, [self._written_entry(entry) for entry in self.entries]
            elif name != "sources":
                yield name, value

    def _written_entry(self, entry: Entry) -> object:
        source = self.sources.get(entry.model) if entry.model is not None else None
        return entry if source is None else {**dict(entry.written()), "model": source}


@dataclass(frozen=True, slots=True)
class ModelPin(Sparse):
    """The weights of a plan: identified by hash, whatever the file is called.

    Those that are not of the `catalogue` say where they are from: `origin` is "file", "hf:ORG/REPO/FILE@COMMIT" or
    an address. `chat_template` is the family of their own template, where it was recognised, `default_system` the
    system message which that puts in where a chat has none.
    """

    name: str
    file: str
    sha256: str
    bytes: int
    confirmed: bool
    catalogue: bool = True
    origin: str | None = None
    chat_template: ChatFamily | None = None
    default_system: str | None = None


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
    """Closed: `concurrency` workers, each sends when its last answer ended. Open: arrivals on a schedule.

    The arrivals "trace" are those of `Load.trace`; they have no rate.
    """

    kind: Literal["closed", "open"]
    concurrency: int | None
    arrivals: Literal["constant", "poisson", "gamma", "trace"] | None = None
    rate_milli_per_s: int | None = None
    burstiness_milli: int | None = None


@dataclass(frozen=True, slots=True)
class Slo:
    """What one request must keep to be good, in ns; None is no limit. What each means: kit.metrics.goodput."""

    ttft_ns: int | None = None
    tpot_ns: int | None = None
    itl_ns: int | None = None
    e2e_ns: int | None = None


@dataclass(frozen=True, slots=True)
class TracePin:
    """A trace of arrivals, pinned by the hash of its file; its times are divided by `speed_milli` / 1000."""

    name: str
    sha256: str
    count: int
    speed_milli: int


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
    names of headers that were added, and `insecure` says that any certificate was trusted.
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
    prompts_from: Literal["kit", "file", "synthetic"] = "kit"
    without: tuple[str, ...] = ()
    limit_key: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    headers: tuple[str, ...] = ()
    insecure: bool = False


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
class SequentialRule:
    """When a comparison is decided: looks after `first` and each further replicate, `alpha_milli` / 1000 in all.

    `name` is that of the rule with its boundaries (kit.metrics.sequential); `metric` the figure that is compared;
    `budget_ns` ends the run even if something is still open, None is no limit.
    """

    name: Literal["kit-sequential-1"]
    metric: str
    first: int
    alpha_milli: int
    budget_ns: int | None


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
    its later levels are not needed once throughput no longer grows.
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


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """What the schedule says about request `id` of a lane: index of the prompt, salt, output length."""

    id: int
    prompt: int
    salt: str
    max_tokens: int

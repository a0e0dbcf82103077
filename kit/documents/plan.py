"""What is asked for: platform files, and the plan that decides everything before anything starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

from kit.documents.pins import (
    Hardware,
    ImagePin,
    ModelPin,
    ModelSource,
    ProgramPin,
    RuntimePin,
    Sparse,
    Target,
    WeightsPin,
)
from kit.documents.rules import SearchRule, SearchWish, SequentialRule, Slo
from kit.documents.shape import Api, Arrivals, Loop, MadeUp, OutputTokens, Shape, TracePin
from kit.documents.vocabulary import Setting

Engine = Literal["process", "docker"]


@dataclass(frozen=True, slots=True)
class Workload(Sparse):
    """One load, as people write it in a platform file; durations in seconds.

    `first_timeout_s` is how long the first text of an answer may take; None is the kit's own limit. With `search`
    its levels stand in place of the concurrencies. Every length of `input_tokens` (prompts are then made of the kit's corpus) is asked with every one of `output_tokens`. An
    open loop has `rates` in requests a second, or a `trace` of the kit played so many times as fast (`speeds`);
    its one concurrency is how many requests are expected at once.
    """

    name: str
    prompts: str
    output_tokens: OutputTokens | tuple[int, ...]
    loop: Literal["closed", "open"]
    concurrencies: tuple[int, ...]
    warmup_s: float
    window_s: float
    drain_s: float
    replicates: int
    ignore_eos: bool
    first_timeout_s: float | None = None
    search: SearchWish | None = None
    input_tokens: tuple[int, ...] = ()
    rates: tuple[float, ...] = ()
    arrivals: Arrivals | None = None
    burstiness: float | None = None
    trace: str | None = None
    speeds: tuple[float, ...] = ()
    api: Api = "chat"


@dataclass(frozen=True, slots=True)
class Entry(Sparse):
    """One configuration of one runtime that is to be measured.

    `model` and `image` are names in the catalogue: other weights than the platform's, another image than the
    variant's own. Concurrencies above `max_concurrency` are left out for this entry. An entry with a `url` is a
    server that already runs: `runtime` is then "server", `variant` "running", and `settings` are empty. It is
    asked for the model `served_model` (None is the first that it lists), with the key in the variable
    `api_key_env` of the environment (None is KIT_API_KEY, if that is set). `flags` stand behind the command that
    settings make; `gpus` are the numbers of those that the server may use, none are all.
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
    flags: tuple[str, ...] = ()
    gpus: tuple[int, ...] = ()


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
class TextPin:
    """A prompt set or suite of the kit, pinned by the hash of its file."""

    name: str
    sha256: str
    count: int


# What stands in a plan where there is nothing to pin: no weights, for servers that already run; no suite, for
# loads by hand.
NO_MODEL = NO_SUITE = "none"
_NOTHING = sha256(b"").hexdigest()
NO_WEIGHTS = ModelPin(NO_MODEL, NO_MODEL, _NOTHING, 0, confirmed=False)
NO_TESTS = TextPin(NO_SUITE, _NOTHING, 0)


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
    prompts of the corpus were cut; with `prefill` the numbers have its rate.
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


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """What the schedule says about request `id` of a lane: index of the prompt, salt, output length."""

    id: int
    prompt: int
    salt: str
    max_tokens: int

"""From a platform to a plan: everything decided before anything starts. Pure; same inputs, same plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal

from kit import __version__
from kit.catalogue import ModelEntry
from kit.catalogue import model as catalogue_model
from kit.documents import (
    CellPlan,
    Entry,
    Load,
    Loop,
    ModelPin,
    Plan,
    PlannedWorkload,
    Platform,
    Setting,
    TextPin,
    Timeouts,
    Workload,
)
from kit.documents.pins import ImagePin, WeightsPin
from kit.errors import InputError
from kit.plan.correctness import SuiteLevel
from kit.plan.prompts import PromptSet
from kit.plan.schedule import NAME
from kit.plan.sessions import decided
from kit.runtimes import RUNTIMES
from kit.runtimes.caches import planned_settings

NS_PER_S = 1_000_000_000
METHOD: Literal[3] = 3  # of the numbers of new loads; what it changed is in docs/method.md
# A disturbance that lasts through three windows and the waits between them is how this machine is.
ATTEMPTS = 3
QUIET_WAIT_S = 60.0  # longer than a job that comes once in a while; the run goes on after it, and says so
Measured = tuple[str, int]  # sha256 and bytes of a file or folder
NO_LIMITS: Mapping[str, int] = {}
NOTHING_FOUND: Mapping[str, Measured] = {}
OVERHEADS_S = {"process": 8.0, "docker": 60.0}
# facts of the field: connecting takes milliseconds, a queue in front of a slow server may take minutes.
TIMEOUTS = Timeouts(
    connect_ns=5 * NS_PER_S, first_ns=120 * NS_PER_S, idle_ns=60 * NS_PER_S, total_ns=600 * NS_PER_S
)


def seconds_to_ns(seconds: float) -> int:
    """Seconds as whole nanoseconds, exact to the microsecond."""
    return round(seconds * 1_000_000) * 1000


def limits(entries: Iterable[Entry]) -> dict[str, int]:
    """The highest concurrency of each entry that has one."""
    return {entry.name: entry.max_concurrency for entry in entries if entry.max_concurrency is not None}


def cell_count(
    entries: tuple[str, ...],
    concurrencies: tuple[int, ...],
    replicates: int,
    highest: Mapping[str, int] = NO_LIMITS,
) -> int:
    """How many cells `cell_order` makes, without making them."""
    levels = (sum(level <= highest.get(entry, level) for level in concurrencies) for entry in entries)
    return sum(levels) * replicates


def cell_order(
    entries: tuple[str, ...],
    concurrencies: tuple[int, ...],
    replicates: int,
    highest: Mapping[str, int] = NO_LIMITS,
) -> tuple[CellPlan, ...]:
    """Replicates interleaved over the entries; each replicate starts with another entry, so that no entry

    always runs first (on a cold machine) or last (on a hot one). Entries leave out what is above their limit.
    """
    cells: list[CellPlan] = []
    for replicate in range(1, replicates + 1):
        turn = (replicate - 1) % len(entries)
        for concurrency in concurrencies:
            for entry in entries[turn:] + entries[:turn]:
                if concurrency > highest.get(entry, concurrency):
                    continue
                cells.append(
                    CellPlan(
                        id=f"r{replicate}-c{concurrency}-{entry}",
                        order=len(cells),
                        entry=entry,
                        concurrency=concurrency,
                        replicate=replicate,
                        # The same for every entry: they all get the same prompts, salts and lengths.
                        lane=f"r{replicate}-c{concurrency}",
                    )
                )
    return tuple(cells)


def pin_model(entry: ModelEntry) -> ModelPin:
    """The model as a plan names it; `InputError` when its hash is not known yet."""
    if entry.sha256 is None or entry.bytes is None:
        raise InputError(
            f"sha256 or size of the model {entry.name} is unknown, so it cannot be planned.",
            f"Download it once and add its hash to the catalogue: kit models fetch {entry.name}",
        )
    return ModelPin(entry.name, entry.file, entry.sha256, entry.bytes, entry.confirmed)


def pin_weights(entry: ModelEntry, found: Mapping[str, Measured] = NOTHING_FOUND) -> WeightsPin:
    """The weights of an entry. What the catalogue does not know is taken from `found`: hash and bytes of what lies

    here under that name, fetched or made. Such weights are never confirmed.
    """
    digest, size = entry.sha256, entry.bytes
    made_here = entry.source.kind == "derived"
    if entry.name in found and (digest is None or made_here):
        digest, size = found[entry.name]
    return WeightsPin(
        name=entry.name,
        file=entry.file,
        sha256=digest,
        bytes=size,
        confirmed=entry.confirmed and digest is not None and digest == entry.sha256,
        made_from=entry.source.made_from,
        made_by=entry.source.made_by,
    )


def weights_of(plan: Plan, entry: Entry) -> WeightsPin:
    """The weights that an entry runs: its own, or those of the plan."""
    if entry.model is None:
        pin = plan.model
        return WeightsPin(pin.name, pin.file, pin.sha256, pin.bytes, pin.confirmed)
    return next(pin for pin in plan.models if pin.name == entry.model)


def _timeouts(workload: Workload) -> Timeouts:
    if workload.first_timeout_s is None:
        return TIMEOUTS
    return replace(TIMEOUTS, first_ns=seconds_to_ns(workload.first_timeout_s))


def planned_workload(workload: Workload) -> PlannedWorkload:
    """The workload of a platform as it stands in a plan."""
    return PlannedWorkload(
        name=workload.name,
        loop=workload.loop,
        output_tokens=workload.output_tokens,
        warmup_ns=seconds_to_ns(workload.warmup_s),
        window_ns=seconds_to_ns(workload.window_s),
        drain_ns=seconds_to_ns(workload.drain_s),
        replicates=workload.replicates,
        concurrencies=workload.concurrencies,
        timeouts=_timeouts(workload),
        ignore_eos=workload.ignore_eos,
        sessions=None if workload.sessions is None else decided(workload.sessions),
    )


def caches_on(workload: PlannedWorkload | Workload) -> bool:
    """Whether servers may keep what they have read: in sessions, unless these say otherwise."""
    return workload.sessions is not None and workload.sessions.caches == "on"


def planned_entry(entry: Entry, cpus: int, *, caches: bool = False) -> Entry:
    """An entry as it stands in a plan: every setting with its value, with `caches` those of its caches too."""
    runtime = RUNTIMES[entry.runtime]
    return replace(entry, settings=planned_settings(runtime, entry.variant, entry.settings, cpus, caches=caches))


def make_plan(
    platform: Platform,
    model: ModelEntry,
    prompts: PromptSet,
    suite: SuiteLevel,
    *,
    cpus: int,
    seed: int | None,
    calibrate: bool = True,
    found: Mapping[str, Measured] = NOTHING_FOUND,
    images: tuple[ImagePin, ...] = (),
    server_memory_bytes: int | None = None,
    quiet_wait_s: float | None = None,
    attempts: int | None = None,
) -> Plan:
    """The plan of a platform on a machine with `cpus` usable CPUs; `seed` overrides the platform's.

    `found` are hash and bytes of weights that lie here and that the catalogue does not know; `images` what is
    known of the entries' images; `server_memory_bytes` the most memory of a container; `quiet_wait_s` how long a
    quiet machine is waited for. `InputError` if no entry is left at the concurrencies.
    """
    caches = caches_on(platform.workload)
    entries = tuple(planned_entry(entry, cpus, caches=caches) for entry in platform.entries)
    names, workload = tuple(entry.name for entry in entries), planned_workload(platform.workload)
    cells = cell_order(names, workload.concurrencies, workload.replicates, limits(entries))
    if not cells:
        raise InputError(
            "No entry goes up to these concurrencies.",
            f"The highest of them is {max(limits(entries).values())}.",
        )
    return Plan(
        schema="kit/plan/1",
        kit_version=__version__,
        platform=platform.name,
        title=platform.title,
        engine=platform.engine,
        schedule=NAME,
        seed=platform.seed if seed is None else seed,
        model=pin_model(model),
        prompts=TextPin(prompts.name, prompts.sha256, len(prompts.texts)),
        correctness=TextPin(platform.correctness.name, suite.sha256, len(suite.tests)),
        correctness_level=platform.correctness.level,
        workload=workload,
        calibrate=calibrate,
        entries=entries,
        cells=cells,
        models=tuple(pin_weights(catalogue_model(name), found) for name in own_models(entries)),
        images=images,
        hardware=platform.hardware,
        published=platform.published,
        method=METHOD,
        server_memory_bytes=server_memory_bytes,
        attempts=ATTEMPTS if attempts is None else attempts,
        quiet_wait_ns=seconds_to_ns(QUIET_WAIT_S if quiet_wait_s is None else quiet_wait_s),
    )


def own_models(entries: Iterable[Entry]) -> tuple[str, ...]:
    """The names of the models that entries have of their own, each once, in their order."""
    return tuple(dict.fromkeys(entry.model for entry in entries if entry.model is not None))


def entry_of(plan: Plan, cell: CellPlan) -> Entry:
    """The entry a cell measures."""
    return next(entry for entry in plan.entries if entry.name == cell.entry)


def cell_load(plan: Plan, cell: CellPlan, url: str, model: str) -> Load:
    """The load of one cell, once the server's address and its name for the model are known."""
    workload = plan.workload
    entry = entry_of(plan, cell)
    can = RUNTIMES[entry.runtime].capabilities(entry.variant)
    extra: dict[str, Setting] = {"ignore_eos": True} if workload.ignore_eos and can.ignore_eos else {}
    return Load(
        schema="kit/load/1",
        url=url,
        model=model,
        loop=Loop("closed", cell.concurrency),
        warmup_ns=workload.warmup_ns,
        window_ns=workload.window_ns,
        requests=None,
        drain_ns=workload.drain_ns,
        timeouts=workload.timeouts,
        schedule=plan.schedule,
        seed=plan.seed,
        lane=cell.lane,
        prompts=plan.prompts,
        output_tokens=workload.output_tokens,
        extra_body=extra,
        chat="system-user" if can.system_message else "user",
        method=plan.method,
        sessions=workload.sessions,
    )


def duration_estimate_s(plan: Plan, overhead_s: float | None = None) -> float:
    """A rough length of the run: warm-up and window of every cell, and `overhead_s` to start, test and stop.

    Without a figure: as long as that takes a small model in a process, or a container of a larger one.
    """
    beside_s = OVERHEADS_S[plan.engine] if overhead_s is None else overhead_s
    per_cell_s = (plan.workload.warmup_ns + plan.workload.window_ns) / NS_PER_S + beside_s
    return per_cell_s * len(plan.cells)

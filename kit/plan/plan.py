"""From a platform to a plan: everything decided before anything starts. Pure; same inputs, same plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import product
from typing import Literal

from kit import __version__
from kit.catalogue import CATALOGUE, ModelEntry, Models
from kit.documents import (
    NO_WEIGHTS,
    CellPlan,
    Entry,
    LengthFit,
    Load,
    Plan,
    PlannedWorkload,
    Platform,
    Setting,
    TextPin,
    Timeouts,
    Workload,
)
from kit.documents.pins import ImagePin, ProgramPin
from kit.errors import InputError
from kit.plan.correctness import SuiteLevel
from kit.plan.prompts import PromptSet
from kit.plan.schedule import NAME
from kit.plan.target import parse_target
from kit.plan.weights import NOTHING_FOUND, Measured, own_models, pin_model, pin_weights
from kit.plan.witness import witness_rule
from kit.plan.workloads.corpus import prompt_count
from kit.plan.workloads.lengths import made_up
from kit.plan.workloads.levels import levels_of, most_cells, search_rule
from kit.plan.workloads.own_traces import platform_pin
from kit.plan.workloads.sessions import decided
from kit.plan.workloads.shapes import (
    ONE_SHAPE,
    check_arrivals,
    loop_of,
    output_hull,
    shape_names,
    shape_of,
    shapes_of_workload,
)
from kit.runtimes import RUNTIMES
from kit.runtimes.chosen import explicit
from kit.runtimes.outside.search import pins_of
from kit.runtimes.planned import planned_capabilities
from kit.runtimes.protocol import Capabilities

NS_PER_S = 1_000_000_000
METHOD: Literal[3] = 3  # of the numbers of new loads; what it changed is in docs/method.md
# A disturbance that lasts through three windows and the waits between them is how this machine is.
ATTEMPTS = 3
QUIET_WAIT_S = 60.0  # longer than a job that comes once in a while; the run goes on after it, and says so
NO_LIMITS: Mapping[str, int] = {}
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
    shapes: tuple[str, ...] = ONE_SHAPE,
) -> int:
    """How many cells `cell_order` makes, without making them."""
    levels = (sum(level <= highest.get(entry, level) for level in concurrencies) for entry in entries)
    return sum(levels) * replicates * len(shapes)


def cell_order(
    entries: tuple[str, ...],
    concurrencies: tuple[int, ...],
    replicates: int,
    highest: Mapping[str, int] = NO_LIMITS,
    shapes: tuple[str, ...] = ONE_SHAPE,
) -> tuple[CellPlan, ...]:
    """Replicates interleaved over the entries; each replicate starts with another entry, so that no entry

    always runs first (on a cold machine) or last (on a hot one). Entries leave out what is above their limit.
    """
    cells: list[CellPlan] = []
    for replicate in range(1, replicates + 1):
        turn = (replicate - 1) % len(entries)
        for shape, concurrency in product(shapes, concurrencies):
            # The same for every entry: they all get the same prompts, salts and lengths.
            lane = f"r{replicate}-{shape}-c{concurrency}" if shape else f"r{replicate}-c{concurrency}"
            cells += [
                CellPlan(f"{lane}-{entry}", 0, entry, concurrency, replicate, lane, shape)
                for entry in entries[turn:] + entries[:turn]
                if concurrency <= highest.get(entry, concurrency)
            ]
    return tuple(replace(cell, order=order) for order, cell in enumerate(cells))


def _timeouts(workload: Workload) -> Timeouts:
    if workload.first_timeout_s is None:
        return TIMEOUTS
    return replace(TIMEOUTS, first_ns=seconds_to_ns(workload.first_timeout_s))


def planned_workload(workload: Workload) -> PlannedWorkload:
    """The workload of a platform as it stands in a plan."""
    return PlannedWorkload(
        name=workload.name,
        loop=workload.loop,
        output_tokens=output_hull(workload),
        warmup_ns=seconds_to_ns(workload.warmup_s),
        window_ns=seconds_to_ns(workload.window_s),
        drain_ns=seconds_to_ns(workload.drain_s),
        replicates=workload.replicates,
        concurrencies=levels_of(workload),
        timeouts=_timeouts(workload),
        ignore_eos=workload.ignore_eos,
        shapes=shapes_of_workload(workload),
        arrivals=(workload.arrivals or "poisson") if workload.loop == "open" and workload.trace is None else None,
        burstiness_milli=None if workload.burstiness is None else round(workload.burstiness * 1000),
        trace=None if workload.trace is None else platform_pin(workload.trace),
        api=workload.api,
        sessions=None if workload.sessions is None else decided(workload.sessions),
    )


def caches_on(workload: PlannedWorkload | Workload) -> bool:
    """Whether servers may keep what they have read: in sessions, unless these say otherwise."""
    return workload.sessions is not None and workload.sessions.caches == "on"


def planned_entry(entry: Entry, cpus: int, *, caches: bool = False) -> Entry:
    """An entry as it stands in a plan: every setting with its value, with `caches` those of its caches too; an

    address as loads record it.
    """
    if entry.url is not None:
        return replace(entry, url=parse_target(entry.url).base_url)
    return replace(entry, settings=explicit(RUNTIMES[entry.runtime], entry, cpus, caches=caches))


def _cells(entries: tuple[Entry, ...], workload: PlannedWorkload) -> tuple[CellPlan, ...]:
    names, highest = tuple(entry.name for entry in entries), limits(entries)
    cells = cell_order(names, workload.concurrencies, workload.replicates, highest, shape_names(workload))
    if not cells:
        most = max(highest.values())
        raise InputError("No entry goes up to these concurrencies.", f"The highest of them is {most}.")
    return cells


def make_plan(
    platform: Platform,
    model: ModelEntry | None,
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
    programs: tuple[ProgramPin, ...] = (),
    models: Models = CATALOGUE,
) -> Plan:
    """The plan of a platform on a machine with `cpus` usable CPUs; `seed` overrides the platform's.

    `found` are hash and bytes of weights that lie here and that the catalogue does not know; `images` what is
    known of the entries' images; `server_memory_bytes` the most memory of a container; `quiet_wait_s` how long a
    quiet machine is waited for; `programs` what is known of those of this machine; `models` has those that entries
    name. `InputError` if no entry is left at the concurrencies.
    """
    check_arrivals(platform.workload)
    caches = caches_on(platform.workload)
    entries = tuple(planned_entry(entry, cpus, caches=caches) for entry in platform.entries)
    workload = planned_workload(platform.workload)
    pin = NO_WEIGHTS if model is None else pin_model(model)
    own = tuple(pin_weights(models.named(name), found) for name in own_models(entries))
    return Plan(
        schema="kit/plan/1",
        kit_version=__version__,
        platform=platform.name,
        title=platform.title,
        engine=platform.engine,
        schedule=NAME,
        seed=platform.seed if seed is None else seed,
        model=pin,
        prompts=TextPin(prompts.name, prompts.sha256, len(prompts.texts)),
        correctness=TextPin(platform.correctness.name, suite.sha256, len(suite.tests)),
        correctness_level=platform.correctness.level,
        workload=workload,
        calibrate=calibrate,
        entries=entries,
        cells=_cells(entries, workload),
        models=own,
        images=images,
        hardware=platform.hardware,
        published=platform.published,
        method=METHOD,
        server_memory_bytes=server_memory_bytes,
        attempts=ATTEMPTS if attempts is None else attempts,
        quiet_wait_ns=seconds_to_ns(QUIET_WAIT_S if quiet_wait_s is None else quiet_wait_s),
        programs=programs,
        runtimes=pins_of(entries),
        search=search_rule(platform.workload.search),
        witness=witness_rule(platform.witness, entries, pin, own),
    )


def entry_of(plan: Plan, cell: CellPlan) -> Entry:
    """The entry a cell measures."""
    return next(entry for entry in plan.entries if entry.name == cell.entry)


def cell_load(plan: Plan, cell: CellPlan, url: str, model: str, fit: LengthFit | None = None) -> Load:
    """The load of one cell, once the server's address and its name for the model are known.

    `fit` is what the server counted for prompts of the corpus, where they are made to a length.
    """
    if plan.loads:  # of a run by hand, decided as a whole
        return plan.loads[cell.order]
    workload, shape = plan.workload, shape_of(plan, cell)
    prompts, length = plan.prompts, shape.input_tokens
    if length is not None:
        prompts = replace(prompts, count=prompt_count(length))
    entry = entry_of(plan, cell)
    can = Capabilities(ignore_eos=True) if entry.url else planned_capabilities(plan, entry)
    extra: dict[str, Setting] = {"ignore_eos": True} if workload.ignore_eos and can.ignore_eos else {}
    return Load(
        schema="kit/load/1",
        url=url,
        model=model,
        loop=loop_of(workload, shape, cell.concurrency),
        warmup_ns=workload.warmup_ns,
        window_ns=workload.window_ns,
        requests=None,
        drain_ns=workload.drain_ns,
        timeouts=workload.timeouts,
        schedule=plan.schedule,
        seed=plan.seed,
        lane=cell.lane,
        prompts=prompts,
        output_tokens=shape.output_tokens,
        extra_body=extra,
        slo=None if plan.search is None else plan.search.slo,
        trace=workload.trace and replace(workload.trace, speed_milli=shape.speed_milli or 1000),
        chat="system-user" if can.system_message else "user",
        method=plan.method,
        prompts_from="kit" if length is None else "corpus",
        api=workload.api,
        made_up=None if length is None else made_up(length, fit),
        prefill=length is not None,
        sessions=workload.sessions,
    )


def duration_estimate_s(plan: Plan, overhead_s: float | None = None) -> float:
    """A rough length of the run: warm-up and window of every cell, and `overhead_s` to start, test and stop.

    Without a figure: as long as that takes a small model in a process, or a container of a larger one.
    """
    beside_s = OVERHEADS_S[plan.engine] if overhead_s is None else overhead_s
    per_cell_s = (plan.workload.warmup_ns + plan.workload.window_ns) / NS_PER_S + beside_s
    return per_cell_s * most_cells(plan)

"""From a platform to a plan: everything decided before anything starts. Pure; same inputs, same plan."""

from __future__ import annotations

from kit import __version__
from kit.catalogue import ModelEntry
from kit.correctness import SuiteLevel
from kit.errors import InputError
from kit.model import (
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
from kit.prompts import PromptSet
from kit.runtimes import RUNTIMES
from kit.schedule import NAME

NS_PER_S = 1_000_000_000
# facts of the field: connecting takes milliseconds, a queue in front of a slow server may take minutes.
TIMEOUTS = Timeouts(
    connect_ns=5 * NS_PER_S, first_ns=120 * NS_PER_S, idle_ns=60 * NS_PER_S, total_ns=600 * NS_PER_S
)


def seconds_to_ns(seconds: float) -> int:
    """Seconds as whole nanoseconds, exact to the microsecond."""
    return round(seconds * 1_000_000) * 1000


def cell_order(entries: tuple[str, ...], concurrencies: tuple[int, ...], replicates: int) -> tuple[CellPlan, ...]:
    """Replicates interleaved over the entries; each replicate starts with another entry, so that no entry

    always runs first (on a cold machine) or last (on a hot one).
    """
    cells: list[CellPlan] = []
    for replicate in range(1, replicates + 1):
        turn = (replicate - 1) % len(entries)
        for concurrency in concurrencies:
            for entry in entries[turn:] + entries[:turn]:
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
            f"The sha256 or size of the model {entry.name} is not known, so no plan can name it.",
            f"Fetch it once and put its hash into the catalogue: kit models fetch {entry.name}",
        )
    return ModelPin(entry.name, entry.file, entry.sha256, entry.bytes, entry.confirmed)


def _workload(workload: Workload) -> PlannedWorkload:
    return PlannedWorkload(
        name=workload.name,
        loop=workload.loop,
        output_tokens=workload.output_tokens,
        warmup_ns=seconds_to_ns(workload.warmup_s),
        window_ns=seconds_to_ns(workload.window_s),
        drain_ns=seconds_to_ns(workload.drain_s),
        replicates=workload.replicates,
        concurrencies=workload.concurrencies,
        timeouts=TIMEOUTS,
        ignore_eos=workload.ignore_eos,
    )


def make_plan(
    platform: Platform,
    model: ModelEntry,
    prompts: PromptSet,
    suite: SuiteLevel,
    *,
    cpus: int,
    seed: int | None,
    calibrate: bool = True,
) -> Plan:
    """The plan of a platform on a machine with `cpus` usable CPUs; `seed` overrides the platform's."""
    entries = tuple(
        Entry(entry.name, entry.runtime, entry.variant, RUNTIMES[entry.runtime].explicit(entry.settings, cpus))
        for entry in platform.entries
    )
    workload = _workload(platform.workload)
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
        cells=cell_order(tuple(entry.name for entry in entries), workload.concurrencies, workload.replicates),
    )


def entry_of(plan: Plan, cell: CellPlan) -> Entry:
    """The entry a cell measures."""
    return next(entry for entry in plan.entries if entry.name == cell.entry)


def cell_load(plan: Plan, cell: CellPlan, url: str, model: str) -> Load:
    """The load of one cell, once the server's address and its name for the model are known."""
    workload = plan.workload
    asks_eos = workload.ignore_eos and RUNTIMES[entry_of(plan, cell).runtime].CAPABILITIES.ignore_eos
    extra: dict[str, Setting] = {"ignore_eos": True} if asks_eos else {}
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
    )


def duration_estimate_s(plan: Plan, overhead_s: float = 8.0) -> float:
    """A rough length of the run: warm-up and window of every cell, and `overhead_s` to start, test and stop."""
    per_cell_s = (plan.workload.warmup_ns + plan.workload.window_ns) / NS_PER_S + overhead_s
    return per_cell_s * len(plan.cells)

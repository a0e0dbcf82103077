"""Loads by hand as a plan: what `kit load` and `kit sweep` measure is a run with one entry, the server's address.

The plan holds the loads as they were carried out, so that all it says follows from them. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from kit import __version__
from kit.documents import NO_SUITE, NO_TESTS, NO_WEIGHTS, CellPlan, Entry, Load, Plan, PlannedWorkload
from kit.documents.vocabulary import RUNNING, SERVER
from kit.metrics.clients import MAX_CLIENTS
from kit.plan.plan import cell_order
from kit.plan.schedule import NAME
from kit.text import plain_text

ENTRY = "server"
LOAD, SWEEP = "load", "sweep"  # the platforms of such plans
MAX_TITLE_CHARS = 200


def can_be_run(load: Load) -> bool:
    """Whether `kit verify` can make all of a load again: users, a window by time, prompts of the kit."""
    timed = load.loop.kind == "closed" and load.window_ns is not None and load.requests is None
    known = load.prompts_from == "kit" and load.trace is None and load.sessions is None
    one = load.clients == 1 and load.at_utc is None
    all_of_several = 1 < load.clients <= min(MAX_CLIENTS, load.loop.concurrency or 0) and load.at_utc is not None
    together = not load.client and (one or all_of_several)
    # Patterns of a bundle are never run, so nobody else could count again what they found.
    plain = load.url.startswith(("http://", "https://")) and (load.processes or 1) == 1 and load.validate is None
    return timed and known and together and plain


def plan_by_hand(loads: Sequence[Load], *, platform: str = LOAD, stop_at_saturation: bool = False) -> Plan | None:
    """The plan of such loads, which differ in their users and lanes only; None if one of them cannot be a run."""
    if not loads or not all(map(can_be_run, loads)):
        return None
    first = loads[0]
    levels = tuple(load.loop.concurrency or 1 for load in loads)
    return Plan(
        schema="kit/plan/1",
        kit_version=__version__,
        platform=SWEEP if platform == SWEEP else LOAD,
        title=plain_text(f"{first.model} at {first.url}, loaded by hand", MAX_TITLE_CHARS),
        engine="process",
        schedule=NAME,
        seed=first.seed,
        model=NO_WEIGHTS,
        prompts=first.prompts,
        correctness=NO_TESTS,
        correctness_level=NO_SUITE,
        workload=PlannedWorkload(
            name="by-hand",
            loop="closed",
            output_tokens=first.output_tokens,
            warmup_ns=first.warmup_ns,
            window_ns=first.window_ns or 0,
            drain_ns=first.drain_ns,
            replicates=1,
            concurrencies=levels,
            timeouts=first.timeouts,
            ignore_eos=first.extra_body.get("ignore_eos") is True,
            api=first.api,
        ),
        calibrate=False,
        entries=(Entry(ENTRY, SERVER, RUNNING, {}, url=first.url, served_model=first.model),),
        cells=_with_lanes(loads, cell_order((ENTRY,), levels, 1)),
        method=first.method,
        loads=tuple(loads),
        stop_at_saturation=stop_at_saturation,
    )


def _with_lanes(loads: Sequence[Load], cells: tuple[CellPlan, ...]) -> tuple[CellPlan, ...]:
    return tuple(replace(cell, lane=load.lane) for cell, load in zip(cells, loads, strict=True))


def with_lanes_of(plan: Plan, cells: tuple[CellPlan, ...]) -> tuple[CellPlan, ...]:
    """The cells of a plan by hand with the lanes of its loads; of any other plan as they are."""
    return _with_lanes(plan.loads, cells) if plan.loads and len(plan.loads) == len(cells) else cells


def by_hand_faults(plan: Plan) -> Iterator[str]:
    """What is no plan of loads by hand, or does not follow from them; nothing where there are none."""
    if not plan.loads:
        if plan.stop_at_saturation:
            yield "has no loads by hand, but is to stop at saturation"
        return
    if len(plan.loads) != len(plan.cells):
        yield f"are {len(plan.loads)}, the cells {len(plan.cells)}"
        return
    wanted = plan_by_hand(plan.loads, platform=plan.platform, stop_at_saturation=plan.stop_at_saturation)
    if wanted is None:
        yield "are not all of users, a window by time and prompts of the kit"
    elif replace(wanted, kit_version=plan.kit_version) != plan:
        yield "do not give this plan"
    if any(_alike(load) != _alike(plan.loads[0]) for load in plan.loads):
        yield "differ in more than users and lane"


def _alike(load: Load) -> Load:
    """A load without what may differ between those of one plan."""
    return replace(load, loop=replace(load.loop, concurrency=None), lane="")

"""A sweep: one load after the other against one server, each with more users or a higher rate than the last.

It ends early where the server is saturated (`kit.metrics.saturation` judges), or looks for the largest number of
users within limits (`kit.metrics.search`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

from kit import __version__
from kit.documents import Cell, Load, Loop, SearchRule, Sweep, SweepLevel
from kit.engines.protocol import Engine
from kit.errors import InputError, InternalError
from kit.metrics.saturation import knee, pareto, point, reason_to_stop
from kit.metrics.search import next_of_sweep
from kit.metrics.users import levels_between
from kit.plan.by_hand import SWEEP as SWEEP_PLATFORM
from kit.plan.by_hand import plan_by_hand
from kit.plan.prompts import PromptSet, load_prompts
from kit.run.by_hand import begin_by_hand, end_by_hand, leave_by_hand
from kit.run.load import carry_out, fitted, make_folder, refuse_used
from kit.run.load_request import LoadRequest, make_load
from kit.storage.cell_folder import Event
from kit.storage.names import SWEEP
from kit.strict import plain, write_json
from kit.timestamps import utc_now

MAX_LEVELS = 100
MAX_WHY_CHARS = 1000
Ended: TypeAlias = Literal["complete", "saturated", "no_answers", "interrupted", "failed"]
OnEvent: TypeAlias = Callable[[str, Event], None]


def level_id(loop: Loop) -> str:
    """The name of a level and its folder: c8 for eight users, r2.5 for 2.5 requests per second."""
    if loop.kind == "closed":
        return f"c{loop.concurrency}"
    whole, thousandths = divmod(loop.rate_milli_per_s or 0, 1000)
    return f"r{whole}" + (f".{thousandths:03d}".rstrip("0") if thousandths else "")


def _check(loops: Sequence[Loop]) -> None:
    heights = [loop.concurrency or loop.rate_milli_per_s or 0 for loop in loops]
    if not 1 <= len(heights) <= MAX_LEVELS or heights != sorted(set(heights)):
        raise InputError(
            f"The levels of a sweep must rise, and be at most {MAX_LEVELS}.", "Write them like 1,2,4,8."
        )


def _measured(loop: Loop, cell: Cell) -> SweepLevel:
    if cell.facts is None:
        raise InternalError("A load ended without facts.")
    why = None if cell.failure is None else cell.failure.message[:MAX_WHY_CHARS]
    facts = cell.facts
    return SweepLevel(
        level_id(loop),
        loop.concurrency,
        loop.rate_milli_per_s,
        facts.records_sha256,
        cell.metrics,
        why,
        facts.failures,
    )


@dataclass(slots=True)
class _Course:
    """How far a sweep has come."""

    levels: list[SweepLevel] = field(default_factory=list)
    load: Load | None = None
    ended: Ended = "failed"


def run_sweep(
    request: LoadRequest,
    loops: Sequence[Loop],
    folder: Path,
    engine: Engine,
    on_event: OnEvent,
    *,
    stop_at_saturation: bool = True,
    search: SearchRule | None = None,
) -> Sweep:
    """Carry out the loads of `loops`, each in a folder of its own, and write sweep.json beside them.

    `request` says everything but the loop and the lane; `on_event` gets the id of the level with each event. What
    was measured before an error or an interrupt is written too, and the error goes on. With `search` its rule
    chooses among its own levels, and neither `loops` nor saturation counts.
    """
    if search is not None:
        loops = [Loop("closed", level) for level in levels_between(search.first, search.most)]
        request, stop_at_saturation = replace(request, slo=search.slo), False
    _check(loops)
    refuse_used(folder)
    started_utc = utc_now()
    course = _Course()
    prompts = load_prompts(request.prompts) if isinstance(request.prompts, str) else request.prompts
    loads = _loads(request, loops, prompts)
    # A search measures its levels in another order than a plan has them, so its sweep.json alone says what it did.
    plan = None
    if search is None:
        plan = plan_by_hand(loads, platform=SWEEP_PLATFORM, stop_at_saturation=stop_at_saturation)
    cells = plan.cells if plan else (None,) * len(loads)
    levels = {level_id(load.loop): (load, cell) for load, cell in zip(loads, cells, strict=True)}
    if plan is not None:
        make_folder(folder)
        begin_by_hand(plan, folder)
    try:
        for loop in loops if search is None else _searched(search, course):
            name = level_id(loop)
            load, planned = levels[name]
            make_folder(folder / name)
            load, made = fitted(request, load, prompts)
            cell = carry_out(request, load, made, folder / name, engine, partial(on_event, name), planned)
            if _ends(course, loop, cell, stop_at_saturation=stop_at_saturation):
                break
        else:
            course.ended = "complete"
    except KeyboardInterrupt:
        course.ended = "interrupted"
        raise
    finally:
        sweep = _sweep(course, loops, started_utc, search)
        if sweep is not None:
            (folder / SWEEP).write_bytes(write_json(plain(sweep)))
        if plan is not None:
            end_by_hand(plan, folder) if sweep is not None else leave_by_hand(folder)
    if sweep is None:
        raise InternalError("A sweep ended without a level.")
    return sweep


def _searched(rule: SearchRule, course: _Course) -> Iterator[Loop]:
    """The levels that the rule calls for, each by what the ones before it left."""
    while (level := next_of_sweep(rule, course.levels)) is not None:
        yield Loop("closed", level)


def _loads(request: LoadRequest, loops: Sequence[Loop], prompts: PromptSet) -> list[Load]:
    """The load of each level; the server is asked once which model it has."""
    loads: list[Load] = []
    for loop in loops:
        # A lane of its own: with the salts of the level before, caches of the server would answer this one.
        model = loads[0].model if loads else request.model
        loads.append(make_load(replace(request, loop=loop, lane=f"sweep-{level_id(loop)}", model=model), prompts))
    return loads


def _ends(course: _Course, loop: Loop, cell: Cell, *, stop_at_saturation: bool) -> bool:
    """Whether no further level is measured after this one, and why."""
    course.levels.append(_measured(loop, cell))
    course.load = cell.load
    reason = reason_to_stop(course.levels) if stop_at_saturation else None
    if cell.status == "interrupted":
        course.ended = "interrupted"
    elif reason:
        course.ended = reason
    return cell.status == "interrupted" or bool(reason)


def _sweep(course: _Course, loops: Sequence[Loop], started_utc: str, search: SearchRule | None) -> Sweep | None:
    """The document of what was measured; None where nothing was."""
    if course.load is None:
        return None
    points = sorted((point(level) for level in course.levels), key=lambda each: each.load)
    return Sweep(
        schema="kit/sweep/1",
        kit_version=__version__,
        url=course.load.url,
        model=course.load.model,
        slo=course.load.slo,
        started_utc=started_utc,
        ended_utc=utc_now(),
        ended=course.ended,
        asked=tuple(level_id(loop) for loop in loops),
        levels=tuple(course.levels),
        pareto=pareto(points),
        knee=knee(points),
        search=search,
    )

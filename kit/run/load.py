"""One load by hand against a server somebody else started: the same records and numbers as in a cell."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from kit.documents import (
    Cell,
    CellFailure,
    CellPlan,
    CellStatus,
    Load,
    LoadFacts,
    Metrics,
)
from kit.documents.vocabulary import RUNNING, SERVER
from kit.engines.protocol import Engine
from kit.errors import InputError, KitError, StorageError
from kit.machine.here import describe_host
from kit.machine.realtime import utc_error_ns
from kit.metrics.clients import whole_load
from kit.metrics.disturbance import EMPTY_WINDOW
from kit.plan.by_hand import plan_by_hand
from kit.plan.prompts import PromptSet, load_prompts
from kit.plan.target import Access
from kit.plan.trace_tables import played_trace
from kit.run.by_hand import begin_by_hand, end_by_hand, learnt
from kit.run.empty_window import empty_window
from kit.run.load_request import LoadRequest, make_load
from kit.storage.cell_folder import (
    Event,
    metrics_of,
    parse_event,
    raise_load_error,
    read_facts,
    read_records,
    remove_load,
    too_many_errors,
    write_cell,
    write_load,
)
from kit.storage.names import HOST, PLAN, PROMPTS_SOURCE, RECORDS, TRACE
from kit.storage.run_folder import write_document
from kit.timestamps import utc_now


def load_by_hand(request: LoadRequest, folder: Path, engine: Engine, on_event: Callable[[Event], None]) -> Cell:
    """Run one load into a new folder; returns the cell, which is also written to cell.json.

    The share of one of several clients is no run yet: `kit merge` makes one of all.
    """
    prompts = load_prompts(request.prompts) if isinstance(request.prompts, str) else request.prompts
    load = make_load(request, prompts)
    refuse_used(folder)
    load, prompts = fitted(request, load, prompts)
    make_folder(folder)
    plan = plan_by_hand([whole_load(load)])
    whole = plan is not None and not load.client
    if plan is not None and whole:
        begin_by_hand(plan, folder)
    elif load.client:
        write_document(folder / HOST, describe_host(), "host")
    cell = carry_out(request, load, prompts, folder, engine, on_event, plan.cells[0] if plan else None)
    if plan is not None and whole:
        end_by_hand(plan, folder)
    return cell


def fitted(request: LoadRequest, load: Load, prompts: PromptSet) -> tuple[Load, PromptSet]:
    """The load with prompts of the length that is asked for, as the server counts it; as it is for none."""
    if request.input_tokens is None:
        return load, prompts
    # Only here: what asks takes longer to import than all the rest of a load to start.
    from kit.run.fitting import fitted_by_hand

    access = Access.from_environment() if request.access is None else request.access
    return fitted_by_hand(load, request.input_tokens, access)


def carry_out(
    request: LoadRequest,
    load: Load,
    prompts: PromptSet,
    folder: Path,
    engine: Engine,
    on_event: Callable[[Event], None],
    planned: CellPlan | None,
) -> Cell:
    """Run a load into a folder that is there; the cell is `planned` where the load is part of a run."""
    access = Access.from_environment() if request.access is None else request.access
    found = None if planned is None else learnt(load, access)
    started_utc, started_ns = utc_now(), time.monotonic_ns()
    file = write_load(folder, load, prompts)
    if request.trace is not None:
        (folder / TRACE).write_bytes(played_trace(request.trace, request.trace_name))
    if prompts.source is not None:
        (folder / PROMPTS_SOURCE).write_bytes(prompts.source)
    _run(file, folder, engine, on_event)
    facts = read_facts(folder)
    if load.client:
        facts = replace(facts, utc_error_ns=utc_error_ns())
    metrics = metrics_of(folder, facts, load)
    status, failure = outcome(facts, load, folder, metrics)
    cell = Cell(
        schema="kit/cell/1",
        id=planned.id if planned else "load",
        entry=planned.entry if planned else "by-hand",
        runtime=SERVER if planned else "unknown",
        variant=RUNNING if planned else "unknown",
        concurrency=load.loop.concurrency,
        replicate=1,
        status=status,
        failure=failure,
        started_utc=started_utc,
        ended_utc=utc_now(),
        duration_ns=time.monotonic_ns() - started_ns,
        phases=(),
        load=load,
        facts=facts,
        server=None,
        metrics=None if failure is not None and failure.kind == EMPTY_WINDOW else metrics,
        found=found,
    )
    write_cell(folder, cell)
    return cell


def outcome(
    facts: LoadFacts, load: Load, folder: Path, metrics: Metrics | None
) -> tuple[CellStatus, CellFailure | None]:
    """How a load in a folder ended, and why it has no numbers."""
    if facts.aborted:
        return "failed", too_many_errors(load, facts)
    if facts.interrupted:
        return "interrupted", None
    empty = None if metrics is None else empty_window(load, metrics, read_records(folder / RECORDS))
    return ("measured", None) if empty is None else ("failed", empty)


def run_generator(engine: Engine, load: Path, folder: Path, on_event: Callable[[Event], None]) -> None:
    """Run the load generator on a load file, and hand on its events; raises what it reported."""
    errors: list[Event] = []

    def on_line(line: str) -> None:
        event = parse_event(line)
        if event.get("event") == "error":
            errors.append(event)
        on_event(event)

    raise_load_error(engine.run_load(load, folder, on_line), errors)


def _run(load: Path, folder: Path, engine: Engine, on_event: Callable[[Event], None]) -> None:
    """Run a load; what never began leaves nothing behind."""
    try:
        try:
            run_generator(engine, load, folder, on_event)
        finally:
            remove_load(folder)
    except KitError:
        if not (folder / RECORDS).exists():
            for name in (TRACE, PROMPTS_SOURCE, PLAN, HOST):
                (folder / name).unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()
        raise


def refuse_used(folder: Path) -> None:
    """Nothing if the folder is new or empty, else `InputError`: an older load is never mixed with a new one."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists and is not an empty folder.", "Give another folder with --out.")


def make_folder(folder: Path) -> None:
    """Make a folder; `StorageError` if the disk refuses."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"The folder {folder} cannot be made: {error.strerror}.", "Give another with --out."
        ) from None

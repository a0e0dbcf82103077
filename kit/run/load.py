"""One load by hand against a server somebody else started: the same records and numbers as in a cell."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from kit.documents import (
    Cell,
    CellFailure,
    CellPlan,
    CellStatus,
    Load,
    LoadFacts,
    Loop,
    Metrics,
    OutputTokens,
    Sessions,
    Slo,
    TextPin,
    Timeouts,
    TracePin,
)
from kit.documents.shape import Api
from kit.documents.vocabulary import RUNNING, SERVER
from kit.engines.protocol import Engine
from kit.errors import InputError, KitError, StorageError
from kit.metrics.disturbance import EMPTY_WINDOW
from kit.metrics.validation import parse_rule
from kit.plan.by_hand import plan_by_hand
from kit.plan.chat_body import check_members
from kit.plan.plan import METHOD, TIMEOUTS, seconds_to_ns
from kit.plan.prompts import PromptSet, load_prompts
from kit.plan.schedule import NAME
from kit.plan.sessions import check_load, total_turns
from kit.plan.target import Access, parse_target
from kit.plan.traces import MAX_AT_MS, NS_PER_MS, pin_trace, read_trace, trace_offsets_ns
from kit.run.by_hand import begin_by_hand, end_by_hand, learnt
from kit.run.empty_window import empty_window
from kit.run.model_choice import chosen_model
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
from kit.timestamps import utc_now

DRAIN_S = 120.0
MAX_TRACE_NS = MAX_AT_MS * NS_PER_MS


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What a person asks for: durations in seconds; the window is `window_s`, `requests` or the whole trace.

    `trace` is the bytes of a trace file called `trace_name`; a loop of arrivals "trace" needs it. `prompts` is a
    set, or the name of one of the kit's. `body` and `without` are members of the request that are set and left
    out. Without `access` it is the environment's. With `input_tokens` the prompts are made again, to that length
    by the server's own counts.
    """

    url: str
    model: str | None
    loop: Loop
    warmup_s: float
    window_s: float | None
    requests: int | None
    prompts: str | PromptSet
    output_tokens: OutputTokens
    ignore_eos: bool
    seed: int
    lane: str = "load"
    access: Access | None = None
    timeouts: Timeouts = TIMEOUTS
    body: Mapping[str, object] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    limit_key: str = "max_tokens"
    api: Api = "chat"
    system: bool = True
    ramp_s: float = 0.0
    slo: Slo | None = None
    validate: str | None = None
    trace: bytes | None = None
    trace_name: str = TRACE
    trace_speed_milli: int = 1000
    max_error_milli: int | None = None
    processes: int | None = None
    input_tokens: int | None = None
    sessions: Sessions | None = None


class _Span(TypedDict):
    """How long a load is measured and what stands before."""

    warmup_ns: int
    window_ns: int | None
    requests: int | None
    ramp_ns: int
    trace: TracePin | None


def make_load(request: LoadRequest, prompts: PromptSet) -> Load:
    """The exact load; asks the server for a model name if none is given. `InputError` if it makes no sense."""
    if request.validate is not None:
        parse_rule(request.validate)
    check_members(request.body, request.without)
    if request.api == "completions" and prompts.chats:
        raise InputError(
            "These prompts are chats, which cannot be sent as raw prompts.",
            "Give a file of texts, or leave out --api completions.",
        )
    if request.sessions is not None:
        other_end = request.requests is not None or request.window_s is not None or request.warmup_s > 0
        check_load(request.sessions, request.loop, prompts, ends_otherwise=other_end)
    span = _span(request)
    target = parse_target(request.url)
    access = Access.from_environment() if request.access is None else request.access
    return Load(
        schema="kit/load/1",
        url=target.base_url,
        model=request.model or chosen_model(target, access),
        loop=request.loop,
        drain_ns=max(seconds_to_ns(DRAIN_S), request.timeouts.total_ns if request.timeouts != TIMEOUTS else 0),
        timeouts=request.timeouts,
        schedule=NAME,
        seed=request.seed,
        lane=request.lane,
        prompts=TextPin(prompts.name, prompts.sha256, prompts.count),
        output_tokens=request.output_tokens,
        extra_body={**({"ignore_eos": True} if request.ignore_eos else {}), **request.body},
        slo=request.slo,
        validate=request.validate,
        max_error_milli=request.max_error_milli,
        processes=request.processes,
        method=METHOD,
        chat="system-user" if request.system else "user",
        prompts_from=prompts.origin,
        without=request.without,
        limit_key="max_completion_tokens" if request.limit_key == "max_completion_tokens" else "max_tokens",
        headers=tuple(name for name, _ in access.headers if name.lower() != "authorization"),
        insecure=access.insecure and target.tls,
        api=request.api,
        sessions=request.sessions,
        **span,
    )


def _span(request: LoadRequest) -> _Span:
    warmup_ns, ramp_ns = seconds_to_ns(request.warmup_s), seconds_to_ns(request.ramp_s)
    if ramp_ns and request.loop.kind == "open":
        raise InputError("--ramp applies to closed loops only.", "Leave it out.")
    if ramp_ns > warmup_ns:
        raise InputError(
            f"The ramp of {request.ramp_s:g} s is longer than the warm-up of {request.warmup_s:g} s.",
            f"Users must start before the window: give --warmup {request.ramp_s:g} or more.",
        )
    window_ns = None if request.window_s is None else seconds_to_ns(request.window_s)
    pin, requests = None, request.requests
    if request.sessions is not None and request.sessions.count is not None:
        requests = total_turns(request.sessions, request.seed, request.lane)
    if request.trace is not None:
        lines = read_trace(request.trace, request.trace_name)
        pin = pin_trace(request.trace, request.trace_name, lines, request.trace_speed_milli)
        offsets_ns = trace_offsets_ns(lines, request.trace_speed_milli)
        requests = _traced_requests(request, offsets_ns, warmup_ns, window_ns)
    return _Span(warmup_ns=warmup_ns, window_ns=window_ns, requests=requests, ramp_ns=ramp_ns, trace=pin)


def _traced_requests(
    request: LoadRequest, offsets_ns: Sequence[int], warmup_ns: int, window_ns: int | None
) -> int | None:
    """How many requests of a trace are measured: those after the warm-up, or fewer; None with a window."""
    left = sum(offset >= warmup_ns for offset in offsets_ns)
    if not left:
        raise InputError("The trace ends before the warm-up does.", "Give a shorter --warmup.")
    if offsets_ns[-1] > MAX_TRACE_NS:
        raise InputError("The trace takes more than seven days at this speed.", "Give a larger --rate-scale.")
    if window_ns is not None:
        if warmup_ns + window_ns > offsets_ns[-1]:
            raise InputError(
                f"The trace ends {offsets_ns[-1] / 1e9:g} s after its start, before the window does.",
                "Leave --duration out to measure the whole trace.",
            )
        return None
    if request.requests is not None and request.requests > left:
        raise InputError(
            f"The trace has {left} requests after the warm-up, not {request.requests}.", "Leave --requests out."
        )
    return request.requests or left


def load_by_hand(request: LoadRequest, folder: Path, engine: Engine, on_event: Callable[[Event], None]) -> Cell:
    """Run one load into a new folder; returns the cell, which is also written to cell.json."""
    prompts = load_prompts(request.prompts) if isinstance(request.prompts, str) else request.prompts
    load = make_load(request, prompts)
    refuse_used(folder)
    load, prompts = fitted(request, load, prompts)
    make_folder(folder)
    plan = plan_by_hand([load])
    if plan is not None:
        begin_by_hand(plan, folder)
    cell = carry_out(request, load, prompts, folder, engine, on_event, plan.cells[0] if plan else None)
    if plan is not None:
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
        (folder / TRACE).write_bytes(request.trace)
    if prompts.source is not None:
        (folder / PROMPTS_SOURCE).write_bytes(prompts.source)
    _run(file, folder, engine, on_event)
    facts = read_facts(folder)
    metrics = metrics_of(folder, facts, load)
    status, failure = _outcome(facts, load, folder, metrics)
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


def _outcome(
    facts: LoadFacts, load: Load, folder: Path, metrics: Metrics | None
) -> tuple[CellStatus, CellFailure | None]:
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

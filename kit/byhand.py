"""One load by hand against a server somebody else started: the same records and numbers as in a cell."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kit.cellfolder import LOAD, Event, keep_cell, metrics_of, parse_event, raise_load_error, read_facts
from kit.endpoint import served_model
from kit.engines.contract import Engine
from kit.errors import InputError, StorageError
from kit.instant import utc_now
from kit.loadgen.target import parse_target
from kit.model import Cell, Load, Loop, OutputTokens, TextPin
from kit.plan import TIMEOUTS, seconds_to_ns
from kit.prompts import load_prompts
from kit.schedule import NAME
from kit.strict import plain, write_json

DRAIN_S = 120.0


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What a person asks for: durations in seconds, `window_s` or `requests`."""

    url: str
    model: str | None
    loop: Loop
    warmup_s: float
    window_s: float | None
    requests: int | None
    prompts: str
    output_tokens: OutputTokens
    ignore_eos: bool
    seed: int


def make_load(request: LoadRequest) -> Load:
    """The exact load; asks the server for a model name if none is given."""
    base = parse_target(request.url).base_url
    prompts = load_prompts(request.prompts)
    return Load(
        schema="kit/load/1",
        url=base,
        model=request.model or served_model(base) or "default",
        loop=request.loop,
        warmup_ns=seconds_to_ns(request.warmup_s),
        window_ns=None if request.window_s is None else seconds_to_ns(request.window_s),
        requests=request.requests,
        drain_ns=seconds_to_ns(DRAIN_S),
        timeouts=TIMEOUTS,
        schedule=NAME,
        seed=request.seed,
        lane="load",
        prompts=TextPin(prompts.name, prompts.sha256, len(prompts.texts)),
        output_tokens=request.output_tokens,
        extra_body={"ignore_eos": True} if request.ignore_eos else {},
    )


def load_by_hand(request: LoadRequest, folder: Path, engine: Engine, on_event: Callable[[Event], None]) -> Cell:
    """Carry out one load into a new folder; returns the cell, which is also written to cell.json."""
    load = make_load(request)
    _create(folder)
    started_utc, started_ns = utc_now(), time.monotonic_ns()
    errors: list[Event] = []

    def on_line(line: str) -> None:
        event = parse_event(line)
        if event.get("event") == "error":
            errors.append(event)
        on_event(event)

    (folder / LOAD).write_bytes(write_json(plain(load)))
    try:
        code = engine.run_load(folder / LOAD, folder, on_line)
    finally:
        (folder / LOAD).unlink(missing_ok=True)
    if errors and not any(folder.iterdir()):
        folder.rmdir()
    raise_load_error(code, errors)
    facts = read_facts(folder)
    cell = Cell(
        schema="kit/cell/1",
        id="load",
        entry="by-hand",
        runtime="unknown",
        variant="unknown",
        concurrency=load.loop.concurrency,
        replicate=1,
        status="interrupted" if facts.interrupted else "measured",
        failure=None,
        started_utc=started_utc,
        ended_utc=utc_now(),
        duration_ns=time.monotonic_ns() - started_ns,
        phases=(),
        load=load,
        facts=facts,
        server=None,
        metrics=metrics_of(folder, facts, open_loop=load.loop.kind == "open"),
    )
    keep_cell(folder, cell)
    return cell


def _create(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists and is not an empty folder.", "Give another folder with --out.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"The folder {folder} cannot be made: {error.strerror}.", "Give another with --out."
        ) from None

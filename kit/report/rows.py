"""A run as rows for other programs: one a cell, or one a request. Pure.

Columns have fixed names and an order of their own; figures have the names that `kit table --metric` knows.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from kit.documents import Cell, CellResult, Metrics, Plan, Record, Result, Window
from kit.metrics.timing import Timing, sent_in, timing
from kit.plan.workloads.shapes import shape_named
from kit.strict import plain
from kit.text import plain_text

Value = str | int | float | bool | None
Kind = type[str] | type[int] | type[float] | type[bool]
RowsOf = Literal["cells", "requests"]
MAX_WORDS = 400
# A spreadsheet takes what begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows and the type of each column, by name and in order."""

    columns: Mapping[str, Kind]
    rows: Sequence[tuple[Value, ...]]


@dataclass(frozen=True, slots=True)
class Source:
    """What rows are made of: the recomputed result of a run, what `kit verify` says, and its cells by id."""

    run: str
    label: str
    plan: Plan
    result: Result
    cells: Mapping[str, Cell]
    records: Mapping[str, Sequence[Record]]


_RUN: Mapping[str, Kind] = {"run": str, "label": str, "platform": str, "model": str}
_CELL: Mapping[str, Kind] = {
    "cell": str, "entry": str, "runtime": str, "variant": str, "concurrency": int, "replicate": int,
}  # fmt: skip
_STATE: Mapping[str, Kind] = {
    "status": str, "attempts": int, "failure_phase": str, "failure": str, "suspect": str, "at_least": bool,
    "started_utc": str, "server_version": str, "device": str,
}  # fmt: skip
_REQUEST: Mapping[str, Kind] = {
    "request": int, "worker": int, "prompt": int, "in_window": bool, "outcome": str, "error": str,
    "http_status": int,
    "finish_reason": str, "max_tokens": int, "prompt_tokens": int, "completion_tokens": int, "cached_tokens": int,
    "chunks": int, "intended_ns": int, "sent_ns": int, "first_text_ns": int, "last_text_ns": int, "done_ns": int,
    "ttft_ms": float, "tpot_ms": float, "e2e_ms": float, "replayed": bool,
}  # fmt: skip
# Behind all other columns, whose places are as they were before there were shapes and sessions.
_SHAPE: Mapping[str, Kind] = {
    "shape": str, "input_tokens": int, "output_tokens_min": int, "output_tokens_max": int, "rate_per_s": float,
    "trace_speed": float,
}  # fmt: skip
_TURN: Mapping[str, Kind] = {"session": int, "turn": int, "turns": int, "think_ns": int}


def rows_of(source: Source, of: RowsOf) -> Rows:
    """The rows of a run."""
    if of == "cells":
        return Rows({**_RUN, **_CELL, **_STATE, **figure_columns(), **_SHAPE}, tuple(_cell_rows(source)))
    return Rows({**_RUN, **_CELL, **_REQUEST, **_SHAPE, **_TURN}, tuple(_request_rows(source)))


@cache
def figure_columns() -> Mapping[str, Kind]:
    """Every single figure of a cell, e.g. "ttft_ms.p50"; counts by kind of error and turns have no column each."""
    return dict(_figures(Metrics, ""))


def _figures(cls: type[Any], within: str) -> Iterator[tuple[str, Kind]]:
    hints = get_type_hints(cls)
    for field in dataclasses.fields(cls):
        kinds = [each for each in _members(hints[field.name]) if each is not types.NoneType]
        name = f"{within}{field.name}"
        if any(get_origin(each) in (Mapping, tuple) for each in kinds):
            continue
        if dataclasses.is_dataclass(kinds[0]):
            assert isinstance(kinds[0], type)
            yield from _figures(kinds[0], f"{name}.")
        else:
            yield name, kinds[0] if kinds[0] in (int, float, bool) else str


def _members(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _cell_rows(source: Source) -> Iterator[tuple[Value, ...]]:
    for line in source.result.cells:
        yield (
            *_of_run(source, line.entry),
            *_of_cell(source, line),
            *_state(source, line),
            # A cell whose server died has figures in its result: of a server that was no longer there.
            *_numbers(line.metrics if line.status == "measured" else None),
            *_shape(source, line),
        )


def _of_run(source: Source, entry: str) -> tuple[Value, ...]:
    found = next((each for each in source.plan.entries if each.name == entry), None)
    model = source.plan.model.name if found is None or found.model is None else found.model
    return _words(source.run), source.label, _words(source.plan.platform), _words(model)


def _of_cell(source: Source, line: CellResult) -> tuple[Value, ...]:
    found = next((each for each in source.plan.entries if each.name == line.entry), None)
    runtime, variant = (found.runtime, found.variant) if found is not None else (None, None)
    return line.id, line.entry, runtime, variant, line.concurrency, line.replicate


def _state(source: Source, line: CellResult) -> tuple[Value, ...]:
    cell = source.cells.get(line.id)
    server = cell.server if cell is not None else None
    return (
        line.status,
        line.attempts,
        line.failure.phase if line.failure else None,
        _words(line.failure.message) if line.failure else None,
        _words("; ".join(line.suspect)) or None,
        line.at_least,
        cell.started_utc if cell is not None else None,
        _words(server.version) if server is not None and server.version else None,
        _words(server.device) if server is not None and server.device else None,
    )


def _shape(source: Source, line: CellResult) -> tuple[Value, ...]:
    """What was asked for: the shape's name and lengths, and how fast its requests arrived."""
    try:
        shape = shape_named(source.plan.workload, line.shape)
    except KeyError:  # kit verify refuses such a cell
        return (_words(line.shape), *(None,) * (len(_SHAPE) - 1))
    output = shape.output_tokens
    thousandths = (shape.rate_milli_per_s, shape.speed_milli)
    name = _words(shape.name) or None
    return name, shape.input_tokens, output.min, output.max, *(each and each / 1000 for each in thousandths)


def _words(text: str) -> str:
    return plain_text(text, MAX_WORDS)


def _numbers(metrics: Metrics | None) -> Iterator[Value]:
    document: object = None if metrics is None else plain(metrics)
    for name in figure_columns():
        value = document
        for step in name.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        yield value if isinstance(value, str | int | float | bool) else None


def _request_rows(source: Source) -> Iterator[tuple[Value, ...]]:
    for line in source.result.cells:
        cell = source.cells.get(line.id)
        window = cell.facts.window if cell is not None and cell.facts is not None else None
        head, shape = (*_of_run(source, line.entry), *_of_cell(source, line)), _shape(source, line)
        for record in source.records.get(line.id, ()):
            yield (*head, *_request(record, window, source.plan.method), *shape, *_turn(record))


def _request(record: Record, window: Window | None, method: int) -> tuple[Value, ...]:
    stamps = (record.chunks[0][0], record.chunks[-1][0]) if record.chunks else (None, None)
    return (
        record.id,
        record.worker,
        record.prompt,
        window is not None and sent_in(record, window),
        record.outcome,
        record.error,
        record.status,
        record.finish_reason if record.finish_reason is None else _words(record.finish_reason),
        record.max_tokens,
        record.prompt_tokens,
        record.completion_tokens,
        record.cached_tokens,
        len(record.chunks),
        record.intended_ns,
        record.sent_ns,
        *stamps,
        record.done_ns,
        *_times(timing(record, method) if record.outcome == "ok" and record.chunks else None),
    )


def _turn(record: Record) -> tuple[Value, ...]:
    """Which turn of which session it was; nothing of a request that is of none."""
    if record.session is None:
        return (None,) * len(_TURN)
    return record.session, record.turn, record.turns, record.think_ns


def _times(times: Timing | None) -> tuple[Value, ...]:
    if times is None:
        return None, None, None, None
    return _ms(times.ttft_ns), _ms(times.tpot_ns), _ms(times.e2e_ns), times.replayed


def _ms(ns: int | None) -> float | None:
    return None if ns is None else ns / 1e6


def csv_text(rows: Rows) -> str:
    """The rows as CSV (RFC 4180, with LF): nothing where there is no value, no word that a spreadsheet runs."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(rows.columns)
    writer.writerows([_csv(value) for value in row] for row in rows.rows)
    return out.getvalue()


def _csv(value: Value) -> str | int | float:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value


def by_column(rows: Rows) -> Iterable[tuple[str, Kind, list[Value]]]:
    """Each column with its values."""
    for at, (name, kind) in enumerate(rows.columns.items()):
        yield name, kind, [row[at] for row in rows.rows]

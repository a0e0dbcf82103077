"""Changes to the good run, as a careful forger makes them: everything that is derived is derived again.

So a mutation is found by the rule it is meant for, and not by a digest that no longer fits.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from typing import Any, TypeVar

from kit.documents import (
    AnswerCheck,
    Calibration,
    Cell,
    LoadFacts,
    Metrics,
    Plan,
    Record,
    Result,
    ServerFacts,
    Window,
)
from kit.documents.telemetry import TelemetryFacts, TelemetrySample
from kit.metrics.aggregate import cell_metrics
from kit.metrics.disturbance import disturbances
from kit.metrics.results import make_result
from kit.metrics.telemetry import cell_summary
from kit.storage.archive import pack
from kit.storage.bundle import make_manifest, pack_files
from kit.storage.names import CALIBRATED, CALIBRATION, MANIFEST, TELEMETRY
from kit.storage.telemetry_file import sample_from
from kit.strict import plain, read_json, read_jsonl, record_from, typed, write_json
from tests.support.calibrations import calibration_files
from tests.support.good_bundle import Files, good_files, jsonl

T = TypeVar("T")
Change = Callable[[Files], None]

SERIAL, BATCHED = "r1-c2-llamacpp-serial", "r1-c2-llamacpp-batched"
FIRST, SECOND = "r1-c1-llamacpp-serial", "r1-c1-llamacpp-batched"
CELL_NAMES = (FIRST, SECOND, SERIAL, BATCHED)


def path(cell: str, name: str = "cell.json") -> str:
    return f"cells/{cell}/{name}"


def archive_of(files: Files) -> bytes:
    """A bundle of these files with a manifest that fits them."""
    return pack_files(files).data


def changed(*changes: Change) -> bytes:
    """The good bundle after these changes, with a manifest that fits."""
    return archive_of(changed_files(*changes))


def changed_files(*changes: Change) -> Files:
    files = dict(good_files())
    for change in changes:
        change(files)
    return files


def with_old_manifest(*changes: Change, manifest: Callable[[Any], None] = lambda _: None) -> bytes:
    """The good bundle after these changes to its files, its manifest as it was, or changed by hand."""
    document = plain(make_manifest(good_files()))
    manifest(document)
    return pack({**changed_files(*changes), MANIFEST: write_json(document)})


# --- reading and writing ------------------------------------------------------------------------------------


@cache  # most changes leave the records of most cells as they were
def _metrics(records: bytes, name: str, window: Window, method: int) -> Metrics:
    lines = read_jsonl(records, name)
    return cell_metrics([record_from(value, name) for _, value in lines], window, open_loop=False, method=method)


def read(files: Files, name: str, cls: type[T]) -> T:
    return typed(cls, read_json(files[name], name), name)


def records_of(files: Files, cell: str) -> list[Record]:
    name = path(cell, "records.jsonl")
    return [record_from(value, name) for _, value in read_jsonl(files[name], name)]


def texts_of(files: Files, cell: str) -> list[Any]:
    return [json.loads(line) for line in files[path(cell, "texts.jsonl")].splitlines()]


def raw(name: str, change: Callable[[bytes], bytes]) -> Change:
    """Change the bytes of one file, and nothing else."""

    def apply(files: Files) -> None:
        files[name] = change(files[name])

    return apply


def document(name: str, change: Callable[[Any], None]) -> Change:
    """Change one JSON document in place, whatever comes of it; nothing else follows."""

    def apply(files: Files) -> None:
        value = json.loads(files[name])
        change(value)
        files[name] = write_json(value)

    return apply


def drop(*names: str) -> Change:
    def apply(files: Files) -> None:
        for name in names:
            del files[name]

    return apply


# --- deriving again -----------------------------------------------------------------------------------------


def derive(files: Files) -> None:
    """Make facts, metrics, plan digests and result.json fit the plan, the records and the texts again."""
    plan = read(files, "plan.json", Plan)
    cells = {name: read(files, path(name), Cell) for name in CELL_NAMES if path(name) in files}
    for name, cell in cells.items():
        records, texts = files[path(name, "records.jsonl")], files[path(name, "texts.jsonl")]
        if cell.facts is None or cell.facts.window is None:
            continue
        facts = replace(
            cell.facts,
            requests=records.count(b"\n"),
            records_sha256=sha256(records).hexdigest(),
            texts_sha256=sha256(texts).hexdigest(),
        )
        method = cell.load.method if cell.load else 1
        metrics = _metrics(records, path(name, "records.jsonl"), cell.facts.window, method)
        cells[name] = replace(cell, facts=facts, metrics=metrics if cell.metrics else None)
        cells[name] = replace(cells[name], telemetry=_telemetry(files, cells[name]))
        files[path(name)] = write_json(plain(cells[name]))
    calibration = read(files, CALIBRATION, Calibration) if CALIBRATION in files else None
    result = make_result(plan, sha256(files["plan.json"]).hexdigest(), cells, calibration)
    files["result.json"] = write_json(plain(result))


def _telemetry(files: Files, cell: Cell) -> TelemetryFacts | None:
    """What the samples that are there give; as it is where there are none."""
    data = files.get(path(cell.id, TELEMETRY))
    if cell.telemetry is None or data is None:
        return cell.telemetry
    samples, look = samples_of(files, path(cell.id, TELEMETRY)), samples_of(files, TELEMETRY)
    return replace(
        cell.telemetry,
        samples_sha256=sha256(data).hexdigest(),
        summary=(summary := cell_summary(samples, look, cell.facts, cell.metrics, cell.telemetry.cpus)),
        disturbed=disturbances(summary, cell.telemetry.cpus),
    )


def samples_of(files: Files, name: str) -> list[TelemetrySample]:
    return [sample_from(value, name) for _, value in read_jsonl(files[name], name)] if name in files else []


def in_samples(
    change: Callable[[list[TelemetrySample]], Sequence[TelemetrySample]], cell: str = BATCHED
) -> Change:
    """Change the samples of one cell, and derive the rest again."""

    def apply(files: Files) -> None:
        name = path(cell, TELEMETRY)
        files[name] = jsonl(change(samples_of(files, name)))
        derive(files)

    return apply


def in_telemetry(cell: str = BATCHED, **values: Any) -> Change:
    def change(found: Cell) -> Cell:
        assert found.telemetry is not None
        return replace(found, telemetry=replace(found.telemetry, **values))

    return in_cell(change, cell)


def value_of(name: str, cls: type[T], change: Callable[[T], T]) -> Change:
    """Change one document as a typed value, and derive the rest again."""

    def apply(files: Files) -> None:
        files[name] = write_json(plain(change(read(files, name, cls))))
        derive(files)

    return apply


def in_plan(change: Callable[[Plan], Plan]) -> Change:
    return value_of("plan.json", Plan, change)


def in_calibration(change: Callable[[Calibration], Calibration]) -> Change:
    """Change calibration.json; where its figures are others then, the requests are not kept: they would tell."""

    def apply(files: Files) -> None:
        before = read(files, CALIBRATION, Calibration)
        value_of(CALIBRATION, Calibration, change)(files)
        after = read(files, CALIBRATION, Calibration)
        if (before.points, before.steps) != (after.points, after.steps):
            value_of(CALIBRATION, Calibration, without_records)(files)
            del files[CALIBRATED]

    return apply


def without_records(found: Calibration) -> Calibration:
    """As a kit leaves it that keeps the figures alone."""
    points, steps = ([replace(each, window=None) for each in series] for series in (found.points, found.steps))
    return replace(found, points=tuple(points), steps=tuple(steps), records_sha256=None)


def calibrated_so(made: tuple[Calibration, bytes]) -> Change:
    """Another calibration with its requests, e.g. of `tests.support.calibrations.assembled`."""

    def apply(files: Files) -> None:
        files |= calibration_files(made)
        derive(files)

    return apply


def in_cell(change: Callable[[Cell], Cell], cell: str = BATCHED) -> Change:
    return value_of(path(cell), Cell, change)


def in_facts(cell: str = BATCHED, **values: Any) -> Change:
    def change(found: Cell) -> Cell:
        assert isinstance(found.facts, LoadFacts)
        return replace(found, facts=replace(found.facts, **values))

    return in_cell(change, cell)


def in_server(cell: str = BATCHED, **values: Any) -> Change:
    def change(found: Cell) -> Cell:
        assert isinstance(found.server, ServerFacts)
        return replace(found, server=replace(found.server, **values))

    return in_cell(change, cell)


def in_result(change: Callable[[Result], Result]) -> Change:
    """Change result.json alone; nothing is derived again."""

    def apply(files: Files) -> None:
        files["result.json"] = write_json(plain(change(read(files, "result.json", Result))))

    return apply


def in_records(change: Callable[[list[Record]], Sequence[Record]], cell: str = BATCHED) -> Change:
    """Change the records of one cell, and derive the rest again."""

    def apply(files: Files) -> None:
        files[path(cell, "records.jsonl")] = jsonl(change(records_of(files, cell)))
        derive(files)

    return apply


def in_record(change: Callable[[Record], Record], index: int = 3, cell: str = BATCHED) -> Change:
    """Change one record; by default one in the middle of the window."""
    return in_records(lambda records: [*records[:index], change(records[index]), *records[index + 1 :]], cell)


def record_fields(index: int = 3, cell: str = BATCHED, **values: Any) -> Change:
    return in_record(lambda record: replace(record, **values), index, cell)


def text_of(index: int, text: str, cell: str = BATCHED) -> Change:
    """Give one request another text, with chunks, length and sha256 that fit it."""

    def apply(files: Files) -> None:
        lines = texts_of(files, cell)
        lines[index]["text"] = text
        files[path(cell, "texts.jsonl")] = jsonl(lines)
        in_record(lambda record: _fitting(record, text), index, cell)(files)

    return apply


def _fitting(record: Record, text: str) -> Record:
    stamps = [chunk[0] for chunk in record.chunks]
    chars = [1] * (len(stamps) - 1) + [len(text) - len(stamps) + 1]
    return replace(
        record,
        text_chars=len(text),
        text_sha256=sha256(text.encode()).hexdigest(),
        chunks=tuple((at, count, 0) for at, count in zip(stamps, chars, strict=True)),
    )


def in_checks(change: Callable[[list[AnswerCheck]], Sequence[AnswerCheck]], cell: str = BATCHED) -> Change:
    """Change the correctness answers of one cell."""

    def apply(files: Files) -> None:
        name = path(cell, "correct.jsonl")
        checks = [typed(AnswerCheck, value, name) for _, value in read_jsonl(files[name], name)]
        files[name] = jsonl(change(checks))

    return apply

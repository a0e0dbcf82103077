"""An honest bundle opened for forging, and closed again so that everything that is derived fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from kit.documents import Calibration, Cell, Plan, Record
from kit.metrics.aggregate import cell_metrics
from kit.metrics.results import make_result
from kit.storage.archive import pack, unpack
from kit.storage.bundle import make_manifest
from kit.storage.names import CALIBRATION, CELLS, MANIFEST, PLAN, RESULT
from kit.strict import Json, plain, read_json, read_jsonl, record_from, typed, write_json, write_jsonl_line
from kit.timestamps import utc_ns, utc_text


@dataclass(slots=True)
class Loot:
    """The parts of a bundle that a liar changes, by the id of the cell; `files` are all files.

    `version` is that of the kit that made it.
    """

    version: str
    plan: Plan
    calibration: Calibration
    cells: dict[str, Cell]
    records: dict[str, list[Record]]
    texts: dict[str, list[str]]
    files: dict[str, bytes]


def opened(data: bytes) -> Loot:
    files = unpack(data)
    plan = typed(Plan, read_json(files[PLAN], PLAN), PLAN)
    names = [planned.id for planned in plan.cells]
    return Loot(
        version=plan.kit_version,
        plan=plan,
        calibration=typed(Calibration, read_json(files[CALIBRATION], CALIBRATION), CALIBRATION),
        cells={name: _cell(files, name) for name in names},
        records={name: [record_from(value, name) for value in _lines(files, name, "records")] for name in names},
        texts={name: [_text(value) for value in _lines(files, name, "texts")] for name in names},
        files={name: data for name, data in files.items() if name != MANIFEST},
    )


def _cell(files: dict[str, bytes], name: str) -> Cell:
    where = f"{CELLS}/{name}/cell.json"
    return typed(Cell, read_json(files[where], where), where)


def _lines(files: dict[str, bytes], name: str, kind: str) -> list[Json]:
    where = f"{CELLS}/{name}/{kind}.jsonl"
    return [value for _, value in read_jsonl(files[where], where)]


def _text(value: Json) -> str:
    assert isinstance(value, dict)
    return str(value["text"])


def closed(loot: Loot) -> bytes:
    """A bundle in which all numbers, digests and counters follow from plan, records and texts."""
    files = dict(loot.files)
    files[PLAN] = write_json(plain(loot.plan))
    files[CALIBRATION] = write_json(plain(loot.calibration))
    for name, cell in loot.cells.items():
        records, texts = loot.records[name], loot.texts[name]
        lines = [{"id": record.id, "text": text} for record, text in zip(records, texts, strict=True)]
        files[f"{CELLS}/{name}/records.jsonl"] = _jsonl([plain(record) for record in records])
        files[f"{CELLS}/{name}/texts.jsonl"] = _jsonl(lines)
        loot.cells[name] = _fitted(cell, records, files, name)
        files[f"{CELLS}/{name}/cell.json"] = write_json(plain(loot.cells[name]))
    digest = sha256(files[PLAN]).hexdigest()
    result = make_result(loot.plan, digest, loot.cells, loot.calibration)
    files[RESULT] = write_json(plain(replace(result, kit_version=loot.version)))
    return sealed(files, loot.version)


def sealed(files: Mapping[str, bytes], version: str) -> bytes:
    """The archive of these files, under a manifest that fits."""
    manifest = replace(make_manifest(files), kit_version=version)
    return pack({**files, MANIFEST: write_json(plain(manifest))})


def _jsonl(lines: Sequence[object]) -> bytes:
    return b"".join(write_jsonl_line(line) for line in lines)


def _fitted(cell: Cell, records: Sequence[Record], files: dict[str, bytes], name: str) -> Cell:
    facts, server = cell.facts, cell.server
    assert facts is not None
    assert server is not None
    before = server.counters_before or {}
    made = sum(each.completion_tokens or 0 for each in records)
    asked = sum(each.prompt_tokens or 0 for each in records)
    after = {
        "prompt_tokens": before.get("prompt_tokens", 0) + asked,
        "completion_tokens": before.get("completion_tokens", 0) + made,
    }
    facts = replace(
        facts,
        requests=len(records),
        records_sha256=sha256(files[f"{CELLS}/{name}/records.jsonl"]).hexdigest(),
        texts_sha256=sha256(files[f"{CELLS}/{name}/texts.jsonl"]).hexdigest(),
    )
    method = cell.load.method if cell.load else 1
    assert facts.window is not None
    metrics = cell_metrics(records, facts.window, open_loop=False, method=method)
    return replace(cell, facts=facts, metrics=metrics, server=replace(server, counters_after=after))


def mapped(loot: Loot, change: Callable[[str, list[Record]], list[Record]]) -> None:
    """Change the records of every cell."""
    for name, records in loot.records.items():
        loot.records[name] = change(name, records)


def retimed(record: Record, to: Callable[[int], int]) -> Record:
    """The record with all its stamps put through a function."""

    def at(value: int | None) -> int | None:
        return None if value is None else to(value)

    return replace(
        record,
        intended_ns=to(record.intended_ns),
        connect_ns=at(record.connect_ns),
        sent_ns=at(record.sent_ns),
        headers_ns=at(record.headers_ns),
        first_event_ns=at(record.first_event_ns),
        done_ns=to(record.done_ns),
        chunks=tuple((to(chunk[0]), *chunk[1:]) for chunk in record.chunks),
    )


def moved(text: str, to: Callable[[int], int]) -> str:
    return utc_text(to(utc_ns(text)))


def lengthened(loot: Loot, name: str, over_ns: int) -> None:
    """Let the load of a cell end at another time, and move everything after it."""
    facts = loot.cells[name].facts
    assert facts is not None
    more = over_ns - facts.duration_ns
    place = {planned.id: planned.order for planned in loot.plan.cells}
    for other in sorted(loot.cells, key=place.__getitem__):
        if place[other] > place[name]:
            loot.cells[other] = later(loot.cells[other], more)
    loot.cells[name] = _longer(loot.cells[name], more)


def later(cell: Cell, by_ns: int) -> Cell:
    """The cell at another time of day, on both clocks."""

    def to(at_ns: int) -> int:
        return at_ns + by_ns

    facts, server = cell.facts, cell.server
    assert facts is not None
    assert server is not None
    return replace(
        cell,
        started_utc=moved(cell.started_utc, to),
        ended_utc=moved(cell.ended_utc, to),
        facts=replace(
            facts,
            origin_utc=moved(facts.origin_utc, to),
            ended_utc=moved(facts.ended_utc, to),
            origin_ns=to(facts.origin_ns),
        ),
        server=replace(
            server,
            started_utc=moved(server.started_utc, to),
            stopped_utc=moved(server.stopped_utc or cell.ended_utc, to),
        ),
    )


def _longer(cell: Cell, by_ns: int) -> Cell:
    whole = later(cell, by_ns)
    facts, server = cell.facts, cell.server
    assert facts is not None
    assert server is not None
    assert whole.facts is not None
    assert whole.server is not None
    end = [phase.name for phase in cell.phases].index("window")
    phases = tuple(
        replace(
            phase,
            started_ns=phase.started_ns + by_ns * (at > end),
            ended_ns=phase.ended_ns + by_ns * (at >= end),
        )
        for at, phase in enumerate(cell.phases)
    )
    return replace(
        cell,
        ended_utc=whole.ended_utc,
        duration_ns=cell.duration_ns + by_ns,
        phases=phases,
        facts=replace(facts, ended_utc=whole.facts.ended_utc, duration_ns=facts.duration_ns + by_ns),
        server=replace(server, stopped_utc=whole.server.stopped_utc),
    )

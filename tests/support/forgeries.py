"""Changes to the good run that take more than a line; `mutations` says which rule finds each."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from kit.documents import AnswerCheck, Calibration, Cell, CellFailure, FoundServer, Plan, Record, TextPin
from kit.documents.telemetry import TelemetrySample
from kit.metrics.accuracy import proven
from kit.plan.correctness import load_suite
from kit.timestamps import utc_ns, utc_text
from tests.support.forge import (
    BATCHED,
    Change,
    derive,
    document,
    drop,
    in_calibration,
    in_cell,
    in_checks,
    in_plan,
    path,
    read,
    text_of,
    texts_of,
)
from tests.support.good_bundle import Files, good_plan

RECORDS, TEXTS, ANSWERS = (path(BATCHED, name) for name in ("records.jsonl", "texts.jsonl", "correct.jsonl"))
SAMPLES = path(BATCHED, "telemetry.jsonl")
OTHER = "ab" * 32
MS = 1_000_000


def put_at(*steps: Any, to: object) -> Callable[[Any], None]:
    """Set the value at a path of a JSON document."""

    def change(value: Any) -> None:
        for step in steps[:-1]:
            value = value[step]
        value[steps[-1]] = to

    return change


def shifted(cell: Cell, by_ns: int) -> Cell:
    """The cell with all its real times moved."""

    def moved(text: str) -> str:
        return utc_text(utc_ns(text) + by_ns)

    assert cell.facts
    assert cell.server
    assert cell.server.stopped_utc
    facts, server = cell.facts, cell.server
    return replace(
        cell,
        started_utc=moved(cell.started_utc),
        ended_utc=moved(cell.ended_utc),
        facts=replace(facts, origin_utc=moved(facts.origin_utc), ended_utc=moved(facts.ended_utc)),
        server=replace(server, started_utc=moved(server.started_utc), stopped_utc=moved(cell.server.stopped_utc)),
    )


def headline(files: Files) -> None:
    """Raise a throughput in cell.json and let result.json follow it."""
    document(path(BATCHED), put_at("metrics", "throughput_tok_s", to=9999.5))(files)
    cells = json.loads(files["result.json"])
    cells["cells"][3]["metrics"]["throughput_tok_s"] = 9999.5
    cells["rows"][3]["spreads"]["throughput_tok_s"]["median"] = 9999.5
    files["result.json"] = json.dumps(cells, sort_keys=True, indent=1, ensure_ascii=False).encode() + b"\n"


def leave_out_cell(files: Files) -> None:
    drop(path(BATCHED), RECORDS, TEXTS, ANSWERS, SAMPLES)(files)
    derive(files)


def same_text(files: Files) -> None:
    text_of(4, str(texts_of(files, BATCHED)[3]["text"]))(files)


def blank_start(files: Files) -> None:
    text_of(4, "\u200b" + str(texts_of(files, BATCHED)[4]["text"])[1:])(files)


def late(records: list[Record]) -> list[Record]:
    """Every request leaves only when its answer is about to begin: hides the queue, and idles the workers."""
    return [replace(record, sent_ns=record.headers_ns or record.sent_ns) for record in records]


def drop_slow(records: list[Record]) -> list[Record]:
    """Take out the slowest request and number the others anew."""
    slow = max(records[:-2], key=lambda record: record.done_ns - record.intended_ns)
    kept = [record for record in records if record is not slow]
    return [replace(record, id=at) for at, record in enumerate(kept)]


def earlier_chunk(record: Record) -> Record:
    assert record.sent_ns is not None
    (_, chars, channel), *rest = record.chunks
    return replace(record, chunks=((record.sent_ns - 5_000_000, chars, channel), *rest))


def swapped_entries(plan: Plan) -> Plan:
    return replace(plan, cells=(plan.cells[1], plan.cells[0], *plan.cells[2:]))


def other_variant(plan: Plan) -> Plan:
    return replace(plan, entries=(replace(plan.entries[0], variant="cuda"), *plan.entries[1:]))


def without_setting(plan: Plan) -> Plan:
    return replace(plan, entries=(replace(plan.entries[0], settings={"slots": 1}), *plan.entries[1:]))


def many_replicates(plan: Plan) -> Plan:
    return replace(plan, workload=replace(plan.workload, replicates=1000))


def already_running(files: Files) -> None:
    """The first server was there before, in the plan and in each of its cells."""
    url = "http://127.0.0.1:8080"

    def planned(plan: Plan) -> Plan:
        first = replace(plan.entries[0], runtime="server", variant="running", settings={}, url=url)
        return replace(plan, entries=(first, *plan.entries[1:]))

    def measured(cell: Cell) -> Cell:
        assert cell.load
        load = replace(cell.load, url=url)
        return replace(cell, runtime="server", variant="running", server=None, found=FoundServer(), load=load)

    entry = read(files, "plan.json", Plan).entries[0].name
    for planned_cell in read(files, "plan.json", Plan).cells:
        if planned_cell.entry == entry:
            in_cell(measured, planned_cell.id)(files)
    in_plan(planned)(files)


def in_load(**values: Any) -> Change:
    def change(cell: Cell) -> Cell:
        assert cell.load
        return replace(cell, load=replace(cell.load, **values))

    return in_cell(change)


def model(**values: Any) -> Change:
    return in_plan(lambda plan: replace(plan, model=replace(plan.model, **values)))


def prompts(**values: Any) -> Change:
    return in_plan(lambda plan: replace(plan, prompts=replace(plan.prompts, **values)))


def unjudged(files: Files) -> None:
    """The run asked only for any text before its loads, and got some."""
    suite = load_suite("correctness-bare", "any")
    pin = TextPin(suite.suite, suite.sha256, len(suite.tests))
    in_plan(lambda plan: replace(plan, correctness=pin, correctness_level=suite.level))(files)
    for planned in good_plan().cells:
        in_checks(partial(_any_answers, planned.concurrency), planned.id)(files)


def _any_answers(concurrency: int, _: list[AnswerCheck]) -> list[AnswerCheck]:
    rounds: list[tuple[Literal["single", "concurrent"], int]] = [("single", 0)]
    if concurrency > 1:
        rounds += [("concurrent", copy) for copy in range(concurrency)]
    return [AnswerCheck(name, "something", copy, True, "wug wug", "") for name, copy in rounds]


def no_failure(cell: Cell) -> Cell:
    return replace(cell, status="failed")


def measured_with_failure(cell: Cell) -> Cell:
    return replace(cell, failure=CellFailure("window", "ServerDied", "It died."))


def backwards(manifest: Any) -> None:
    manifest["files"].reverse()


def uncalibrated(files: Files) -> None:
    """A run with --no-calibrate, honest about it."""
    drop("calibration.json", "calibration.jsonl")(files)
    in_plan(lambda plan: replace(plan, calibrate=False))(files)


def in_point(**values: Any) -> Change:
    """Change the first point of the calibration."""
    return in_calibration(
        lambda found: replace(found, points=(replace(found.points[0], **values), *found.points[1:]))
    )


def in_step(**values: Any) -> Change:
    """Change the first step of its search."""
    return in_calibration(
        lambda found: replace(found, steps=(replace(found.steps[0], **values), *found.steps[1:]))
    )


def slow_machine(found: Calibration) -> Calibration:
    """The same calibration, proven to a hundredth of its tokens per second."""
    points = tuple(replace(point, tok_s=point.tok_s / 100) for point in found.points)
    steps = tuple(replace(point, tok_s=point.tok_s / 100) for point in found.steps)
    return replace(found, points=points, steps=steps, ceiling=proven((*points, *steps)))


def worse_gaps(found: Calibration) -> Calibration:
    """A gap error above the limit, and the point said to hold all the same."""
    first = found.points[0]
    spread = replace(first.accuracy.gap_error_ms, p99=1.5, max=1.5)
    points = (replace(first, accuracy=replace(first.accuracy, gap_error_ms=spread)), *found.points[1:])
    return replace(found, points=points)


def without_requests(found: Calibration) -> Calibration:
    """The figures of the first point as they are, with one digit more."""
    first = found.points[0]
    return replace(found, points=(replace(first, tok_s=first.tok_s + 0.001), *found.points[1:]))


def unnamed(found: Calibration) -> Calibration:
    return replace(found, records_sha256=None)


def longer_window(found: Calibration) -> Calibration:
    first = found.points[0]
    assert first.window is not None
    window = replace(first.window, end_ns=first.window.end_ns + MS)
    return replace(found, points=(replace(first, window=window), *found.points[1:]))


def without_last(data: bytes) -> bytes:
    """Without the last line."""
    return data[: data.rstrip(b"\n").rfind(b"\n") + 1]


def higher_ceiling(found: Calibration) -> Calibration:
    assert found.ceiling
    return replace(found, ceiling=replace(found.ceiling, tok_s=99_999.0))


def lost_day_before(found: Calibration) -> Calibration:
    return replace(found, started_utc="2026-02-30" + found.started_utc[10:])


def tried_until_it_held(found: Calibration) -> Calibration:
    return replace(found, points=(found.points[0], *found.points))


says_complete = document("result.json", put_at("complete", to=True))
one_bit = document(path(BATCHED), put_at("metrics", "ttft_ms", "mean", to=9.300000000000002))
better_row = document("result.json", put_at("rows", 3, "spreads", "ttft_ms.p50", "median", to=1.5))


def unanswered(cell: Cell) -> Cell:
    return replace(cell, phases=cell.phases[:2] + cell.phases[3:])


def doubled(record: Record) -> Record:
    return replace(record, chunk_tokens=(2,) * len(record.chunks))


def unseen(record: Record) -> Record:
    return replace(record, untimed_tokens=record.completion_tokens)


def one_more(record: Record) -> Record:
    return replace(record, completion_tokens=record.max_tokens + 1)


def lost_day(cell: Cell) -> Cell:
    return replace(cell, started_utc="2026-02-30" + cell.started_utc[10:])


def other_prompt(record: Record) -> Record:
    return replace(record, prompt=(record.prompt + 1) % good_plan().prompts.count)


def without_last_line(data: bytes) -> bytes:
    return data[: data[:-1].rindex(b"\n") + 1]


def without_telemetry(files: Files) -> None:
    """The cell says nothing of it, and the file is gone."""
    del files[SAMPLES]
    in_cell(lambda cell: replace(cell, telemetry=None))(files)


def stretched(samples: list[TelemetrySample]) -> list[TelemetrySample]:
    """From the fourth on two seconds later, as after a sampler that had to wait."""
    late = [replace(each, at_ns=each.at_ns + 2000 * MS, real_ns=each.real_ns + 2000 * MS) for each in samples[4:]]
    return [*samples[:4], *late]


def idle_server(samples: list[TelemetrySample]) -> list[TelemetrySample]:
    return [replace(each, server_ns=samples[0].server_ns) for each in samples]


def busier(samples: list[TelemetrySample]) -> list[TelemetrySample]:
    """Twenty CPUs' worth, on four."""
    return [replace(each, busy_ns=20 * (each.at_ns - samples[0].at_ns)) for each in samples]


def backing(samples: list[TelemetrySample]) -> list[TelemetrySample]:
    """For one sample the machine had not worked yet."""
    return [*samples[:4], replace(samples[4], busy_ns=0), *samples[5:]]


def another_day(samples: list[TelemetrySample]) -> list[TelemetrySample]:
    return [replace(each, at_ns=each.at_ns + 10**14) for each in samples]


quieter = document(path(BATCHED), put_at("telemetry", "summary", "other_share", to=0.0))


def stranger(files: Files) -> None:
    files["run.sh"] = b""


def first_method(plan: Plan) -> Plan:
    return replace(plan, method=1)


def older_rules(plan: Plan) -> Plan:
    """The rules of before for the numbers, in a plan of a later kit."""
    return replace(plan, method=1, kit_version="0.2.0")


def older_rules_and_memory(plan: Plan) -> Plan:
    return replace(plan, method=1, server_memory_bytes=2**30)

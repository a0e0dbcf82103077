"""For each rule of `kit.verify`, ways to break a good bundle that this rule must find."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from forge import (
    BATCHED,
    FIRST,
    SECOND,
    SERIAL,
    Change,
    archive_of,
    changed,
    changed_files,
    derive,
    document,
    drop,
    in_cell,
    in_checks,
    in_facts,
    in_plan,
    in_record,
    in_records,
    in_result,
    in_server,
    path,
    raw,
    record_fields,
    text_of,
    texts_of,
    value_of,
    with_old_manifest,
)
from good_bundle import Files, good_bundle, good_plan

from kit.instant import utc_ns, utc_text
from kit.model import Cell, CellFailure, Host, Plan, Record, Window


@dataclass(frozen=True, slots=True)
class Mutation:
    """A bad bundle: the rule that must find it, what was done, and how to make it."""

    rule: str
    what: str
    make: Callable[[], bytes]


def _m(rule: str, what: str, *changes: Change) -> Mutation:
    return Mutation(rule, what, lambda: changed(*changes))


# --- changes that take more than a line -----------------------------------------------------------------------


def _set(*steps: Any, to: object) -> Callable[[Any], None]:
    """Set the value at a path of a JSON document."""

    def change(value: Any) -> None:
        for step in steps[:-1]:
            value = value[step]
        value[steps[-1]] = to

    return change


def _shifted(cell: Cell, by_ns: int) -> Cell:
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
        server=replace(
            server, started_utc=moved(server.started_utc), stopped_utc=moved(cell.server.stopped_utc)
        ),
    )


def _headline(files: Files) -> None:
    """Raise a throughput in cell.json and let result.json follow it."""
    document(path(BATCHED), _set("metrics", "throughput_tok_s", to=9999.5))(files)
    kept = files[path(BATCHED)]
    cells = json.loads(files["result.json"])
    cells["cells"][3]["metrics"]["throughput_tok_s"] = 9999.5
    cells["rows"][3]["spreads"]["throughput_tok_s"]["median"] = 9999.5
    files["result.json"] = json.dumps(cells, sort_keys=True, indent=1, ensure_ascii=False).encode() + b"\n"
    assert files[path(BATCHED)] == kept


def _leave_out_cell(files: Files) -> None:
    drop(*(path(BATCHED, name) for name in ("cell.json", "records.jsonl", "texts.jsonl", "correct.jsonl")))(files)
    derive(files)


def _same_text(files: Files) -> None:
    text_of(4, str(texts_of(files, BATCHED)[3]["text"]))(files)


def _blank_start(files: Files) -> None:
    text_of(4, "\u200b" + str(texts_of(files, BATCHED)[4]["text"])[1:])(files)


def _late(records: list[Record]) -> list[Record]:
    """Every request leaves only when its answer is about to begin: hides the queue, and idles the workers."""
    return [replace(record, sent_ns=record.headers_ns or record.sent_ns) for record in records]


def _drop_slow(records: list[Record]) -> list[Record]:
    """Take out the slowest request and number the others anew."""
    slow = max(records[:-2], key=lambda record: record.done_ns - record.intended_ns)
    kept = [record for record in records if record is not slow]
    return [replace(record, id=at) for at, record in enumerate(kept)]


def _earlier_chunk(record: Record) -> Record:
    assert record.sent_ns is not None
    (_, chars, channel), *rest = record.chunks
    return replace(record, chunks=((record.sent_ns - 5_000_000, chars, channel), *rest))


def _swapped_entries(plan: Plan) -> Plan:
    return replace(plan, cells=(plan.cells[1], plan.cells[0], *plan.cells[2:]))


def _other_variant(plan: Plan) -> Plan:
    return replace(plan, entries=(replace(plan.entries[0], variant="cuda"), *plan.entries[1:]))


def _without_setting(plan: Plan) -> Plan:
    return replace(plan, entries=(replace(plan.entries[0], settings={"slots": 1}), *plan.entries[1:]))


def _many_replicates(plan: Plan) -> Plan:
    return replace(plan, workload=replace(plan.workload, replicates=1000))


def _in_load(**values: Any) -> Change:
    def change(cell: Cell) -> Cell:
        assert cell.load
        return replace(cell, load=replace(cell.load, **values))

    return in_cell(change)


def _model(**values: Any) -> Change:
    return in_plan(lambda plan: replace(plan, model=replace(plan.model, **values)))


def _prompts(**values: Any) -> Change:
    return in_plan(lambda plan: replace(plan, prompts=replace(plan.prompts, **values)))


def _cut_records(cell: Cell) -> Cell:
    assert cell.facts
    return replace(cell, facts=replace(cell.facts, requests=cell.facts.requests + 1))


def _no_failure(cell: Cell) -> Cell:
    return replace(cell, status="failed")


def _measured_with_failure(cell: Cell) -> Cell:
    return replace(cell, failure=CellFailure("window", "ServerDied", "It died."))


def _backwards_manifest(manifest: Any) -> None:
    manifest["files"].reverse()


OTHER = "ab" * 32
MS = 1_000_000

MUTATIONS: tuple[Mutation, ...] = (
    Mutation("archive.canonical", "a byte after the end", lambda: good_bundle() + b"\0"),
    Mutation("archive.canonical", "cut short", lambda: good_bundle()[:-9]),
    Mutation("archive.canonical", "no archive at all", lambda: b"<html>"),
    Mutation("archive.manifest", "a file changed", lambda: with_old_manifest(raw("host.json", lambda b: b + b" "))),
    Mutation("archive.manifest", "a file gone", lambda: with_old_manifest(drop(path(FIRST, "texts.jsonl")))),
    Mutation("archive.manifest", "listed backwards", lambda: with_old_manifest(manifest=_backwards_manifest)),
    Mutation("archive.manifest", "wrong kind", lambda: with_old_manifest(manifest=_set("files", 0, "kind", to="log"))),
    Mutation("archive.manifest", "wrong size", lambda: with_old_manifest(manifest=_set("files", 0, "bytes", to=1))),
    Mutation("files.expected", "a stranger among the files", lambda: archive_of({**changed_files(), "run.sh": b""})),
    _m("files.expected", "no host.json", drop("host.json")),
    _m("files.expected", "no records of a measured cell", drop(path(BATCHED, "records.jsonl"))),
    _m("files.expected", "no answers of a measured cell", drop(path(BATCHED, "correct.jsonl"))),
    _m("files.expected", "no cell.json", drop(path(BATCHED))),
    _m("json.strict", "a key twice", raw("host.json", lambda b: b.replace(b"{", b'{"cpus": 9,', 1))),
    _m("json.strict", "not a number", raw("host.json", lambda b: b.replace(b'"cpus": 4', b'"cpus": NaN'))),
    _m("json.strict", "no last line feed", raw(path(BATCHED, "texts.jsonl"), lambda b: b[:-1])),
    _m("json.canonical", "spaces", raw("host.json", lambda b: b.replace(b": ", b":  "))),
    _m("json.canonical", "a line with spaces", raw(path(BATCHED, "correct.jsonl"), lambda b: b.replace(b"{", b"{ ", 1))),
    _m("schema.valid", "an unknown key", document("host.json", _set("hostname", to="mine"))),
    _m("schema.valid", "a wrong type", document("host.json", _set("cpus", to="4"))),
    _m("schema.valid", "a bad record", raw(path(BATCHED, "records.jsonl"), lambda b: b.replace(b'"ok"', b'"fine"', 1))),
    _m("schema.valid", "another schema version", document("plan.json", _set("schema", to="kit/plan/0"))),
    _m("plan.consistent", "cells in another order", in_plan(_swapped_entries)),
    _m("plan.consistent", "an unknown variant", in_plan(_other_variant)),
    _m("plan.consistent", "a setting left to the server", in_plan(_without_setting)),
    _m("plan.consistent", "cells left out", in_plan(lambda plan: replace(plan, cells=plan.cells[:3]))),
    _m("plan.consistent", "more replicates than cells", in_plan(_many_replicates)),
    _m("plan.texts", "other prompts", _prompts(sha256=OTHER)),
    _m("plan.texts", "a prompt set that is a suite", _prompts(name="correctness")),
    _m("plan.texts", "more prompts than memory holds", _prompts(count=10**15)),
    _m("plan.texts", "an unknown level", in_plan(lambda plan: replace(plan, correctness_level="none"))),
    _m("plan.digest", "another plan", in_result(lambda result: replace(result, plan_sha256=OTHER))),
    Mutation("plan.digest", "in the manifest", lambda: with_old_manifest(manifest=_set("plan_sha256", to=OTHER))),
    _m("cell.identity", "another replicate", in_cell(lambda cell: replace(cell, replicate=2))),
    _m("cell.identity", "another runtime", in_cell(lambda cell: replace(cell, runtime="vllm"))),
    _m("cell.identity", "another seed", _in_load(seed=7)),
    _m("cell.identity", "the end not ignored", _in_load(extra_body={})),
    _m("cell.identity", "a shorter warm-up", _in_load(warmup_ns=MS)),
    _m("cell.identity", "a password in the URL", _in_load(url="http://me:secret@127.0.0.1:1")),
    _m("cell.status", "failed without a reason", in_cell(_no_failure)),
    _m("cell.status", "measured with a failure", in_cell(_measured_with_failure)),
    _m("cell.status", "measured without a server", in_cell(lambda cell: replace(cell, server=None))),
    _m("cell.status", "measured without metrics", in_cell(lambda cell: replace(cell, metrics=None))),
    _m("cell.status", "measured though interrupted", in_facts(interrupted=True)),
    _m("run.complete", "a cell left out", _leave_out_cell),
    _m("model.pinned", "another model in plan and servers", _model(sha256=OTHER)),
    _m("model.pinned", "an unknown model", _model(name="gpt")),
    _m("model.pinned", "another file in one server", in_server(model_sha256=OTHER)),
    _m("model.confirmed", "not confirmed", _model(confirmed=False)),
    _m("host.present", "more CPUs used than there are", value_of("host.json", Host, lambda h: replace(h, cpus=1))),
    _m("kit.version", "an older kit", in_plan(lambda plan: replace(plan, kit_version="0.0.1"))),
    _m("metrics.recomputed", "a better throughput", _headline),
    _m("metrics.recomputed", "one bit", document(path(BATCHED), _set("metrics", "ttft_ms", "mean", to=9.300000000000002))),
    _m("metrics.result", "a better row", document("result.json", _set("rows", 3, "spreads", "ttft_ms.p50", "median", to=1.5))),
    _m("metrics.result", "complete, it says", _leave_out_cell, document("result.json", _set("complete", to=True))),
    _m("records.complete", "a request taken out", in_records(lambda records: records[:3] + records[4:])),
    _m("records.complete", "two requests exchanged", in_records(lambda r: [*r[:3], r[4], r[3], *r[5:]])),
    _m("records.complete", "other records", raw(path(BATCHED, "records.jsonl"), lambda b: b.replace(b'"m"', b'"n"', 1))),
    Mutation("records.complete", "fewer than sent", lambda: changed(document(path(BATCHED), _set("facts", "requests", to=99)))),
    _m("records.outcome", "ok with status 500", record_fields(status=500)),
    _m("records.outcome", "failed without an error", record_fields(outcome="failed")),
    _m("records.outcome", "ok with an error", record_fields(error="empty")),
    _m("records.outcome", "ok without its end", record_fields(done_seen=False)),
    _m("records.outcome", "ok without text", record_fields(chunks=(), completion_tokens=None, outcome="ok")),
    _m("records.accounting", "a slow one called unfinished", record_fields(outcome="unfinished")),
    _m("time.monotonic", "a chunk before the request", in_record(_earlier_chunk)),
    _m("time.monotonic", "done before the last chunk", in_record(lambda r: replace(r, done_ns=r.done_ns - MS))),
    _m("time.monotonic", "a clock of seconds", in_facts(clock_resolution_ns=10**9)),
    _m("time.window", "moved", in_facts(window=Window(300 * MS, 900 * MS))),
    _m("time.window", "longer than the load", in_facts(duration_ns=700 * MS)),
    _m("time.clock", "a cell too long", in_cell(lambda c: replace(c, duration_ns=2 * c.duration_ns))),
    _m("time.clock", "a load scaled down", in_facts(duration_ns=810 * MS)),
    _m("time.clock", "a day that does not exist", in_cell(lambda c: replace(c, started_utc="2026-02-30" + c.started_utc[10:]))),
    _m("time.clock", "never stopped", in_server(stopped_utc=None)),
    _m("time.one_at_a_time", "two servers", in_server(SECOND, started_utc=utc_text(utc_ns("2026-11-01T00:00:00.000000Z")))),
    _m("time.order", "the first cell last", in_cell(lambda cell: _shifted(cell, 10**11), FIRST)),
    _m("time.phases", "load before the answers", in_cell(lambda c: replace(c, phases=c.phases[:2] + c.phases[3:]))),
    _m("time.phases", "backwards", in_cell(lambda c: replace(c, phases=c.phases[::-1]))),
    _m("load.schedule", "another salt", record_fields(salt="0" * 16)),
    _m("load.schedule", "another prompt", in_record(lambda r: replace(r, prompt=(r.prompt + 1) % good_plan().prompts.count))),
    _m("load.schedule", "the slowest request taken out", in_records(_drop_slow)),
    _m("load.concurrency", "a worker too many", record_fields(worker=2)),
    _m("load.concurrency", "two requests at once", in_record(lambda r: replace(r, worker=1 - r.worker))),
    _m("load.busy", "requests sent late", in_records(_late, SERIAL)),
    _m("load.closed_loop", "meant for later", in_record(lambda r: replace(r, intended_ns=r.intended_ns + 20_000))),
    _m("load.closed_loop", "not from the start", record_fields(0, intended_ns=1)),
    _m("load.lag", "requests sent late", in_records(_late, SERIAL)),
    _m("tokens.chunks", "counts that do not add up", in_record(lambda r: replace(r, chunk_tokens=(2,) * len(r.chunks)))),
    _m("tokens.chunks", "more chunks than tokens", record_fields(completion_tokens=2)),
    _m("tokens.limit", "more tokens than allowed", in_record(lambda r: replace(r, completion_tokens=r.max_tokens + 1))),
    _m("tokens.finish", "stopped at the limit", record_fields(finish_reason="stop")),
    _m("tokens.source", "counted by itself", record_fields(token_source="timings")),
    _m("tokens.first", "a first chunk that shows nothing", _blank_start),
    _m("text.texts", "another text", raw(path(BATCHED, "texts.jsonl"), lambda b: b.replace(b'"text":" ', b'"text":" x', 1)), derive),
    _m("text.texts", "a text taken out", raw(path(BATCHED, "texts.jsonl"), lambda b: b[: b[:-1].rindex(b"\n") + 1]), derive),
    _m("text.duplicates", "one answer for two requests", _same_text),
    _m("correct.passed", "a wrong answer", in_checks(lambda c: [replace(c[0], answer="5"), *c[1:]])),
    _m("correct.passed", "a test left out", in_checks(lambda c: c[1:])),
    _m("correct.passed", "only asked alone", in_checks(lambda c: [each for each in c if each.round == "single"])),
    _m("correct.passed", "failed, it says itself", in_checks(lambda c: [replace(c[0], passed=False), *c[1:]])),
    _m("evidence.server", "counted less", in_server(counters_after={"completion_tokens": 91})),
    _m("evidence.server", "no counters", in_server(counters_before=None)),
    _m("evidence.model", "another model answered", record_fields(model="gpt")),
)  # fmt: skip

"""For each rule of `kit.verify`, ways to break a good bundle that this rule must find."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kit.documents import Calibration, Cell, CellFailure, Host, Record, Slo, Window
from kit.metrics.clocks import CLOCK_SET
from kit.verify.known import known_model
from tests.support.closed_holes import CLOSED, of_kit
from tests.support.forge import (
    BATCHED,
    CELL_NAMES,
    FIRST,
    SECOND,
    SERIAL,
    Change,
    changed,
    derive,
    document,
    drop,
    in_calibration,
    in_cell,
    in_checks,
    in_facts,
    in_plan,
    in_record,
    in_records,
    in_result,
    in_samples,
    in_server,
    in_telemetry,
    path,
    raw,
    record_fields,
    value_of,
    with_old_manifest,
)
from tests.support.forgeries import (
    ANSWERS,
    MS,
    OTHER,
    RECORDS,
    SAMPLES,
    TEXTS,
    already_running,
    another_day,
    backing,
    backwards,
    better_row,
    blank_start,
    busier,
    doubled,
    drop_slow,
    earlier_chunk,
    first_method,
    headline,
    higher_ceiling,
    idle_server,
    in_load,
    in_point,
    in_step,
    late,
    leave_out_cell,
    longer_window,
    lost_day,
    lost_day_before,
    many_replicates,
    measured_with_failure,
    model,
    no_failure,
    older_rules,
    older_rules_and_memory,
    one_bit,
    one_more,
    other_prompt,
    other_variant,
    prompts,
    put_at,
    quieter,
    same_text,
    says_complete,
    shifted,
    slow_machine,
    stranger,
    stretched,
    swapped_entries,
    tried_until_it_held,
    unanswered,
    uncalibrated,
    unjudged,
    unnamed,
    unseen,
    without_last,
    without_last_line,
    without_requests,
    without_setting,
    without_telemetry,
    worse_gaps,
)
from tests.support.good_attempts import ended_so, moved, tried_changed, without_attempt
from tests.support.good_bundle import Files, good_bundle
from tests.support.good_clients import OF_CLIENTS
from tests.support.good_containers import (
    LAST,
    LLAMACPP,
    VLLM,
    command_of,
    containers_changed,
    in_container,
    in_image_pins,
    in_labels,
    in_server_of,
    process_in_a_container,
    time_in,
    with_command,
    with_environment,
    with_word,
    without_input,
)
from tests.support.good_deciding import decided_bundle, with_rule
from tests.support.good_evaluation import EVALUATED
from tests.support.good_searching import CALLED, NOT_CALLED, searched_bundle, with_search
from tests.support.good_sessions import Judged, changed_sessions, in_turn, other_answer, turn_fields
from tests.support.good_shapes import SHAPELY
from tests.support.good_witness import WITNESS_MUTATIONS
from tests.support.lies import alike_replicates, crossed, finely_rounded, lie, sped_up, told
from tests.support.outside_bundles import with_runtime
from tests.support.programs import PIN, of_programs


def seven(files: Files) -> None:
    """Sold as the 7B model of the catalogue, whose weights are 48 times those of the good run."""
    entry = known_model("qwen2.5-coder-7b-instruct-q4_k_m")
    assert entry is not None
    same = {"name": entry.name, "file": entry.file, "sha256": entry.sha256, "bytes": entry.bytes}
    model(**same, confirmed=False)(files)
    for cell in CELL_NAMES:
        in_server(cell, model_sha256=entry.sha256)(files)


@dataclass(frozen=True, slots=True)
class Mutation:
    """A bad bundle: the rule that must find it, what was done, and how to make it."""

    rule: str
    what: str
    make: Callable[[], bytes]


def slowed(records: list[Record]) -> list[Record]:
    """The requests in the middle of the window with a quarter of their chunks; their texts are the same."""
    found = []
    for record in records:
        if record.sent_ns is not None and record.outcome == "ok" and 330 * MS <= record.sent_ns < 600 * MS:
            groups = [record.chunks[at : at + 4] for at in range(0, len(record.chunks), 4)]
            chunks = tuple((group[-1][0], sum(chunk[1] for chunk in group), group[-1][2]) for group in groups)
            record = replace(record, chunks=chunks)
        found.append(record)
    return found


def set_forward(cell: Cell) -> Cell:
    """It failed for its clock, and says so."""
    return replace(cell, status="failed", failure=CellFailure("stop", CLOCK_SET, "The clock was set."))


def _m(rule: str, what: str, *changes: Change) -> Mutation:
    """Files changed, under a manifest that fits."""
    return Mutation(rule, what, lambda: changed(*changes))


def _old(rule: str, what: str, *changes: Change, manifest: Callable[[Any], None] = lambda _: None) -> Mutation:
    """Files changed under the old manifest, or that changed."""
    return Mutation(rule, what, lambda: with_old_manifest(*changes, manifest=manifest))


def _s(rule: str, what: str, change: Callable[[Sequence[Judged]], Sequence[Judged]]) -> Mutation:
    """The run of sessions with other records and texts, under a manifest that fits."""
    return Mutation(rule, what, lambda: changed_sessions(change))


def _c(rule: str, what: str, *changes: Change) -> Mutation:
    """The good run in containers changed, under a manifest that fits."""
    return Mutation(rule, what, lambda: containers_changed(*changes))


def _a(rule: str, what: str, *changes: Change) -> Mutation:
    """The run with attempts changed, under a manifest that fits."""
    return Mutation(rule, what, lambda: tried_changed(*changes))


def _sub(name: str, old: bytes, new: bytes) -> Change:
    """Replace the first such bytes of a file."""
    return raw(name, lambda data: data.replace(old, new, 1))


MUTATIONS: tuple[Mutation, ...] = (
    Mutation("archive.canonical", "a byte after the end", lambda: good_bundle() + b"\0"),
    Mutation("archive.canonical", "cut short", lambda: good_bundle()[:-9]),
    Mutation("archive.canonical", "no archive at all", lambda: b"<html>"),
    _old("archive.manifest", "a file changed", _sub("host.json", b"{", b"{ ")),
    _old("archive.manifest", "a file gone", drop(path(FIRST, "texts.jsonl"))),
    _old("archive.manifest", "listed backwards", manifest=backwards),
    _old("archive.manifest", "wrong kind", manifest=put_at("files", 0, "kind", to="log")),
    _old("archive.manifest", "wrong size", manifest=put_at("files", 0, "bytes", to=1)),
    _m("server.started", "an entry whose server already ran", already_running),
    _m("files.expected", "a stranger among the files", stranger),
    _m("files.expected", "no host.json", drop("host.json")),
    _m("files.expected", "no records of a measured cell", drop(RECORDS)),
    _m("files.expected", "no answers of a measured cell", drop(ANSWERS)),
    _m("files.expected", "no cell.json", drop(path(BATCHED))),
    _m("json.strict", "a key twice", _sub("host.json", b"{", b'{"cpus": 9,')),
    _m("json.strict", "not a number", _sub("host.json", b'"cpus": 4', b'"cpus": NaN')),
    _m("json.strict", "no last line feed", raw(TEXTS, lambda data: data[:-1])),
    _m("json.canonical", "spaces", _sub("host.json", b": ", b":  ")),
    _m("json.canonical", "a line with spaces", _sub(ANSWERS, b"{", b"{ ")),
    _m("schema.valid", "an unknown key", document("host.json", put_at("hostname", to="mine"))),
    _m("schema.valid", "a wrong type", document("host.json", put_at("cpus", to="4"))),
    _m("schema.valid", "a bad record", _sub(RECORDS, b'"ok"', b'"fine"')),
    _m("schema.valid", "another schema version", document("plan.json", put_at("schema", to="kit/plan/0"))),
    _m("plan.consistent", "cells in another order", in_plan(swapped_entries)),
    _m("plan.consistent", "an unknown variant", in_plan(other_variant)),
    _m("plan.consistent", "a setting left to the server", in_plan(without_setting)),
    _m("plan.consistent", "cells left out", in_plan(lambda plan: replace(plan, cells=plan.cells[:3]))),
    _m("plan.consistent", "extended from more", in_plan(lambda plan: replace(plan, extended=(2,)))),
    _m("plan.consistent", "more replicates than cells", in_plan(many_replicates)),
    _m("plan.consistent", "the method left out by a kit that has several", in_plan(older_rules)),
    _m("plan.consistent", "the method left out beside a limit of memory", in_plan(older_rules_and_memory)),
    _m("plan.texts", "other prompts", prompts(sha256=OTHER)),
    _m("plan.texts", "a prompt set that is a suite", prompts(name="correctness")),
    _m("plan.texts", "more prompts than memory holds", prompts(count=10**15)),
    _m("plan.texts", "an unknown level", in_plan(lambda plan: replace(plan, correctness_level="none"))),
    _m("plan.programs", "a program that nobody runs", in_plan(lambda plan: replace(plan, programs=(PIN,)))),
    _m("plan.programs", "its hash left out", of_programs, in_plan(lambda plan: replace(plan, programs=()))),
    _m("plan.programs", "another program ran", of_programs, in_server(command=("server",))),
    _m("program.origin", "a program of the machine", of_programs, derive),
    _m("runtime.pinned", "another hash", with_runtime(lambda pin: replace(pin, sha256=OTHER)), derive),
    _m("runtime.outside", "a runtime from outside", with_runtime(), derive),
    _m("process.command", "another command", with_runtime(), in_server(command=("acme-server",)), derive),
    _m("plan.challenge", "the usual seed", in_plan(lambda plan: replace(plan, challenge="0123456789abcdef"))),
    _m("plan.digest", "another plan", in_result(lambda result: replace(result, plan_sha256=OTHER))),
    _old("plan.digest", "in the manifest", manifest=put_at("plan_sha256", to=OTHER)),
    _m("cell.identity", "another replicate", in_cell(lambda cell: replace(cell, replicate=2))),
    _m("cell.identity", "another runtime", in_cell(lambda cell: replace(cell, runtime="vllm"))),
    _m("cell.identity", "another seed", in_load(seed=7)),
    _m("cell.identity", "the end not ignored", in_load(extra_body={})),
    _m("cell.identity", "a shorter warm-up", in_load(warmup_ns=MS)),
    _m("cell.identity", "a password in the URL", in_load(url="http://me:secret@127.0.0.1:1")),
    _m("cell.settings", "fewer slots than planned", in_server(reported={"slots": 1})),
    _m("cell.settings", "nothing reported", in_server(reported={})),
    _m("cell.status", "failed without a reason", in_cell(no_failure)),
    _m("cell.status", "measured with a failure", in_cell(measured_with_failure)),
    _m("cell.status", "measured without a server", in_cell(lambda cell: replace(cell, server=None))),
    _m("cell.status", "measured without metrics", in_cell(lambda cell: replace(cell, metrics=None))),
    _m("cell.status", "measured though interrupted", in_facts(interrupted=True)),
    *(Mutation(*each) for each in SHAPELY),
    *(Mutation(*each) for each in OF_CLIENTS),
    *(Mutation(*each) for each in EVALUATED),
    Mutation("plan.sequential", "went on after the decision", lambda: decided_bundle(lambda _: True)),
    Mutation("plan.sequential", "an unknown figure", lambda: decided_bundle(change=with_rule(metric="luck"))),
    Mutation("plan.sequential", "a first look after the end", lambda: decided_bundle(change=with_rule(first=6))),
    _m(
        "plan.sequential",
        "not needed by no rule",
        document("result.json", put_at("cells", 3, "status", to="not needed")),
    ),
    Mutation("plan.search", "a level more", lambda: searched_bundle((*CALLED, NOT_CALLED))),
    Mutation("plan.search", "no limits", lambda: searched_bundle(change=with_search(slo=Slo()))),
    Mutation("plan.search", "ends that are not its levels'", lambda: searched_bundle(change=with_search(most=3))),
    _m("plan.extended", "replicates added", in_plan(lambda plan: replace(plan, extended=(1,)))),
    _m("run.complete", "a cell left out", leave_out_cell),
    _m("model.pinned", "another model in plan and servers", model(sha256=OTHER)),
    _m("model.pinned", "an unknown model", model(name="gpt")),
    _m("model.pinned", "another file in one server", in_server(model_sha256=OTHER)),
    _m("model.pinned", "a name of the catalogue, said to be none of it", model(catalogue=False, origin="file")),
    _m("model.pinned", "from nowhere", model(name="mine", catalogue=False)),
    _m("model.pinned", "a template of its own", model(chat_template="gemma")),
    _m("model.catalogue", "under another name", model(name="mine", catalogue=False, origin="file")),
    _m("model.confirmed", "not confirmed", model(confirmed=False)),
    _m("host.present", "more CPUs used than there are", value_of("host.json", Host, lambda h: replace(h, cpus=1))),
    _m("kit.version", "an older kit", of_kit("0.0.1")),
    _m("metrics.recomputed", "a better throughput", headline),
    _m("metrics.recomputed", "one bit", one_bit),
    _m("metrics.recomputed", "a failure without its reason", record_fields(8, outcome="failed", error="empty")),
    _m("metrics.result", "a better row", better_row),
    _m("metrics.result", "complete, it says", leave_out_cell, says_complete),
    _m("records.complete", "a request taken out", in_records(lambda records: records[:3] + records[4:])),
    _m("records.complete", "two requests exchanged", in_records(lambda r: [*r[:3], r[4], r[3], *r[5:]])),
    _m("records.complete", "other records", _sub(RECORDS, b'"m"', b'"n"')),
    _m("records.complete", "fewer than sent", document(path(BATCHED), put_at("facts", "requests", to=99))),
    _m("records.outcome", "ok with status 500", record_fields(status=500)),
    _m("records.outcome", "failed without an error", record_fields(outcome="failed")),
    _m("records.outcome", "ok with an error", record_fields(error="empty")),
    _m("records.outcome", "ok without its end", record_fields(done_seen=False)),
    _m("records.outcome", "without an end that was seen", record_fields(dialect=("no-done",))),
    _m("records.outcome", "a doubted usage that counts", record_fields(count_fault="below-chunks")),
    _m("records.outcome", "doubts that the first method does not know", in_plan(first_method), in_load(method=1),
       record_fields(token_source="chunks", count_fault="below-chunks")),
    _m("records.outcome", "nothing seen of a text", in_record(unseen)),
    _m("records.outcome", "ok without text", record_fields(chunks=(), completion_tokens=None, outcome="ok")),
    _m("records.accounting", "a slow one called unfinished", record_fields(outcome="unfinished")),
    _m("time.monotonic", "a chunk before the request", in_record(earlier_chunk)),
    _m("time.monotonic", "done before the last chunk", in_record(lambda r: replace(r, done_ns=r.done_ns - MS))),
    _m("time.monotonic", "a clock of seconds", in_facts(clock_resolution_ns=10**9)),
    _m("time.window", "moved", in_facts(window=Window(300 * MS, 900 * MS))),
    _m("time.window", "longer than the load", in_facts(duration_ns=700 * MS)),
    _m("time.clock", "a cell too long", in_cell(lambda c: replace(c, duration_ns=2 * c.duration_ns))),
    _m("time.clock", "a load scaled down", in_facts(duration_ns=810 * MS)),
    _m("time.clock", "a day that does not exist", in_cell(lost_day)),
    _m("time.clock", "never stopped", in_server(stopped_utc=None)),
    _m("time.one_at_a_time", "two servers", in_server(SECOND, started_utc="2026-11-01T00:00:00.000000Z")),
    _m("time.order", "the first cell last", in_cell(lambda cell: shifted(cell, 10**11), FIRST)),
    _m("time.phases", "load before the answers", in_cell(unanswered)),
    _m("time.phases", "backwards", in_cell(lambda c: replace(c, phases=c.phases[::-1]))),
    _m("load.schedule", "another salt", record_fields(salt="0" * 16)),
    _m("load.schedule", "another prompt", in_record(other_prompt)),
    _m("load.schedule", "the slowest request taken out", in_records(drop_slow)),
    _m("load.concurrency", "a worker too many", record_fields(worker=2)),
    _m("load.concurrency", "two requests at once", in_record(lambda r: replace(r, worker=1 - r.worker))),
    _m("load.busy", "requests sent late", in_records(late, SERIAL)),
    _m("load.closed_loop", "meant for later", in_record(lambda r: replace(r, intended_ns=r.intended_ns + 20_000))),
    _m("load.closed_loop", "not from the start", record_fields(0, intended_ns=1)),
    _m("load.steady", "a quarter of the chunks in a third of the window", in_records(slowed, SECOND)),
    _m("time.steps", "a cell whose clock was set", in_cell(set_forward)),
    _m("load.lag", "requests sent late", in_records(late, SERIAL)),
    _m("tokens.chunks", "counts that do not add up", in_record(doubled)),
    _m("tokens.chunks", "more chunks than tokens", record_fields(completion_tokens=2)),
    _m("tokens.chunks", "tokens that were seen called unseen", record_fields(untimed_tokens=3)),
    _m("tokens.chunks", "a slow answer called unknown", record_fields(untimed_tokens=None)),
    _m("tokens.limit", "more tokens than allowed", in_record(one_more)),
    _m("tokens.finish", "stopped at the limit", record_fields(finish_reason="stop")),
    _m("tokens.source", "counted by itself", record_fields(token_source="timings")),
    _m("tokens.first", "a first chunk that shows nothing", blank_start),
    _m("text.texts", "another text", _sub(TEXTS, b'"text":" ', b'"text":" x'), derive),
    _m("text.texts", "a text taken out", raw(TEXTS, without_last_line), derive),
    _m("text.duplicates", "one answer for two requests", same_text),
    _m("correct.passed", "a wrong answer", in_checks(lambda c: [replace(c[0], answer="5"), *c[1:]])),
    _m("correct.passed", "a test left out", in_checks(lambda c: c[1:])),
    _m("correct.passed", "only asked alone", in_checks(lambda c: [each for each in c if each.round == "single"])),
    _m("correct.passed", "failed, it says itself", in_checks(lambda c: [replace(c[0], passed=False), *c[1:]])),
    _m("correct.level", "a level that takes any text", unjudged),
    _m("evidence.server", "counted less", in_server(counters_after={"completion_tokens": 91})),
    _m("evidence.server", "no counters", in_server(counters_before=None)),
    _m("calibration.present", "not calibrated", uncalibrated),
    _m("calibration.range", "more tokens than proven", in_calibration(slow_machine)),
    _m("calibration.consistent", "one left out", in_calibration(lambda c: replace(c, points=c.points[1:]))),
    _m("calibration.consistent", "a large gap error said to hold", in_calibration(worse_gaps)),
    _m("calibration.consistent", "a step that lost chunks", in_step(faults=("lost",), ok=False)),
    _m("calibration.consistent", "more tokens expected", in_point(expected_tok_s=999.0)),
    _m("calibration.consistent", "a higher ceiling", in_calibration(higher_ceiling)),
    _m("calibration.consistent", "wider limits", in_calibration(lambda c: replace(c, limit_ms=50.0))),
    _m("calibration.consistent", "after the cells", in_calibration(lambda c: replace(c, duration_ns=13 * 10**9))),
    _m("calibration.consistent", "on more CPUs", in_calibration(lambda c: replace(c, cpus=64))),
    _m("calibration.consistent", "with other stamps", in_calibration(lambda c: replace(c, stamp_source="user"))),
    _m("calibration.consistent", "tried until it held", in_calibration(tried_until_it_held)),
    _m("calibration.consistent", "steps elsewhere", in_step(concurrency=1, expected_tok_s=400.0)),
    _m("calibration.consistent", "a day that does not exist", in_calibration(lost_day_before)),
    _m("files.expected", "no calibration", drop("calibration.json")),
    _m("files.expected", "no requests of the calibration, though it names them", drop("calibration.jsonl")),
    _m("calibration.records", "figures alone", in_calibration(without_requests)),
    _m("calibration.records", "its requests not named", value_of("calibration.json", Calibration, unnamed)),
    _m("calibration.recomputed", "one figure", value_of("calibration.json", Calibration, worse_gaps)),
    _m("calibration.recomputed", "another window", value_of("calibration.json", Calibration, longer_window)),
    _m("calibration.recomputed", "other requests", _sub("calibration.jsonl", b'"arrived":[5', b'"arrived":[4')),
    _m("calibration.recomputed", "the last request left out", raw("calibration.jsonl", without_last)),
    _a("attempts.replayed", "the first attempt left out", without_attempt(SERIAL, 1)),
    _a("attempts.replayed", "a disturbed attempt that counts", moved(f"attempts/{SERIAL}.2", f"cells/{SERIAL}")),
    Mutation("attempts.replayed", "set aside undisturbed", lambda: ended_so({SERIAL: ("quiet", "quiet")})),
    Mutation("attempts.replayed", "tried too often", lambda: ended_so({SERIAL: ("disturbed", "quiet")}, 1)),
    Mutation("attempts.replayed", "not tried again", lambda: ended_so({SERIAL: ("disturbed",)})),
    Mutation("attempts.interrupted", "interrupted", lambda: ended_so({SERIAL: ("interrupted", "quiet")})),
    _m("telemetry.present", "telemetry left out", without_telemetry),
    _m("telemetry.present", "sampled from the middle of the window on", in_samples(lambda s: s[len(s) // 2 :])),
    _m("telemetry.present", "a sampler that died", in_telemetry(ended="the sampler ended with exit code -9")),
    _m("telemetry.present", "nothing for two seconds", in_samples(stretched)),
    _m("telemetry.recomputed", "a quieter machine", quieter),
    _m("telemetry.recomputed", "samples in another order", in_samples(lambda s: s[::-1])),
    _m("telemetry.recomputed", "a sample taken out", raw(SAMPLES, without_last_line)),
    _m("telemetry.recomputed", "no look at the idle machine, whose power is taken off", drop("telemetry.jsonl")),
    _m("telemetry.plausible", "a counter that goes back", in_samples(backing)),
    _m("telemetry.plausible", "a server that does nothing", in_samples(idle_server)),
    _m("telemetry.plausible", "more CPU time than there is", in_samples(busier)),
    _m("telemetry.plausible", "samples of another day", in_samples(another_day)),
    _m("telemetry.plausible", "on more CPUs", in_telemetry(cpus=64)),
    _m("evidence.model", "another model answered", record_fields(model="gpt")),
    _m("container.present", "a process that was in a container", process_in_a_container),
    _c("container.present", "nothing of the container", in_server_of(VLLM, container=None)),
    _c("container.present", "the container of another cell", in_labels(LAST, cell=VLLM)),
    _c("container.command", "more threads", with_word(LLAMACPP, "4", after="--threads")),
    _c("container.command", "a flag more", with_command(VLLM, [*command_of(VLLM), "--enable-prefix-caching"])),
    _c("container.command", "another environment", with_environment(VLLM, OMP_NUM_THREADS="64")),
    _c("container.image", "another digest than planned", in_image_pins(put_at(0, "digest", to=f"sha256:{OTHER}"))),
    _c("container.image", "an entry without a pin", in_image_pins(lambda images: images.pop())),
    _c("container.image", "built anew in between", in_container(LAST, image_id=f"sha256:{OTHER}")),
    _c("container.image", "of another target", in_labels(LLAMACPP, target="official")),
    _c("container.image", "inputs that are none", in_labels(LLAMACPP, inputs='{"llama.tar.gz":1}')),
    _c(
        "container.image",
        "a ready-made program that the plan does not name",
        in_labels(LLAMACPP, program=OTHER, program_origin="ready-made"),
    ),
    _c("container.image", "compiled, but planned as ready-made", in_image_pins(put_at(0, "ready_made", to=OTHER))),
    _c("container.inputs", "other sources", in_labels(LLAMACPP, inputs=f'{{"llama.tar.gz":"{OTHER}"}}')),
    _c("container.inputs", "a wheel left out", without_input(VLLM)),
    _c("container.device", "a GPU for a CPU variant", in_container(VLLM, passthrough="nvidia-cdi")),
    _c("container.device", "a device without a name", in_server_of(VLLM, device=" ")),
    _c("container.times", "ended before its load", in_container(VLLM, finished_utc=time_in(VLLM, 200 * MS))),
    _c("container.times", "never ended", in_container(VLLM, finished_utc=None)),
    _c("container.times", "killed for its memory", in_container(VLLM, oom_killed=True)),
    _m("physics.device", "an unknown device", document("host.json", put_at("cpu_model", to="Abacus 9000"))),
    _m("physics.decode", "the pace of a small model sold as that of one of 7B", seven),
    _m("physics.prefill", "the first token of a small model sold as that of one of 7B", seven),
    _m("physics.load", "less memory than weights", document("host.json", put_at("memory_bytes", to=10**7))),
    Mutation("forensic.copy", "a replicate copied", lambda: lie("replicate copied")),
    Mutation("forensic.copy", "streams pasted", lambda: lie("streams pasted")),
    Mutation("forensic.step_alignment", "independent noise", lambda: lie("independent noise")),
    Mutation("forensic.step_alignment", "two answers at once of one slot", lambda: told(crossed)),
    Mutation("forensic.too_smooth", "a bell curve", lambda: lie("made from nothing")),
    Mutation("forensic.too_smooth", "stamps averaged", lambda: lie("stamps smoothed")),
    Mutation("forensic.digits", "rounded to 0.1 ms", lambda: lie("stamps rounded")),
    Mutation("forensic.digits", "rounded to 20 ns", lambda: told(finely_rounded)),
    Mutation("forensic.between_runs", "replicates with one mean", lambda: told(alike_replicates)),
    _m("forensic.scaled", "samples every 80 ms", in_samples(sped_up)),
    _m("evidence.build", "another version in one cell", in_server(version="b2-abc")),
    _c("evidence.build", "another device in one cell", in_server_of(LAST, device="GPU0")),
    _s("sessions.history", "another answer put under the turns after it", in_turn(0, other_answer)),
    _s("sessions.history", "other messages", turn_fields(1, messages_sha256=OTHER)),
    _s("sessions.grown", "a prompt that shrinks", turn_fields(1, prompt_tokens=5, cached_tokens=0)),
    _s("sessions.cached", "all of a first prompt known", turn_fields(0, prompt_tokens=700, cached_tokens=700)),
    _s("load.schedule", "a turn of another session", turn_fields(1, session=999)),
    *(Mutation(*each) for each in CLOSED),
    *(Mutation(*each) for each in WITNESS_MUTATIONS),
)  # fmt: skip

"""A good run made by code: the toy server's exchanges through the real stream, metrics, result and bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache
from hashlib import sha256

from kit import __version__
from kit.catalogue import model
from kit.documents import (
    AnswerCheck,
    Cell,
    CellPlan,
    Host,
    LengthFit,
    LoadFacts,
    LogFacts,
    Phase,
    Plan,
    Record,
    ServerFacts,
    Window,
)
from kit.documents.phases import CONTAINER_PHASES, PHASES, WITNESS_PHASES
from kit.documents.telemetry import TelemetryFacts, TelemetrySample
from kit.metrics.aggregate import cell_metrics
from kit.metrics.disturbance import disturbances
from kit.metrics.failures import failures
from kit.metrics.results import make_result
from kit.metrics.telemetry import cell_summary
from kit.plan.correctness import load_suite
from kit.plan.plan import cell_load, entry_of, make_plan
from kit.plan.platforms import load_platform
from kit.plan.prompts import load_prompts
from kit.plan.workloads.lengths import long_words
from kit.plan.workloads.shapes import shape_of
from kit.storage.bundle import pack_files
from kit.stream.record import record
from kit.strict import plain, write_json, write_jsonl_line
from kit.telemetry.watching import INTERVAL_NS
from kit.timestamps import utc_text
from kit.verify.forensics.limits import MIN_TICK_SAMPLES, TICK_NS
from tests.support.calibrations import START_NS, calibration_files, recorded_calibration
from tests.support.telemetry import Machine, samples_of
from tests.support.toy_server import MS, SERVED_MODEL, exchanges_of, request_of

Files = dict[str, bytes]
STEADY = Machine()

# One right answer for each test of the level "tiny".
ANSWERS = {
    "sum": "2 + 2 = 4",
    "is-even": "```python\ndef is_even(n):\n    return n % 2 == 0\n```",
    "older-users": "SELECT * FROM users WHERE age > 30;",
    "city": '{"city": "Paris", "country": "France"}',
    "compiler": "A compiler turns a program into machine code.",
    "heading": "<h1>Hello</h1>",
    "abbreviation": "Structured Query Language",
}


# --- plan and host ----------------------------------------------------------------------------------------


@cache
def good_plan() -> Plan:
    """The demo, shortened: two entries, concurrency 1 and 2, one replicate, a window of 0.6 s."""
    demo = load_platform("demo")
    workload = replace(demo.workload, concurrencies=(1, 2), replicates=1, warmup_s=0.2, window_s=0.6, drain_s=5.0)
    suite = load_suite(demo.correctness.name, demo.correctness.level)
    prompts = load_prompts(workload.prompts)
    made = make_plan(replace(demo, workload=workload), model(demo.model), prompts, suite, cpus=2, seed=None)
    # one attempt: what a mutation disturbs is then only marked (tests.support.good_attempts has more of them)
    # and a name of its own: under the demo's it would be a demo changed by hand
    return replace(made, platform="demo-short", method=3, attempts=1)


def good_host() -> Host:
    return Host(
        schema="kit/host/1",
        system="Linux",
        kernel="6.1.0",
        architecture="x86_64",
        cpu_model="AMD EPYC 7763 64-Core Processor",
        cpus=4,
        cpus_usable=2,
        memory_bytes=8 * 10**9,
        cpu_governor=None,
        clock_source="tsc",
        python="3.11.7",
        packages={"kit": __version__},
    )


# --- one cell, and the run --------------------------------------------------------------------------------


def jsonl(lines: Sequence[object]) -> bytes:
    return b"".join(write_jsonl_line(plain(line)) for line in lines)


def good_checks(concurrency: int) -> list[AnswerCheck]:
    names = list(ANSWERS)
    rounds = [("single", name, 0) for name in names]
    if concurrency > 1:
        rounds += [("concurrent", names[at % len(names)], at // len(names)) for at in range(concurrency)]
    return [
        AnswerCheck("single" if round_ == "single" else "concurrent", name, copy, True, ANSWERS[name], "")
        for round_, name, copy in rounds
    ]


def _server(plan: Plan, cell: CellPlan, start_ns: int, end_ns: int, records: Sequence[Record]) -> ServerFacts:
    made = sum(each.completion_tokens or 0 for each in records)
    asked = sum(each.prompt_tokens or 0 for each in records)
    settings = entry_of(plan, cell).settings
    return ServerFacts(
        command=("python", "-m", "server"),
        version="b1-abc",
        reported={name: settings[name] for name in ("slots", "context_tokens_per_slot")},
        started_utc=utc_text(start_ns + 10 * MS),
        stopped_utc=utc_text(end_ns - 5 * MS),
        exit_code=0,
        model_sha256=plan.model.sha256,
        counters_before={"prompt_tokens": 120, "completion_tokens": 90},
        counters_after={"prompt_tokens": 120 + asked, "completion_tokens": 90 + made},
        log=LogFacts(("b1-abc",)),
    )


def _phases(duration_ns: int, plan: Plan) -> Iterator[Phase]:
    left_out = CONTAINER_PHASES if plan.witness else CONTAINER_PHASES | WITNESS_PHASES
    names = [name for name in PHASES if name not in left_out]
    step_ns = duration_ns // len(names)
    for at, name in enumerate(names):
        yield Phase(name, at * step_ns, (at + 1) * step_ns, "ok")


def _facts(plan: Plan, origin_ns: int, duration_ns: int, records: Sequence[Record], files: Files) -> LoadFacts:
    workload = plan.workload
    window = Window(workload.warmup_ns, workload.warmup_ns + workload.window_ns)
    return LoadFacts(
        origin_utc=utc_text(origin_ns),
        origin_ns=origin_ns - START_NS,
        ended_utc=utc_text(origin_ns + duration_ns),
        duration_ns=duration_ns,
        window=window,
        stamp_source="kernel",
        clock="CLOCK_MONOTONIC",
        clock_resolution_ns=1,
        cpu_ns=duration_ns // 20,
        interrupted=False,
        stale_retries=0,
        requests=len(records),
        records_sha256=sha256(files["records.jsonl"]).hexdigest(),
        texts_sha256=sha256(files["texts.jsonl"]).hexdigest(),
        failures=failures(records, window),
    )


def good_cell(
    plan: Plan,
    planned: CellPlan,
    start_ns: int,
    faults: Mapping[int, str],
    machine: Machine = STEADY,
    change: Callable[[Record], Record] = lambda record: record,
    fitted: bool = True,
) -> tuple[Cell, Files]:
    """One cell that starts at this moment, with the toy server's load, and its other files by name.

    `change` is what is done to each of its records, and what follows from them is made after that.
    """
    slots = int(entry_of(plan, planned).settings["slots"])
    exchanges, over_ns = exchanges_of(plan, planned, slots, faults)
    judged = [record(each, request_of(plan, planned, each.id)) for each in exchanges]
    judged = [(change(each), text) for each, text in judged]
    return cell_of(plan, planned, start_ns, judged, over_ns, machine, fitted)


def cell_of(
    plan: Plan,
    planned: CellPlan,
    start_ns: int,
    judged: Sequence[tuple[Record, str]],
    over_ns: int,
    machine: Machine = STEADY,
    fitted: bool = True,
) -> tuple[Cell, Files]:
    """A cell of these records and texts, whose load was over after so long, and its other files by name."""
    records = [each for each, _ in judged]
    files = {
        "records.jsonl": jsonl(records),
        "texts.jsonl": jsonl([{"id": each.id, "text": text} for each, text in judged]),
        "correct.jsonl": jsonl(good_checks(planned.concurrency)),
    }
    duration_ns = over_ns + 500 * MS
    facts = _facts(plan, start_ns + 300 * MS, over_ns + 10_000, records, files)
    assert facts.window is not None
    entry, length = entry_of(plan, planned), shape_of(plan, planned).input_tokens
    fit = None
    if length is not None and fitted:
        fit = LengthFit(32, (56, 56, 55, 57), long_words(length), long_words(length) + 24)
    load = cell_load(plan, planned, "http://127.0.0.1:40001", SERVED_MODEL, fit)
    cell = Cell(
        schema="kit/cell/1",
        id=planned.id,
        entry=entry.name,
        runtime=entry.runtime,
        variant=entry.variant,
        concurrency=planned.concurrency,
        replicate=planned.replicate,
        status="measured",
        failure=None,
        started_utc=utc_text(start_ns),
        ended_utc=utc_text(start_ns + duration_ns),
        duration_ns=duration_ns,
        phases=tuple(_phases(duration_ns, plan)),
        load=load,
        facts=facts,
        server=_server(plan, planned, start_ns, start_ns + duration_ns, records),
        metrics=cell_metrics(
            records,
            facts.window,
            open_loop=plan.workload.loop == "open",
            slo=load.slo,
            method=plan.method,
            prefill=length is not None,
        ),
    )
    return with_telemetry(cell, files, machine)


def good_look() -> tuple[TelemetrySample, ...]:
    """The idle machine, for two seconds before everything else."""
    idle = Machine(server=Fraction(0), loadgen=Fraction(0), package_mw=10_000)
    return tuple(replace(each, server_ns=None, loadgen_ns=None) for each in samples_of(0, 2 * 10**9, idle))


def with_telemetry(cell: Cell, files: Files, machine: Machine = STEADY) -> tuple[Cell, Files]:
    """The cell with samples from shortly before its load to its end, and their summary."""
    facts = cell.facts
    assert facts is not None
    samples = tuple(samples_of(facts.origin_ns - 200 * MS, facts.origin_ns + facts.duration_ns, machine))
    if len(samples) >= MIN_TICK_SAMPLES:  # long enough for the rule that looks at ticks
        samples = tuple(replace(each, busy_ns=(each.busy_ns or 0) // TICK_NS * TICK_NS) for each in samples)
    files["telemetry.jsonl"] = jsonl(samples)
    summary = cell_summary(samples, good_look(), facts, cell.metrics, good_host().cpus)
    telemetry = TelemetryFacts(
        samples_sha256=sha256(files["telemetry.jsonl"]).hexdigest(),
        interval_ns=INTERVAL_NS,
        cpus=good_host().cpus,
        sources={"cpu": "proc", "loadgen": "processes", "own": "processes", "server": "processes"},
        ended="stopped",
        summary=summary,
        disturbed=disturbances(summary, good_host().cpus),
    )
    return replace(cell, telemetry=telemetry), files


@cache
def good_files() -> Mapping[str, bytes]:
    """The files of the good run, by name."""
    return run_files({})


def run_files(
    faults: Mapping[int, str],
    plan: Plan | None = None,
    change: Callable[[Record], Record] = lambda record: record,
    fitted: bool = True,
) -> Files:
    """The files of a run in which these requests of every cell fail (see `toy_server.exchanges_of`)."""
    plan = plan or good_plan()
    plan_bytes = write_json(plain(plan))
    files: Files = {"plan.json": plan_bytes, "host.json": write_json(plain(good_host()))}
    files["telemetry.jsonl"] = jsonl(good_look())
    calibration, requests = recorded_calibration(plan.workload.concurrencies)
    files |= calibration_files((calibration, requests))
    cells: dict[str, Cell] = {}
    start_ns = START_NS
    for planned in plan.cells:
        cell, more = good_cell(plan, planned, start_ns, faults, STEADY, change, fitted)
        cells[planned.id] = cell
        files |= {f"cells/{planned.id}/{name}": data for name, data in more.items()}
        files[f"cells/{planned.id}/cell.json"] = write_json(plain(cell))
        start_ns += cell.duration_ns + 20 * MS
    result = make_result(plan, sha256(plan_bytes).hexdigest(), cells, calibration)
    files["result.json"] = write_json(plain(result))
    return files


@cache
def good_bundle() -> bytes:
    """The archive of the good run."""
    return pack_files(good_files()).data

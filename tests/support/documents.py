"""One good example of every document, made of the classes of `kit.documents` where there is one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kit import documents as m
from kit.documents.runs import RunLine, RunList
from kit.documents.status import FailedCell, RunningCell, RunStatus
from kit.reference.truth import Truth
from kit.report.examination import Examination, Judged
from kit.runtimes.outside.declaration import read_declaration
from kit.strict.decode import plain
from tests.support import studies
from tests.support.calibrations import good_calibration, good_point, recorded_load
from tests.support.documents_compared import COMPARED
from tests.support.documents_index import INDEX
from tests.support.documents_judged import JUDGED, USERS
from tests.support.documents_nightly import NIGHT
from tests.support.documents_probador import PROBADOR
from tests.support.documents_quality import QUALITY
from tests.support.documents_selftest import selftest
from tests.support.documents_verified import VERIFIED
from tests.support.documents_witness import WITNESSED
from tests.support.documents_written import SHA, WRITTEN
from tests.support.outside_bundles import DECLARATION
from tests.support.telemetry import Machine

UTC = "2026-11-22T12:00:00.000001Z"

OUTPUT = m.OutputTokens("uniform", 16, 64)
PIN = m.TextPin("short", SHA, 64)
TIMEOUTS = m.Timeouts(5_000_000_000, 60_000_000_000, 30_000_000_000, 300_000_000_000)
ENTRY = m.Entry("llamacpp-cpu", "llamacpp", "cpu", {"slots": 4, "flash_attention": True, "cache_type": "f16"})
WINDOW = m.Window(2_000_000_000, 12_000_000_000)
DISTRIBUTION = m.Distribution(3, 1.5, 2.0, None, None, None, None, 2.5, 2.0)
FAILURE = m.CellFailure("ready", "RuntimeNotReadyError", "The server exited with code 1.")

PLATFORM = m.Platform(
    schema="kit/platform/1",
    name="demo",
    title="This machine, without Docker",
    engine="process",
    model="smollm2-135m-q4_1",
    correctness=m.Suite("basic", "smoke"),
    workload=m.Workload("chat", "short", OUTPUT, "closed", (1, 4), 2.0, 10, 5.5, 3, True),
    seed=7,
    entries=(ENTRY,),
)
PLAN = m.Plan(
    schema="kit/plan/1",
    kit_version="0.1.0",
    platform="demo",
    title="This machine, without Docker",
    engine="process",
    schedule="kit-schedule-1",
    seed=7,
    model=m.ModelPin("smollm2-135m-q4_1", "SmolLM2-135M-Instruct.Q4_1.gguf", SHA, 98_000_000, True),
    prompts=PIN,
    correctness=PIN,
    correctness_level="smoke",
    workload=m.PlannedWorkload("chat", "closed", OUTPUT, 2 * 10**9, 10**10, 5 * 10**9, 3, (1, 4), TIMEOUTS, True),
    calibrate=True,
    entries=(ENTRY,),
    cells=(m.CellPlan("llamacpp-cpu-c4-r0", 0, "llamacpp-cpu", 4, 0, "chat/c4/r0"),),
)
LOAD = m.Load(
    schema="kit/load/1",
    url="http://127.0.0.1:8080",
    model="SmolLM2-135M-Instruct",
    loop=m.Loop("closed", 4),
    warmup_ns=2 * 10**9,
    window_ns=10**10,
    requests=None,
    drain_ns=5 * 10**9,
    timeouts=TIMEOUTS,
    schedule="kit-schedule-1",
    seed=7,
    lane="chat/c4/r0",
    prompts=PIN,
    output_tokens=OUTPUT,
    extra_body={"temperature": 0, "ignore_eos": True},
    ramp_ns=10**9,
    trace=m.TracePin("Monday.jsonl", SHA, 64, 2000),
    slo=m.Slo(ttft_ns=200_000_000, tpot_ns=50_000_000),
    validate="contains:def ",
)
RECORD = m.Record(
    id=0,
    worker=1,
    prompt=12,
    salt="00ff00ff00ff00ff",
    max_tokens=3,
    intended_ns=0,
    connect_ns=None,
    sent_ns=1_000,
    headers_ns=2_000_000,
    first_event_ns=2_100_000,
    done_ns=9_000_000,
    status=200,
    outcome="ok",
    error=None,
    error_detail="",
    finish_reason="length",
    done_seen=True,
    prompt_tokens=20,
    completion_tokens=3,
    cached_tokens=0,
    token_source="usage",
    model="SmolLM2-135M-Instruct",
    text_chars=12,
    text_sha256=SHA,
    chunks=((3_000_000, 5, 0), (5_000_000, 4, 1), (7_000_000, 3, 2)),
    chunk_tokens=(1, 1, 1),
)
METRICS = m.Metrics(
    window_s=10.0,
    throughput_tok_s=120.5,
    decode_tok_s=31.25,
    request_rate_s=2.0,
    error_rate=0.0,
    requests=m.RequestCounts(20, 0, 1),
    errors_by_kind={"timeout_idle": 1},
    tokens=m.TokenCounts(400, 1200, None, 16, 64, "mixed", 1190),
    replayed=0,
    mean_in_flight=3.9,
    ttft_ms=DISTRIBUTION,
    tpot_ms=DISTRIBUTION,
    itl_ms=DISTRIBUTION,
    chunk_gap_ms=DISTRIBUTION,
    e2e_ms=DISTRIBUTION,
    send_lag_ms=DISTRIBUTION,
    ttft_from_intended_ms=None,
    e2e_from_intended_ms=DISTRIBUTION,
    goodput_req_s=1.5,
    goodput_share=0.75,
    validation=m.ValidationCounts(20, 17, {"no_match": 1, "empty": 2}, 18),
)
FACTS = m.LoadFacts(
    origin_utc=UTC,
    origin_ns=1_234_567_890_123_456,
    ended_utc=UTC,
    duration_ns=12_000_000_000,
    window=WINDOW,
    stamp_source="kernel",
    clock="CLOCK_MONOTONIC",
    clock_resolution_ns=1,
    cpu_ns=10**9,
    interrupted=False,
    stale_retries=0,
    requests=21,
    records_sha256=SHA,
    texts_sha256=SHA,
    failures=m.Failures(3, (m.FailureReason("http_status", 503, "busy", 2),)),
)
SERVER = m.ServerFacts(
    command=("python", "-m", "server", "--slots", "4"),
    version="b11206",
    reported={"slots": 4},
    started_utc=UTC,
    stopped_utc=UTC,
    exit_code=-15,
    model_sha256=SHA,
    counters_before={"completion_tokens": 0},
    counters_after=None,
)
CELL = m.Cell(
    schema="kit/cell/1",
    id="llamacpp-cpu-c4-r0",
    entry="llamacpp-cpu",
    runtime="llamacpp",
    variant="cpu",
    concurrency=4,
    replicate=0,
    status="measured",
    failure=None,
    started_utc=UTC,
    ended_utc=UTC,
    duration_ns=20_000_000_000,
    phases=(m.Phase("load", 1_000_000_000, 13_000_000_000, "ok"),),
    load=LOAD,
    facts=FACTS,
    server=SERVER,
    metrics=METRICS,
)
HOST = m.Host(
    schema="kit/host/1",
    system="Linux",
    kernel="6.12.0",
    architecture="x86_64",
    cpu_model=None,
    cpus=2,
    cpus_usable=2,
    memory_bytes=8 * 2**30,
    cpu_governor="performance",
    clock_source="tsc",
    python="3.11.7",
    packages={"click": "8.5.1"},
)
RESULT = m.Result(
    schema="kit/result/1",
    kit_version="0.1.0",
    plan_sha256=SHA,
    complete=False,
    cells=(
        m.CellResult("llamacpp-cpu-c4-r0", "llamacpp-cpu", 4, 0, "measured", None, METRICS, ("not calibrated",)),
        m.CellResult("llamacpp-cpu-c4-r1", "llamacpp-cpu", 4, 1, "failed", FAILURE, None, (), FACTS.failures),
        m.CellResult("llamacpp-cpu-c4-r2", "llamacpp-cpu", 4, 2, "missing", None, None, ()),
    ),
    rows=(
        m.Row("llamacpp-cpu", 4, 3, 1, {"ttft_ms.p50": m.MedianInterval(1, 2.0, None, None)}, ("not calibrated",)),
    ),
)
SWEEP = m.Sweep(
    schema="kit/sweep/1",
    kit_version="0.1.0",
    url="http://127.0.0.1:8080",
    model="SmolLM2-135M-Instruct",
    slo=LOAD.slo,
    started_utc=UTC,
    ended_utc=UTC,
    ended="saturated",
    asked=("c1", "c2", "c4"),
    levels=(
        m.SweepLevel("c1", 1, None, SHA, METRICS),
        m.SweepLevel("c2", 2, None, SHA, None, failures=FACTS.failures),
    ),
    pareto=("c1",),
    knee=None,
)
NONE = m.ErrorSpread(0, None, None, None)
CALIBRATION = replace(
    good_calibration(),
    steps=(replace(good_point(2), pace=None, accuracy=m.Accuracy(0, 0, 0, 0, *([NONE] * 4)), faults=("lost",)),),
)
MANIFEST = m.Manifest(
    schema="kit/manifest/1",
    kit_version="0.1.0",
    plan_sha256=SHA,
    files=(m.ManifestFile("cells/llamacpp-cpu-c4-r0/records.jsonl", 4096, SHA, "records"),),
)
FINDING = m.Finding("metrics.recomputed", "reject", "result.json", "ttft_ms.p50 is 2.0, the records give 3.0")
SIGNATURE = m.Signature("known", "ann@example.org", f"SHA256:{'x' * 43}", "ED25519")
VERDICT = m.Verdict("kit/verdict/1", "0.1.0", SHA, "rejected", (FINDING,), {"metrics.recomputed": 12}, SIGNATURE)
ANSWER = m.AnswerCheck("concurrent", "sum", 3, True, "2 + 2 is 4.", "")

TRUTH = Truth(1, "3176d369132dc3aa", 10**12, None, 10**12 + 5, ((10**12 + 6, 1), (10**12 + 9, 2)), 10**12 + 10, 3)

EXAMINATION = Examination(
    schema="kit/examination/1",
    kit_version="0.1.0",
    url="http://127.0.0.1:8080",
    insecure=False,
    model="SmolLM2-135M-Instruct",
    level="smoke",
    concurrency=4,
    right=0,
    wrong=1,
    checks=(Judged("single", "sum", 0, False, "2 + 2 = 5", "nothing matches", "2 + 2?", ("a match of 4",)),),
)
SAMPLE = Machine(power_mw=300_000).sample(10**9, 5 * 10**8)

MODELS: dict[str, Any] = {
    **COMPARED,
    **QUALITY,
    **VERIFIED,
    **WITNESSED,
    "answer": ANSWER,
    "calibrated": recorded_load(0, 1, 200.0)[0],
    "calibration": CALIBRATION,
    "cell": CELL,
    "examination": EXAMINATION,
    "finding": FINDING,
    "host": HOST,
    "index": INDEX,
    "load": LOAD,
    "manifest": MANIFEST,
    "metrics": METRICS,
    "nightly": NIGHT,
    "plan": PLAN,
    "platform": PLATFORM,
    "record": RECORD,
    "result": RESULT,
    "runs": RunList(
        schema="kit/runs/1",
        kit_version="0.1.0",
        folder="runs",
        runs=(
            RunLine("demo", "run", 4096, "demo", "EPYC, 2 CPUs", UTC, "complete", 12, 12, "consistent", None),
            RunLine("odd.tar.gz", "bundle", 1, None, None, None, None, None, None, None, "It is no archive."),
        ),
    ),
    "runtime": read_declaration(DECLARATION.encode()),
    "selftest": selftest(HOST),
    "study": studies.study(studies.subject("llamacpp", 4, throughput_tok_s=81.5)),
    "status": RunStatus(
        schema="kit/status/1",
        kit_version="0.1.0",
        run="runs/demo",
        platform="demo",
        state="running",
        planned=12,
        measured=3,
        failed=(FailedCell("r1-c1-b", "ready", "No."),),
        interrupted=("r1-c2-b",),
        set_aside=1,
        not_needed=2,
        running=RunningCell("r1-c4-a", "window", 9 * 10**9, 2 * 10**9),
        left_ns=60 * 10**9,
        at_most_ns=90 * 10**9,
        resume=None,
    ),
    "telemetry": SAMPLE,
    "sweep": SWEEP,
    "verdict": VERDICT,
    "truth": TRUTH,
    "users": USERS,
}
OTHERS: dict[str, Any] = {**JUDGED, **PROBADOR, **WRITTEN}


def good(name: str) -> Any:
    """A fresh good document of that name, as parsed JSON."""
    return plain(MODELS[name]) if name in MODELS else plain(OTHERS[name])

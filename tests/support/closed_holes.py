"""Attacks that got through before their rules were there: as mutations, and as the files that a forger would send.

Each leaves records, numbers and digests that fit each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from kit.catalogue import model
from kit.documents import Calibration, Cell, CellFailure, ErrorSpread, Host, LogFacts, Plan, Record
from kit.metrics.accuracy import proven
from kit.plan.correctness import load_suite
from kit.plan.plan import make_plan
from kit.plan.platforms import load_platform
from kit.plan.prompts import load_prompts
from kit.plan.schedule import planned_request
from tests.support.forge import (
    BATCHED,
    Change,
    archive_of,
    changed,
    document,
    drop,
    in_calibration,
    in_cell,
    in_facts,
    in_plan,
    in_records,
    in_server,
    path,
    record_fields,
    value_of,
)
from tests.support.forgeries import OTHER, in_load
from tests.support.good_bundle import Files, good_plan, run_files
from tests.support.good_containers import (
    LAST,
    LLAMACPP,
    VLLM,
    containers_changed,
    in_container,
    in_labels,
    in_server_of,
    with_environment,
)

# --- plans of the kit's own platforms ---------------------------------------------------------------------


def demo_plan(change: Callable[[Plan], Plan] = lambda plan: plan, **workload: Any) -> Plan:
    """The demo as `kit reproduce demo` with options would plan it for two CPUs, then changed by hand."""
    demo = load_platform("demo")
    demo = replace(demo, workload=replace(demo.workload, **workload))
    suite = load_suite(demo.correctness.name, demo.correctness.level)
    prompts = load_prompts(demo.workload.prompts)
    return change(make_plan(demo, model(demo.model), prompts, suite, cpus=2, seed=None, attempts=1))


@cache
def short_demo() -> bytes:
    """A good run of the demo at one user, once: what options change is noted, and no more."""
    return archive_of(run_files({}, demo_plan(concurrencies=(1,), replicates=1)))


# --- the end of a load ------------------------------------------------------------------------------------


def without_worker(worker: int, after: int) -> Callable[[list[Record]], list[Record]]:
    """A worker that stops after so many requests: the others keep theirs, with ids and schedule made anew."""

    def change(records: list[Record]) -> list[Record]:
        mine = [record.id for record in records if record.worker == worker][after:]
        kept = [record for record in records if record.id not in mine]
        return [rescheduled(replace(record, id=at)) for at, record in enumerate(kept)]

    return change


def rescheduled(record: Record, lane: str = "r1-c2") -> Record:
    plan = good_plan()
    planned = planned_request(plan.seed, lane, record.id, plan.prompts.count, plan.workload.output_tokens)
    return replace(record, prompt=planned.prompt, salt=planned.salt)


def drained() -> bytes:
    """A load that ended with its drain, because a request of the warm-up never got a word."""
    return archive_of(run_files({1: "stall"}))


def never_ready(cell: Cell) -> Cell:
    """The cell as it is when its server never got ready."""
    lacking: dict[str, Any] = dict.fromkeys(("load", "facts", "server", "metrics", "telemetry"))
    failure = CellFailure("ready", "RuntimeNotReadyError", "The server was not ready within 120 s.")
    return replace(cell, status="failed", failure=failure, phases=(), **lacking)


# --- the calibration --------------------------------------------------------------------------------------


def faster_than_asked(found: Calibration) -> Calibration:
    points = tuple(replace(point, tok_s=1.03 * point.expected_tok_s) for point in found.points)
    return replace(found, points=points, ceiling=proven((*points, *found.steps)))


def without_errors(found: Calibration) -> Calibration:
    first = found.points[0]
    perfect = ErrorSpread(first.accuracy.gap_error_ms.n, 0.0, 0.0, 0.0)
    points = (replace(first, accuracy=replace(first.accuracy, gap_error_ms=perfect)), *found.points[1:])
    return replace(found, points=points)


def at_a_billion(found: Calibration) -> Calibration:
    steps = tuple(
        replace(step, rate_tok_s=1e9, expected_tok_s=step.concurrency * 1e9, tok_s=step.concurrency * 8e8)
        for step in found.steps[:1]
    )
    return replace(found, steps=steps, ceiling=proven((*found.points, *steps)))


def of_an_older_kit(found: Calibration) -> Calibration:
    return replace(found, kit_version="0.1.0")


def of_kit(version: str) -> Change:
    """All documents say that a kit of this version wrote them."""

    def apply(files: Files) -> None:
        in_plan(lambda plan: replace(plan, kit_version=version))(files)
        in_calibration(lambda found: replace(found, kit_version=version))(files)
        in_host(packages={"kit": version})(files)

    return apply


def in_host(**values: Any) -> Change:
    return value_of("host.json", Host, lambda host: replace(host, **values))


# --- all of them ------------------------------------------------------------------------------------------


def counters(**more: int) -> Mapping[str, int]:
    return {"prompt_tokens": 120, "completion_tokens": 90, **more}


NEVER_READY = (
    in_cell(never_ready),
    drop(*(path(BATCHED, f"{name}.jsonl") for name in ("records", "texts", "correct", "telemetry"))),
)
Closed = tuple[str, str, Callable[[], bytes]]


def _m(rule: str, what: str, *changes: Change) -> Closed:
    return rule, what, lambda: changed(*changes)


def _c(rule: str, what: str, *changes: Change) -> Closed:
    return rule, what, lambda: containers_changed(*changes)


CLOSED: tuple[Closed, ...] = (
    ("plan.options", "one user, once", short_demo),
    _m("plan.platform", "under the name of a platform", in_plan(lambda plan: replace(plan, platform="demo"))),
    _m("plan.consistent", "an older method of a newer kit", in_plan(lambda plan: replace(plan, method=2))),
    _m("host.plausible", "one byte of memory", in_host(memory_bytes=1)),
    _m("host.plausible", "nothing of its memory", in_host(memory_bytes=None)),
    _m("host.plausible", "another kit", in_host(packages={"kit": "9.9.9"})),
    _m("host.plausible", "calibrated by another kit", in_calibration(of_an_older_kit)),
    _c("host.plausible", "nothing of its engine", document("host.json", lambda host: host.pop("engine"))),
    _c("host.plausible", "a container of another architecture", in_container(LAST, architecture="arm64")),
    _m("cell.identity", "a load on somebody else's server", in_load(url="https://api.openai.com/v1")),
    _m("cell.status", "measured though given up", in_facts(aborted=True)),
    _m("cell.unproven", "failed before its load", *NEVER_READY),
    _c("container.environment", "a flag in a variable", with_environment(LLAMACPP, LLAMA_ARG_CACHE_REUSE="256")),
    _c("container.environment", "another library", with_environment(LLAMACPP, LD_PRELOAD="/tmp/fast.so")),
    _c("container.environment", "other modules", with_environment(VLLM, PYTHONPATH="/tmp")),
    _c("container.dockerfile", "another Dockerfile", in_labels(VLLM, dockerfile=OTHER)),
    _c("container.recipe", "another recipe", in_labels(VLLM, recipe=OTHER)),
    _c("container.recipe", "none at all", in_labels(VLLM, recipe=None)),
    _m("evidence.log", "another build in the log", in_server(log=LogFacts(("b2-abc",)))),
    _c(
        "evidence.log",
        "another build than the image has",
        in_server_of(LLAMACPP, version="b9-abc", log={"versions": ["b9-abc"]}),
    ),
    _c("evidence.log", "a GPU in the log of a CPU", in_server_of(VLLM, log={"devices": ["cuda"]})),
    _c("container.dockerfile", "of no version", in_labels(VLLM, dockerfile=None, kit_version=None)),
    _c("container.version", "of a later kit", in_labels(VLLM, kit_version="9.0.0")),
    _c("container.run", "of another run", in_labels(LAST, run="better")),
    _c("container.run", "of no run", in_labels(LLAMACPP, run=None)),
    _m(
        "records.accounting",
        "a request of the warm-up that was never answered",
        record_fields(0, outcome="unfinished"),
    ),
    _m("load.tail", "a worker that stopped", in_records(without_worker(1, 5))),
    ("load.unfinished", "a request in flight throughout, without a word", drained),
    _m("time.boot", "a cell of another boot", in_facts(origin_ns=10**15)),
    _m("evidence.prompts", "fewer prompts read", in_server(counters_after=counters(completion_tokens=10**4))),
    _m("evidence.prompts", "no counter of prompts", in_server(counters_before={"completion_tokens": 90})),
    _m("evidence.cache", "prompts from a cache", record_fields(cached_tokens=7)),
    _m("evidence.cache", "nothing said of a cache", record_fields(cached_tokens=None)),
    _c(
        "evidence.cache",
        "hits of the prefix cache",
        in_server_of(VLLM, counters_before=counters(prefix_cache_hits=0)),
    ),
    _c("evidence.cache", "no count of hits", in_server_of(VLLM, counters_before=counters())),
    _m("evidence.client", "retries without end", in_facts(stale_retries=10**9)),
    _m("evidence.client", "a sundial", in_facts(clock="sundial")),
    _m("evidence.client", "a day of CPU time in a second", in_facts(cpu_ns=86_400 * 10**9)),
    _m("evidence.client", "no CPU time", in_facts(cpu_ns=0)),
    _m("evidence.model", "answers without a model", record_fields(model=None)),
    _m("server.exit", "a crash", in_server(exit_code=139)),
    _m("server.exit", "no exit code", in_server(exit_code=None)),
    _c("server.exit", "two exit codes", in_container(VLLM, exit_code=143)),
    _m("calibration.plausible", "faster than asked", in_calibration(faster_than_asked)),
    _m("calibration.plausible", "no errors at all", in_calibration(without_errors)),
    _m("calibration.plausible", "a billion tokens a second", in_calibration(at_a_billion)),
    _m("calibration.plausible", "in no time", in_calibration(lambda c: replace(c, duration_ns=5_999_999_999))),
)

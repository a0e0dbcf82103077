"""A good run in containers made by code: llama.cpp and vLLM on the CPU, each with weights of its own.

Load, records and times are the toy server's, as in `good_bundle`; what the engine would say of the containers is
made of the kit's own compose files and catalogue.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from hashlib import sha256
from typing import Any

from kit import __version__
from kit.catalogue import model
from kit.documents import Cell, CellPlan, Entry, LoadFacts, LogFacts, Phase, Plan, ServerFacts, Window
from kit.documents.container import ContainerFacts
from kit.documents.host import EngineFacts
from kit.documents.phases import PHASES
from kit.documents.pins import ImagePin
from kit.metrics.aggregate import cell_metrics
from kit.metrics.results import make_result
from kit.plan.correctness import load_suite
from kit.plan.plan import cell_load, entry_of, make_plan
from kit.plan.platforms import load_platform
from kit.plan.prompts import load_prompts
from kit.plan.schedule import planned_request
from kit.plan.weights import weights_of
from kit.runtimes.launch import entry_container
from kit.runtimes.protocol import ServedModel
from kit.storage.bundle import pack_files
from kit.stream.record import record
from kit.strict import plain, write_json
from kit.timestamps import utc_ns, utc_text
from kit.verify.circumstances.environment import dockerfile
from kit.verify.circumstances.recipes import known_recipe
from kit.verify.expected import image_inputs, image_tag
from tests.support.calibrations import START_NS, calibration_files, recorded_calibration
from tests.support.forge import Change, document
from tests.support.good_bundle import Files, good_checks, good_host, good_look, jsonl, with_telemetry
from tests.support.toy_server import MS, SERVED_MODEL, exchanges_of

IDS = {"llamacpp": "sha256:" + "a1" * 32, "vllm": "sha256:" + "b2" * 32}
LLAMACPP, VLLM, LAST = "r1-c1-llamacpp", "r1-c1-vllm", "r1-c2-vllm"
ENGINE = EngineFacts("Docker Engine", "20.10.24", "1.41", kernel="6.1.0", architecture="x86_64")
# When the engine made, started and ended a container, in ns after the start of the cell or before its end.
MADE_NS, STARTED_NS, ENDED_NS = 4 * MS, 8 * MS, 8 * MS


@cache
def container_plan() -> Plan:
    """The platform smol, shortened: concurrency 1 and 2, one replicate, a window of 0.3 s."""
    smol = load_platform("smol")
    workload = replace(smol.workload, concurrencies=(1, 2), replicates=1, warmup_s=0.1, window_s=0.3, drain_s=5.0)
    suite = load_suite(smol.correctness.name, smol.correctness.level)
    pins = tuple(ImagePin(entry.name, "source", image_tag(entry, "source")) for entry in smol.entries)
    platform = replace(smol, workload=workload)
    made = make_plan(
        platform, model(smol.model), load_prompts(workload.prompts), suite, cpus=2, seed=None, images=pins
    )
    return replace(made, platform="smol-short", method=3)


def inputs_of(entry: Entry) -> dict[str, str]:
    """The inputs of an image built from source: for each of the catalogue's the first hash it may have."""
    return {name: min(digests) for name, digests in image_inputs(entry.runtime, entry.variant, "source")}


def container_facts(plan: Plan, cell: CellPlan, start_ns: int, end_ns: int) -> ContainerFacts:
    """What an engine would say of the container of a cell that lived from `start_ns` to `end_ns`."""
    entry, weights = entry_of(plan, cell), weights_of(plan, entry_of(plan, cell))
    served = ServedModel(weights.name, weights.file, weights.sha256 or "", "kit-model-1")
    spec = entry_container(entry, served, IDS[entry.name])
    return ContainerFacts(
        engine="Docker Engine",
        engine_version="20.10.24",
        api_version="1.41",
        passthrough="none",
        image=IDS[entry.name],
        image_id=IDS[entry.name],
        repo_digests=(),
        architecture="amd64",
        command=(*(spec.entrypoint or ()), *spec.command),
        environment={"PATH": "/usr/bin:/bin", **spec.environment},
        labels={
            "org.kit.cell": cell.id,
            "org.kit.dockerfile": sha256(dockerfile(entry.runtime, entry.variant)).hexdigest(),
            "org.kit.recipe": str(known_recipe(entry.runtime, entry.variant, "source", entry.image)),
            "org.kit.inputs": json.dumps(inputs_of(entry), sort_keys=True),
            "org.kit.kit_version": __version__,
            "org.kit.role": "server",
            "org.kit.run": "good",
            "org.kit.runtime": entry.runtime,
            "org.kit.target": "source",
            "org.kit.variant": entry.variant,
        },
        created_utc=utc_text(start_ns + MADE_NS),
        started_utc=utc_text(start_ns + STARTED_NS),
        finished_utc=utc_text(end_ns - ENDED_NS),
        exit_code=0,
        oom_killed=False,
    )


def _server(plan: Plan, cell: CellPlan, container: ContainerFacts, span_ns: tuple[int, int]) -> ServerFacts:
    entry = entry_of(plan, cell)
    told = ("slots", "context_tokens_per_slot", "max_model_len")
    return ServerFacts(
        command=container.command,
        version="b0-0c1e57098",
        reported={name: value for name, value in entry.settings.items() if name in told},
        started_utc=utc_text(span_ns[0] + 10 * MS),
        stopped_utc=utc_text(span_ns[1] - 5 * MS),
        exit_code=0,
        model_sha256=weights_of(plan, entry).sha256 or "",
        counters_before={"prompt_tokens": 120, "completion_tokens": 90, "prefix_cache_hits": 5},
        counters_after=None,
        device="cpu",
        container=container,
        log=LogFacts(("b0-0c1e57098",), ("cpu",) if entry.runtime == "vllm" else ()),
    )


def _facts(plan: Plan, origin_ns: int, over_ns: int, files: Files) -> LoadFacts:
    workload = plan.workload
    return LoadFacts(
        origin_utc=utc_text(origin_ns),
        ended_utc=utc_text(origin_ns + over_ns),
        origin_ns=origin_ns - START_NS,
        duration_ns=over_ns,
        window=Window(workload.warmup_ns, workload.warmup_ns + workload.window_ns),
        stamp_source="kernel",
        clock="CLOCK_MONOTONIC",
        clock_resolution_ns=1,
        cpu_ns=over_ns // 20,
        interrupted=False,
        stale_retries=0,
        requests=files["records.jsonl"].count(b"\n"),
        records_sha256=sha256(files["records.jsonl"]).hexdigest(),
        texts_sha256=sha256(files["texts.jsonl"]).hexdigest(),
    )


def _cell(plan: Plan, planned: CellPlan, start_ns: int) -> tuple[Cell, Files]:
    entry = entry_of(plan, planned)
    slots = int(entry.settings.get("slots") or entry.settings["max_num_seqs"])
    exchanges, over_ns = exchanges_of(plan, planned, slots, {})
    tokens = plan.workload.output_tokens
    judged = [
        record(each, planned_request(plan.seed, planned.lane, each.id, plan.prompts.count, tokens))
        for each in exchanges
    ]
    records = [each for each, _ in judged]
    files = {
        "records.jsonl": jsonl(records),
        "texts.jsonl": jsonl([{"id": each.id, "text": text} for each, text in judged]),
        "correct.jsonl": jsonl(good_checks(planned.concurrency)),
    }
    duration_ns = over_ns + 500 * MS
    end_ns, step_ns = start_ns + duration_ns, duration_ns // len(PHASES)
    facts = _facts(plan, start_ns + 300 * MS, over_ns + 10_000, files)
    assert facts.window is not None
    server = _server(plan, planned, container_facts(plan, planned, start_ns, end_ns), (start_ns, end_ns))
    after = {
        "prompt_tokens": 120 + sum(each.prompt_tokens or 0 for each in records),
        "completion_tokens": 90 + sum(each.completion_tokens or 0 for each in records),
        "prefix_cache_hits": 5,
    }
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
        ended_utc=utc_text(end_ns),
        duration_ns=duration_ns,
        phases=tuple(Phase(name, at * step_ns, (at + 1) * step_ns, "ok") for at, name in enumerate(PHASES)),
        load=cell_load(plan, planned, "http://server:8080", SERVED_MODEL),
        facts=facts,
        server=replace(server, counters_after=after),
        metrics=cell_metrics(records, facts.window, open_loop=False, method=plan.method),
    )
    return with_telemetry(cell, files)


@cache
def container_files() -> Mapping[str, bytes]:
    """The files of the good run in containers, by name."""
    plan, (calibration, requests) = container_plan(), recorded_calibration()
    files: Files = {
        "plan.json": write_json(plain(plan)),
        "host.json": write_json(plain(replace(good_host(), engine=ENGINE))),
        **calibration_files((calibration, requests)),
        "telemetry.jsonl": jsonl(good_look()),
    }
    cells: dict[str, Cell] = {}
    start_ns = START_NS
    for planned in plan.cells:
        cell, more = _cell(plan, planned, start_ns)
        cells[planned.id] = cell
        files |= {f"cells/{planned.id}/{name}": data for name, data in more.items()}
        files[f"cells/{planned.id}/cell.json"] = write_json(plain(cell))
        start_ns += cell.duration_ns + 20 * MS
    result = make_result(plan, sha256(files["plan.json"]).hexdigest(), cells, calibration)
    return {**files, "result.json": write_json(plain(result))}


@cache
def container_bundle() -> bytes:
    """The archive of the good run in containers."""
    return pack_files(container_files()).data


# --- changes ----------------------------------------------------------------------------------------------


def containers_changed(*changes: Change) -> bytes:
    """The good run in containers after these changes, with a manifest that fits."""
    files = dict(container_files())
    for change in changes:
        change(files)
    return pack_files(files).data


def in_image_pins(change: Callable[[list[Any]], None]) -> Change:
    """Change the images of the plan; its digest in result.json follows."""

    def apply(files: Files) -> None:
        document("plan.json", lambda plan: change(plan["images"]))(files)
        digest = sha256(files["plan.json"]).hexdigest()
        document("result.json", lambda result: result.update(plan_sha256=digest))(files)

    return apply


def in_server_of(cell: str, **values: Any) -> Change:
    """Set fields of what a cell tells of its server, as JSON; None takes one out."""

    def change(value: Any) -> None:
        value["server"].update(values)
        for name, new in values.items():
            if new is None:
                del value["server"][name]

    return document(f"cells/{cell}/cell.json", change)


def in_container(cell: str, **values: Any) -> Change:
    """Set fields of what a cell tells of its container, as JSON."""
    return document(f"cells/{cell}/cell.json", lambda value: value["server"]["container"].update(values))


def in_labels(cell: str, /, **values: str | None) -> Change:
    """Set labels org.kit.NAME of a container; None takes one out."""

    def change(value: Any) -> None:
        labels = value["server"]["container"]["labels"]
        labels.update({f"org.kit.{name}": text for name, text in values.items()})
        for name in [name for name, text in labels.items() if text is None]:
            del labels[name]

    return document(f"cells/{cell}/cell.json", change)


def without_input(cell: str) -> Change:
    """The image was built without one of its inputs."""
    inputs = inputs_of(entry_of(container_plan(), next(c for c in container_plan().cells if c.id == cell)))
    return in_labels(cell, inputs=json.dumps(dict(sorted(inputs.items())[1:])))


def command_of(cell: str) -> list[str]:
    """The command of a cell's container in the good run."""
    found = json.loads(container_files()[f"cells/{cell}/cell.json"])
    return list(found["server"]["container"]["command"])


def time_in(cell: str, at_ns: int) -> str:
    """The time so many ns after the start of a cell."""
    return utc_text(utc_ns(json.loads(container_files()[f"cells/{cell}/cell.json"])["started_utc"]) + at_ns)


def with_command(cell: str, command: list[str]) -> Change:
    """Another command, told alike by server and container."""

    def apply(files: Files) -> None:
        in_server_of(cell, command=command)(files)
        in_container(cell, command=command)(files)

    return apply


def with_word(cell: str, word: str, after: str) -> Change:
    """The server was given another word after a flag of its command."""
    command = command_of(cell)
    command[command.index(after) + 1] = word
    return with_command(cell, command)


def with_environment(cell: str, **values: str) -> Change:
    """Set variables of a container's environment."""
    return document(
        f"cells/{cell}/cell.json", lambda value: value["server"]["container"]["environment"].update(values)
    )


def process_in_a_container(files: Files) -> None:
    """A cell of a plan of processes that tells of a container, and of a device."""
    container = json.loads(container_files()[f"cells/{LLAMACPP}/cell.json"])["server"]["container"]
    name = next(name for name in sorted(files) if name.endswith("cell.json"))
    document(name, lambda value: value["server"].update(container=container, device="cpu"))(files)

"""A run in containers, from a platform to an engine, a plan and a supply; and one server that stays."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from kit.catalogue import model
from kit.documents import Entry, Plan, Platform
from kit.engines import connect
from kit.engines.protocol import ContainerEngine, ContainerHost, OnBytes, OnLine
from kit.errors import RuntimeNotReadyError
from kit.plan.correctness import load_suite
from kit.plan.plan import caches_on, make_plan, planned_entry
from kit.plan.weights import own_models
from kit.plan.workloads.corpus import planned_prompts
from kit.probe.http import EndpointError
from kit.probe.operations import Operation, perform
from kit.runtimes import RUNTIMES
from kit.runtimes.launch import entry_container
from kit.runtimes.protocol import ServedModel, Upload
from kit.supply.own_models import settled
from kit.supply.provision import (
    preflight,
    ready_images,
    ready_weights,
    served_model,
    supply_of,
)
from kit.supply.supply import ContainerSupply
from kit.supply.weights import weights_path

PREPARING = "prepare"  # the run that labels what is made for models alone
STANDING = "up"  # the run of all servers that stay


@dataclass(frozen=True, slots=True)
class PreparationOptions:
    """What the user may choose: images from sources or the runtimes' own (None: what can be had), a seed.

    `quiet_wait_s` is how long a quiet machine is waited for, `attempts` how often a disturbed cell is measured at
    most; None is as usual.
    """

    from_source: bool | None = None
    seed: int | None = None
    calibrate: bool = True
    quiet_wait_s: float | None = None
    attempts: int | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything a run in containers needs; `image` is the load generator's, which has Python."""

    plan: Plan
    engine: ContainerEngine
    supply: ContainerSupply
    host: ContainerHost
    image: str


@contextlib.contextmanager
def ready(
    platform: Platform,
    run: str,
    options: PreparationOptions,
    on_line: OnLine,
    on_bytes: OnBytes,
    kept: Plan | None = None,
) -> Iterator[Ready]:
    """An engine for us alone while the block runs, images built, weights in volumes.

    `kept` is the plan of a run that goes on; otherwise one is made. Raises what stands in the way, the accelerator
    before anything is built or fetched.
    """
    with connect(run) as host, host.only_kit():
        preflight(host, platform.entries)
        known = settled(platform, kept, on_bytes=on_bytes)
        platform, models = known.platform, known.models
        images = ready_images(host.images, platform.entries, _source(platform, options), on_line)
        names = (platform.model, *own_models(platform.entries))
        found = ready_weights(host, names, images, _source(platform, options), on_bytes, on_line, models)
        engine = host.engine(images.loadgen)
        plan = kept or make_plan(
            platform,
            models.named(platform.model),
            planned_prompts(platform.workload.prompts),
            load_suite(platform.correctness.name, platform.correctness.level),
            cpus=engine.server_cpu_count,
            seed=options.seed,
            calibrate=options.calibrate,
            found=found,
            images=images.pins,
            server_memory_bytes=engine.server_memory_bytes,
            quiet_wait_s=options.quiet_wait_s,
            attempts=options.attempts,
            models=models,
        )
        supply = supply_of(host, plan, images, found, on_bytes, models)
        with host.cache_volumes(_caches(plan, supply)):
            yield Ready(plan, engine, supply, host, images.loadgen)


def _caches(plan: Plan, supply: ContainerSupply) -> list[str]:
    """The volumes that the servers of a plan write to."""
    containers = (supply.server(entry, entry.name, 0).container for entry in plan.entries)
    mounts = (mount for container in containers if container for mount in container.mounts)
    return sorted({mount.volume for mount in mounts if not mount.read_only})


def _source(platform: Platform, options: PreparationOptions) -> bool | None:
    """Whether images are built from sources: as the user says, else as the platform does, else as it comes."""
    if options.from_source is not None or platform.target is None:
        return options.from_source
    return platform.target == "source"


@dataclass(frozen=True, slots=True)
class PreparedModel:
    """A model that is here and in a volume of the engine."""

    name: str
    sha256: str
    bytes: int
    confirmed: bool
    volume: str


def prepare(
    names: Iterable[str], options: PreparationOptions, on_line: OnLine, on_bytes: OnBytes
) -> Iterator[PreparedModel]:
    """Fetch or make models and fill their volumes, one after the other."""
    with connect(PREPARING) as host:
        for entry in map(model, names):
            images = ready_images(host.images, [], options.from_source, on_line)
            found = ready_weights(host, [entry.name], images, options.from_source, on_bytes, on_line)
            digest, size = found[entry.name]
            served = served_model(host, entry, digest, images, on_bytes)
            yield PreparedModel(entry.name, digest, size, entry.confirmed, served.volume)


def standing(
    platform: Platform, entry: Entry, port: int, options: PreparationOptions, on_line: OnLine, on_bytes: OnBytes
) -> str:
    """Start an entry's server as a run would, but to stay, on 127.0.0.1:`port`; returns its URL."""
    with connect(STANDING) as host:
        preflight(host, [entry])
        images = ready_images(host.images, [entry], _source(platform, options), on_line)
        known = settled(replace(platform, entries=(entry,)), None, on_bytes=on_bytes)
        (entry,), models = known.platform.entries, known.models
        name = entry.model or known.platform.model
        found = ready_weights(host, [name], images, _source(platform, options), on_bytes, on_line, models)
        engine = host.engine(images.loadgen)
        chosen = planned_entry(entry, engine.server_cpu_count, caches=caches_on(platform.workload))
        served = served_model(host, models.named(name), found[name][0], images, on_bytes)
        spec = entry_container(chosen, served, images.by_entry[entry.name], engine.server_memory_bytes)
        url = host.stand_up(spec, port)
        load_by_request(url, chosen, served, weights_path(models.named(name)))
        return url


def load_by_request(url: str, entry: Entry, served: ServedModel, file: Path) -> None:
    """Have a server that is up load its model, where its runtime must be asked to (Ollama); nothing for others.

    `RuntimeNotReadyError` with the server's words if it does not.
    """
    runtime = RUNTIMES[entry.runtime]
    steps = runtime.preparation(entry.settings, served)
    if not steps:
        return
    remedy = "It goes on running: kit down removes it."
    last = perform(Operation("ready", runtime.start_budget_s(entry.variant), url, runtime.READY_PATH))
    if last is not None:
        raise RuntimeNotReadyError(f"The server at {url} is not ready: {last}.", remedy)
    for step in steps:
        try:
            if isinstance(step, Upload):
                perform(Operation("upload", step.timeout_s, url, step.path, file=str(file)))
            else:
                perform(Operation("post", step.timeout_s, url, step.path, document=json.dumps(step.document)))
        except EndpointError as error:
            raise RuntimeNotReadyError(
                f"The server did not accept the model ({step.path}): {error}.", remedy
            ) from None

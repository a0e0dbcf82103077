"""A run in containers, from a platform to an engine, a plan and a supply; and one server that stays."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from kit.catalogue import model
from kit.documents import Entry, Plan, Platform
from kit.engines.docker.accelerators import host_config_of, probe
from kit.engines.docker.client import connect
from kit.engines.docker.engine import DockerEngine
from kit.engines.docker.images import scratch_image
from kit.engines.docker.lock import only_kit
from kit.engines.docker.standing import STANDING, stand_up
from kit.plan.correctness import load_suite
from kit.plan.plan import make_plan, own_models
from kit.plan.prompts import load_prompts
from kit.runtimes import RUNTIMES
from kit.runtimes.launch import entry_container
from kit.supply.download import OnBytes
from kit.supply.provision import (
    Images,
    accelerator_of,
    maker_images,
    preflight,
    ready_images,
    ready_weights,
    served_model,
    supply_of,
)
from kit.supply.supply import ContainerSupply

OnLine = Callable[[str], None]
PREPARING = "prepare"  # the run that labels what is made for models alone


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user may choose: images from sources or the runtimes' own (None: what can be had), a seed."""

    from_source: bool | None = None
    seed: int | None = None
    calibrate: bool = True


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything a run in containers needs."""

    plan: Plan
    engine: DockerEngine
    supply: ContainerSupply


@contextlib.contextmanager
def ready(
    platform: Platform, run: str, wishes: Wishes, on_line: OnLine, on_bytes: OnBytes, kept: Plan | None = None
) -> Iterator[Ready]:
    """An engine for us alone while the block runs, images built, weights in volumes.

    `kept` is the plan of a run that goes on; otherwise one is made. Raises what stands in the way, the accelerator
    before anything is built or fetched.
    """
    client = connect()
    try:
        with only_kit(client, run, scratch_image(client)):
            preflight(client, run, platform.entries)
            images = ready_images(client, platform.entries, _source(platform, wishes), on_line)
            names = (platform.model, *own_models(platform.entries))
            found = ready_weights(client, run, names, images, on_bytes, on_line)
            engine = DockerEngine(client, run, images.loadgen)
            plan = kept or make_plan(
                platform,
                model(platform.model),
                load_prompts(platform.workload.prompts),
                load_suite(platform.correctness.name, platform.correctness.level),
                cpus=engine.server_cpu_count,
                seed=wishes.seed,
                calibrate=wishes.calibrate,
                found=found,
                images=images.pins,
            )
            yield Ready(plan, engine, supply_of(client, run, plan, images, found, on_bytes))
    finally:
        client.close()


def _source(platform: Platform, wishes: Wishes) -> bool | None:
    """Whether images are built from sources: as the user says, else as the platform does, else as it comes."""
    if wishes.from_source is not None or platform.target is None:
        return wishes.from_source
    return platform.target == "source"


@dataclass(frozen=True, slots=True)
class PreparedModel:
    """A model that is here and in a volume of the engine."""

    name: str
    sha256: str
    bytes: int
    confirmed: bool
    volume: str


def prepare(names: Iterable[str], wishes: Wishes, on_line: OnLine, on_bytes: OnBytes) -> Iterator[PreparedModel]:
    """Fetch or make models and fill their volumes, one after the other."""
    client = connect()
    try:
        for entry in map(model, names):
            images = maker_images(client, entry, wishes.from_source, on_line)
            digest, size = ready_weights(client, PREPARING, [entry.name], images, on_bytes, on_line)[entry.name]
            served = served_model(client, PREPARING, entry, digest, images, on_bytes)
            yield PreparedModel(entry.name, digest, size, entry.confirmed, served.volume)
    finally:
        client.close()


def standing(
    platform: Platform, entry: Entry, port: int, wishes: Wishes, on_line: OnLine, on_bytes: OnBytes
) -> str:
    """Start an entry's server as a run would, but to stay, on 127.0.0.1:`port`; returns its URL."""
    client = connect()
    try:
        preflight(client, STANDING, [entry])
        images: Images = ready_images(client, [entry], _source(platform, wishes), on_line)
        name = entry.model or platform.model
        found = ready_weights(client, STANDING, [name], images, on_bytes, on_line)
        engine = DockerEngine(client, STANDING, images.loadgen)
        settings = RUNTIMES[entry.runtime].explicit(entry.variant, entry.settings, engine.server_cpu_count)
        served = served_model(client, STANDING, model(name), found[name][0], images, on_bytes)
        image = images.by_entry[entry.name]
        spec = entry_container(replace(entry, settings=settings), served, image)
        way = probe(client, accelerator_of(entry), image, STANDING)
        return stand_up(client, spec, host_config_of(way, spec), port)
    finally:
        client.close()

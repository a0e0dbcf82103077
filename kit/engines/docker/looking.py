"""A look at the engine's machine: the kit's own code in a container there, which sees its /proc, /sys and GPUs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import docker

from kit.documents import EngineFacts
from kit.documents.container import Accelerator, ContainerSpec
from kit.engines.docker.client import RUN_LABEL, engine_errors
from kit.engines.docker.config import Place, container_config, kit_program
from kit.engines.docker.containers import container, new_name, start
from kit.engines.docker.passthrough import Passthrough, host_config_of
from kit.engines.docker.wire import log_tail, printed
from kit.errors import EngineError
from kit.machine.look import MAX_PRINTED_BYTES, Look, read_look

PROGRAM = ("-m", "kit.machine")
LOOK_S = 60
# What NVIDIA's tools put into the container: the library that describes GPUs, and nothing that computes.
UTILITY = {"NVIDIA_DRIVER_CAPABILITIES": "utility"}


def looking_at(image: str, accelerator: Accelerator = "none") -> ContainerSpec:
    """The program that looks, in the load generator's image, with a way to an accelerator."""
    return replace(kit_program(image, PROGRAM), accelerator=accelerator, environment=UTILITY)


def look(
    client: docker.DockerClient,
    run: str,
    image: str,
    ways: Sequence[tuple[Accelerator, Passthrough]],
    engine: EngineFacts,
) -> Look:
    """One look by each way; the GPUs are those of the way that shows most of them."""
    looks = [_looked(client, run, looking_at(image, accelerator), way) for accelerator, way in ways]
    best = max(looks, key=lambda found: len(found.host.gpus))
    return replace(best, host=replace(best.host, engine=engine))


def _looked(client: docker.DockerClient, run: str, spec: ContainerSpec, way: Passthrough) -> Look:
    place = Place("none", alias=None, labels={RUN_LABEL: run}, accelerator=host_config_of(way, spec))
    config = container_config(spec, place)
    # In a namespace of its own it would not see the quotas of the groups above, which hold for every container.
    config["HostConfig"]["CgroupnsMode"] = "host"
    with container(client, config, new_name("look")) as made:
        start(client, made, "the look at the engine's machine")
        with engine_errors("wait for the look at its machine"):
            code = int(client.api.wait(made, timeout=LOOK_S)["StatusCode"])
        if code:
            raise EngineError(
                f"The look at the engine's machine ended with exit code {code}.",
                "The load generator's image may be of another version of the kit: kit images build loadgen",
                log_tail(client, made, 5),
            )
        return read_look(printed(client, made, MAX_PRINTED_BYTES))

"""A server that stays when the kit ends: `kit up` starts it, `kit down` removes it."""

from __future__ import annotations

import docker

from kit.documents.container import ContainerSpec
from kit.engines.docker.accelerators import probe
from kit.engines.docker.client import RUN_LABEL, engine_errors
from kit.engines.docker.config import Place, container_config
from kit.engines.docker.containers import make_container, new_name, remove_container, start
from kit.engines.docker.passthrough import host_config_of

HOST = "127.0.0.1"


def stand_up(client: docker.DockerClient, run: str, spec: ContainerSpec, host_port: int) -> str:
    """See `ContainerHost.stand_up`. As isolated as in a run, but it needs a network that leads to the host."""
    accelerator = host_config_of(probe(client, spec.accelerator, spec.image, run), spec)
    config = container_config(spec, Place("bridge", None, {RUN_LABEL: run}, accelerator=accelerator))
    key = f"{spec.port}/tcp"
    config["ExposedPorts"] = {key: {}}
    config["HostConfig"]["PortBindings"] = {key: [{"HostIp": HOST, "HostPort": str(host_port)}]}
    for mount in spec.mounts:
        if not mount.read_only:  # the engine would make it without a label, and nothing would remove it
            with engine_errors(f"make the volume {mount.volume}"):
                client.api.create_volume(name=mount.volume, labels={RUN_LABEL: run})
    made = make_container(client, config, new_name("up"))
    try:
        start(client, made, "the server")
    except BaseException:
        remove_container(client, made)
        raise
    return f"http://{HOST}:{host_port}"

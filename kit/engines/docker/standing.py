"""A server that stays when the kit ends: `kit up` starts it, `kit down` removes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import docker

from kit.documents.container import ContainerSpec
from kit.engines.docker.client import RUN_LABEL
from kit.engines.docker.config import Place, container_config
from kit.engines.docker.containers import make_container, new_name, remove_container, start

STANDING = "up"  # the run of all servers that stay
HOST = "127.0.0.1"


def stand_up(
    client: docker.DockerClient, spec: ContainerSpec, accelerator: Mapping[str, Any], host_port: int
) -> str:
    """Start a server that listens on 127.0.0.1:`host_port` of the engine's machine; returns its URL.

    As isolated as in a run, but for that port: it needs a network that leads to the host.
    """
    place = Place("bridge", alias=None, labels={RUN_LABEL: STANDING}, accelerator=accelerator)
    config = container_config(spec, place)
    config.pop("NetworkingConfig", None)
    key = f"{spec.port}/tcp"
    config["ExposedPorts"] = {key: {}}
    config["HostConfig"]["PortBindings"] = {key: [{"HostIp": HOST, "HostPort": str(host_port)}]}
    made = make_container(client, config, new_name("up"))
    try:
        start(client, made, "the server")
    except BaseException:
        remove_container(client, made)
        raise
    return f"http://{HOST}:{host_port}"

"""Containers, networks and volumes that go when their block ends, whatever happens in it."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import docker

from kit.engines.docker.client import MissingError, engine_errors
from kit.engines.interrupts import holding_interrupts
from kit.errors import EngineError, KitError
from kit.text import plain_text

# No address on the host's side of the bridge: else whatever listens on all addresses there could be reached.
CLOSED = {"com.docker.network.bridge.inhibit_ipv4": "true"}


def new_name(kind: str) -> str:
    """A name nobody has, for people who look at the engine meanwhile."""
    return f"kit-{kind}-{secrets.token_hex(4)}"


@contextlib.contextmanager
def at_the_end(action: Callable[[], None]) -> Iterator[None]:
    """Do something after the block, whatever happens in it and however often Ctrl-C is pressed.

    What went wrong in the block is told, not what then goes wrong in the action.
    """
    try:
        yield
    except BaseException:
        with holding_interrupts(), contextlib.suppress(KitError):
            action()
        raise
    with holding_interrupts():
        action()


@contextlib.contextmanager
def network(client: docker.DockerClient, labels: Mapping[str, str]) -> Iterator[str]:
    """The name of a new network without a way out, neither into the world nor to the engine's own machine."""
    api: Any = client.api
    name = new_name("net")
    with contextlib.ExitStack() as stack:
        with holding_interrupts(), engine_errors("make a network"):
            made = api.create_network(name, driver="bridge", internal=True, options=CLOSED, labels=dict(labels))
            stack.enter_context(at_the_end(lambda: remove_network(client, made["Id"])))
        yield name


@contextlib.contextmanager
def container(client: docker.DockerClient, config: dict[str, Any], name: str) -> Iterator[str]:
    """The id of a new container, not started. It goes with its own volumes, and is killed if it still runs."""
    with contextlib.ExitStack() as stack:
        with holding_interrupts():
            made = make_container(client, config, name)
            stack.enter_context(at_the_end(lambda: remove_container(client, made)))
        yield made


def make_container(client: docker.DockerClient, config: dict[str, Any], name: str) -> str:
    """The id of a new container, not started, that stays until somebody removes it."""
    api: Any = client.api
    image = plain_text(str(config["Image"]), 100)
    try:
        with engine_errors(f"make a container of {image}"):
            return str(api.create_container_from_config(config, name)["Id"])
    except MissingError:
        raise EngineError(f"The image {image} is not on this engine.", "Build it: kit images build") from None


@contextlib.contextmanager
def volume(client: docker.DockerClient, name: str, labels: Mapping[str, str]) -> Iterator[str]:
    """The name of a volume that exists while the block runs."""
    with contextlib.ExitStack() as stack:
        with holding_interrupts(), engine_errors(f"make the volume {plain_text(name)}"):
            client.api.create_volume(name=name, labels=dict(labels))
            stack.enter_context(at_the_end(lambda: remove_volume(client, name)))
        yield name


def start(client: docker.DockerClient, container: str, what: str) -> None:
    """Start a container that was made; `EngineError` in the engine's words if it cannot run."""
    with engine_errors(f"start {what}"):
        client.api.start(container)


def stop(client: docker.DockerClient, container: str, grace_s: float) -> None:
    """Ask a container to end; after `grace_s` seconds it is killed."""
    api: Any = client.api
    with engine_errors("stop a container"):
        api.stop(container, timeout=max(1, round(grace_s)))


def inspect(client: docker.DockerClient, container: str) -> dict[str, Any]:
    """What the engine knows of a container."""
    with engine_errors("look at a container"):
        found: dict[str, Any] = client.api.inspect_container(container)
    return found


# --- removing: what is gone already is removed ----------------------------------------------------------


def remove_container(client: docker.DockerClient, container: str) -> None:
    """Kill and remove a container with the volumes that are its own."""
    with contextlib.suppress(MissingError), engine_errors("remove a container"):
        client.api.remove_container(container, force=True, v=True)


def remove_network(client: docker.DockerClient, name: str) -> None:
    """Remove a network."""
    with contextlib.suppress(MissingError), engine_errors("remove a network"):
        client.api.remove_network(name)


def remove_volume(client: docker.DockerClient, name: str) -> None:
    """Remove a volume and what is in it."""
    with contextlib.suppress(MissingError), engine_errors(f"remove the volume {plain_text(name)}"):
        client.api.remove_volume(name, force=True)


def volume_exists(client: docker.DockerClient, name: str) -> bool:
    """Whether the engine has a volume of that name."""
    try:
        with engine_errors(f"look at the volume {plain_text(name)}"):
            client.api.inspect_volume(name)
    except MissingError:
        return False
    return True

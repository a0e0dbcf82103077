"""Find the way for an accelerator into containers of an engine by asking it and by trial containers.

The devices belong to the engine's machine, which may be another one than this: only a container that starts (or
is refused) tells. A trial takes well under a second and leaves nothing behind.
"""

from __future__ import annotations

import contextlib

import docker
from docker.errors import APIError, ImageNotFound
from docker.models.containers import Container

from kit.documents.container import Accelerator, ContainerSpec
from kit.engines.docker.client import RUN_LABEL, engine_errors
from kit.engines.docker.passthrough import (
    NONE,
    SCRIPT,
    UNTOUCHED,
    Passthrough,
    Trial,
    engine_of,
    host_config_of,
    impossible,
    passthrough_of_trial,
    ways,
)
from kit.errors import EngineError
from kit.text import plain_text

TRIAL_TIMEOUT_S = 60
TRIAL_MEMORY_BYTES, TRIAL_PIDS = 512 << 20, 256  # a shell that lists devices, of an image that nobody knows yet
# The engine's words when the image has no shell; they say nothing about a device.
NO_SHELL = '"sh": executable file not found'


def probe(
    client: docker.DockerClient, accelerator: Accelerator, image: str, run: str = "passthrough"
) -> Passthrough:
    """How `accelerator` comes into containers of this engine, shown by a container of `image` that started.

    `image` is any image on the engine with a shell, best the one that is to be measured; `run` is the label of
    the trial containers. `EngineError` with the remedy if there is no way, if the engine would ignore the
    request, or if the image is not there.
    """
    if accelerator == "none":
        return NONE
    with engine_errors("say what it is"):
        info = client.info()
        engine = engine_of(client.version(), info)
    limit = TRIAL_MEMORY_BYTES if info.get("MemoryLimit", True) else None
    refusals = {}
    for way in ways(accelerator, engine):
        found = passthrough_of_trial(way, _tried(client, accelerator, way, image, run, limit))
        if isinstance(found, Passthrough):
            return found
        refusals[way.path] = found
    raise impossible(accelerator, refusals)


def _tried(
    client: docker.DockerClient,
    accelerator: Accelerator,
    way: Passthrough,
    image: str,
    run: str,
    memory_bytes: int | None,
) -> Trial:
    spec = ContainerSpec(service="trial", image=image, command=(), port=0, accelerator=accelerator)
    asked = host_config_of(way, spec)
    environment = {**UNTOUCHED, **asked.pop("environment")}
    container = None
    try:
        with engine_errors("try an accelerator"):
            try:
                container = client.containers.create(
                    image,
                    entrypoint=["sh", "-c", SCRIPT],
                    command=[],
                    environment=environment,
                    labels={RUN_LABEL: run},
                    network_mode="none",
                    read_only=True,
                    cap_drop=["ALL"],
                    user="0:0",
                    mem_limit=memory_bytes,
                    memswap_limit=memory_bytes,
                    pids_limit=TRIAL_PIDS,
                    **asked,
                )
                return _ended(container)
            except APIError as error:
                return _refused(image, error)
    finally:
        if container is not None:
            # A trial that cannot be removed carries the label by which kit clean finds it.
            with contextlib.suppress(EngineError), engine_errors("remove a trial"):
                container.remove(force=True, v=True)


def _ended(container: Container) -> Trial:
    container.start()
    container.wait(timeout=TRIAL_TIMEOUT_S)
    return Trial(None, container.logs(tail=400).decode("utf-8", "replace"))


def _refused(image: str, error: APIError) -> Trial:
    """The engine's refusal as what the trial has shown, unless it is about the image."""
    words = str(error.explanation or error)
    if isinstance(error, ImageNotFound):
        raise EngineError(f"The image {plain_text(image)} is not on this engine.", "Build it: kit images build.")
    if NO_SHELL in words:
        raise EngineError(
            f"The image {plain_text(image)} has no shell, so nothing can be tried with it.",
            "Use an image that the kit built.",
        )
    return Trial(words)

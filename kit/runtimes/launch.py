"""How an entry's server is started: in a container, by its runtime's compose file, or as a process. Pure."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from kit.assets import asset
from kit.documents import Entry
from kit.documents.container import ContainerSpec
from kit.errors import KitError
from kit.runtimes import RUNTIMES
from kit.runtimes.caches import cached_command
from kit.runtimes.chosen import flag_faults, gpu_faults
from kit.runtimes.compose import ComposeFile, container, read_compose
from kit.runtimes.protocol import Runtime, ServedModel, ServerSpec

# Variants that are another service of the same image.
_SAME_IMAGE = {"lavapipe": "vulkan"}
GPUS_LABEL = "org.kit.gpus"
NOT_YET = ServedModel("model", "model", "", "model")


def image_variant(entry: Entry) -> str:
    """The variant whose image an entry runs."""
    return _SAME_IMAGE.get(entry.variant, entry.variant)


def entry_container(
    entry: Entry,
    model: ServedModel,
    image: str,
    memory_bytes: int | None = None,
    runtime: Runtime | None = None,
) -> ContainerSpec:
    """The container of an entry whose settings are all given; `image` is what the engine is asked for.

    `memory_bytes` is the limit of its memory where the compose file has none. `runtime` is that of the entry; None
    is the one which this kit knows by its name.
    """
    chosen = RUNTIMES[entry.runtime] if runtime is None else runtime
    own = {"KIT_IMAGE": image, "KIT_CACHE_VOLUME": cache_volume(image)}
    # By its name the engine knows what is meant and gives the number that the device files tell.
    names = {
        **chosen.variables(entry.variant, entry.settings, model),
        **own,
        "KIT_RENDER_GROUP": "render",
    }
    spec = container(_compose_file(chosen), entry.variant, names)
    more = chosen.additions(entry.variant, entry.settings, entry.gpus)
    gpus = entry.gpus if spec.accelerator == "nvidia" else ()
    return replace(
        spec,
        command=(*cached_command(chosen, spec.command, entry.settings), *more.flags, *entry.flags),
        environment={**spec.environment, **more.environment},
        memory_bytes=spec.memory_bytes or memory_bytes,
        gpus=gpus,
        labels={**spec.labels, GPUS_LABEL: gpus_text(gpus)} if gpus else spec.labels,
    )


def entry_process(
    entry: Entry, name: str, model_path: str, port: int, runtime: Runtime | None = None
) -> ServerSpec:
    """The server of an entry as a process of this machine; `runtime` as in `entry_container`."""
    chosen = RUNTIMES[entry.runtime] if runtime is None else runtime
    spec = chosen.server(name, entry.variant, entry.settings, model_path, port)
    more = chosen.additions(entry.variant, entry.settings, entry.gpus)
    return replace(
        spec,
        command=(*spec.command, *more.flags, *entry.flags),
        environment={**spec.environment, **more.environment},
    )


def choice_faults(entry: Entry, runtime: Runtime) -> tuple[str, ...]:
    """Why flags and GPUs of an entry, whose settings are all given and good, cannot be."""
    plain = replace(entry, flags=())
    try:
        if entry.variant in runtime.PROCESS_VARIANTS:
            command = entry_process(plain, entry.name, "model", 1, runtime).command
        else:
            spec = entry_container(plain, NOT_YET, "any", runtime=runtime)
            command = (*(spec.entrypoint or ()), *spec.command)
    except KitError as error:
        return (error.what,)
    return (*gpu_faults(runtime, entry), *flag_faults(runtime, entry, command))


def gpus_text(gpus: tuple[int, ...]) -> str:
    """Numbers of GPUs as in "0,2"."""
    return ",".join(map(str, gpus))


def _compose_file(runtime: Runtime) -> ComposeFile:
    if runtime.COMPOSE is not None:
        return read_compose(runtime.COMPOSE.encode(), f"{runtime.NAME}/compose.yaml")
    return read_compose(asset("compose", f"{runtime.NAME}.yaml").read_bytes(), f"compose/{runtime.NAME}.yaml")


def cache_volume(image: str) -> str:
    """Where the servers of an image keep what they compile at their first start; another image has another."""
    return f"kit-cache-{sha256(image.encode()).hexdigest()[:16]}"

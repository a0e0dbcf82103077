"""How an entry's server is started in a container: its runtime's compose file, its settings filled in. Pure."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from kit.assets import asset
from kit.documents import Entry
from kit.documents.container import ContainerSpec
from kit.runtimes import RUNTIMES
from kit.runtimes.caches import cached_command
from kit.runtimes.compose import container, read_compose
from kit.runtimes.protocol import ServedModel

# Variants that are another service of the same image.
_SAME_IMAGE = {"lavapipe": "vulkan"}


def image_variant(entry: Entry) -> str:
    """The variant whose image an entry runs."""
    return _SAME_IMAGE.get(entry.variant, entry.variant)


def entry_container(
    entry: Entry, model: ServedModel, image: str, memory_bytes: int | None = None
) -> ContainerSpec:
    """The container of an entry whose settings are all given; `image` is what the engine is asked for.

    `memory_bytes` is the limit of its memory where the compose file has none.
    """
    where = f"compose/{entry.runtime}.yaml"
    file = read_compose(asset("compose", f"{entry.runtime}.yaml").read_bytes(), where)
    variables = RUNTIMES[entry.runtime].variables(entry.variant, entry.settings, model)
    own = {"KIT_IMAGE": image, "KIT_CACHE_VOLUME": cache_volume(image)}
    # By its name the engine knows what is meant and gives the number that the device files tell.
    names = {**variables, **own, "KIT_RENDER_GROUP": "render"}
    spec = container(file, entry.variant, names)
    return replace(
        spec,
        command=cached_command(RUNTIMES[entry.runtime], spec.command, entry.settings),
        memory_bytes=spec.memory_bytes or memory_bytes,
    )


def cache_volume(image: str) -> str:
    """Where the servers of an image keep what they compile at their first start; another image has another."""
    return f"kit-cache-{sha256(image.encode()).hexdigest()[:16]}"

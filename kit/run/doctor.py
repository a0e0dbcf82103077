"""Whether this machine and its engine can carry a platform out, thing by thing, each with what to do about it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from kit.catalogue import model
from kit.documents import Platform
from kit.documents.pins import Hardware
from kit.engines.docker.client import Client, connect, engine_errors
from kit.engines.docker.lock import holder
from kit.errors import KitError
from kit.plan.plan import own_models
from kit.run.host import describe_host
from kit.supply.download import cache_folder
from kit.supply.images import needed
from kit.supply.provision import entry_recipe, preflight
from kit.supply.weights import weights_path
from kit.text import bytes_text, plain_text

State = Literal["ok", "note", "fail"]
MIN_FREE_BYTES = 15 << 30  # images of two engines, their build caches and a small model


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that was looked at: what, how it is, and what to do unless it is ok."""

    what: str
    state: State
    words: str
    remedy: str = ""


def examine(platform: Platform | None) -> Iterator[Found]:
    """Look at the machine, and at what the platform needs if one is given; nothing is built or fetched."""
    yield from _machine()
    if platform is not None and platform.engine == "process":
        yield from _models(platform)
        return
    try:
        client = connect()
    except KitError as error:
        yield Found("engine", "fail", error.what, error.remedy)
        return
    try:
        yield from _engine(client)
        if platform is not None:
            yield _accelerator(client, platform)
            yield from _images(client, platform)
            yield from _models(platform)
            yield from _clock(platform.hardware)
    finally:
        client.close()


def _machine() -> Iterator[Found]:
    host = describe_host()
    memory = bytes_text(host.memory_bytes) if host.memory_bytes else "unknown"
    yield Found("machine", "ok", f"{host.cpus_usable} of {host.cpus} CPUs, {memory} of memory, {host.system}")
    governor = host.cpu_governor
    if governor not in (None, "performance"):
        yield Found(
            "CPU governor",
            "note",
            f"{governor}: clock speed varies with load, which affects short windows",
            "sudo cpupower frequency-set -g performance",
        )
    if host.clock_source not in (None, "tsc", "arch_sys_counter", "kvm-clock"):
        yield Found(
            "clock", "note", f"clock source {host.clock_source}: slow to read", "See docs/method.md on clocks."
        )
    folder = cache_folder()
    free = shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free
    state: State = "ok" if free >= MIN_FREE_BYTES else "note"
    yield Found("disk", state, f"{bytes_text(free)} free at the cache", "Free some space, or set KIT_CACHE.")


def _engine(client: Client) -> Iterator[Found]:
    with engine_errors("describe itself"):
        info: dict[str, Any] = client.info()
        version: dict[str, Any] = client.version()
    words = f"version {version.get('Version')}, API {version.get('ApiVersion')}, {info.get('OperatingSystem')}"
    yield Found("engine", "ok", plain_text(words, 200))
    held = holder(client)
    if held is not None:
        yield Found(
            "lock",
            "fail",
            f"run {held.run} of process {held.pid} on {held.host} " + ("is gone" if held.dead else "holds it"),
            "Wait until it has ended; if it is gone: kit clean",
        )


def _tried(what: str, good: str, remedy: str, look: Callable[[], object]) -> Found:
    try:
        look()
    except KitError as error:
        return Found(what, "fail", error.what, error.remedy or remedy)
    return Found(what, "ok", good)


def _accelerator(client: Client, platform: Platform) -> Found:
    return _tried(
        "accelerator",
        "containers can access every entry's accelerator",
        "See docs/passthrough.md.",
        lambda: preflight(client, "doctor", platform.entries),
    )


def _images(client: Client, platform: Platform) -> Iterator[Found]:
    for entry in platform.entries:
        try:
            wanted = entry_recipe(client, entry, None)
            missing = needed(client, wanted.runtime, wanted.variant, wanted.target)
        except KitError as error:
            yield Found(f"image of {entry.name}", "fail", error.what, error.remedy)
            continue
        state: State = "note" if missing else "ok"
        words = f"{wanted.tag} " + ("missing: has to be built" if missing else "is here")
        yield Found(f"image of {entry.name}", state, words, f"kit images build {wanted.name}")


def _models(platform: Platform) -> Iterator[Found]:
    for name in (platform.model, *own_models(platform.entries)):
        entry = model(name)
        here = weights_path(entry).exists()
        doubt = "" if entry.confirmed else "; hash not confirmed"
        state: State = "ok" if here and entry.confirmed else "note"
        words = ("is here" if here else "missing: has to be downloaded or converted") + doubt
        yield Found(f"model {name}", state, words, f"kit models prepare {name}")


def _clock(hardware: Hardware | None) -> Iterator[Found]:
    if hardware is not None and hardware.lock_clock_mhz is not None:
        mhz = hardware.lock_clock_mhz
        yield Found(
            "device clock",
            "note",
            f"the platform expects {mhz} MHz; the kit has no rights to lock the clock",
            f"sudo nvidia-smi -lgc {mhz},{mhz}, and afterwards sudo nvidia-smi -rgc",
        )

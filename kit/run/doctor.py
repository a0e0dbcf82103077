"""Whether this machine and its engine can carry a platform out, thing by thing, each with what to do about it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from kit.catalogue import model
from kit.cpus import cpu_quota
from kit.documents import NO_MODEL, Host, Platform
from kit.documents.pins import Hardware
from kit.engines import connect
from kit.engines.protocol import ContainerHost
from kit.errors import KitError
from kit.judge.machines import gpus_text
from kit.machine.here import describe_host, look_here
from kit.machine.look import same_machine
from kit.plan.plan import own_models
from kit.probe.running import access_of, look_at, target_of
from kit.supply.download import cache_folder
from kit.supply.images import needed, recipe
from kit.supply.provision import LOADGEN, entry_recipe, preflight
from kit.supply.supply import INSTALL, missing_modules
from kit.supply.weights import weights_path
from kit.text import bytes_text, plain_text

State = Literal["ok", "note", "fail"]
ENGINE_MACHINE = "engine's machine"
MIN_FREE_BYTES = 15 << 30  # images of two engines, their build caches and a small model


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was looked at, how it is, and what to do unless it is ok."""

    what: str
    state: State
    words: str
    remedy: str = ""


def examine(platform: Platform | None) -> Iterator[Diagnosis]:
    """Look at the machine, and at what the platform needs if one is given; nothing is built or fetched."""
    yield from _machine()
    if platform is not None and platform.engine == "process":
        yield _modules(platform)
        yield from _models(platform)
        yield from _running(platform)
        return
    with contextlib.ExitStack() as stack:
        try:
            host = stack.enter_context(connect("doctor"))
        except KitError as error:
            yield Diagnosis("engine", "fail", error.what, error.remedy)
            return
        yield from _engine(host)
        yield from _engine_machine(host)
        if platform is not None:
            yield _accelerator(host, platform)
            yield from _images(host, platform)
            yield from _models(platform)
            yield from _clock(platform.hardware)


def _machine() -> Iterator[Diagnosis]:
    """The one on which the command is typed."""
    host = describe_host()
    yield Diagnosis("machine", "ok", _words(host))
    quota = cpu_quota()
    if quota is not None and quota < host.cpus:
        yield Diagnosis(
            "CPU quota",
            "note",
            f"{quota:g} CPUs: who has used them up is stopped for a while, which distorts latencies",
            "Run without a quota (docker run --cpus, CPUQuota of systemd); pin CPUs instead.",
        )
    yield from _clocks(host)
    folder = cache_folder()
    free = shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free
    state: State = "ok" if free >= MIN_FREE_BYTES else "note"
    yield Diagnosis("disk", state, f"{bytes_text(free)} free at the cache", "Free some space, or set KIT_CACHE.")


def _words(host: Host) -> str:
    memory = bytes_text(host.memory_bytes) if host.memory_bytes else "unknown"
    gpus = gpus_text(gpu.name for gpu in host.gpus)
    shown = f"{host.cpus_usable} of {host.cpus} CPUs, {memory} of memory, {host.system}"
    return f"{shown}, {gpus}" if gpus else shown


def _clocks(host: Host, where: str = "") -> Iterator[Diagnosis]:
    """What varies the speed of a machine, or makes its clock slow to read."""
    governor = host.cpu_governor
    if governor not in (None, "performance"):
        yield Diagnosis(
            f"CPU governor{where}",
            "note",
            f"{governor}: clock speed varies with load, which affects short windows",
            "sudo cpupower frequency-set -g performance",
        )
    if host.clock_source not in (None, "tsc", "arch_sys_counter", "kvm-clock"):
        yield Diagnosis(
            f"clock{where}",
            "note",
            f"clock source {host.clock_source}: slow to read",
            "See docs/method.md on clocks.",
        )


def _engine(host: ContainerHost) -> Iterator[Diagnosis]:
    yield Diagnosis("engine", "ok", plain_text(f"version {host.version()}", 200))
    held = host.holder()
    if held is not None:
        yield Diagnosis(
            "lock",
            "fail",
            f"run {held.run} of process {held.pid} on {held.host} " + ("is gone" if held.dead else "holds it"),
            "Wait until it has ended; if it is gone: kit clean",
        )


def _engine_machine(host: ContainerHost) -> Iterator[Diagnosis]:
    """The one that servers run on, seen from a container where the load generator's image is there already."""
    here = look_here()
    try:
        image = host.images.facts(recipe(*LOADGEN, "source").tag)
        seen = None if image is None else host.engine(image.image_id).look(())
        facts = host.describe()
    except KitError as error:
        yield Diagnosis(ENGINE_MACHINE, "note", error.what, error.remedy or "kit images build loadgen")
        return
    if seen is not None and same_machine(seen, here):
        yield Diagnosis(ENGINE_MACHINE, "ok", "this one")
    elif seen is not None:
        yield Diagnosis(ENGINE_MACHINE, "ok", f"another than this: {_words(seen.host)}; servers run there")
        yield from _clocks(seen.host, f" of the {ENGINE_MACHINE}")
    elif (facts.kernel, facts.memory_bytes) == (here.host.kernel, here.host.memory_bytes):
        yield Diagnosis(ENGINE_MACHINE, "ok", "this one, by its kernel and memory")
    else:
        words = (
            f"{facts.cpus or '?'} CPUs, {bytes_text(facts.memory_bytes)} of memory, {facts.system or 'unknown'}"
        )
        yield Diagnosis(ENGINE_MACHINE, "ok", f"another than this: {words}; servers run there")


def _accelerator(host: ContainerHost, platform: Platform) -> Diagnosis:
    try:
        preflight(host, platform.entries)
    except KitError as error:
        return Diagnosis("accelerator", "fail", error.what, error.remedy or "See docs/passthrough.md.")
    return Diagnosis("accelerator", "ok", "containers can access every entry's accelerator")


def _images(host: ContainerHost, platform: Platform) -> Iterator[Diagnosis]:
    for entry in platform.entries:
        try:
            wanted = entry_recipe(host.images, entry, None)
            missing = needed(host.images, wanted)
        except KitError as error:
            yield Diagnosis(f"image of {entry.name}", "fail", error.what, error.remedy)
            continue
        state: State = "note" if missing else "ok"
        words = f"{wanted.tag} " + ("missing: has to be built" if missing else "is here")
        yield Diagnosis(f"image of {entry.name}", state, words, f"kit images build {wanted.name}")


def _modules(platform: Platform) -> Diagnosis:
    missing = ", ".join(missing_modules(platform.entries))
    if missing:
        return Diagnosis("wheels", "fail", f"{missing} is not installed, but servers need it", INSTALL)
    return Diagnosis("wheels", "ok", "required by servers: installed")


def _models(platform: Platform) -> Iterator[Diagnosis]:
    for name in (platform.model, *own_models(platform.entries)):
        if name == NO_MODEL:
            continue  # all servers already run
        entry = model(name)
        here = weights_path(entry).exists()
        doubt = "" if entry.confirmed else "; hash not confirmed"
        state: State = "ok" if here and entry.confirmed else "note"
        words = ("is here" if here else "missing: has to be downloaded or converted") + doubt
        yield Diagnosis(f"model {name}", state, words, f"kit models prepare {name}")


def _running(platform: Platform) -> Iterator[Diagnosis]:
    """Whether the servers that the kit does not start answer, and what they say that they are."""
    for entry in platform.entries:
        if entry.url is None:
            continue
        try:
            found = look_at(target_of(entry), access_of(entry))
        except KitError as error:
            yield Diagnosis(f"server {entry.name}", "fail", error.what, error.remedy)
            continue
        told = " ".join(word for word in (found.software, found.version) if word)
        words = f"{entry.url} answers" + (f": {told}" if told else "; it does not say what it is")
        yield Diagnosis(f"server {entry.name}", "ok", words)


def _clock(hardware: Hardware | None) -> Iterator[Diagnosis]:
    if hardware is not None and hardware.lock_clock_mhz is not None:
        mhz = hardware.lock_clock_mhz
        yield Diagnosis(
            "device clock",
            "note",
            f"the platform expects {mhz} MHz; the kit has no rights to lock the clock",
            f"sudo nvidia-smi -lgc {mhz},{mhz}, and afterwards sudo nvidia-smi -rgc",
        )

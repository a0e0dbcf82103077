"""Whether this machine and its engine can carry a platform out, thing by thing, each with what to do about it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from kit.cpus import cpu_quota, usable_cpus
from kit.documents import NO_MODEL, Host, Plan, Platform
from kit.documents.pins import Hardware
from kit.engines import connect
from kit.engines.protocol import ContainerHost
from kit.errors import KitError
from kit.gguf.facts import ModelFacts
from kit.judge.machines import gpus_text
from kit.machine.here import describe_host, look_here
from kit.machine.look import same_machine
from kit.plan.choosing.fit import fits
from kit.plan.correctness import load_suite
from kit.plan.plan import make_plan
from kit.plan.weights import own_models
from kit.plan.workloads.corpus import planned_prompts
from kit.probe.running import access_of, look_at, target_of
from kit.runtimes.programs import program_of
from kit.supply.download import cache_folder
from kit.supply.images import needed, recipe
from kit.supply.own_model import header_of
from kit.supply.own_models import Resolved, resolved
from kit.supply.programs import find_program
from kit.supply.provision import LOADGEN, entry_recipe, preflight
from kit.supply.supply import INSTALL, missing_modules
from kit.supply.weights import weights_path
from kit.text import bytes_text, plain_text

State = Literal["ok", "note", "fail"]
# What to do where a model does not fit, by whether it is to lie in the memory of a GPU.
REMEDIES = {
    False: "Plan fewer slots or a shorter context for the entry, or choose a smaller model or quantisation.",
    True: "Plan fewer slots, a shorter context or fewer layers on the GPU, or choose a smaller model.",
}
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
        yield from _programs(platform)
        yield from _models(platform, describe_host())
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
            yield from _models(platform, _serving(host))
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


def _serving(host: ContainerHost) -> Host:
    """The machine that servers run on, as far as its memory goes: as its engine says, with this one's GPUs."""
    try:
        facts = host.describe()
    except KitError:
        return describe_host()
    return replace(describe_host(), memory_bytes=facts.memory_bytes)


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


def _programs(platform: Platform) -> Iterator[Diagnosis]:
    """Those of the PATH that servers are."""
    names = (program_of(entry.runtime, entry.variant) for entry in platform.entries)
    for name in dict.fromkeys(name for name in names if name is not None):
        try:
            found = find_program(name)
        except KitError as error:
            yield Diagnosis(f"program {name}", "fail", error.what, error.remedy)
            continue
        if found is None:
            yield Diagnosis(f"program {name}", "fail", "is not on the PATH", f"Install {name}, or set PATH.")
        else:
            yield Diagnosis(f"program {name}", "ok", f"on the PATH, version {found.pin.version or 'unknown'}")


def _modules(platform: Platform) -> Diagnosis:
    missing = ", ".join(missing_modules(platform.entries))
    if missing:
        return Diagnosis("wheels", "fail", f"{missing} is not installed, but servers need it", INSTALL)
    return Diagnosis("wheels", "ok", "required by servers: installed")


def _models(platform: Platform, host: Host) -> Iterator[Diagnosis]:
    """Whether the models are here, and whether they fit into the memory of the machine that serves them."""
    if platform.model == NO_MODEL:
        return  # all servers already run
    try:
        known = resolved(platform)
        plan = _plan(known)
    except KitError as error:
        yield Diagnosis("model", "fail", error.what, error.remedy)
        return
    for name in dict.fromkeys((known.platform.model, *own_models(known.platform.entries))):
        entry = known.models.named(name)
        here = weights_path(entry).exists()
        doubt = "" if entry.confirmed else "; hash not confirmed"
        doubt += "" if entry.catalogue else "; not of the catalogue"
        state: State = "ok" if here and entry.confirmed else "note"
        words = ("is here" if here else "missing: has to be downloaded or converted") + doubt
        remedy = f"kit models prepare {name}" if entry.catalogue else f"kit models fetch {entry.origin}"
        yield Diagnosis(f"model {name}", state, words, remedy)
    facts = {**known.facts, **dict(_headers(known))}
    for fit in fits(plan, host, facts) if plan is not None else ():
        states: dict[str, State] = {"fits": "ok", "tight": "note", "does not fit": "fail", "unknown": "note"}
        state = "note" if fit.too_long and fit.verdict == "fits" else states[fit.verdict]
        yield Diagnosis(f"memory of {fit.entry}", state, fit.words(), REMEDIES[fit.on_device])


def _plan(known: Resolved) -> Plan | None:
    """The plan as far as memory goes; None where the hash of a model is not known yet, which is no fault."""
    platform = known.platform
    if known.models.named(platform.model).sha256 is None:
        return None
    return make_plan(
        platform,
        known.models.named(platform.model),
        planned_prompts(platform.workload.prompts),
        load_suite(platform.correctness.name, platform.correctness.level),
        cpus=usable_cpus(),
        seed=None,
        models=known.models,
    )


def _headers(known: Resolved) -> Iterator[tuple[str, ModelFacts]]:
    """What the files of the catalogue's models say that are here."""
    for name in dict.fromkeys((known.platform.model, *own_models(known.platform.entries))):
        path = weights_path(known.models.named(name))
        if name not in known.facts and path.is_file():
            with contextlib.suppress(KitError, OSError):
                yield name, header_of(path)


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
